using Selm.Research.Numerics;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

public class PolicyTests
{
    [Fact]
    public void a_policy_of_known_probabilities_gives_them_back()
    {
        var policy = new TabularPolicy([[Math.Log(1), Math.Log(3)], [5, 5]]);
        Assert.Equal(0.25, policy.Prob(0, 0), 1e-15);
        Assert.Equal(Math.Log(0.5), policy.LogProb(1, 1), 1e-15);
        Assert.Equal(1, policy.Greedy(0));
        Assert.Equal(0, policy.Greedy(1));
        Assert.Equal((0.25 * 2 + 0.75 * 4 + 0.5 * 0 + 0.5 * 6) / 2, policy.Expect([[2, 4], [0, 6]]), 1e-14);
    }

    [Fact]
    public void kl_of_known_policies()
    {
        var p = new TabularPolicy([[Math.Log(0.25), Math.Log(0.75)]]);
        var q = new TabularPolicy([[0, 0]]);
        Assert.Equal(0.25 * Math.Log(0.5) + 0.75 * Math.Log(1.5), p.Kl(q), 1e-15);
        Assert.Equal(0.5 * Math.Log(2) + 0.5 * Math.Log(2.0 / 3), q.Kl(p), 1e-15);
        Assert.Equal(0, p.Kl(p));
    }

    [Fact]
    public void a_tilt_of_known_numbers()
    {
        // pi_ref = (1/2, 1/2), r = beta (log 3, 0): pi = (3/4, 1/4), Z = 2.
        var tilted = new TabularPolicy([[0, 0]]).Tilt([[0.1 * Math.Log(3), 0]], 0.1);
        Assert.Equal(0.75, tilted.Prob(0, 0), 1e-15);
        Assert.Equal(Math.Log(2), new TabularPolicy([[0, 0]]).LogPartition([[0.1 * Math.Log(3), 0]], 0.1)[0], 1e-15);
        Assert.Equal(0.1 * Math.Log(1.5), tilted.ImplicitReward(new TabularPolicy([[0, 0]]), 0.1)[0][0], 1e-15);
    }

    [Fact]
    public void malformed_logits_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new TabularPolicy([]));
        Assert.Throws<ArgumentException>(() => new TabularPolicy([[]]));
        Assert.Throws<ArgumentException>(() => new TabularPolicy([[0, 1], [0]]));
        Assert.Throws<ArgumentException>(() => new TabularPolicy([[0, double.NaN]]));
    }

    [Theory]
    [InlineData(0, 3, 0.1, 0.1)]
    [InlineData(1, 2, 0.1, 0.1)]
    [InlineData(1, 3, 0, 0.1)]
    [InlineData(1, 3, 0.1, 0)]
    [InlineData(1, 3, 0.1, 0.5)]
    public void a_world_out_of_range_is_refused(int prompts, int responses, double beta, double alpha) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => FiniteWorld.Random(0, prompts, responses, beta, alpha));

    [Fact]
    public void no_comparison_of_a_world_names_the_last_response_or_compares_one_with_itself()
    {
        for (var seed = 0UL; seed < 50; seed++)
        {
            var world = FiniteWorld.Random(seed, prompts: 2, responses: 4);
            Assert.All(world.Data, d => Assert.True(d.Chosen < 3 && d.Rejected < 3 && d.Chosen != d.Rejected));
            Assert.All(world.Data, d => Assert.Equal(world.Reference.Greedy(d.Prompt), d.Response));
        }
    }

    [Fact]
    public void no_neighbour_of_the_simplex_minimum_is_lower()
    {
        var random = new PhiloxStream(7, "simplex");
        var (rho, reference) = (TabularPolicy.Random(random, 1, 6, 2), TabularPolicy.Random(random, 1, 6, 2));
        var minimum = Theorem31.Numerical(rho, reference, 0.3);
        var value = Theorem31.Regularised(minimum, rho, reference, 0.3)[0];
        Assert.Equal(1, minimum[0].Sum(), 1e-14);
        for (var y = 0; y < 6; y++)
        {
            double[] moved = [.. minimum[0]];
            moved[y] *= 1.01;
            moved[(y + 1) % 6] -= 0.01 * minimum[0][y];
            if (moved.Min() > 0)
            {
                Assert.True(Theorem31.Regularised([moved], rho, reference, 0.3)[0] > value);
            }
        }
        Assert.Throws<ArgumentException>(() => SimplexMinimizer.Minimize([1, 2], [0], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => SimplexMinimizer.Minimize([1, 2], [0, 0], 0));
    }
}
