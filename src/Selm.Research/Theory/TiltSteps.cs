// (2.3) and its closed form: the exponential tilt is the only lemma of the paper.
namespace Selm.Research.Theory;

internal static class TiltSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        var (reference, beta) = (world.Reference, world.Beta);
        var optimum = reference.Tilt(world.Reward, beta);
        var value = beta * reference.LogPartition(world.Reward, beta).Average();
        steps.Add("the lemma", Equations.Rlhf, 3,
            "E_pi[r] - beta KL(pi || pi_ref) = beta log Z - beta KL(pi || pi_r), any pi", "put r = beta log(pi_r/pi_ref) + beta log Z in",
            Rlhf(world, world.Policy), value - beta * world.Policy.Kl(optimum));
        steps.Add("the maximum", Equations.Rlhf, 3,
            "max_pi E_pi[r] - beta KL(pi || pi_ref) = beta log E_ref[exp(r/beta)]", "the lemma at pi = pi_r, where its last term is 0",
            Rlhf(world, optimum), value);
        steps.Add("the maximiser, found numerically", Equations.Rlhf, 3,
            "argmax_pi E_pi[r] - beta KL(pi || pi_ref) = pi_ref exp(r/beta)/Z", "Newton's method on the simplex knows nothing of the tilt",
            [.. Enumerable.Range(0, world.Prompts).SelectMany(x =>
                SimplexMinimizer.Minimize([.. world.Reward[x].Select(r => -r)], reference.LogProbs(x), beta))],
            Probabilities(optimum));
        steps.Add("the reward in its optimum", Equations.Rlhf, 3,
            "r(x, y) = beta log(pi_r/pi_ref) + beta log Z(x)", "solve the tilt for r",
            Tables.Flat(world.Reward),
            Tables.Flat(Recovered(world, optimum)));
        steps.Add("any policy is optimal for its own reward", Equations.Rlhf, 3,
            "pi_ref exp(r_theta/beta)/Z = pi_theta for r_theta = beta log(pi_theta/pi_ref)", "the tilt undoes the logarithm",
            Probabilities(reference.Tilt(world.ImplicitReward, beta)), Probabilities(world.Policy));
        steps.Add("DPO is the likelihood of the optimum", Equations.Rlhf, 3,
            "L_DPO(pi_r; D) = L_lr(r; D)", "beta log Z(x) cancels within a prompt",
            ExactObjectives.Dpo(optimum, reference, world.Data, beta), BradleyTerry.Loss(world.Reward, world.Data));
    }

    /// <summary>E_pi[r] - beta KL(pi || pi_ref), the objective of (2.3).</summary>
    private static double Rlhf(FiniteWorld world, TabularPolicy policy) =>
        policy.Expect(world.Reward) - world.Beta * policy.Kl(world.Reference);

    private static double[][] Recovered(FiniteWorld world, TabularPolicy optimum)
    {
        var implied = optimum.ImplicitReward(world.Reference, world.Beta);
        var logZ = world.Reference.LogPartition(world.Reward, world.Beta);
        return Tables.Of(world.Prompts, world.Responses, (x, y) => implied[x][y] + world.Beta * logZ[x]);
    }

    internal static double[] Probabilities(TabularPolicy policy) => Tables.Flat(Tables.Map(policy.ToLogits(), Math.Exp));
}
