using Selm.Research.Claims;
using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class UnitIntervalTests
{
    [Fact]
    public void far_from_0_and_1_it_is_the_plain_interval() => Assert.Equal(0.5 + 0.001, UnitInterval.Around(0.5, 0.001).High, 1e-7);

    [Fact]
    public void the_interval_around_a_small_share_is_longer_above_than_below()
    {
        var interval = UnitInterval.Around(0.02, 0.05);
        Assert.True(interval.Low > 0 && interval.High < 1);
        Assert.True(interval.High - interval.Mean > interval.Mean - interval.Low);
        Assert.Equal(new MeanInterval(0.02, 0, 1), UnitInterval.Around(0.02, double.PositiveInfinity));
        Assert.Equal(new MeanInterval(0, 0, 0), UnitInterval.Around(0, 0));
        Assert.Equal(new MeanInterval(1, 1, 1), UnitInterval.Around(1, 0.2));
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
