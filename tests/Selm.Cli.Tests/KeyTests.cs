using System.Text;
using System.Text.Json;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>The judge's key goes to the endpoint and nowhere else: no sentence, result, cache, page or run folder holds it, also where the endpoint says it back.</summary>
public sealed class KeyTests(DemoFixture demo) : IClassFixture<DemoFixture>, IDisposable
{
    private const string Key = "sk-d41d8cd98f00b204e9800998ecf8427e";
    private readonly TempFolder folder = new();
    private readonly StringBuilder said = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void the_key_is_in_no_file_and_no_sentence_also_where_the_endpoint_says_it_back()
    {
        var says = FakeEndpoint.Says($"M, and your key is {Key}", ("m", -1), ("M", -0.5));
        using var server = new FakeEndpoint((_, _) => says);
        string Answers(string name) => folder.Write($"{name}.json", JsonSerializer.Serialize(Enumerable.Range(0, 6).Select(i => new { instruction = $"Say {i}.", output = $"{name} {i}", generator = name })));
        string[] judging = ["--judge", server.Url, "--judge-model", "j", "--parallel", "1", "--attempts", "1"];

        Say(0, ["evaluate", "judge", "--outputs", Answers("ours"), "--baseline", Answers("base"), "--annotations", folder.File("a.json"), "--out", folder.File("out"), .. judging]);
        Say(0, ["evaluate", "win-rate", "--outputs", folder.File("ours.json"), folder.File("base.json"), "--out", folder.File("out"), .. judging]);
        foreach (var refusal in new[] { (401, $"Incorrect API key provided: {Key}."), (500, $"{{\"error\":{{\"message\":\"no quota for {Key}\"}}}}"), (200, $"{{\"error\":{{\"code\":400,\"message\":\"{Key}\"}}}}"), (200, Key) })
        {
            says = refusal;
            Say(2, ["evaluate", "judge", "--outputs", Answers("other"), "--baseline", folder.File("base.json"), "--annotations", folder.File("b.json"), .. judging]);
        }
        Say(2, ["evaluate", "judge", "--outputs", folder.File("ours.json"), "--baseline", folder.File("base.json"), "--annotations", folder.File("c.json"), "--judge", $"http://{Key}@localhost:1/v1", "--judge-model", "j"]);
        Say(0, ["run", "--recipe", Path.Combine(demo.Root, "recipe.yaml"), "--out", folder.File("run"), "--cache", folder.File("cache")]);
        Say(0, ["doctor"]);
        Say(0, ["status", folder.File("run")]);

        Assert.Contains("[key]", said.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Key, said.ToString(), StringComparison.Ordinal);
        var files = Directory.GetFiles(folder.Root, "*", SearchOption.AllDirectories);
        Assert.Contains(files, file => file.EndsWith("judge-cache.jsonl", StringComparison.Ordinal));
        Assert.All(files, file => Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(Key)) < 0, file));
    }

    private void Say(int code, string[] command)
    {
        var run = SelmProcess.RunWith([("OPENAI_API_KEY", Key)], command);
        Assert.True(run.Code == code, run.Error);
        said.Append(run.Out).Append(run.Error);
    }
}
