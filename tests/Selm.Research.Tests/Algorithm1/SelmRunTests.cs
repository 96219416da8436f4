using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Algorithm 1 on a tiny random model with an oracle as ranker.</summary>
public sealed class SelmRunTests : IDisposable
{
    private readonly TinyRun tiny = new();

    private readonly Recipe recipe;
    private readonly string root;

    public SelmRunTests() => (recipe, root) = (tiny.Recipe, tiny.File(""));

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void two_iterations_write_every_stage_and_the_last_policy_loads()
    {
        var run = Path.Combine(root, "run");
        var answers = SelmRun.Run(new(recipe, run), _ => Oracle());
        Assert.Equal(5, answers.Count);
        foreach (var file in new[] { "responses.jsonl", "ranks.jsonl", "preferences.jsonl", "model/model.safetensors", "model/config.json", "model/tokenizer.json", "model/README.md" })
        {
            Assert.True(File.Exists(Path.Combine(run, "iteration-1", file)), file);
        }
        using var policy = ModelFolder.Load(Path.Combine(run, SelmRun.ResultName));
        using var start = ModelFolder.Load(recipe.Base!);
        Assert.NotEqual(start.WeightHash, policy.WeightHash);
        var metrics = Jsonl.Read(Path.Combine(run, "metrics.jsonl")).ToArray();
        Assert.Equal([1L, 2, 2, 3, 3, 4, 5, 5, 6, 6], metrics.Select(row => row.Value.GetProperty("step").GetInt64()).Order());
        Assert.All(metrics, row => Assert.True(double.IsFinite(row.Number("loss"))));
    }

    [Fact]
    public void preferences_keep_best_and_worst_with_scores_ranks_lengths_and_log_probs()
    {
        var run = Path.Combine(root, "run");
        SelmRun.Run(new(recipe with { Iterations = 1 }, run), _ => Oracle());
        var records = PreferenceFile.Read(Path.Combine(run, "iteration-0", "preferences.jsonl")).Records;
        Assert.Equal(12, records.Count);
        Assert.All(records, record =>
        {
            Assert.True(record.Scores!.Chosen >= record.Scores.Rejected);
            Assert.Equal(1, record.Ranks!.Chosen);
            Assert.NotNull(record.ReferenceResponse);
            Assert.True(record.ReferenceLogps!.Chosen < 0 && record.ReferenceLogps.Reference < 0);
            Assert.True(record.Lengths!.Chosen > 0 && record.Lengths.Reference > 0);
            if (record.ReferenceRole == ReferenceRole.Chosen)
            {
                Assert.Equal(record.ReferenceLogps.Chosen, record.ReferenceLogps.Reference);
            }
        });
    }

