using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class PairedEstimateTests
{
    // Mean 2, sample deviation sqrt(2.5), error sqrt(0.5); t(4; .975) = 2.776445, t(4; .95) = 2.131847, t(4; .8) = 0.940965.
    private static readonly PairedEstimate five = PairedEstimate.Of([0, 1, 2, 3, 4]);

    [Fact]
    public void five_numbers_by_hand()
    {
        Assert.Equal((5, 2.0), (five.N, five.Mean));
        Assert.Equal(Math.Sqrt(0.5), five.Error, 1e-12);
        Assert.Equal(2 - (2.776445 * Math.Sqrt(0.5)), five.Interval().Low, 1e-5);
        Assert.Equal(2 + (2.131847 * Math.Sqrt(0.5)), five.Interval(0.90).High, 1e-5);
        Assert.Equal((2.776445 + 0.940965) * Math.Sqrt(0.5), five.Detectable, 1e-5);
        Assert.Equal(0.047421, five.P(), 1e-6); // two tails of t(4) beyond sqrt(8) = 2.828427
        Assert.Equal(0.230200, five.P(1), 1e-6); // beyond sqrt(2)
        Assert.Equal(1, five.P(2.5));
    }

    [Fact]
    public void a_table_is_the_means_of_its_seeds()
    {
        var table = PairedEstimate.Of(new double[,] { { -1, 1 }, { 3, -1 }, { 0, 4 }, { 3, 3 }, { 9, -1 } });
        Assert.Equal(five, table);
    }

    [Theory]
    [InlineData(0.3, 0)]
    [InlineData(0.6, 0.2)]
    [InlineData(-0.9, 0.2)]
    public void the_interval_and_the_p_value_say_the_same(double mean, double margin)
    {
        for (var study = 0; study < 200; study++)
        {
            var random = new PhiloxStream(8, "same", study);
            var found = PairedEstimate.Of([.. Enumerable.Range(0, 10).Select(_ => mean + random.NextGaussian())]);
            var (ends, narrow) = (found.Interval(), found.Interval(0.90));
            Assert.Equal(ends.Low > margin || ends.High < -margin, found.P(margin) < 0.05);
            Assert.Equal(narrow.Low > -1 && narrow.High < 1, found.PInside(1) < 0.05);
        }
    }

    [Fact]
    public void an_interval_gives_back_what_it_was_made_of()
    {
        var again = PairedEstimate.From(five.Interval(), 5);
        Assert.Equal(five.Error, again.Error, 1e-12);
        Assert.Equal(five.P(), again.P(), 1e-12);
    }

    [Fact]
    public void one_seed_tells_nothing_and_none_has_no_mean()
    {
        var one = PairedEstimate.Of([3.0]);
        Assert.Equal(new MeanInterval(3, double.NegativeInfinity, double.PositiveInfinity), one.Interval());
        Assert.Equal((1, double.PositiveInfinity, double.PositiveInfinity), (one.P(), one.Detectable, one.Needed(1)));
        Assert.Equal(new MeanInterval(0.3, 0, 1), PairedEstimate.Of([0.3]).Share());
        Assert.True(double.IsNaN(PairedEstimate.Of(Array.Empty<double>()).Interval().Low));
    }

    [Fact]
    public void equal_differences_leave_no_doubt()
    {
        var same = PairedEstimate.Of([0.5, 0.5, 0.5]);
        Assert.Equal(new MeanInterval(0.5, 0.5, 0.5), same.Interval());
        Assert.Equal((0, 1, 1), (same.P(), same.P(0.5), same.PInside(0.5)));
        Assert.Equal((0, 2), (same.PInside(0.6), same.Needed(0.1)));
    }

    [Fact]
    public void as_many_as_needed_detect_a_difference_and_one_less_does_not()
    {
        foreach (var difference in new[] { 0.05, 0.3, 1, 4 })
        {
            var needed = (int)five.Needed(difference);
            var deviation = five.Error * Math.Sqrt(5);
            Assert.True(new PairedEstimate(needed, 0, deviation / Math.Sqrt(needed)).Detectable <= difference);
            Assert.True(needed == 2 || new PairedEstimate(needed - 1, 0, deviation / Math.Sqrt(needed - 1)).Detectable > difference);
        }
        Assert.Equal(double.PositiveInfinity, five.Needed(0));
        Assert.True(five.Needed(1, level: 0.01) > five.Needed(1));
        Assert.InRange(five.Needed(1e-9), 1e18, 1e20);
    }

    [Fact]
    public void a_level_outside_0_to_1_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => five.Interval(1));
}
