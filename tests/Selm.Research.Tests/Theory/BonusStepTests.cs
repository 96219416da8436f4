using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class BonusStepTests
{
    [Fact]
    public void a_slope_of_known_rows_is_found_whatever_their_intercepts()
    {
        double[][] x = [[0, 1, 2], [5, 7, 9, 11]];
        double[][] y = [[10, 10.5, 11], [-3, -2, -1, 0]];
        Assert.Equal(0.5, BonusStep.Slope(x, y), 1e-14);
        Assert.Equal(-0.5, BonusStep.Slope(x, [.. y.Select(row => row.Select(v => -v).ToArray())]), 1e-14);
        Assert.Equal(double.NaN, BonusStep.Slope([[1, 1]], [[0, 3]]));
    }

    [Fact]
    public void the_change_is_that_of_a_small_step_of_ascent_on_the_bonus()
    {
        var (world, h) = (FiniteWorld.Random(3), 1e-6);
        var change = BonusStep.Change(world.Policy, world.Reference);
        // The loss that SelmExact minimises is L_DPO + alpha beta E_ref[log(pi/pi_ref)]; less L_DPO, over alpha beta/X.
        var (selm, dpo) = (ExactObjectives.SelmExactGradient(world.Policy, world.Reference, world.Data, world.Beta, world.Alpha), ExactObjectives.DpoGradient(world.Policy, world.Reference, world.Data, world.Beta));
        var logits = world.Policy.ToLogits();
        for (var x = 0; x < world.Prompts; x++)
        {
            for (var y = 0; y < world.Responses; y++)
            {
                logits[x][y] -= h * (selm[x][y] - dpo[x][y]) * world.Prompts / (world.Alpha * world.Beta);
            }
        }
        var moved = new TabularPolicy(logits);
        for (var x = 0; x < world.Prompts; x++)
        {
            for (var y = 0; y < world.Responses; y++)
            {
                Assert.Equal((moved.LogProb(x, y) - world.Policy.LogProb(x, y)) / h, change[x][y], 1e-5);
            }
        }
    }

    [Fact]
    public void the_bonus_does_not_know_the_true_reward()
    {
        var world = FiniteWorld.Random(5);
        var upsideDown = world with { Reward = [.. world.Reward.Select(row => row.Select(r => -r).ToArray())] };
        var (one, other) = (BonusStep.Slopes(world), BonusStep.Slopes(upsideDown));
        Assert.Equal(one.Blind, -other.Blind, 1e-14);
        Assert.Equal(one.Implicit, other.Implicit);
        Assert.True(one.PolicyKnows > 0 && other.PolicyKnows > 0, "what DPO has learned follows the labels, whichever way r* is");
    }

    [Fact]
    public void where_neither_policy_knows_the_true_reward_the_slope_is_none_on_average()
    {
        double[] slopes = [.. Enumerable.Range(0, 400).Select(seed => BonusStep.Slopes(FiniteWorld.Random((ulong)seed)).Blind)];
        Assert.True(Math.Abs(slopes.Average()) < 0.01);
        Assert.InRange(slopes.Average(slope => slope > 0 ? 1.0 : 0), 0.4, 0.6);
    }

    [Fact]
    public void with_the_sign_of_the_bonus_turned_the_slopes_on_implicit_rewards_are_negative()
    {
        var worlds = Enumerable.Range(0, 30).Select(seed => FiniteWorld.Random((ulong)seed)).ToArray();
        Assert.True(worlds.Average(world => BonusStep.Slopes(world).Implicit) > 0.02);
        Assert.True(worlds.Average(world => BonusStep.Slope(world.Other.ImplicitReward(world.Reference, 1), BonusStep.Change(world.Reference, world.Policy))) < -0.02);
    }
}
