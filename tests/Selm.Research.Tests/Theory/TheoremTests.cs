using Selm.Research.Numerics;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Theory;

/// <summary>Theorem 3.1 as printed: rho is fixed, theta is minimised over. Every statement is also shown to fail where it is changed.</summary>
public class TheoremTests
{
    private const int Worlds = 20;

    public static IEnumerable<FiniteWorld> All => Enumerable.Range(0, Worlds).Select(seed => FiniteWorld.Random((ulong)seed));

    private static double[][] Probabilities(TabularPolicy policy) =>
        [.. Enumerable.Range(0, policy.Prompts).Select(x => Enumerable.Range(0, policy.Responses).Select(y => policy.Prob(x, y)).ToArray())];

    private static double Apart(double[][] one, double[][] other) => one.Zip(other, (a, b) => a.Zip(b, (p, q) => Math.Abs(p - q)).Max()).Max();

    [Fact]
    public void the_policy_of_3_4_is_the_reference_for_every_rho_in_closed_form_and_numerically()
    {
        foreach (var world in All)
        {
            var random = new PhiloxStream(7, "rhos");
            for (var k = 0; k < 5; k++)
            {
                var rho = TabularPolicy.Random(random, world.Prompts, world.Responses, 2);
                Assert.True(Apart(Probabilities(Theorem31.ClosedForm(rho, world.Reference, world.Beta)), Probabilities(world.Reference)) < 1e-12);
                Assert.True(Apart(Theorem31.Numerical(rho, world.Reference, world.Beta), Probabilities(world.Reference)) < 1e-12);
                Assert.All(rho.LogPartition(rho.ImplicitReward(world.Reference, world.Beta), -world.Beta), logZ => Assert.Equal(0, logZ, 1e-12));
            }
        }
    }

    [Fact]
    public void with_the_sign_of_the_reward_turned_the_minimiser_is_another_policy() => Assert.All(All, world =>
    {
        var tilted = world.Other.Tilt(world.Other.ImplicitReward(world.Reference, world.Beta), world.Beta); // pi_rho exp(+r_rho/beta)/Z
        Assert.True(Apart(Probabilities(tilted), Probabilities(world.Reference)) > 1e-2);
    });

    [Fact]
    public void the_display_holds_at_every_rho_and_theta_and_fails_with_rho_in_the_place_of_its_minimiser()
    {
        var random = new PhiloxStream(8, "pairs");
        foreach (var world in All)
        {
            var (rho, theta) = (TabularPolicy.Random(random, world.Prompts, world.Responses, 2), TabularPolicy.Random(random, world.Prompts, world.Responses, 2));
            var right = ExactObjectives.ReferenceLogLikelihood(theta, world.Reference);
            Assert.Equal(right, Theorem31.LogLikelihood(Probabilities(Theorem31.ClosedForm(rho, world.Reference, world.Beta)), theta), 1e-12);
            Assert.True(Math.Abs(right - Theorem31.LogLikelihood(Probabilities(rho), theta)) > 1e-3, "pi_rho for pi_rho^min");
        }
    }

    [Fact]
    public void over_a_bounded_class_both_minima_agree_and_no_policy_of_the_class_is_lower()
    {
        var random = new PhiloxStream(9, "box");
        foreach (var world in All)
        {
            var (own, minimiser) = (Probabilities(world.Reference), Probabilities(Theorem31.ClosedForm(world.Other, world.Reference, world.Beta)));
            var lowest = Theorem31.LowestLogLikelihood(own, 3);
            Assert.All(lowest.Zip(Theorem31.LowestLogLikelihood(minimiser, 3)), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
            Assert.True(lowest.Zip(Theorem31.LowestLogLikelihood(Probabilities(world.Other), 3), (a, b) => Math.Abs(a - b)).Max() > 1e-3, "pi_rho for pi_rho^min");
            for (var k = 0; k < 200; k++)
            {
                var logits = Enumerable.Range(0, world.Prompts).Select(_ => Enumerable.Range(0, world.Responses).Select(_ => 3.0 * (k % 2 == 0 ? 1 - 2 * random.NextInt(2) : 2 * random.NextDouble() - 1)).ToArray()).ToArray();
                Assert.True(Theorem31.LogLikelihood(own, new TabularPolicy(logits)) >= lowest.Average() - 1e-12);
            }
        }
    }

    [Fact]
    public void the_lowest_corner_of_a_small_box_is_the_lowest_of_all_corners()
    {
        var p = new[] { 0.5, 0.2, 0.2, 0.1 };
        var corners = Enumerable.Range(0, 16).Select(corner => Theorem31.LogLikelihood(
            [p], new TabularPolicy([[.. Enumerable.Range(0, 4).Select(y => (corner >> y & 1) == 1 ? 2.0 : -2.0)]])));
        Assert.Equal(corners.Min(), Theorem31.LowestLogLikelihood([p], 2)[0], 1e-14);
    }

    [Fact]
    public void over_an_unrestricted_class_both_sides_fall_below_any_bound() => Assert.All(All, world =>
    {
        var (own, minimiser) = (Probabilities(world.Reference), Probabilities(Theorem31.ClosedForm(world.Other, world.Reference, world.Beta)));
        foreach (var bound in new[] { -1e2, -1e4, -1e6 })
        {
            var theta = Theorem31.Escape(world.Reference, -100 * bound);
            Assert.True(Theorem31.LogLikelihood(own, theta) < bound && Theorem31.LogLikelihood(minimiser, theta) < bound);
        }
    });

    [Fact]
    public void the_reference_has_the_lowest_reward_with_the_kl_term_and_not_without_it() => Assert.All(All, world =>
    {
        var reward = world.Other.ImplicitReward(world.Reference, world.Beta);
        double Regularised(TabularPolicy pi) => pi.Expect(reward) + world.Beta * pi.Kl(world.Other);
        Assert.Equal(0, Regularised(world.Reference), 1e-12);
        foreach (var k in new[] { 0.5, 0.9, 1.1, 2, 8 })
        {
            Assert.True(Regularised(world.Other.Tilt(reward, -world.Beta / k)) > 1e-6, "every other tilt has more");
        }
        Assert.True(world.Other.Tilt(reward, -world.Beta / 2).Expect(reward) < world.Reference.Expect(reward) - 1e-3, "without the KL term a further tilt has less");
    });

    [Fact]
    public void with_the_reference_as_rho_the_remark_about_the_kl_term_fails()
    {
        var world = FiniteWorld.Random(0);
        var step = Ladder.Of(world with { Other = world.Reference }, Edition.Repaired)["not without the KL term"];
        Assert.False(step.Holds, "r_rho is 0 everywhere, and no response has less");
    }
}
