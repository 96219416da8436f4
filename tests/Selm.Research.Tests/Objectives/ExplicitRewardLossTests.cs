using Selm.Research.Numerics;
using Selm.Research.Objectives;

namespace Selm.Research.Tests.Objectives;

/// <summary>The two losses of an explicit reward: the reward's own, and the policy's regression on it.</summary>
public class ExplicitRewardLossTests
{
    private const double Step = 1e-4;

    [Fact]
    public void the_gradient_of_the_optimistic_reward_loss_is_the_finite_difference() => ForAll(random =>
    {
        var loss = new OptimisticRewardLoss(random.NextDouble());
        var at = new ExampleRewards(Number(random), Number(random), Number(random), Number(random));
        double Slope(Func<double, ExampleRewards> moved) => (loss.Evaluate(moved(Step)).Loss - loss.Evaluate(moved(-Step)).Loss) / (2 * Step);
        var result = loss.Evaluate(at);
        Assert.Equal(Slope(d => at with { Chosen = at.Chosen + d }), result.GradChosen, 1e-7);
        Assert.Equal(Slope(d => at with { Rejected = at.Rejected + d }), result.GradRejected, 1e-7);
        Assert.Equal(Slope(d => at with { Own = at.Own + d }), result.GradOwn, 1e-7);
        Assert.Equal(Slope(d => at with { Reference = at.Reference + d }), result.GradReference, 1e-7);
    });

    [Fact]
    public void a_constant_added_to_every_reward_of_a_prompt_changes_nothing() => ForAll(random =>
    {
        var (loss, at, c) = (new OptimisticRewardLoss(random.NextDouble()), new ExampleRewards(Number(random), Number(random), Number(random), Number(random)), Number(random));
        var moved = new ExampleRewards(at.Chosen + c, at.Rejected + c, at.Own + c, at.Reference + c);
        Assert.Equal(loss.Evaluate(at).Loss, loss.Evaluate(moved).Loss, 1e-9);
    });

    [Fact]
    public void optimism_lifts_the_own_answer_and_without_it_the_loss_is_bradley_terrys() => ForAll(random =>
    {
        var at = new ExampleRewards(Number(random), Number(random), Number(random), Number(random));
        var (plain, bold) = (new OptimisticRewardLoss(0).Evaluate(at), new OptimisticRewardLoss(.3).Evaluate(at));
        Assert.Equal(Math.Log(1 + Math.Exp(at.Rejected - at.Chosen)), plain.Loss, 1e-12);
        Assert.Equal((0.0, 0.0), (plain.GradOwn, plain.GradReference));
        Assert.Equal((-.3, .3), (bold.GradOwn, bold.GradReference));
        Assert.Equal((plain.GradChosen, plain.GradRejected), (bold.GradChosen, bold.GradRejected));
    });

    [Fact]
    public void the_gradient_of_the_distillation_is_the_finite_difference() => Example.ForAll(example =>
    {
        var loss = new RewardDistillationLoss(example.Beta, 1.7);
        var p = example.Logps;
        var result = loss.Evaluate(p);
        double Slope(Func<double, SequenceLogps> moved) => (loss.Evaluate(moved(Step)).Loss - loss.Evaluate(moved(-Step)).Loss) / (2 * Step);
        var tolerance = 1e-6 * (1 + Math.Abs(result.GradPolicyChosen) + Math.Abs(result.Loss));
        Assert.Equal(Slope(d => p with { PolicyChosen = p.PolicyChosen + d }), result.GradPolicyChosen, tolerance);
        Assert.Equal(Slope(d => p with { PolicyRejected = p.PolicyRejected + d }), result.GradPolicyRejected, tolerance);
        Assert.Equal(0, result.GradPolicySample);
    });

    [Fact]
    public void the_distillation_is_zero_on_all_pairs_for_the_policy_of_the_reward_and_for_no_neighbour() => ForAll(random =>
    {
        const double beta = .3;
        var (reward, reference) = (Enumerable.Range(0, 5).Select(_ => Number(random)).ToArray(), Enumerable.Range(0, 5).Select(_ => Number(random)).ToArray());
        var logZ = Math.Log(reference.Zip(reward, (l, r) => Math.Exp(l + (r / beta))).Sum());
        double Total(double[] policy) => (from a in Enumerable.Range(0, 5)
                                          from b in Enumerable.Range(0, 5)
                                          select new RewardDistillationLoss(beta, reward[a] - reward[b])
                                              .Evaluate(new SequenceLogps(policy[a], policy[b], 0, reference[a], reference[b], 0)).Loss).Sum();
        double[] best = [.. reference.Zip(reward, (l, r) => l + (r / beta) - logZ)];
        Assert.Equal(0, Total(best), 1e-18);
        best[random.NextInt(5)] += .1;
        Assert.InRange(Total(best), 1e-3, 1);
    });

    private static double Number(PhiloxStream random) => (4 * random.NextDouble()) - 2;

    private static void ForAll(Action<PhiloxStream> holds)
    {
        for (var k = 0; k < 200; k++)
        {
            holds(new PhiloxStream(7, "explicit reward", k));
        }
    }
}
