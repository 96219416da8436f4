using Selm.Research.Claims;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class UnitIntervalTests
{
    [Theory]
    [InlineData(0.02, 0.001, 0.05, 4)]
    [InlineData(0.97, 0.90, 1, 4)]
    [InlineData(0.5, 0, 1, 9)]
    public void a_stretched_interval_stays_between_0_and_1_and_is_wider(double mean, double low, double high, double factor)
    {
        var wide = UnitInterval.Stretched(new(mean, low, high), factor);
        Assert.Equal(mean, wide.Mean);
        Assert.InRange(wide.Low, 0, low);
        Assert.InRange(wide.High, high, 1);
    }

    [Fact]
    public void stretching_by_one_changes_nothing_and_far_from_the_ends_it_is_the_plain_stretch()
    {
        Assert.Equal(0.25, UnitInterval.Stretched(new(0.3, 0.25, 0.4), 1).Low, 1e-12);
        Assert.Equal(0.5 - (2 * 0.001), UnitInterval.Stretched(new(0.5, 0.499, 0.501), 2).Low, 1e-7);
        Assert.Equal(0.5 + 0.001, UnitInterval.Around(0.5, 0.001).High, 1e-7);
    }

    [Fact]
    public void the_interval_around_a_small_share_is_longer_above_than_below()
    {
        var interval = UnitInterval.Around(0.02, 0.05);
        Assert.True(interval.Low > 0 && interval.High < 1);
        Assert.True(interval.High - interval.Mean > interval.Mean - interval.Low);
        Assert.Equal(new MeanInterval(0, 0, 0), UnitInterval.Around(0, 0));
        Assert.Equal(new MeanInterval(1, 1, 1), UnitInterval.Stretched(new(1, 1, 1), 3));
    }

    [Fact]
    public void the_mean_of_few_shares_has_an_interval_of_shares_where_that_of_differences_has_not()
    {
        double[] seeds = [0, 0, 0.01, 0.9];
        Assert.True(LabMeasures.Mean(seeds).Low < 0);
        var share = LabMeasures.Share(seeds);
        Assert.InRange(share.Low, 0, share.Mean);
        Assert.InRange(share.High, LabMeasures.Share([.. seeds.Select(seed => seed / 2)]).High, 1);
        var both = LabMeasures.Share(new double[,] { { 0, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } });
        Assert.InRange(both.High, both.Mean, 1);
        Assert.True(double.IsNaN(LabMeasures.Share(Array.Empty<double>()).Mean));
        Assert.True(double.IsNaN(LabMeasures.Share(new double[0, 0]).Mean));
    }
}
