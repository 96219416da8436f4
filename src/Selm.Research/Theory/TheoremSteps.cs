// (3.4), Theorem 3.1 and appendix B: an identity, and what the sentence about "the lowest implicit reward" needs to be true.
namespace Selm.Research.Theory;

internal static class TheoremSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        var (reference, rho, beta) = (world.Reference, world.Other, world.Beta);
        var reward = rho.ImplicitReward(reference, beta);
        var minimum = Theorem31.ClosedForm(rho, reference, beta);
        var numerical = Theorem31.Numerical(rho, reference, beta);
        steps.Add("the minimiser, found numerically", Equations.Minimum, 8,
            "argmin_pi E_pi[r_rho] + beta KL(pi || pi_rho) = pi_rho exp(-r_rho/beta)/Z", "Newton's method on the simplex knows nothing of the tilt",
            Tables.Flat(numerical), TiltSteps.Probabilities(minimum));
        steps.Add("its normaliser", Equations.AppendixB, 8,
            "Z(x) = E_rho[exp(-r_rho/beta)] = sum pi_ref = 1", "exp(-r_rho/beta) = pi_ref/pi_rho",
            rho.LogPartition(reward, -beta), new double[world.Prompts]);
        steps.Add("it is the reference", Equations.AppendixB, 8,
            "pi_rho^min = pi_ref, for every rho", "pi_rho (pi_ref/pi_rho)",
            TiltSteps.Probabilities(minimum), TiltSteps.Probabilities(reference));
        steps.Add("its value", Equations.AppendixB, 8,
            "min_pi E_pi[r_rho] + beta KL(pi || pi_rho) = 0", "-beta log Z; for every rho",
            Theorem31.Regularised(numerical, rho, reference, beta), new double[world.Prompts]);
        steps.Add("the theorem", Equations.Theorem, 8,
            "E_{y ~ pi_rho^min}[r_rho] = beta E_ref[log pi_rho] - beta E_ref[log pi_ref]", "put pi_rho^min = pi_ref in: an identity, so both minima over rho agree",
            minimum.Expect(reward),
            beta * (ExactObjectives.ReferenceLogLikelihood(rho, reference) - ExactObjectives.ReferenceLogLikelihood(reference, reference)));
        var far = Theorem31.Escape(reference, 700);
        steps.Add("both sides have no minimum", Equations.Theorem, 8,
            "E_ref[r_rho]/beta = -E_x KL(pi_ref || pi_rho) -> -infinity as rho leaves one response", "nothing in the policy class stops it: about -t pi_ref(y)",
            reference.Expect(far.ImplicitReward(reference, beta)) / beta, -reference.Kl(far));
        steps.Add("the lowest implicit reward", Equations.Theorem, 8,
            "pi_ref minimises with the KL term of (3.4); without it the lowest response does", "Theorem 3.1 without the KL term",
            ("min_pi E_pi[r_rho] = E_ref[r_rho]", [reward.Average(row => row.Min())], [reference.Expect(reward)]),
            ("min_pi E_pi[r_rho] + beta KL(pi || pi_rho) = E_ref[r_rho] + beta KL(pi_ref || pi_rho)",
                [Theorem31.Regularised(numerical, rho, reference, beta).Average()], [reference.Expect(reward) + beta * reference.Kl(rho)]));
    }
}
