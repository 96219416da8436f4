// Lesson 05: the inner objective F, its maximum, and the loss that comes out.
using Selm.Research.Numerics;
using Selm.Research.Objectives;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 05, the derivation. All policies and rewards are arrays over the responses of one prompt.</summary>
public static class Exercises05
{
    /// <summary>05.1: F(pi; r) of (3.1) from pi, pi_ref, r and beta.</summary>
    /// <param name="answer">(pi, pi_ref, r, beta) to F.</param>
    public static ExerciseResult Inner(Func<double[], double[], double[], double, double>? answer) => Exercise.Judge("05.1", answer, (f, random) =>
    {
        var (pi, reference, r, beta) = (Draw.Policy(random), Draw.Policy(random), Draw.Rewards(random), Draw.Beta(random));
        var (own, others, kl, reversed) = (Draw.Mean(pi, r), Draw.Mean(reference, r), Draw.Kl(pi, reference), Draw.Kl(reference, pi));
        return new Trial(f([.. pi], [.. reference], [.. r], beta), own - others - (beta * kl),
            ("both responses are drawn from pi, so the reward cancels: y' comes from pi_ref (erratum 1)", -beta * kl),
            ("the second response y' is missing: subtract E_ref[r]", own - (beta * kl)),
            ("the KL divergence is the wrong way round: KL(pi || pi_ref) has pi as its weights", own - others - (beta * reversed)),
            ("the sign of the KL term: leaving pi_ref costs, it does not pay", own - others + (beta * kl)),
            ("the KL term has no beta", own - others - kl));
    });

    /// <summary>05.2: the maximum of F over all policies, from pi_ref, r and beta alone.</summary>
    /// <param name="answer">(pi_ref, r, beta) to max F.</param>
    public static ExerciseResult InnerMaximum(Func<double[], double[], double, double>? answer) => Exercise.Judge("05.2", answer, (f, random) =>
    {
        var (reference, r, beta) = (Draw.Policy(random), Draw.Rewards(random), Draw.Beta(random));
        var logZ = Math.Log(reference.Zip(r, (p, reward) => p * Math.Exp(reward / beta)).Sum());
        var mean = Draw.Mean(reference, r);
        return new Trial(f([.. reference], [.. r], beta), (beta * logZ) - mean,
            ("that is max E[r] - beta KL of (2.3); (3.1) also subtracts E_ref[r]", beta * logZ),
            ("log Z is not multiplied with beta", logZ - mean),
            ("without the KL term the maximum would be max r - E_ref[r]; the KL term makes it softer", r.Max() - mean),
            ("the exponent is r/beta, not r", (beta * Math.Log(reference.Zip(r, (p, reward) => p * Math.Exp(reward)).Sum())) - mean));
    });

    /// <summary>05.3: the SELM loss of one example from six log-probabilities, (3.2) negated.</summary>
    /// <param name="answer">(log-probabilities, alpha, beta) to the loss.</param>
    public static ExerciseResult Loss(Func<SequenceLogps, double, double, double>? answer) => Exercise.Judge("05.3", answer, (f, random) =>
    {
        double Logp() => -5 - (20 * random.NextDouble());
        var logps = new SequenceLogps(Logp(), Logp(), Logp(), Logp(), Logp(), Logp());
        var (alpha, beta) = (0.01 + (0.3 * random.NextDouble()), Draw.Beta(random));
        var fit = LogMath.Softplus(-beta * logps.Margin);
        var optimism = logps.ReferenceLogRatio;
        return new Trial(f(logps, alpha, beta), fit + (alpha * beta * optimism),
            ("the sign of the optimism term: the loss is minimised, so +alpha beta pushes log pi(y) down", fit - (alpha * beta * optimism)),
            ("the weight of the optimism term is alpha beta; alpha alone is Algorithm 1 as printed (erratum 4)", fit + (alpha * optimism)),
            ("the margin lacks pi_ref: it is the difference of two log-ratios", LogMath.Softplus(-beta * (logps.PolicyChosen - logps.PolicyRejected)) + (alpha * beta * optimism)),
            ("log pi_ref(y) is missing: that changes no gradient, but the loss of the kit is 0 bonus at pi = pi_ref", fit + (alpha * beta * logps.PolicySample)),
            ("the margin is chosen minus rejected", LogMath.Softplus(beta * logps.Margin) + (alpha * beta * optimism)));
    });
}
