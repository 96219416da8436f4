using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Lab;

public sealed class LabCellTests(LabCellTests.Folders shared) : IClassFixture<LabCellTests.Folders>
{
    private static readonly LabCellSpec smoke = new() { Seed = 100, Budget = LabBudget.Smoke, Alpha = .01, LearningRate = 2e-3 };

    [Fact]
    public void the_same_cell_writes_the_same_bytes()
    {
        using var other = new TempFolder();
        var result = Run(smoke);
        LabCells.Run(smoke, shared.Models, other.Root);
        Assert.Equal(File.ReadAllBytes(LabCells.PathOf(smoke, shared.Cache)), File.ReadAllBytes(LabCells.PathOf(smoke, other.Root)));
        Assert.Null(result.Failure);
        Assert.Equal(4, result.Iterations.Count);
        Assert.All(result.Iterations, iteration => Assert.Equal(144, iteration.Evaluation.Rewards.Length));
        Assert.All(result.Iterations.Skip(1), iteration => Assert.InRange(iteration.YBest + iteration.YWorst, 0.1, 1));
        Assert.NotEqual(result.Start!.Answers, result.Last!.Answers);
    }

    [Fact]
    public void alphas_share_the_first_iteration_and_differ_after_it()
    {
        using var cache = new TempFolder();
        var (small, large) = (Run(smoke, cache), Run(smoke with { Alpha = 1 }, cache));
        Assert.Single(Directory.GetDirectories(Path.Combine(cache.Root, "stages"), "dpo-*"));
        Assert.Equal(Json(small.Iterations[0]), Json(large.Iterations[0]));
        Assert.Equal(small.Iterations[1].AskedReward, large.Iterations[1].AskedReward);
        Assert.NotEqual(small.Iterations[1].Loss[1..], large.Iterations[1].Loss[1..]);
    }

