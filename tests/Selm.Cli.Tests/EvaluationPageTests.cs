using Selm.HuggingFace.Files;
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Cli.Tests;

/// <summary>The page of a folder, from made-up results of every kind; what the commands write there is tested with them.</summary>
public sealed class EvaluationPageTests : IDisposable
{
    private static readonly DateOnly day = new(2026, 11, 1);

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void every_kind_of_result_has_a_table_and_figures_without_a_complaint()
    {
        Rewards("sft", 0.1, 0);
        Rewards("selm-zephyr-7b-after-three-iterations", 0.5, 3);
        Implicit("selm", "dpo", 300, ranked: true);
        Implicit("a-single-pair", "dpo", 1, ranked: false);
        Matrix(["sft", "dpo-iteration-3", "selm-iteration-3-of-zephyr-7b"]);
        foreach (var model in new[] { "sft", "Meta-Llama-3-8B-Instruct-SELM-iter-1", "Meta-Llama-3-8B-Instruct-SELM-iter-2" })
        {
            Save(new("gsm8k", model, [Measure.Percent("exact_match", [1, 0, 1, 1])], Made));
        }
        Save(new("compare", "selm minus dpo", [new("difference", -1.5, 805) { Low = -3, High = 0.2 }], Made) { Missing = 2, Notes = ["A verdict."] });
        Save(new("eq-bench", "mute", [new("score", double.NaN, 0)], Made) { Missing = 5 });

        var page = EvaluationPage.Of(folder.Root, day);
        var figures = page.Sections.SelectMany(section => section.Figures).ToList();

        Assert.All(figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
        Assert.Equal(figures.Count, figures.Select(figure => figure.Id).Distinct().Count());
        Assert.Equal(
            [
                "compare-headline", "gsm8k-headline", "implicit-reward-headline", "implicit-reward-sorted-1", "implicit-reward-sorted-2", "implicit-reward-calibration",
                "reward-distribution-headline", "reward-distribution-1", "win-rate-1",
            ],
            figures.Select(figure => figure.Id));
        Assert.All(page.Sections, section => Assert.NotEmpty(section.Tables));
        Assert.Contains("mute is partial: 5 items have no score.", page.Html(), StringComparison.Ordinal);
        Assert.Contains("A cell and its mirror image add up to 100 but for ", figures[^1].Caption, StringComparison.Ordinal);
    }

    [Fact]
    public void curves_are_the_recorded_differences_in_rising_order_and_histograms_the_recorded_scores()
    {
        Rewards("sft", 0.1, 0);
        Implicit("selm", "dpo", 40, ranked: true);
        var rewards = ImplicitReward.Read(EvaluationPage.ImplicitRewardsPath(folder.Root, "selm"));

        var figures = EvaluationPage.Of(folder.Root, day).Sections.SelectMany(section => section.Figures).ToDictionary(figure => figure.Id);
        var curves = figures["implicit-reward-sorted-1"].Panels[0].Traces.Cast<LineTrace>().ToArray();

        Assert.Equal(["chosen", "rejected", "own"], curves.Select(curve => curve.Name));
        Assert.Equal(rewards.Select(reward => reward.Own - reward.OtherOwn!.Value).Order(), curves[2].Y);
        Assert.All(curves, curve => Assert.All(curve.Y.Zip(curve.Band!.Low.Zip(curve.Band.High)), point => Assert.InRange(point.First, point.Second.First, point.Second.Second)));
        Assert.Equal("Implicit reward of selm minus that of dpo", figures["implicit-reward-sorted-1"].Title);
        Assert.Equal(50, Assert.IsType<HistogramTrace>(figures["reward-distribution-1"].Panels[0].Traces[0]).Values.Count);
        Assert.Equal(10, figures["implicit-reward-calibration"].Panels[0].Traces.OfType<ScatterTrace>().Single().X.Count);
    }

    [Fact]
    public void eight_models_of_long_names_are_still_legible()
    {
        Matrix([.. Enumerable.Range(0, 8).Select(i => $"a-model-with-the-same-beginning-{i}-and-the-same-end")]);
        Assert.All(EvaluationPage.Of(folder.Root, day).Sections[0].Figures, figure => Assert.Empty(FigureChecks.Problems(figure)));
    }

    [Fact]
    public void a_file_that_is_gone_costs_its_figure_and_a_broken_one_is_named()
    {
        Rewards("sft", 0.1, 0);
        var path = EvaluationPage.RewardsPath(folder.Root, "sft");
        File.WriteAllText(path, "{\"score\": 1}\n{\"score\": ");
        Assert.StartsWith($"{path} line 2: not valid JSON", Assert.Throws<InputException>(() => EvaluationPage.Of(folder.Root, day)).Message, StringComparison.Ordinal);
        File.Delete(path);

        var section = EvaluationPage.Of(folder.Root, day).Sections[0];

        Assert.EndsWith("rewards-sft.jsonl is not there, so its figure is missing.", section.Prose, StringComparison.Ordinal);
        Assert.Equal("reward-distribution-headline", Assert.Single(section.Figures).Id);
    }

    [Fact]
    public void a_matrix_of_another_kind_is_refused()
    {
        Matrix(["a", "b"]);
        var path = Directory.GetFiles(folder.Root, "*.matrix.json").Single();
        File.WriteAllText(path, "{}");
        Assert.Equal(
            $"{path} is no matrix of selm evaluate win-rate (it lacks models or intervals); delete it or run the command again.",
            Assert.Throws<InputException>(() => EvaluationPage.Of(folder.Root, day)).Message);
    }

    private static Provenance Made => Provenance.Now(0, TimeSpan.FromSeconds(1), new Dictionary<string, string>());

    private string Save(EvaluationResult result) => result.Save(folder.Root);

    private void Rewards(string model, double width, double middle)
    {
        var random = new PhiloxStream(1, model);
        double[] scores = [.. Enumerable.Range(0, 50).Select(_ => middle + (width * random.NextGaussian()))];
        Jsonl.Write(EvaluationPage.RewardsPath(folder.Root, model), scores.Select(score => new { Score = score }));
        Save(new("reward-distribution", model, [Measure.Mean("mean_reward", scores), Measure.Share("fraction 0 to 1", 0.5, 50)], Made) { Settings = new Dictionary<string, string> { ["ranker"] = "oracle:lab" } });
    }

    private void Implicit(string model, string other, int pairs, bool ranked)
    {
        var random = new PhiloxStream(2, model);
        ImplicitRewards[] rewards = [.. Enumerable.Range(0, pairs).Select(i => new ImplicitRewards(i, random.NextGaussian(), random.NextGaussian() - 1, random.NextGaussian())
        {
            OtherChosen = random.NextGaussian(),
            OtherRejected = random.NextGaussian(),
            OtherOwn = random.NextGaussian(),
            RankerMargin = ranked ? random.NextGaussian() : null,
        })];
        Jsonl.Write(EvaluationPage.ImplicitRewardsPath(folder.Root, model), rewards);
        Save(new("implicit-reward", model, ImplicitReward.Measures(rewards), Made) { Settings = new Dictionary<string, string> { ["other"] = other } });
    }

    private void Matrix(string[] models)
    {
        var random = new PhiloxStream(3, "matrix");
        AlpacaOutputs Model(string name, int length) => new("f", name, [.. Enumerable.Range(0, 30).Select(i => new AlpacaOutput($"Q{i}", new string('x', length + random.NextInt(20))))]);
        var matrix = WinRateMatrix.Of([.. models.Select((name, i) => Model(name, 10 + (5 * i)))], PairJudge.Of("length", new Research.Ranking.OracleRanker((prompt, text) => (text.Length / 10.0) + (prompt.Length % 2))), resamples: 100);
        AtomicFile.WriteJson(EvaluationPage.MatrixPath(Save(new("win-rate", string.Join("+", models), [new("asymmetry", matrix.ControlledAsymmetry, 30), new("a against b", 60, 30)], Made))), matrix);
    }
}
