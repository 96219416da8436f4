using Selm.Research.Numerics;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class RunawayTests
{
    [Theory]
    [InlineData(0.001)]
    [InlineData(0.1)]
    public void the_loss_falls_without_bound_along_the_path_for_any_alpha(double alpha)
    {
        var runaway = new Runaway(0.1, alpha);
        var target = -1.0;
        foreach (var t in new[] { 1e5, 1e6, 1e7 })
        {
            Assert.True(runaway.At(t).Loss < target);
            target *= 10;
        }
        Assert.True(runaway.At(1e7).Dpo < 1e-12, "the fit term is long done");
    }

    [Fact]
    public void optimism_takes_over_at_6_9_nats_for_the_papers_alpha()
    {
        var runaway = new Runaway(0.01, 0.001);
        Assert.Equal(6.9068, runaway.TakeOver, 1e-4);
        Assert.Equal(0.001, LogMath.Sigmoid(-runaway.TakeOver), 1e-15);
        Assert.Equal(1, runaway.At(runaway.TakeOver / 0.01).Ratio, 1e-9);
        Assert.Equal(0.002, runaway.Descend(0, 1)[0].Ratio, 1e-15);
    }

    [Fact]
    public void descent_runs_on_and_a_prior_or_a_bounded_class_stops_it()
    {
        var runaway = new Runaway(0.1, 0.1);
        var free = runaway.Descend(20_000, 10);
        Assert.True(free[20_000].LogProb < 1.9 * free[10_000].LogProb, "log pi(y) falls about as fast as before");
        Assert.True(free[20_000].Loss < free[10_000].Loss - 0.5);
        var prior = runaway.Descend(20_000, 10, prior: 1e-3);
        Assert.Equal(prior[10_000].LogProb, prior[20_000].LogProb, 1e-6);
        var bounded = runaway.Descend(20_000, 10, bound: 5);
        Assert.Equal(bounded[10_000].Loss, bounded[20_000].Loss, 1e-9);
        Assert.True(bounded[20_000].LogProb > -11);
    }

    [Fact]
    public void few_small_steps_hardly_move_it()
    {
        var runaway = new Runaway(0.1, 0.01);
        Assert.True(runaway.Descend(10, 0.1)[10].LogProb > runaway.Descend(0, 0.1)[0].LogProb - 1e-2);
        Assert.Throws<ArgumentOutOfRangeException>(() => runaway.Descend(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => runaway.At(0.5));
    }
}
