using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Evaluation;

public class LengthControlledWinRateTests
{
    [Fact]
    public void a_judge_that_only_likes_length_gives_fifty_whatever_the_raw_win_rate()
    {
        var random = new PhiloxStream(1, "length-only");
        int[] gaps = [.. Enumerable.Range(0, 200).Select(_ => (int)(150 * (random.NextGaussian() - 1.2)))];
        var mean = gaps.Average();
        var deviation = Math.Sqrt(gaps.Sum(gap => (gap - mean) * (gap - mean)) / (gaps.Length - 1));
        JudgedPair[] rows = [.. gaps.Select(gap => new JudgedPair(2000, 2000 - gap, 0, LogMath.Sigmoid(-1.5 * Math.Tanh(gap / deviation))))];

        Assert.True(LengthControlledWinRate.Raw(rows).Percent > 65);
        var fit = LengthControlledWinRate.Fit(rows, []);
        Assert.Equal(50, fit.Controlled.Percent, 0.5);
        Assert.Equal(-1.5, fit.Coefficients.Length, 0.05);
    }

    [Fact]
    public void answers_that_all_ran_on_have_a_controlled_win_rate()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            var random = new PhiloxStream(seed, "ran-on");
            JudgedPair[] rows = [.. Enumerable.Range(0, 144).Select(_ =>
            {
                var (baseline, model) = (8 + random.NextInt(8), 28 - (random.NextDouble() < 0.03 ? random.NextInt(4) : 0));
                return new JudgedPair(baseline, model, 0, LogMath.Sigmoid(random.NextGaussian() - 3 + (0.1 * (model - baseline))));
            })];
            // Length and model explain the same: the penalty gives all to the one that costs less, so 50 is an answer too.
            Assert.InRange(LengthControlledWinRate.Fit(rows, []).Controlled.Percent, 15, 60);
        }
    }

    [Fact]
    public void the_interval_holds_the_truth_about_as_often_as_it_claims()
    {
        // Made judgements with the length effect 1.2 and the model's own effect -0.5: sigma averaged over noise is the truth, found
        // from very many rows.
        var truth = LengthControlledWinRate.Fit(Made(1, 40_000), [], 100).Controlled.Percent;
        var held = 0;
        for (uint seed = 100; seed < 200; seed++)
        {
            var rows = Made(seed, 120);
            var fit = LengthControlledWinRate.Fit(rows, []);
            var interval = LengthControlledWinRate.Interval(rows, [], fit, resamples: 200);
            held += interval.Low <= truth && truth <= interval.High ? 1 : 0;
            Assert.True(interval.Low <= fit.Controlled.Percent && fit.Controlled.Percent <= interval.High && interval.High - interval.Low > 3);
        }
        Assert.InRange(held, 88, 100);
    }

    [Fact]
    public void symmetric_judgements_give_exactly_fifty()
    {
        var rows = Made(2, 40).SelectMany(row => new[]
        {
            row with { Difficulty = 0 },
            new JudgedPair(row.ModelLength, row.BaselineLength, 0, 1 - row.Preference),
        }).ToList();
        var fit = LengthControlledWinRate.Fit(rows, []);
        Assert.Equal(50, fit.Controlled.Percent, 1e-9);
        Assert.Equal(50, LengthControlledWinRate.Raw(rows).Percent, 1e-9);
        Assert.NotEqual(0, fit.Coefficients.Length);
    }

    [Fact]
    public void model_and_baseline_in_swapped_roles_share_a_hundred_points() =>
        Prop.ForAll<uint>(seed =>
        {
            var rows = Made(seed, 50);
            JudgedPair[] swapped = [.. rows.Select(row => row with
            {
                BaselineLength = row.ModelLength, ModelLength = row.BaselineLength, Preference = 1 - row.Preference,
            })];
            var (one, other) = (LengthControlledWinRate.Fit(rows, [], 20), LengthControlledWinRate.Fit(swapped, [], 20));
            return Math.Abs(one.Controlled.Percent + other.Controlled.Percent - 100) < 1e-8
                && Math.Abs(one.Controlled.StandardError - other.Controlled.StandardError) < 1e-8;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void the_unit_of_length_does_not_matter()
    {
        var rows = Made(3, 60);
        var inWords = rows.Select(row => row with { BaselineLength = row.BaselineLength / 5, ModelLength = row.ModelLength / 5 }).ToList();
        Assert.Equal(
            LengthControlledWinRate.Fit(rows, []).Controlled.Percent, LengthControlledWinRate.Fit(inWords, []).Controlled.Percent, 1e-9);
    }

    [Fact]
    public void calibration_rows_teach_the_length_effect_where_a_model_has_no_gaps()
    {
        JudgedPair[] rows = [.. Made(4, 60).Select(row => row with { ModelLength = row.BaselineLength })];
        CalibrationRow[] calibration = [.. Enumerable.Range(-100, 201).Select(i =>
            new CalibrationRow(i / 50.0, 0, LogMath.Sigmoid(-2 * Math.Tanh(i / 50.0))))];
        Assert.Equal(0, LengthControlledWinRate.Fit(rows, [], 1e4).Coefficients.Length);
        Assert.Equal(-2, LengthControlledWinRate.Fit(rows, calibration, 1e4).Coefficients.Length, 0.01);
    }

    [Fact]
    public void a_calibration_row_weighs_a_tenth_of_a_judgement()
    {
        // Ten copies of a gamed row pull like one judgement; a row without the model flag is a row of difficulty and gap only.
        var rows = Made(5, 30);
        var gamed = new CalibrationRow(0.7, 0.4, 0.9);
        var fit = LengthControlledWinRate.Fit(rows, [.. Enumerable.Repeat(gamed, 10)], 5).Coefficients;

        var regression = new L1Logistic(
            [.. rows.SelectMany(row => new[] { Math.Tanh((row.BaselineLength - row.ModelLength) / Deviation(rows)), row.Difficulty, 1 }), Math.Tanh(0.7), 0.4, 0],
            [.. rows.Select(row => row.Preference!.Value), 0.9]);
        var beta = regression.Fit([.. Enumerable.Repeat(1.0, 31)], 5);
        Assert.Equal(beta[0], fit.Length, 1e-9);
        Assert.Equal(beta[1], fit.Difficulty, 1e-9);
        Assert.Equal(beta[2], fit.Model, 1e-9);
    }

    [Fact]
    public void a_row_without_judgement_counts_in_prediction_and_gap_scale_only()
    {
        JudgedPair[] rows = [.. Made(6, 40)];
        rows[7] = rows[7] with { Preference = null };
        var fit = LengthControlledWinRate.Fit(rows, [], 10);
        Assert.Equal(LengthControlledWinRate.Predict(fit.Coefficients, rows.Select(row => row.Difficulty)), fit.Controlled);
        // Its difficulty cannot matter to the coefficients, its length does through the scale.
        JudgedPair[] other = [.. rows];
        other[7] = rows[7] with { Difficulty = 9 };
        Assert.Equal(fit.Coefficients, LengthControlledWinRate.Fit(other, [], 10).Coefficients);
    }

    [Fact]
    public void the_chosen_strength_has_the_best_held_out_score()
    {
        var rows = Made(7, 100);
        var fit = LengthControlledWinRate.Fit(rows, []);
        Assert.Equal(10, fit.Scores.Count);
        Assert.Equal(fit.C, LengthControlledWinRate.Candidates[fit.Scores.ToList().IndexOf(fit.Scores.Max())]);
        // At C = 1e-4 every coefficient is zero: each of five folds scores -log 2.
        Assert.Equal(-5 * Math.Log(2), fit.Scores[0], 1e-12);
        Assert.Equal(1e-4, LengthControlledWinRate.Candidates[0], 1e-18);
        Assert.Equal(21.54434690031882, LengthControlledWinRate.Candidates[6], 1e-12);
        Assert.Equal(LengthControlledWinRate.Fit(rows, [], fit.C).Coefficients, fit.Coefficients);
    }

    [Fact]
    public void raw_win_rate_and_error_of_four_judgements_by_hand()
    {
        // 0, 1, 1, 0.5: mean 0.625, sample variance (0.390625 + 2 * 0.140625 + 0.015625) / 3 = 0.2291666.
        JudgedPair[] rows = [new(1, 1, 0, 0), new(1, 1, 0, 1), new(1, 1, 0, null), new(1, 1, 0, 1), new(1, 1, 0, 0.5)];
        var raw = LengthControlledWinRate.Raw(rows);
        Assert.Equal(62.5, raw.Percent, 1e-12);
        Assert.Equal(100 * Math.Sqrt(0.6875 / 3 / 4), raw.StandardError, 1e-12);
    }

    [Fact]
    public void too_few_judgements_and_equal_gaps_are_refused_in_one_sentence()
    {
        var few = Assert.Throws<InputException>(() => LengthControlledWinRate.Fit(Made(8, 4), []));
        Assert.Contains("at least 5 judged instructions but there are 4", few.Message, StringComparison.Ordinal);
        var equal = Assert.Throws<InputException>(() =>
            LengthControlledWinRate.Fit([.. Made(8, 40).Select(row => row with { ModelLength = row.BaselineLength + 10 })], []));
        Assert.Contains("same length (-10)", equal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void folds_are_dealt_in_turn_from_the_end_and_differ_by_one_at_most()
    {
        Assert.Equal([1, 0, 4, 3, 2, 1, 0], GroupedFolds.Of(7, 5));
        Prop.ForAll(Gen.Choose(5, 3000).ToArbitrary(), groups =>
        {
            var sizes = GroupedFolds.Of(groups, 5).CountBy(fold => fold).ToDictionary();
            return sizes.Count == 5 && sizes.Values.Max() - sizes.Values.Min() <= 1;
        }).QuickCheckThrowOnFailure();
        Assert.Throws<ArgumentOutOfRangeException>(() => GroupedFolds.Of(4, 5));
    }

    // 17 equal keys: the pivot of place 8 goes to place 15, the scans exchange 1..7 with 14..8, the pivot's place 8 and place 15 change.
    [Theory]
    [InlineData(16, new[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 })]
    [InlineData(17, new[] { 0, 14, 13, 12, 11, 10, 9, 15, 8, 6, 5, 4, 3, 2, 1, 7, 16 })]
    [InlineData(18, new[] { 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 16, 17 })]
    public void beyond_sixteen_groups_the_unstable_sort_shows(int groups, int[] order)
    {
        var fold = GroupedFolds.Of(groups, 5);
        Assert.All(Enumerable.Range(0, groups), place => Assert.Equal(place % 5, fold[order[groups - 1 - place]]));
    }

    internal static IReadOnlyList<JudgedPair> Made(uint seed, int count)
    {
        var random = new PhiloxStream(seed, "judged-pairs");
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var (baseline, model, difficulty) = (1000 + random.NextInt(2000), 800 + random.NextInt(2500), random.NextGaussian());
            var logit = (-1.2 * Math.Tanh((baseline - model) / 900.0)) + (0.6 * difficulty) - 0.5 + random.NextGaussian();
            return new JudgedPair(baseline, model, difficulty, LogMath.Sigmoid(logit));
        })];
    }

    private static double Deviation(IReadOnlyList<JudgedPair> rows)
    {
        var mean = rows.Average(row => row.BaselineLength - row.ModelLength);
        return Math.Sqrt(rows.Sum(row => Math.Pow(row.BaselineLength - row.ModelLength - mean, 2)) / (rows.Count - 1));
    }
}
