using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Runs whose data holds the same rows again and again, in other batches and beside other rows: what is kept must not depend on that.</summary>
public sealed class SameBytesTests : IDisposable
{
    private static readonly string[] iteration = ["responses.jsonl", "ranks.jsonl", "preferences.jsonl", "summary.json", "model/model.safetensors"];
    private static readonly string[] stages = [.. new[] { 0, 1 }.SelectMany(k => new[] { "generate", "rank", "preferences", "train" }.Select(stage => $"iteration-{k}.{stage}")), "answers"];

    private readonly TinyRun tiny = new(width: 96);
    private readonly Recipe recipe;

    public SameBytesTests()
    {
        var pairs = MadeUpPairs.Create(13, seed: 1);
        Write("repeated.jsonl", Enumerable.Range(0, 40).Select(k => pairs[k * k % 13]));
        recipe = tiny.Recipe with { Datasets = [tiny.File("repeated.jsonl")], Portions = 1 };
    }

    public void Dispose() => tiny.Dispose();

    [Theory]
    [InlineData(ReferencePolicy.Moves)]
    [InlineData(ReferencePolicy.Fixed)]
    public void a_run_killed_at_any_border_of_two_stages_ends_with_the_same_bytes(ReferencePolicy reference)
    {
        var whole = Run("whole", recipe with { Reference = reference });
        for (var k = 0; k < stages.Length; k++)
        {
            foreach (var unwritten in new[] { true, false }) // killed before the stage's files were named, or between them and its mark
            {
                var broken = Copy(whole, $"broken-{k}-{unwritten}");
                foreach (var stage in stages[k..])
                {
                    File.Delete(Path.Combine(broken, "stages", stage + ".json"));
                }
                foreach (var file in stages[(unwritten ? k : k + 1)..].SelectMany(Outputs))
                {
                    File.Delete(Path.Combine(broken, file));
                }
                SelmRun.Run(new(recipe with { Reference = reference }, broken, Resume: true), _ => TinyRun.Oracle());
                AssertSame(whole, broken, $"killed around {stages[k]}");
            }
        }
    }

    [Fact]
    public void a_cache_changes_no_byte_whoever_filled_it()
    {
        var whole = Run("whole", recipe);
        var cache = tiny.File("cache");
        AssertSame(whole, Run("first", recipe, cache), "first run with a cache");
        AssertSame(whole, Run("second", recipe, cache), "second run with the same cache");

        var shared = tiny.File("shared");
        Write("reversed.jsonl", PreferenceFile.Read(recipe.Datasets[0]).Records.Reverse().Skip(3));
        Run("other order", recipe with { Datasets = [tiny.File("reversed.jsonl")] }, shared);
        Run("other numbers", recipe with { Precision = Precision.Bf16, Optimizer = new() { LearningRate = 0.01 } }, shared);
        AssertSame(whole, Run("third", recipe, shared), "run with the cache of others");
    }

    private static IEnumerable<string> Outputs(string stage) => stage.Split('.') is [var folder, var name]
        ? name switch
        {
            "generate" => [$"{folder}/responses.jsonl"],
            "rank" => [$"{folder}/ranks.jsonl"],
            "preferences" => [$"{folder}/preferences.jsonl", $"{folder}/summary.json"],
            _ => [$"{folder}/model/model.safetensors", $"{folder}/model/config.json"],
        }
        : ["answers.jsonl"];

    private string Run(string name, Recipe of, string? cache = null)
    {
        SelmRun.Run(new(of, tiny.File(name), CacheFolder: cache), _ => TinyRun.Oracle());
        return tiny.File(name);
    }

    private void Write(string name, IEnumerable<PreferenceRecord> records) => PreferenceFile.Write(tiny.File(name), records);

    private static void AssertSame(string expected, string actual, string what)
    {
        foreach (var name in (string[])["metrics.jsonl", "answers.jsonl", .. new[] { 0, 1 }.SelectMany(k => iteration.Select(file => $"iteration-{k}/{file}"))])
        {
            Assert.True(File.ReadAllBytes(Path.Combine(expected, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(actual, name))), $"{name} differs: {what}");
        }
    }

    // Without the link to the last model, which the run makes again.
    private string Copy(string run, string name)
    {
        var copy = tiny.File(name);
        foreach (var file in Directory.EnumerateFiles(run, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            var to = Path.Combine(copy, Path.GetRelativePath(run, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }
        return copy;
    }
}
