using System.Globalization;
using System.Text.Json;
using Selm.Tests;
using Selm.Tests.Hostile;
using Xunit.Abstractions;

namespace Selm.Cli.Tests;

/// <summary>
/// SIGKILL at random moments in everything that writes files: the same command goes on and ends with the same bytes, and nothing
/// half-written stands under a final name. SELM_CHAOS sets how often each stage is killed.
/// </summary>
public sealed class ChaosTests(DemoFixture demo, ITestOutputHelper output) : IClassFixture<DemoFixture>, IDisposable
{
    private const ulong Seed = 20_261_130;
    private readonly TempFolder folder = new();
    private readonly FakeEndpoint judge = new((number, _) =>
    {
        Thread.Sleep(100);
        return FakeEndpoint.Says("M", ("m", -1), ("M", -0.5));
    });

    // Every stage, and how often it is killed in an ordinary run of the tests.
    public static TheoryData<string, int> Stages() => new()
    {
        { "run", 2 }, { "run with an adapter", 1 }, { "train", 1 }, { "merge", 1 }, { "evaluate answers", 1 }, { "evaluate judge", 1 }, { "sweep", 1 },
        { "generate", 0 }, { "logprobs", 0 }, { "rank", 0 }, { "evaluate reward-distribution", 0 },
    };

    public void Dispose()
    {
        judge.Dispose();
        folder.Dispose();
    }

    [SkippableTheory]
    [MemberData(nameof(Stages))]
    public void what_was_killed_at_random_goes_on_and_ends_with_the_same_bytes(string name, int usual)
    {
        var kills = Environment.GetEnvironmentVariable("SELM_CHAOS") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : usual;
        Skip.If(kills == 0, "only with SELM_CHAOS");
        var chaos = new Chaos(folder.Root);

        chaos.Kill(Of(name), kills, Dice.Seed(name, (int)Seed));

        output.WriteLine($"{name} | {chaos.Kills} kills | {chaos.Survived} interrupted runs ended with the same bytes");
    }

    private ChaosStage Of(string name) => name switch
    {
        "run" => new(name, at => ["run", "--recipe", Recipe(""), "--out", Path.Combine(at, "run"), "--cache", Path.Combine(at, "cache")]),
        "run with an adapter" => new(name, at => ["run", "--recipe", Adapted, "--out", Path.Combine(at, "run")]),
        "train" => new(name, at => ["train", "--model", demo.Model, "--data", Pairs, "--recipe", Training, "--out", Path.Combine(at, "run")]),
        "sweep" => new(name, at => ["sweep", Grid, "--out", Path.Combine(at, "sweep"), "--jobs", "2"]) { Timed = ["state.json", "log.txt", "sweep.json"] }, // how long a cell took, what it said, and when it was made
        "merge" => new(name, at => ["merge", "--model", demo.Model, "--adapter", Adapter, "--out", Path.Combine(at, "merged")]),
        "evaluate answers" => new(name, at => ["evaluate", "answers", "--model", demo.Model, "--instructions", Answers("base"), "--output", Path.Combine(at, "answers.json"), "--max-new-tokens", "16"]),
        "evaluate judge" => new(name, at =>
            ["evaluate", "judge", "--outputs", Answers("ours"), "--baseline", Answers("base"), "--judge", judge.Url, "--judge-model", "j", "--parallel", "1",
                "--annotations", Path.Combine(at, "annotations.json"), "--judge-cache", Path.Combine(at, "judge-cache.jsonl")]),
        "evaluate reward-distribution" => new(name, at =>
            ["evaluate", "reward-distribution", "--model", demo.Model, "--input", Rows("""{"prompt":"Hi","theirs":"Hello"}"""), "--ranker", $"pairrm:{demo.Ranker}", "--against", "theirs", "--max-new-tokens", "16", "--out", at])
        {
            Dated = ["reward-distribution-demo.json", "reward-distribution-demo.csv"],
        },
        "generate" => new(name, at => ["generate", "--model", demo.Model, "--input", Rows("""{"prompt":"Hi"}"""), "--output", Path.Combine(at, "out.jsonl"), "--max-new-tokens", "16"]),
        "logprobs" => new(name, at => ["logprobs", "--model", demo.Model, "--input", Rows("""{"prompt":"Hi","response":"Hello"}"""), "--output", Path.Combine(at, "out.jsonl")]),
        "rank" => new(name, at => ["rank", "--ranker", $"pairrm:{demo.Ranker}", "--input", Rows("""{"prompt":"Hi","candidates":["Hello","No","Why?"]}"""), "--output", Path.Combine(at, "out.jsonl")]),
        _ => throw new ArgumentException(name),
    };

    private string Pairs => Path.Combine(demo.Root, "pairs.jsonl");

    private string Adapted => Recipe("adapter: {rank: 4}\n");

    private string Grid => folder.Write("sweep.yaml", $"name: s\nrecipe: {Recipe("")}\ncores: 1\ngrid: {{loss.alpha: [0.001, 0.1]}}\n");

    private string Training => folder.Write("dpo.yaml", "loss: {kind: dpo, beta: 0.1}\nbatch_size: 4\ngradient_accumulation: 1\ncheckpoint_every: 2\nmax_length: 160\nmax_prompt_length: 96\nmax_new_tokens: 8\nthreads: 1\n");

    // An adapter that a run has trained.
    private string Adapter
    {
        get
        {
            var made = folder.File("adapter");
            if (!Directory.Exists(made))
            {
                var run = SelmProcess.Run("train", "--model", demo.Model, "--data", Pairs, "--recipe", folder.Write("lora.yaml", File.ReadAllText(Training) + "adapter: {rank: 4}\n"), "--out", made);
                Assert.True(run.Code == 0, run.Error);
            }
            return Path.Combine(made, "model");
        }
    }

    private string Recipe(string more) => folder.Write($"recipe-{more.Length}.yaml", File.ReadAllText(Path.Combine(demo.Root, "recipe.yaml")).Replace("adapter: null\n", "", StringComparison.Ordinal) + more);

    private string Answers(string name) => folder.Write($"{name}.json", JsonSerializer.Serialize(Enumerable.Range(0, 10).Select(i => new { instruction = $"Say {i}.", output = $"{name} {i}", generator = name })));

    private string Rows(string row) => folder.Write("rows.jsonl", string.Concat(Enumerable.Repeat(row + "\n", 60)));
}