    [Fact]
    public void a_run_that_is_stopped_anywhere_ends_with_the_same_bits()
    {
        var whole = Path.Combine(root, "whole");
        SelmRun.Run(new(recipe, whole), _ => Oracle());
        var reports = 0;
        SelmRun.Run(new(recipe, Path.Combine(root, "count")), _ => Oracle(), new Reporter(_ => reports++));
        for (var stop = 1; stop < reports; stop += 2)
        {
            var broken = Path.Combine(root, $"broken-{stop}");
            var seen = 0;
            Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, broken), _ => Oracle(), new Reporter(_ =>
            {
                if (++seen == stop)
                {
                    throw new OperationCanceledException();
                }
            })));
            SelmRun.Run(new(recipe, broken, Resume: true), _ => Oracle());
            foreach (var name in Results)
            {
                Assert.True(File.ReadAllBytes(Path.Combine(whole, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(broken, name))), $"{name} differs after a stop at report {stop}");
            }
        }
    }

    [Fact]
    public void a_finished_run_is_only_read_and_a_changed_recipe_is_refused_with_the_difference()
    {
        var run = Path.Combine(root, "run");
        SelmRun.Run(new(recipe, run), _ => Oracle());
        var opened = 0;
        SelmRun.Run(new(recipe, run), _ => { opened++; return Oracle(); });
        Assert.Equal(0, opened);
        var error = Assert.Throws<InputException>(() => SelmRun.Run(new(recipe with { Loss = recipe.Loss with { Alpha = 0.02 } }, run), _ => Oracle()));
        Assert.Contains("alpha", error.Message, StringComparison.Ordinal);
        Assert.Contains("0.01", error.Message, StringComparison.Ordinal);
        Assert.Contains("0.02", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("iterative-dpo", "dpo")]
    [InlineData("stepwise-dpo", "dpo")]
    [InlineData("dpo", "dpo")]
    public void the_dpo_baselines_are_the_same_loop(string method, string kind)
    {
        var run = Path.Combine(root, method);
        SelmRun.Run(new(recipe with { Method = method, Loss = recipe.Loss with { Kind = kind, Alpha = 0 } }, run), _ => Oracle());
        Assert.Equal(method == "iterative-dpo", File.Exists(Path.Combine(run, "iteration-1", "responses.jsonl")));
        var first = Jsonl.Read(Path.Combine(run, "metrics.jsonl")).First(row => row.Text("phase") == "train" && row.WholeNumber("iteration") == 1);
        // Where the reference moves, an iteration starts at log 2; offline DPO goes on from where it was.
        Assert.Equal(method != "dpo", Math.Abs(first.Number("loss") - Math.Log(2)) < 1e-4);
    }

    [Fact]
    public void sampled_responses_and_the_authors_pipeline_run_too()
    {
        SelmRun.Run(new(recipe with { Sampling = new() { Temperature = 1, TopP = 0.9 } }, Path.Combine(root, "sampled")), _ => Oracle());
        SelmRun.Run(new(recipe with { Pipeline = PipelineKind.SelmRepo, MaxLength = 128 }, Path.Combine(root, "repo")), _ => Oracle());
        SelmRun.Run(new(recipe with { UpdateRule = UpdateRule.Replace, KeepData = true, ActivationCheckpointing = true }, Path.Combine(root, "kept")), _ => Oracle());
    }

    [Fact]
    public void in_float32_the_sampling_log_prob_is_used_and_in_bfloat16_y_is_scored_anew_and_the_difference_recorded()
    {
        foreach (var precision in new[] { Precision.Fp32, Precision.Bf16 })
        {
            var run = Path.Combine(root, $"{precision}");
            SelmRun.Run(new(recipe with { Iterations = 1, Precision = precision }, run), _ => Oracle());
            var summary = JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "iteration-0", "summary.json"))).RootElement;
            Assert.Equal(12, summary.GetProperty("pairs").GetInt32());
            var difference = summary.GetProperty("sampling_difference");
            Assert.Equal(precision == Precision.Fp32 ? JsonValueKind.Null : JsonValueKind.Number, difference.ValueKind);
            if (precision == Precision.Bf16)
            {
                Assert.InRange(difference.GetDouble(), 0, 3);
            }
        }
    }

    [Fact]
    public void log_probs_of_the_sampling_forward_agree_with_the_training_forward_within_1e_4()
    {
        var run = Path.Combine(root, "run");
        SelmRun.Run(new(recipe with { Iterations = 1 }, run), _ => Oracle());
        using var reference = ModelFolder.Load(recipe.Base!);
        foreach (var row in Jsonl.Read(Path.Combine(run, "iteration-0", "responses.jsonl")))
        {
            var prompt = reference.Encoding.Prompt([new ChatMessage("user", row.Text("prompt"))], new(96, 64));
            var (sums, _) = TokenLogps.Of(reference.Model, [new SharedRow(prompt, [row.WholeNumbers("output_ids")])]);
            Assert.Equal(sums[0], row.Number("logprob"), 1e-4);
        }
    }

    private static readonly string[] Results =
        ["metrics.jsonl", "answers.jsonl", "iteration-0/preferences.jsonl", "iteration-1/responses.jsonl", "iteration-1/ranks.jsonl", "iteration-1/preferences.jsonl", "iteration-1/model/model.safetensors"];

    private static OracleRanker Oracle() => TinyRun.Oracle();

    private sealed class Reporter(Action<StepProgress> report) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => report(value);
    }
}