    [Fact]
    public void a_finished_cell_is_only_read()
    {
        using var cache = new TempFolder();
        var result = Run(smoke, cache);
        var file = LabCells.PathOf(smoke, cache.Root);
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"failure\": null", "\"failure\": \"as read\"", StringComparison.Ordinal));
        var again = LabCells.Run(smoke, Path.Combine(cache.Root, "no models"), cache.Root);
        Assert.Equal("as read", again.Failure);
        Assert.Equal(Json(result), Json(again with { Failure = null }));
        Assert.Equal(result.WallSeconds, again.WallSeconds);
        File.WriteAllText(file, "{");
        Assert.StartsWith($"{file} cannot be read", Assert.Throws<InputException>(() => Run(smoke, cache)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_swapped_cell_asks_the_twin_and_trains_itself()
    {
        var bold = smoke with { Alpha = 1 };
        var (own, swapped, twin) = (Run(bold), Run(bold with { Swap = true }), Run(bold.Twin));
        Assert.Equal(twin.Iterations.Select(t => t.AskedReward), swapped.Iterations.Select(t => t.AskedReward));
        Assert.NotEqual(own.Iterations.Select(t => t.AskedReward), swapped.Iterations.Select(t => t.AskedReward));
        Assert.NotEqual(twin.Iterations[1].Evaluation.Implicit!.Own, swapped.Iterations[1].Evaluation.Implicit!.Own);
    }

    [Fact]
    public void a_training_that_runs_away_fails_its_cell_and_nothing_else()
    {
        var result = Run(smoke with { LearningRate = 1e30 });
        Assert.Matches("^Step . of 4 .iteration 0.: the loss is .*lower the learning rate", result.Failure!);
        Assert.Empty(result.Iterations);
        Assert.Equal(144, result.Start!.Rewards.Length);
        Assert.Equal(result.Failure, LabCells.Find(smoke with { LearningRate = 1e30 }, shared.Cache)!.Failure);
        Assert.StartsWith("Step ", Run(smoke with { LearningRate = 1e30, Recipe = LabRecipe.Llama }).Failure!, StringComparison.Ordinal);
        Assert.Matches("twin .* failed: Step", Run(smoke with { LearningRate = 1e30, Swap = true }).Failure!);
    }

    [Theory]
    [InlineData(LoopMethod.OfflineDpo)]
    [InlineData(LoopMethod.StepwiseDpo)]
    [InlineData(LoopMethod.Spin)]
    [InlineData(LoopMethod.Dno)]
    [InlineData(LoopMethod.Sppo)]
    [InlineData(LoopMethod.Xpo)]
    [InlineData(LoopMethod.Vpo)]
    [InlineData(LoopMethod.ExplicitReward)]
    public void every_sibling_runs(LoopMethod method)
    {
        var result = Run(smoke with { Method = method, Iterations = 2 });
        Assert.Null(result.Failure);
        Assert.Equal(2, result.Iterations.Count);
    }

    [Fact]
    public void the_llama_recipe_starts_from_a_model_that_knows_preferences_and_the_ranker_can_be_learnt()
    {
        var (zephyr, llama) = (Run(smoke), Run(smoke with { Recipe = LabRecipe.Llama, Ranker = LabJudge.Model, KeepData = true, Sampled = true }));
        Assert.Null(llama.Failure);
        Assert.Equal(3, llama.Iterations.Count);
        Assert.False(double.IsNaN(llama.Iterations[0].YBest));
        Assert.NotEqual(zephyr.Start!.Answers, llama.Start!.Answers);
    }

    [Fact]
    public void specs_and_results_survive_json()
    {
        var spec = smoke with { Ranker = LabJudge.Model, Method = LoopMethod.OfflineDpo, UpdateRule = UpdateRule.Replace, Swap = false };
        Assert.Equal(spec, JsonSerializer.Deserialize<LabCellSpec>(JsonSerializer.Serialize(spec, JsonFormat.Line), JsonFormat.Line));
        var result = Run(smoke);
        Assert.Equal(Json(result), Json(JsonSerializer.Deserialize<LabCellResult>(Json(result), JsonFormat.Line)!));
    }

    [Fact]
    public void a_hash_names_the_computation()
    {
        var spec = new LabCellSpec { Seed = 3 };
        Assert.Equal(spec.Hash, (spec with { Iterations = 4, BatchSize = 32, LearningRate = 4e-4, PairsPerIteration = 1024 }).Hash);
        Assert.Equal((spec with { Method = LoopMethod.Spin }).Hash, (spec with { Method = LoopMethod.Spin, Alpha = 1 }).Hash);
        string[] hashes = [spec.Hash, .. new[]
        {
            spec with { Seed = 4 }, spec with { Alpha = .3 }, spec with { Ranker = LabJudge.Model }, spec with { Preset = LabWorldPreset.Headroom }, spec with { Swap = true },
            spec with { Sampled = true }, spec with { KeepData = true }, spec with { FixedReference = true }, spec with { Recipe = LabRecipe.Llama }, spec with { Beta = .1 },
        }.Select(s => s.Hash)];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        var (sppo, dno) = (spec with { Method = LoopMethod.Sppo }, spec with { Method = LoopMethod.Dno });
        Assert.Equal(spec.Hash, (spec with { SppoEta = 1, KeptShare = .5 }).Hash);
        Assert.Equal((sppo.Hash, dno.Hash), ((sppo with { SppoEta = LabBaselines.SppoEta }).Hash, (dno with { KeptShare = .75 }).Hash));
        Assert.NotEqual(sppo.Hash, (sppo with { SppoEta = 1 }).Hash);
        Assert.NotEqual(dno.Hash, (dno with { KeptShare = 1 }).Hash);
        Assert.NotEqual(Json(Run(smoke with { Method = LoopMethod.Sppo, Iterations = 1 }).Iterations), Json(Run(smoke with { Method = LoopMethod.Sppo, Iterations = 1, SppoEta = 1 }).Iterations));
    }

    [Fact]
    public void a_spec_that_makes_no_sense_is_refused_with_its_field()
    {
        Assert.Contains("swap", Assert.Throws<InputException>(() => (smoke with { Swap = true, Method = LoopMethod.Spin }).Resolved()).Message, StringComparison.Ordinal);
        Assert.Contains("alpha", Assert.Throws<InputException>(() => (smoke with { Alpha = double.NaN }).Resolved()).Message, StringComparison.Ordinal);
        Assert.Contains("sppo_eta", Assert.Throws<InputException>(() => (smoke with { Method = LoopMethod.Sppo, SppoEta = 0 }).Resolved()).Message, StringComparison.Ordinal);
        Assert.Contains("kept_share", Assert.Throws<InputException>(() => (smoke with { Method = LoopMethod.Dno, KeptShare = 1.5 }).Resolved()).Message, StringComparison.Ordinal);
        Assert.Contains("iterations", Assert.Throws<InputException>(() => (smoke with { Iterations = 0 }).Resolved()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("the cat is nice . for example it naps .", true)]
    [InlineData("the cat is nice . for example it helps .", false)] // the dog's
    [InlineData("the dog is nice . for example it helps .", false)] // not what was asked
    [InlineData("the cat is nice .", false)]
    [InlineData("for example it naps .", false)]
    public void the_jewel_is_the_right_skill_in_a_sentence_of_the_grammar(string response, bool jewel) =>
        Assert.Equal(jewel, LabCellMeasure.HasJewel(LabLanguage.Standard, LabPrompt.Read(LabLanguage.Standard, "tell me about the cat"), response));

    [Fact]
    public void a_benchmark_counts_the_option_of_highest_mean_log_probability()
    {
        var language = LabLanguage.Standard;
        using var model = LabPolicy.Create(language, 1);
        var right = LabQuiz.Items(language, LabQuizKind.Verb, LabBenchmarks.Seed, 20).Count(item =>
        {
            double Mean(string option) => TokenLogps.Of(model, [new SharedRow(language.Ids($"{LabQuiz.Opening} {item.Context}"), [language.Ids(option)])]).Tokens.Average();
            return item.Options.MaxBy(Mean) == item.Answer;
        });
        Assert.Equal(right, LabBenchmarks.Answered(model, language, LabQuizKind.Verb, 20).Count(answered => answered));
        Assert.Equal(right / 20.0, LabBenchmarks.Accuracy(model, language, LabQuizKind.Verb, 20), 1e-12);
        Assert.Equal(11, LabBenchmarks.All(model, language, 2).Length);
    }

    [Fact]
    public void a_sum_in_steps_is_right_where_its_last_number_is()
    {
        var sum = LabQuiz.Items(LabLanguage.Standard, LabQuizKind.Arithmetic, 1, 1)[0];
        Assert.True(LabBenchmarks.Solves(sum, sum.Steps!));
        Assert.True(LabBenchmarks.Solves(sum, $"{sum.Steps} what is one plus one"));
        Assert.False(LabBenchmarks.Solves(sum, sum.Answer));
        Assert.False(LabBenchmarks.Solves(sum, sum.Steps!.Replace($"is {sum.Answer}", $"is {(sum.Answer == "one ." ? "two ." : "one .")}", StringComparison.Ordinal)));
    }

    [Fact]
    public void an_explicit_reward_shares_the_first_iteration_with_selm()
    {
        using var cache = new TempFolder();
        var (selm, plain) = (Run(smoke with { Iterations = 2 }, cache), Run(smoke with { Iterations = 2, Method = LoopMethod.ExplicitReward, Alpha = 0 }, cache));
        var bold = Run(smoke with { Iterations = 2, Method = LoopMethod.ExplicitReward, Alpha = 1 }, cache);
        Assert.Single(Directory.GetDirectories(Path.Combine(cache.Root, "stages"), "dpo-*"));
        Assert.Equal(Json(selm.Iterations[0]), Json(plain.Iterations[0]));
        Assert.Equal(selm.Iterations[1].AskedReward, plain.Iterations[1].AskedReward);
        Assert.NotEqual(plain.Iterations[1].Loss, bold.Iterations[1].Loss);
    }

    private static string Json<T>(T value) => JsonSerializer.Serialize(value, JsonFormat.Line);

    private LabCellResult Run(LabCellSpec spec, TempFolder? cache = null) => LabCells.Run(spec, shared.Models, cache?.Root ?? shared.Cache);

    public sealed class Folders : IDisposable
    {
        private readonly TempFolder folder = new();

        public string Models => Path.Combine(folder.Root, "models");

        public string Cache => Path.Combine(folder.Root, "cache");

        public void Dispose() => folder.Dispose();
    }
}
