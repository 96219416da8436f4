// (3.1) to (3.2) through appendix A: the tilt that solves the inner problem (an unnumbered line of section 3.1), its value
// (A.1), then the reward written by its policy.
using System.Numerics;

namespace Selm.Research.Theory;

internal static class ObjectiveSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        Bilevel(steps, world);
        AppendixA(steps, world);
        Selm(steps, world);
    }

    private static void Bilevel(StepList steps, FiniteWorld world)
    {
        var (reference, beta) = (world.Reference, world.Beta);
        steps.Add("the second response", Equations.Bilevel, 5,
            "y' is drawn from pi_ref; drawn from pi, which is what the subscript leaves, the reward cancels", "erratum 1",
            ("F = E_{y, y' ~ pi}[r(y) - r(y')] - beta KL(pi || pi_ref)", [F(world, world.Policy)], [DoubleSum(world, world.Policy)]),
            ("F = E_{y ~ pi, y' ~ pi_ref}[r(y) - r(y')] - beta KL(pi || pi_ref)", [F(world, world.Policy)], [DoubleSum(world, reference)]));
        steps.Add("no move, no value", Equations.Bilevel, 5,
            "F(pi_ref; r) = 0", "both responses then have one distribution and the KL is 0", F(world, reference), 0);
        var best = InnerMaximum(world);
        steps.Add("the inner maximum, found numerically", Equations.InnerValue, 5,
            "max_pi F(pi; r) = beta log E_ref[exp(r/beta)] - E_ref[r]", "the lemma of (2.3), less a constant",
            F(world, Numerical(world)), best);
        steps.Add("every other policy is worse", Equations.Bilevel, 5,
            "F(pi; r) = max F - beta KL(pi || pi_r)", "the lemma of (2.3)",
            F(world, world.Other), best - beta * world.Other.Kl(reference.Tilt(world.Reward, beta)));
    }

    private static void AppendixA(StepList steps, FiniteWorld world)
    {
        var (reference, beta) = (world.Reference, world.Beta);
        var optimum = reference.Tilt(world.Reward, beta);
        steps.Add("the tilt is stationary", Equations.Section31, 5,
            "grad F(pi; r) = 0 in the logits at pi_r = pi_ref exp(r/beta)/Z", "r - beta log(pi_r/pi_ref) is beta log Z(x), the same for every y",
            Tables.Flat(ComplexStep.LogitGradient(logps => InnerUpToConstant(world, logps), optimum)),
            new double[world.Prompts * world.Responses]);
        steps.Add("the inner value in r", Equations.InnerValue, 5,
            "F(pi_r; r) = beta log Z - E_ref[r]", "E_{pi_r}[r] - beta KL(pi_r || pi_ref) = beta log Z",
            F(world, optimum), InnerMaximum(world));
        steps.Add("the inner value in pi_r", Equations.AppendixA, 5,
            "F(pi_r; r) = -beta E_ref[log pi_r - log pi_ref]", "put r = beta log(pi_r/pi_ref) + beta log Z in; log Z cancels",
            F(world, optimum), -optimum.ImplicitReward(reference, beta).Select((row, x) => reference.Expect(x, row)).Average());
        steps.Add("the gauge is free", Equations.AppendixA, 5,
            "F(pi_r; r + c(x)) = F(pi_r; r), so r = beta log(pi/pi_ref), with log Z = 0, loses no reward", "pi_{r+c} = pi_r, and c(x) cancels against y'",
            ExactObjectives.Inner(optimum, world.ShiftedReward, reference, beta), F(world, optimum), remark: 10);
        steps.Add("one objective, written twice", Equations.AppendixA, 5,
            "-L_lr(r) + alpha F(pi_r; r) = -L_DPO(pi_r) - alpha beta E_ref[log pi_r] + alpha beta E_ref[log pi_ref]", "the two lines above; the last term is constant",
            -BradleyTerry.Loss(world.Reward, world.Data) + world.Alpha * F(world, optimum),
            -ExactObjectives.Dpo(optimum, reference, world.Data, beta)
                - world.Alpha * beta * (ExactObjectives.ReferenceLogLikelihood(optimum, reference) - ExactObjectives.ReferenceLogLikelihood(reference, reference)));
    }

    private static void Selm(StepList steps, FiniteWorld world)
    {
        var (reference, beta, policy, reward) = (world.Reference, world.Beta, world.Policy, world.ImplicitReward);
        steps.Add("an implicit reward needs no normalisation", Equations.AppendixA, 5,
            "E_ref[exp(r_theta/beta)] = 1, so the first term of (A.1), beta log Z(x), is 0", "sum pi_theta = 1",
            reference.LogPartition(reward, beta), new double[world.Prompts]);
        steps.Add("the bonus is a repulsion from pi_ref", Equations.Selm, 6,
            "F(pi_theta; r_theta) = beta KL(pi_ref || pi_theta)", "blind to counts and to the true reward",
            ExactObjectives.Inner(policy, reward, reference, beta), beta * reference.Kl(policy));
        steps.Add("the SELM objective", Equations.Selm, 5,
            "-L_lr(r_theta) + alpha F(pi_theta; r_theta) = -L_DPO - alpha beta E_ref[log pi_theta] + constant", "the loss of the kit, negated",
            -BradleyTerry.Loss(reward, world.Data) + world.Alpha * ExactObjectives.Inner(policy, reward, reference, beta),
            -ExactObjectives.SelmExact(policy, reference, world.Data, beta, world.Alpha));
    }

    private static double F(FiniteWorld world, TabularPolicy policy) =>
        ExactObjectives.Inner(policy, world.Reward, world.Reference, world.Beta);

    private static double InnerMaximum(FiniteWorld world) =>
        world.Beta * world.Reference.LogPartition(world.Reward, world.Beta).Average() - world.Reference.Expect(world.Reward);

    // The expectation over both responses as the double sum that it is, y' from `second`.
    private static double DoubleSum(FiniteWorld world, TabularPolicy second) => Tables.Mean(world.Prompts, x =>
    {
        var sum = 0.0;
        for (var y = 0; y < world.Responses; y++)
        {
            for (var other = 0; other < world.Responses; other++)
            {
                sum += world.Policy.Prob(x, y) * second.Prob(x, other) * (world.Reward[x][y] - world.Reward[x][other]);
            }
        }
        return sum;
    }) - world.Beta * world.Policy.Kl(world.Reference);

    private static TabularPolicy Numerical(FiniteWorld world) => new(Tables.Map(
        [.. Enumerable.Range(0, world.Prompts).Select(x =>
            SimplexMinimizer.Minimize([.. world.Reward[x].Select(r => -r)], world.Reference.LogProbs(x), world.Beta))],
        Math.Log));

    // E_pi[r] - beta KL(pi || pi_ref) of complex log-probabilities; the term in y' does not depend on pi.
    private static Complex InnerUpToConstant(FiniteWorld world, Complex[][] logps) =>
        logps.SelectMany((row, x) => row.Select((logp, y) =>
                Complex.Exp(logp) * (world.Reward[x][y] - world.Beta * (logp - world.Reference.LogProb(x, y)))))
            .Aggregate(Complex.Zero, (sum, z) => sum + z) / world.Prompts;
}
