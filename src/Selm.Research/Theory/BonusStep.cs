// The sentences after Theorem 3.1: which responses does a step of the bonus make less probable, those of low reward? The step
// knows pi_theta and pi_ref and nothing else, so the answer lies in what these two know about a reward.
namespace Selm.Research.Theory;

/// <summary>Slopes of the change of log pi(y), made by one small step of the exact bonus, on a reward; per unit of step (rate times alpha beta) and of reward.</summary>
/// <param name="Implicit">On r_rho/beta, the implicit reward in nats of a policy drawn by itself.</param>
/// <param name="Blind">On r*, of which neither policy knows anything.</param>
/// <param name="ReferenceKnows">On r*, where pi_ref is tilted towards it.</param>
/// <param name="PolicyKnows">On r*, where pi_theta comes from pi_ref by steps of DPO on pairs that r* ordered.</param>
public readonly record struct BonusSlopes(double Implicit, double Blind, double ReferenceKnows, double PolicyKnows);

/// <summary>One small step of gradient ascent on the exact bonus -alpha beta E_ref[log pi_theta]. Derived in lesson 08.</summary>
public static class BonusStep
{
    private const int DpoSteps = 10;

    /// <summary>d log pi(y|x) / d step as one row per prompt: logits move along pi_theta - pi_ref.</summary>
    /// <param name="theta">pi_theta.</param>
    /// <param name="reference">pi_ref.</param>
    public static double[][] Change(TabularPolicy theta, TabularPolicy reference)
    {
        var push = Tables.Of(theta.Prompts, theta.Responses, (x, y) => theta.Prob(x, y) - reference.Prob(x, y));
        return [.. push.Select((row, x) =>
        {
            var mean = theta.Expect(x, row);
            return row.Select(value => value - mean).ToArray();
        })];
    }

    /// <summary>The slopes in a world, whose <see cref="FiniteWorld.Reward"/> is the true reward r* here.</summary>
    /// <param name="world">A random world: its policies were drawn without regard to its reward.</param>
    public static BonusSlopes Slopes(FiniteWorld world)
    {
        var (reference, policy, truth) = (world.Reference, world.Policy, world.Reward);
        var informed = reference.Tilt(truth, 1);
        return new BonusSlopes(
            Slope(world.Other.ImplicitReward(reference, 1), Change(policy, reference)),
            Slope(truth, Change(policy, reference)),
            Slope(truth, Change(policy, informed)),
            Slope(truth, Change(AfterDpo(world), reference)));
    }

    /// <summary>The least-squares slope of y on x with an intercept of its own for every row.</summary>
    /// <param name="x">The regressor, one row per prompt.</param>
    /// <param name="y">What is explained, as many numbers.</param>
    /// <returns>Not a number where x does not vary.</returns>
    public static double Slope(double[][] x, double[][] y)
    {
        var (covariance, variance) = (0.0, 0.0);
        for (var row = 0; row < x.Length; row++)
        {
            var mean = x[row].DefaultIfEmpty(0).Average();
            for (var i = 0; i < x[row].Length; i++)
            {
                covariance += (x[row][i] - mean) * y[row][i];
                variance += (x[row][i] - mean) * (x[row][i] - mean);
            }
        }
        return covariance / variance;
    }

    // pi_ref after ten steps of DPO, which together move the log-ratio of a compared response by about a nat, on the world's pairs as r* orders them.
    private static TabularPolicy AfterDpo(FiniteWorld world)
    {
        Comparison[] labelled = [.. world.Data.Select(d => world.Reward[d.Prompt][d.Chosen] >= world.Reward[d.Prompt][d.Rejected] ? d : d with { Chosen = d.Rejected, Rejected = d.Chosen })];
        var (policy, rate) = (world.Reference, 2.0 * world.Data.Count / world.Beta / DpoSteps);
        for (var step = 0; step < DpoSteps; step++)
        {
            var gradient = ExactObjectives.DpoGradient(policy, world.Reference, labelled, world.Beta);
            policy = new TabularPolicy(Tables.Of(world.Prompts, world.Responses, (x, y) => policy.LogProb(x, y) - rate * gradient[x][y]));
        }
        return policy;
    }
}
