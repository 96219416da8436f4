using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Every method of the recipes on text, in a run folder; and the same loop in memory.</summary>
public sealed class TextMethodsTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    public static TheoryData<string> Siblings => ["spin", "dno", "sppo", "xpo", "vpo", "explicit-reward"];

    [Theory, MemberData(nameof(Siblings))]
    public void a_sibling_on_text_killed_before_any_of_its_files_ends_with_the_same_bytes(string method)
    {
        var recipe = Of(method);
        var whole = Run("whole", recipe);
        var stages = Directory.EnumerateFiles(Path.Combine(whole, "stages")).OrderBy(File.GetLastWriteTimeUtc).Select(f => Path.GetFileNameWithoutExtension(f)).ToArray();
        Assert.Contains("iteration-1.train", stages);
        Assert.Equal(method != "spin", stages.Contains("iteration-0.rank"));
        foreach (var k in new[] { 1, stages.Length / 2, stages.Length - 2 })
        {
            var broken = Run("broken-" + k, recipe, stopAfter: k);
            SelmRun.Run(new(recipe, broken, Resume: true), _ => TinyRun.Oracle());
            foreach (var name in Files(whole))
            {
                Assert.True(File.ReadAllBytes(Path.Combine(whole, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(broken, name))), $"{name} after {k} stages");
            }
        }
    }

    [Theory]
    [InlineData("selm", false)]
    [InlineData("selm", true)]
    [InlineData("iterative-dpo", false)]
    [InlineData("stepwise-dpo", false)]
    [InlineData("dpo", false)]
    [InlineData("spin", false)]
    [InlineData("dno", false)]
    [InlineData("sppo", false)]
    [InlineData("xpo", false)]
    [InlineData("vpo", false)]
    [InlineData("explicit-reward", false)]
    public void the_loop_in_memory_and_the_run_on_text_train_the_same_weights(string method, bool keep)
    {
        var recipe = Of(method) with { KeepData = keep, EvalFraction = 0, EvalEvery = 0 };
        var run = Run("run", recipe);
        using var folder = ModelFolder.Load(recipe.Base!);
        using var policy = LlamaWeights.Clone(folder.Model);
        var portions = Splits.Portions(PreferenceFile.Read(recipe.Datasets[0]).Records, recipe.Portions);
        LoopPair Pair(PreferenceRecord record)
        {
            var rows = CleanPipeline.Rows(record, folder.Encoding, new LengthLimits(recipe.MaxLength, recipe.MaxPromptLength));
            return new(rows.PromptIds, rows.Chosen.Response.ToArray(), rows.Rejected.Response.ToArray());
        }
        var offline = portions.Select(portion => portion.Select(Pair).ToArray()).ToArray();
        var texts = new Dictionary<(int, int[]), string>();
        IReadOnlyList<double[]> Score(int t, IReadOnlyList<(int[] Prompt, IReadOnlyList<int[]> Candidates)> rows) =>
        [
            .. rows.Select((row, k) => TinyRun.Oracle().Rank([new RankRequest("", [.. row.Candidates.Select(ids =>
                ids == offline[t][k].Chosen ? portions[t][k].ChosenResponse : ids == offline[t][k].Rejected ? portions[t][k].RejectedResponse : folder.Text(ids))])])[0].Scores),
        ];
        using var loop = new PreferenceLoop(LoopSettings.Of(recipe), new LoopWorld(t => offline[t], Score, folder.EndIds), folder.Model);
        for (var t = 0; t < recipe.Iterations; t++)
        {
            loop.Run(policy, t);
        }
        using var trained = ModelFolder.Load(Path.Combine(run, SelmRun.ResultName));
        foreach (var ((name, weight), (_, other)) in LlamaWeights.Named(policy).Zip(LlamaWeights.Named(trained.Model)))
        {
            using var distance = (weight - other).abs().max();
            Assert.True(distance.item<float>() < 1e-6, $"{name}: {distance.item<float>()}");
        }
    }

    [Fact]
    public void a_run_holds_one_model_at_a_time_and_the_frozen_reference_is_gone_before_the_training()
    {
        var recipe = Of("selm") with { Reference = ReferencePolicy.Fixed };
        var folder = Run("run", recipe);
        var portions = Splits.Portions(PreferenceFile.Read(recipe.Datasets[0]).Records, recipe.Portions);
        using var open = RunFolder.Open(folder, recipe.ToJson(), InputsOf(folder), MachineFacts.Now(recipe.Device));
        using var store = new RunStore(new RunOptions(recipe, folder), open, portions, null, new LazyRanker(TinyRun.Oracle, open.Started), null) { Current = 1 };
        var reference = store.Initial;
        Assert.False(reference.embed_tokens.IsInvalid);
        var policy = store.Policy;
        Assert.True(reference.embed_tokens.IsInvalid);
        Assert.False(policy.embed_tokens.IsInvalid);
    }

    private static Dictionary<string, string> InputsOf(string run) => JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "run.json"))).RootElement
        .GetProperty("inputs").EnumerateObject().ToDictionary(input => input.Name, input => input.Value.GetString()!);

    [Fact]
    public void prompts_whose_candidates_all_tie_are_dropped_and_counted()
    {
        // Answers that begin with a letter of the alphabet's first half tie; the made-up pairs have both.
        var asked = 0;
        var ranker = new OracleRanker((_, response) => asked++ / 3 % 2 == 0 ? 0 : response.Length);
        var run = tiny.File("ties");
        SelmRun.Run(new(tiny.Recipe, run), _ => ranker);
        var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "iteration-0", "summary.json"))).RootElement;
        Assert.Equal((6, 6), (summary.GetProperty("pairs").GetInt32(), summary.GetProperty("dropped").GetInt32()));
        var kept = PreferenceFile.Read(Path.Combine(run, "iteration-0", "preferences.jsonl")).Records;
        Assert.Equal(6, kept.Count);
        Assert.All(kept, record => Assert.NotEqual(record.ChosenResponse, record.RejectedResponse));
        var steps = File.ReadLines(Path.Combine(run, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Where(row => row.GetProperty("phase").ValueEquals("train"));
        Assert.Equal([1, 2, 3, 4], steps.Select(row => row.GetProperty("step").GetInt32()));
    }

    [Fact]
    public void a_ranker_that_finds_no_difference_at_all_ends_the_run_with_a_sentence()
    {
        var error = Assert.Throws<InputException>(() => SelmRun.Run(new(tiny.Recipe, tiny.File("all")), _ => new OracleRanker((_, _) => 1)));
        Assert.StartsWith("Iteration 0: the ranker gave all candidates of each of the 12 prompts the same score, so no pair is left", error.Message, StringComparison.Ordinal);
    }

    private Recipe Of(string method) => tiny.Recipe with
    {
        Method = method, Samples = 3, Reward = new() { Epochs = 1, LearningRate = 1e-3 }, MaxGradNorm = 1,
        Loss = method is "selm" or "xpo" or "vpo" or "explicit-reward" ? new LossRecipe { Beta = 0.1, Alpha = method == "explicit-reward" ? null : 0.01 } : new LossRecipe { Beta = 0.1 },
        Ranker = method is "spin" or "dpo" or "stepwise-dpo" ? null : "oracle",
    };

    private string Run(string name, Recipe recipe, int? stopAfter = null)
    {
        var folder = tiny.File(name);
        try
        {
            SelmRun.Run(new(recipe, folder), _ => TinyRun.Oracle(), stopAfter is null ? null : new Stopper(folder, stopAfter.Value));
            Assert.Null(stopAfter);
        }
        catch (OperationCanceledException)
        {
            Assert.NotNull(stopAfter);
        }
        return folder;
    }

    private static IEnumerable<string> Files(string run) => Directory.EnumerateFiles(run, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint })
        .Select(file => Path.GetRelativePath(run, file)).Where(file => !file.StartsWith("cache", StringComparison.Ordinal) && !file.StartsWith("run.", StringComparison.Ordinal));

    /// <summary>Stops a run at the first report after so many finished stages.</summary>
    private sealed class Stopper(string run, int stages) : IProgress<StepProgress>
    {
        public void Report(StepProgress value)
        {
            if (Path.Combine(run, "stages") is var folder && Directory.Exists(folder) && Directory.EnumerateFiles(folder).Count() >= stages)
            {
                throw new OperationCanceledException();
            }
        }
    }
}
