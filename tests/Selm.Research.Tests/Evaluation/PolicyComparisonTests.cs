using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public class PolicyComparisonTests
{
    [Fact]
    public void a_matrix_of_win_rates_is_antisymmetric_also_with_length_control()
    {
        var random = new PhiloxStream(1, "test");
        AlpacaOutputs Model(string name, int length) => new("f", name, [.. Enumerable.Range(0, 60).Select(i => new AlpacaOutput($"Q{i}", new string('x', length + random.NextInt(20))))]);
        var judge = PairJudge.Of("length", new OracleRanker((prompt, text) => (text.Length / 10.0) + (prompt.Length % 2)));

        var matrix = WinRateMatrix.Of([Model("short", 10), Model("middle", 20), Model("long", 30)], judge, resamples: 200);

        Assert.True(matrix.RawAsymmetry < 1e-9, $"{matrix.RawAsymmetry}");
        Assert.True(matrix.ControlledAsymmetry < 1e-3, $"{matrix.ControlledAsymmetry}");
        Assert.All(
            from i in Enumerable.Range(0, 3) from j in Enumerable.Range(0, 3) where i != j select (matrix.Controlled[i][j], matrix.ControlledIntervals[i][j]),
            pair => Assert.True(pair.Item2.Low <= pair.Item1 && pair.Item1 <= pair.Item2.High && pair.Item2.Low < pair.Item2.High && pair.Item2.Mean == pair.Item1));
        Assert.Equal([50.0, 50, 50], Enumerable.Range(0, 3).Select(i => matrix.Controlled[i][i]));
        Assert.True(matrix.Raw[2][0] > 70 && matrix.Raw[1][0] > 55);
        // This judge looks at nothing but length, so control takes most of the lead away.
        Assert.True(Math.Abs(matrix.Controlled[1][0] - 50) < Math.Abs(matrix.Raw[1][0] - 50));
    }

    [Fact]
    public void a_judge_that_prefers_a_place_shows_as_asymmetry()
    {
        AlpacaOutputs Model(string name) => new("f", name, [.. Enumerable.Range(0, 10).Select(i => new AlpacaOutput($"Q{i}", $"{name} {i}"))]);
        var matrix = WinRateMatrix.Of([Model("a"), Model("b")], new PairJudge("second", _ => 0.75));

        Assert.Equal(50, matrix.RawAsymmetry, 1e-9);
        Assert.Throws<InputException>(() => WinRateMatrix.Of([Model("a"), Model("a")], new PairJudge("second", _ => 0.75)));
    }

    [Fact]
    public void a_clear_difference_is_called_better_and_a_small_one_is_not_told_apart()
    {
        IReadOnlyList<ScoredItem> Items(Func<int, double> score) => [.. Enumerable.Range(0, 100).Select(i => new ScoredItem($"{i}", score(i)))];
        double[] noise = [.. Enumerable.Range(0, 100).Select(i => 10.0 * (i % 2 == 0 ? 1 : -1))];

        var clear = PairedComparison.Of(("A", Items(i => 20 + noise[i])), ("B", Items(_ => 10)));
        var unclear = PairedComparison.Of(("A", Items(i => noise[i])), ("B", Items(i => -0.1)));

        Assert.StartsWith("A is better than B by ", clear.Verdict, StringComparison.Ordinal);
        Assert.StartsWith("A and B cannot be told apart: ", unclear.Verdict, StringComparison.Ordinal);
        Assert.Contains("so they cannot resolve 1 point", unclear.Verdict, StringComparison.Ordinal);
        Assert.InRange(clear.Detectable, 2, 4);
        Assert.Equal(100, clear.Prompts);
    }

    [Fact]
    public void prompts_are_the_units_of_one_models_runs_and_several_comparisons_are_held_to_more()
    {
        // Means over two runs: 0, 1, 2, 3, 4. Mean 2, error sqrt(0.5), t(4; .975) = 2.776445, p = 0.047421.
        IReadOnlyList<ScoredItem> first = [.. from run in new[] { 0, 1 } from i in Enumerable.Range(0, 5) select new ScoredItem($"{i}", i + (run == 0 ? 3 : -3), run)];
        IReadOnlyList<ScoredItem> second = [.. from run in new[] { 0, 1 } from i in Enumerable.Range(0, 5) select new ScoredItem($"{i}", 0, run)];

        var alone = PairedComparison.Of(("A", first), ("B", second));
        var twice = PairedComparison.Of(("A", first), [("B", second), ("C", second)])[0];

        Assert.Equal((5, 2), (alone.Prompts, alone.Runs));
        Assert.Equal(2 - (2.776445 * Math.Sqrt(0.5)), alone.Difference.Low, 1e-5);
        Assert.StartsWith("A is better than B by 2.00 [0.04, 3.96], p = 0.047; ", alone.Verdict, StringComparison.Ordinal);
        Assert.StartsWith("A and B cannot be told apart: the difference of 2.00 has the interval [0.04, 3.96], p = 0.095 after Holm's correction; ", twice.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void items_without_a_partner_are_left_out_and_counted_and_tables_are_corrected()
    {
        using var folder = new TempFolder();
        string Write(string name, IEnumerable<string> rows) => folder.Write(name, string.Join('\n', rows));
        var a = PairedComparison.ReadItems(Write("a.jsonl", Enumerable.Range(0, 20).Select(i => $$"""{"id": "{{i}}", "score": {{i % 3}}}""")));
        var b = PairedComparison.ReadItems(Write("b.jsonl", Enumerable.Range(5, 20).Select(i => $$"""{"id": {{i}}, "score": {{(i == 7 ? "null" : "1")}}}""")));

        var found = PairedComparison.Of(("a", a), [("b", b), ("c", b)]);

        Assert.Equal((14, 11), (found[0].Prompts, found[0].LeftOut));
        Assert.Equal(Math.Min(1, 2 * found[0].P), found[0].AdjustedP, 1e-12);
        Assert.Equal(Math.Min(1, 2 * found[0].Sign.P), found[0].AdjustedSignP, 1e-12);
        var twice = Write("d.jsonl", ["""{"id": "1", "score": 1}""", """{"id": "1", "score": 2}"""]);
        Assert.Equal($"{twice} line 2: item 1 of line 1 is there again; keep one score of each item and run.", Assert.Throws<InputException>(() => PairedComparison.ReadItems(twice)).Message);
        Assert.Throws<InputException>(() => PairedComparison.Of(("a", a), ("b", [new("x", 1), new("y", 2)])));
    }

    [Fact]
    public void rewards_stream_to_a_file_and_their_fractions_add_up()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl", string.Join('\n', Enumerable.Range(0, 11).Select(i => $$"""{"prompt": "{{new string('a', i + 1)}}", "other": "xx"}""")));
        var ranker = new OracleRanker((prompt, answer) => prompt.Length + (answer == "xx" ? 0.5 : 0));

        var alone = RewardDistribution.Run(model, input, checkpoint.Place("out.jsonl"), ranker, bins: 5, maxNewTokens: 3, batchSize: 4);
        var beside = RewardDistribution.Run(model, input, checkpoint.Place("beside.jsonl"), ranker, "other", bins: 5, maxNewTokens: 3);

        Assert.Equal((11, 6.0), (alone.Count, alone.Mean));
        Assert.Equal(Math.Sqrt(11.0 / 11), alone.StandardError, 1e-12);
        Assert.Equal((1.0, 11.0), (alone.Bins[0].Low, alone.Bins[^1].High));
        Assert.Equal(1, alone.Bins.Sum(bin => bin.Fraction), 1e-12);
        Assert.Equal([2, 2, 2, 2, 3], alone.Bins.Select(bin => (int)Math.Round(11 * bin.Fraction)));
        Assert.Equal(-0.5, beside.Mean, 1e-12);
        Assert.Equal(11, Jsonl.Read(checkpoint.Place("out.jsonl")).Count());
    }

    [Fact]
    public void a_policy_that_is_its_reference_has_no_implicit_reward_and_another_has_the_difference_of_log_probs()
    {
        using var checkpoint = new TinyCheckpoint();
        using var other = new TinyCheckpoint(TinyCheckpoint.Config with { NumHiddenLayers = 1 });
        using var model = ModelFolder.Load(checkpoint.Root);
        using var second = ModelFolder.Load(other.Root);
        PreferenceRecord[] records = [.. Enumerable.Range(0, 5).Select(i => PreferenceRecord.FromTexts($"q{i}", "abc", $"d{i}"))];

        var rewards = ImplicitReward.Of(second, model, model, records, beta: 0.1, new OracleRanker((_, answer) => answer.Length), maxNewTokens: 3, batchSize: 2);

        Assert.All(rewards, reward => Assert.Equal((0.0, 0.0, 0.0), (reward.OtherChosen, reward.OtherRejected, reward.OtherOwn)));
        var row = new SharedRow(second.PromptIds(records[3].PromptMessages), [second.ResponseIds(records[3].PromptMessages, "abc")]);
        Assert.Equal(0.1 * (TokenLogps.Of(second.Model, [row]).Sums[0] - TokenLogps.Of(model.Model, [row]).Sums[0]), rewards[3].Chosen, 1e-5);
        Assert.All(rewards, reward => Assert.Equal(1, reward.RankerMargin));
        var curve = ImplicitReward.SortedDifferences(rewards, reward => reward.Chosen, reward => reward.OtherChosen);
        Assert.Equal(curve.Order(), curve);
        Assert.Contains(ImplicitReward.Measures(rewards), measure => measure.Name == "calibration_error");
    }

    [Fact]
    public void a_reward_that_predicts_the_ranker_s_odds_is_calibrated()
    {
        ImplicitRewards[] rewards = [.. Enumerable.Range(-50, 101).Select(i => new ImplicitRewards(i, i / 20.0, 0, 0) { RankerMargin = i / 20.0 })];

        Assert.Equal(0, ImplicitReward.CalibrationError(ImplicitReward.Calibration(rewards)), 1e-12);
        Assert.Equal(10, ImplicitReward.Calibration(rewards).Count);
        Assert.True(ImplicitReward.CalibrationError(ImplicitReward.Calibration([.. rewards.Select(reward => reward with { RankerMargin = -reward.RankerMargin })])) > 0.3);
    }
}
