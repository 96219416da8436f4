// (3.4), Theorem 3.1 and appendix B as they are printed: rho is fixed and anything, the minimisation is over theta. What the
// sentences after the theorem say about rewards is no part of it; BonusStep measures them.
using System.Numerics;

namespace Selm.Research.Theory;

internal static class TheoremSteps
{
    /// <summary>Logits of the bounded class in which the display's two minima exist: within ±3.</summary>
    internal const double Bound = 3;

    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        var numerical = Theorem31.Numerical(world.Other, world.Reference, world.Beta);
        Minimiser(steps, world, numerical);
        Display(steps, world, numerical);
        Corollary(steps, world);
        OneStep(steps, world);
    }

    private static void Minimiser(StepList steps, FiniteWorld world, double[][] numerical)
    {
        var (reference, rho, beta) = (world.Reference, world.Other, world.Beta);
        var minimum = Theorem31.ClosedForm(rho, reference, beta);
        steps.Add("the minimiser, found numerically", Equations.Minimum, 8,
            "argmin_pi E_pi[r_rho] + beta KL(pi || pi_rho) = pi_rho exp(-r_rho/beta)/Z", "Newton's method on the simplex knows nothing of the tilt",
            Tables.Flat(numerical), TiltSteps.Probabilities(minimum));
        steps.Add("its normaliser", Equations.AppendixB, 8,
            "Z(x) = E_rho[exp(-r_rho/beta)] = sum pi_ref = 1, so log Z = 0", "exp(-r_rho/beta) = pi_ref/pi_rho",
            rho.LogPartition(rho.ImplicitReward(reference, beta), -beta), new double[world.Prompts]);
        steps.Add("it is the reference", Equations.AppendixB, 8,
            "pi_rho^min = pi_ref, for every rho", "pi_rho (pi_ref/pi_rho)",
            TiltSteps.Probabilities(minimum), TiltSteps.Probabilities(reference));
    }

    private static void Display(StepList steps, FiniteWorld world, double[][] numerical)
    {
        var (reference, rho, beta) = (world.Reference, world.Other, world.Beta);
        var minimum = Probabilities(Theorem31.ClosedForm(rho, reference, beta));
        // pi_theta anywhere: at random, at the reference, at rho, and where training has driven it far.
        TabularPolicy[] thetas = [world.Policy, reference, rho, reference.Tilt(world.Reward, beta)];
        double[] right = [.. thetas.Select(theta => ExactObjectives.ReferenceLogLikelihood(theta, reference))];
        steps.Add("the display, at every theta", Equations.Theorem, 8,
            "E_{pi_rho^min}[log pi_theta] = E_ref[log pi_theta]", "put pi_rho^min = pi_ref in: one function of theta, so whatever minimises one minimises the other",
            [.. thetas.Select(theta => Theorem31.LogLikelihood(minimum, theta))], right);
        steps.Add("the display, minimiser found numerically", Equations.Theorem, 8,
            "E_{argmin (3.4)}[log pi_theta] = E_ref[log pi_theta]", "the same without the closed form",
            [.. thetas.Select(theta => Theorem31.LogLikelihood(numerical, theta))], right);
        steps.Add("the display over a bounded class", Equations.Theorem, 8,
            "min_theta E_{pi_rho^min}[log pi_theta] = min_theta E_ref[log pi_theta], logits within ±3", "there both minima exist, at a corner of the box",
            Theorem31.LowestLogLikelihood(minimum, Bound), Theorem31.LowestLogLikelihood(Probabilities(reference), Bound));
        double[] times = [10, 100, 1e3, 1e4, 1e5, 1e6];
        double[][] side = [.. new[] { minimum, Probabilities(reference) }.Select(p => times.Select(t => Theorem31.LogLikelihood(p, Theorem31.Escape(reference, t))).ToArray())];
        var entropy = ExactObjectives.ReferenceLogLikelihood(reference, reference);
        steps.Add("both sides have no minimum", Equations.Theorem, 8,
            "E_ref[log pi_t] = E_ref[log pi_ref] - E_x[t pi_ref(y) + log(1 - pi_ref(y) (1 - exp(-t)))] -> -infinity, and so E_{pi_rho^min}[log pi_t]",
            "pi_t is pi_ref with the logit of its likeliest y lowered by t; over an unrestricted class both minima are -infinity",
            [.. side[0], .. side[1]], [.. Enumerable.Repeat(times.Select(t => entropy - Fall(reference, t)), 2).SelectMany(both => both)]);
    }

    private static void Corollary(StepList steps, FiniteWorld world)
    {
        var (reference, rho, beta) = (world.Reference, world.Other, world.Beta);
        var lowest = Theorem31.Regularised(Theorem31.Numerical(rho, reference, beta), rho, reference, beta);
        steps.Add("corollary: the lowest regularised reward", Equations.AppendixB, 8,
            "min_pi E_pi[r_rho] + beta KL(pi || pi_rho) = E_ref[r_rho] + beta KL(pi_ref || pi_rho) = 0", "-beta log Z; for every rho",
            [.. lowest, .. lowest],
            [.. Enumerable.Range(0, world.Prompts).Select(x => reference.Expect(x, rho.ImplicitReward(reference, beta)[x]) + beta * reference.Kl(rho, x)), .. new double[world.Prompts]]);
        var reward = rho.ImplicitReward(reference, beta);
        steps.Add("not without the KL term", Equations.AppendixB, 8,
            "sign(E_ref[r_rho] - min_pi E_pi[r_rho]) = 1, prompt by prompt", "without it the policy that always gives the response of the lowest r_rho has less",
            [.. reward.Select((row, x) => (double)Math.Sign(reference.Expect(x, row) - row.Min()))], [.. reward.Select(_ => 1.0)]);
    }

    private static void OneStep(StepList steps, FiniteWorld world)
    {
        var (theta, reference) = (world.Policy, world.Reference);
        var pushes = Tables.Of(world.Prompts, world.Responses, (x, y) => theta.Prob(x, y) - reference.Prob(x, y));
        steps.Add("what one step of the bonus changes", Equations.Theorem, 8,
            "d log pi(y)/d step = [pi_theta - pi_ref](y) - E_theta[pi_theta - pi_ref]", "logits move along pi_theta - pi_ref: no reward occurs in it, r* least of all",
            [.. Enumerable.Range(0, world.Prompts).SelectMany(x => Enumerable.Range(0, world.Responses).Select(y => ComplexStep.Gradient(
                step => ComplexStep.LogSoftmax([.. pushes[x].Select((push, k) => theta.LogProb(x, k) + step[0] * push)])[y], [0])[0]))],
            Tables.Flat(BonusStep.Change(theta, reference)));
    }

    private static double[][] Probabilities(TabularPolicy policy) => Tables.Map(policy.ToLogits(), Math.Exp);

    // How far E_ref[log pi_t] has fallen: t on the likeliest response, less what the others gain.
    private static double Fall(TabularPolicy reference, double t) => Tables.Mean(reference.Prompts, x =>
    {
        var p = reference.Prob(x, reference.Greedy(x));
        return t * p + Math.Log(1 - p * (1 - Math.Exp(-t)));
    });
}
