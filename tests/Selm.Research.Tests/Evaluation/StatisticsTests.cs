using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Evaluation;

public class StatisticsTests
{
    [Theory]
    [InlineData(8, 2, 0.109375)] // 2 * (1 + 10 + 45) / 1024
    [InlineData(2, 8, 0.109375)]
    [InlineData(6, 0, 0.03125)] // 2 / 64
    [InlineData(5, 5, 1)]
    [InlineData(0, 0, 1)]
    public void the_sign_test_is_the_binomial_tail(int wins, int losses, double p)
    {
        double[] differences = [.. Enumerable.Repeat(0.3, wins), .. Enumerable.Repeat(-7.0, losses), 0, 0];
        var test = Statistics.SignTest(differences);
        Assert.Equal((wins, losses, 2), (test.Wins, test.Losses, test.Ties));
        Assert.Equal(p, test.P, 1e-12);
    }

    [Fact]
    public void prompts_805_cannot_resolve_one_point()
    {
        // (1.959964 + 0.841621) * 38 / sqrt(805), with the spread of a win rate near 30 % between prompts.
        var detectable = Statistics.MinimumDetectableDifference(805, 38);
        Assert.Equal(3.7522, detectable, 1e-3);
        Assert.True(detectable > 1);
        Assert.Equal(11_334, Statistics.PromptsNeeded(1, 38), 1.0);
    }

    [Fact]
    public void as_many_prompts_as_needed_detect_the_difference_and_one_less_does_not() =>
        Prop.ForAll(Gen.Choose(1, 300).ToArbitrary(), Gen.Choose(1, 900).ToArbitrary(), (tenths, deviation) =>
        {
            var needed = (int)Statistics.PromptsNeeded(tenths / 10.0, deviation / 10.0);
            return Statistics.MinimumDetectableDifference(needed, deviation / 10.0) <= (tenths / 10.0) + 1e-9
                && (needed == 1 || Statistics.MinimumDetectableDifference(needed - 1, deviation / 10.0) > (tenths / 10.0) - 1e-9);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void with_a_known_standard_error_the_detectable_difference_is_found_with_its_power()
    {
        var random = new PhiloxStream(9, "power");
        var effect = Statistics.MinimumDetectableDifference(100, 1);
        var found = 0;
        for (var trial = 0; trial < 4000; trial++)
        {
            var mean = effect + (random.NextGaussian() / 10);
            found += Math.Abs(mean) > 0.1959964 ? 1 : 0;
        }
        Assert.InRange(found / 4000.0, 0.78, 0.82);
    }

    [Theory]
    [InlineData(40, 0.5)]
    [InlineData(40, 0.1)]
    [InlineData(200, 0.9)]
    public void the_places_hold_the_quantile_as_often_as_they_claim(int count, double p)
    {
        var random = new PhiloxStream(4, "quantile", count);
        var (low, high) = Statistics.QuantilePlaces(count, p);
        var held = 0;
        for (var trial = 0; trial < 4000; trial++)
        {
            // The p-quantile of the uniform distribution is p.
            double[] sorted = [.. Enumerable.Range(0, count).Select(_ => random.NextDouble()).Order()];
            held += sorted[low] <= p && p <= sorted[high] ? 1 : 0;
        }
        Assert.InRange(held / 4000.0, 0.94, 0.995);
        Assert.Equal((0, 0), Statistics.QuantilePlaces(1, 0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.QuantilePlaces(3, 1.1));
    }

    [Fact]
    public void holm_by_hand()
    {
        double[] adjusted = Statistics.Holm([0.01, 0.04, 0.03, 0.005]);
        double[] expected = [0.03, 0.06, 0.06, 0.02];
        Assert.All(adjusted.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        Assert.Empty(Statistics.Holm([]));
    }

    [Fact]
    public void holm_keeps_the_order_and_lies_between_none_and_bonferroni() =>
        Prop.ForAll(Gen.Choose(0, 1000).Select(i => i / 1000.0).ArrayOf().ToArbitrary(), p =>
        {
            var adjusted = Statistics.Holm(p);
            return Enumerable.Range(0, p.Length).All(i => adjusted[i] >= p[i] && adjusted[i] <= Math.Min(1, p.Length * p[i]) + 1e-15
                && Enumerable.Range(0, p.Length).All(j => p[i] > p[j] || adjusted[i] <= adjusted[j]));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void equivalence_by_hand()
    {
        // Mean 0, sample deviation sqrt(2.5), error sqrt(0.5), t(4; 0.95) = 2.131847: the 90 % interval is +-1.507443.
        double[] differences = [-2, -1, 0, 1, 2];
        var inside = Statistics.Equivalence(differences, 1.51);
        Assert.Equal(-1.507443, inside.Interval.Low, 1e-5);
        Assert.Equal(1.507443, inside.Interval.High, 1e-5);
        Assert.True(inside.Equivalent && inside.P < 0.05);
        var outside = Statistics.Equivalence(differences, 1.5);
        Assert.True(!outside.Equivalent && outside.P > 0.05);
    }

    [Fact]
    public void equivalence_and_its_p_value_say_the_same() =>
        Prop.ForAll<uint>(seed =>
        {
            var random = new PhiloxStream(seed, "tost");
            double[] differences = [.. Enumerable.Range(0, 20).Select(_ => 0.3 + random.NextGaussian())];
            var test = Statistics.Equivalence(differences, 0.7);
            return test.Equivalent == test.P < 0.05;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void constant_differences_are_equivalent_inside_the_margin_only()
    {
        Assert.True(Statistics.Equivalence([0.5, 0.5, 0.5], 1).Equivalent);
        Assert.Equal(1, Statistics.Equivalence([1.5, 1.5], 1).P);
    }

    [Fact]
    public void nonsense_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Statistics.SignTest([double.NaN]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.MinimumDetectableDifference(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.PromptsNeeded(0, 1));
        Assert.Throws<ArgumentException>(() => Statistics.Holm([0.5, double.NaN]));
        Assert.Throws<ArgumentException>(() => Statistics.Equivalence([1], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Statistics.Equivalence([1, 2], 0));
    }
}
