using FsCheck;
using FsCheck.Fluent;
using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

public class TicksTests
{
    [Theory]
    [InlineData(0, 10, 6, "0 2 4 6 8 10")]
    [InlineData(-0.3, 0.3, 4, "−0.2 0.0 0.2")]
    [InlineData(17.2, 25.9, 5, "18 20 22 24")]
    [InlineData(0, 1, 3, "0.0 0.5 1.0")]
    public void linear_ticks_are_round(double low, double high, int count, string labels) =>
        Assert.Equal(labels, string.Join(' ', Ticks.Linear(low, high, count).Select(tick => tick.Label)));

    [Theory]
    [InlineData(1, 1000, 6, "1 10 100 1000")]
    [InlineData(1e-16, 1, 5, "1e−16 1e−12 1e−8 0.0001 1")]
    [InlineData(1.5, 30, 6, "2 5 10 20")]
    public void logarithmic_ticks_are_powers_of_ten(double low, double high, int count, string labels) =>
        Assert.Equal(labels, string.Join(' ', Ticks.Log(low, high, count).Select(tick => tick.Label)));

    [Fact]
    public void linear_ticks_lie_inside_never_exceed_the_count_and_have_different_labels() =>
        Prop.ForAll(Gen.Choose(-10_000, 10_000).Two().Where(pair => pair.Item1 != pair.Item2).Zip(Gen.Choose(2, 10)).ToArbitrary(), test =>
        {
            var ((a, b), count) = test;
            var (low, high) = (Math.Min(a, b) / 37.0, Math.Max(a, b) / 37.0);
            var ticks = Ticks.Linear(low, high, count);
            var slack = 1e-9 * (high - low) * 10;
            return ticks.Count <= count && ticks.All(tick => tick.Value >= low - slack && tick.Value <= high + slack)
                && ticks.Select(tick => tick.Label).Distinct().Count() == ticks.Count;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void a_value_that_rounds_to_zero_has_no_sign() =>
        Assert.Equal(("0.00", "−0.01", "0.00"), (Numerals.Format(-0.001, "0.00"), Numerals.Format(-0.01, "0.00"), Numerals.Coordinate(-0.001)));

    [Fact]
    public void histogram_shares_add_up_and_edges_hold_all_values()
    {
        var trace = new HistogramTrace("a", Origin.Exact, [0, 0.1, 0.25, 0.25, 1]) { Bins = 4 };
        var edges = Histogram.Edges(new(new("x"), new("y"), [trace]));
        Assert.Equal([0, 0.5, 1, 1.5], edges);
        Assert.Equal([0.8, 0, 0.2], Histogram.Shares(trace, edges).Select(share => Math.Round(share, 12)));
    }

    [Fact]
    public void a_box_has_quartiles_whiskers_and_outliers()
    {
        var box = BoxNumbers.Of([1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
        Assert.Equal((1, 5.5, 9), (box.LowWhisker, box.Median, box.HighWhisker));
        Assert.Equal([100], box.Outliers);
    }
}
