using System.Text.Json;
using System.Text.Json.Serialization;
using Parquet.Serialization;
using Selm.Research.Data;

namespace Selm.Cli.Tests;

/// <summary>README's worked example, command by command, on the tiny demo: own pairs in Parquet, an adapter, three iterations, evaluation, merge.</summary>
public sealed class WorkedExampleTests(DemoFixture demo) : IClassFixture<DemoFixture>, IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task own_pairs_in_parquet_an_adapter_three_iterations_evaluation_and_merge()
    {
        string File(string name) => folder.File(name);
        var records = PreferenceFile.Read(Path.Combine(demo.Root, "pairs.jsonl")).Records.Take(30).ToArray();
        await ParquetSerializer.SerializeAsync(records.Select(r => new Row { Prompt = r.Prompt, Chosen = r.ChosenResponse, Rejected = r.RejectedResponse }), File("pairs.parquet"));
        folder.Write("recipe.yaml", $$"""
            name: worked-example
            base: {{demo.Model}}
            ranker: pairrm:{{demo.Ranker}}
            datasets: [{{File("pairs.parquet")}}]
            adapter: {rank: 4, alpha: 8, target_modules: all-linear}
            loss: {kind: selm, beta: 0.1, alpha: 0.001}
            iterations: 3
            portions: 3
            first_iteration_is_dpo: false
            max_length: 160
            max_prompt_length: 96
            max_new_tokens: 16
            optimizer: {learning_rate: 5.0e-3}
            batch_size: 5
            gradient_accumulation: 1
            threads: 1
            """);

        var inspected = Done("data", "inspect", File("pairs.parquet"), "--model", demo.Model);
        Assert.Contains("Parquet", inspected, StringComparison.Ordinal);
        Assert.Contains("30", inspected, StringComparison.Ordinal);

        Done("run", "--recipe", File("recipe.yaml"), "--out", File("run"));
        var adapter = Path.Combine(File("run"), "model");
        Assert.True(System.IO.File.Exists(Path.Combine(adapter, "adapter_config.json")));
        Assert.False(System.IO.File.Exists(Path.Combine(adapter, "model.safetensors")));

        Done("merge", "--model", demo.Model, "--adapter", adapter, "--out", File("merged"));
        var instructions = folder.Write("instructions.json", JsonSerializer.Serialize(records.Take(6).Select(r => new { instruction = r.Prompt, output = r.ChosenResponse, generator = "data" })));
        foreach (var (model, output) in new[] { (demo.Model, "base.json"), (adapter, "adapter.json"), (File("merged"), "merged.json") })
        {
            Done("evaluate", "answers", "--model", model, "--instructions", instructions, "--output", File(output), "--max-new-tokens", "16");
        }
        Assert.Equal(Answers("adapter.json"), Answers("merged.json"));
        Assert.NotEqual(Answers("base.json"), Answers("merged.json"));
        var matrix = JsonDocument.Parse(Done("evaluate", "win-rate", "--outputs", File("merged.json"), File("base.json"), "--judge", $"pairrm:{demo.Ranker}", "--json").Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        Assert.Equal(["merged", "demo"], matrix.RootElement.GetProperty("models").EnumerateArray().Select(name => name.GetString()));

        // What Hugging Face's tools look at: the base model's tensors under the same names and shapes, and a config that agrees with them.
        Assert.Equal(Header(Path.Combine(demo.Model, "model.safetensors")), Header(Path.Combine(File("merged"), "model.safetensors")));
        Assert.True(System.IO.File.Exists(Path.Combine(File("merged"), "tokenizer.json")));

        string[] Answers(string name) => [.. JsonDocument.Parse(System.IO.File.ReadAllText(File(name))).RootElement.EnumerateArray().Select(row => row.GetProperty("output").GetString()!)];
    }

    private static string Done(params string[] arguments)
    {
        var process = SelmProcess.Run(arguments);
        Assert.True(process.Code == 0, $"selm {string.Join(' ', arguments)}: {process.Error}");
        return process.Out;
    }

    // Names, element types and shapes of a safetensors file, in order of names.
    private static string[] Header(string path)
    {
        using var stream = System.IO.File.OpenRead(path);
        using var reader = new BinaryReader(stream);
        var json = JsonDocument.Parse(reader.ReadBytes((int)reader.ReadInt64()));
        return [.. json.RootElement.EnumerateObject().Where(t => t.Name != "__metadata__").Select(t => $"{t.Name} {t.Value.GetProperty("dtype")} {t.Value.GetProperty("shape")}").Order(StringComparer.Ordinal)];
    }

    private sealed class Row
    {
        [JsonPropertyName("prompt")]
        public string Prompt { get; set; } = "";

        [JsonPropertyName("chosen")]
        public string Chosen { get; set; } = "";

        [JsonPropertyName("rejected")]
        public string Rejected { get; set; } = "";
    }
}
