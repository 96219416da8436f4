using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class Figure1WorldTests
{
    [Fact]
    public void optimism_moves_the_query_out_of_the_observed_zone_at_nearly_the_same_fit()
    {
        Figure1World[] worlds = [.. Enumerable.Range(0, 10).Select(seed => new Figure1World((ulong)seed))];
        var plain = worlds.Select(world => world.Fit(0)).ToArray();
        var small = worlds.Select(world => world.Fit(0.01)).ToArray();
        var large = worlds.Select(world => world.Fit(0.3)).ToArray();
        Assert.All(plain.Concat(small), fit => Assert.True(fit.Query <= Figure1World.ObservedUpTo));
        Assert.True(large.Count(fit => fit.Query > Figure1World.ObservedUpTo) >= 5);
        Assert.True(large.Count(fit => fit.Query is >= 0.7 and <= 0.9) >= 4);
        Assert.Equal(plain.Average(fit => fit.FitLoss), large.Average(fit => fit.FitLoss), 0.03);
        Assert.InRange(plain.Average(fit => fit.FitLoss), 0.38, 0.55);
    }

    [Fact]
    public void the_minimum_is_a_falling_concave_function_of_alpha()
    {
        // min over r of (loss - alpha max r) is a minimum of functions that are linear in alpha.
        var world = new Figure1World(3);
        var values = new[] { 0.05, 0.1, 0.15 }.Select(alpha => world.Fit(alpha).Objective).ToArray();
        Assert.True(values[1] >= (values[0] + values[2]) / 2);
        Assert.True(values[0] > values[1] && values[1] > values[2]);
    }

    [Fact]
    public void the_query_is_where_the_model_is_highest_and_a_seed_gives_the_same_curve()
    {
        var fit = new Figure1World(5).Fit(0.1);
        Assert.Equal(Figure1World.Grid[Array.IndexOf(fit.Reward, fit.Reward.Max())], fit.Query);
        Assert.Equal(0, fit.Reward.Average(), 1e-12);
        Assert.Equal(fit.Reward, new Figure1World(5).Fit(0.1).Reward);
        Assert.NotEqual(fit.Reward, new Figure1World(6).Fit(0.1).Reward);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Figure1World(5).Fit(-0.1));
    }

    [Fact]
    public void the_true_reward_has_its_low_bump_inside_and_its_high_bump_outside()
    {
        Assert.Equal(1, Figure1World.TrueReward(0.30), 1e-6);
        Assert.Equal(1.6, Figure1World.TrueReward(0.80), 1e-6);
        Assert.All(new Figure1World(0).Responses, y => Assert.InRange(y, 0, Figure1World.ObservedUpTo));
    }
}
