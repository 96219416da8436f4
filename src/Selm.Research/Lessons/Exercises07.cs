// Lesson 07: why the log-probability of chosen responses falls.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 07, falling rewards.</summary>
public static class Exercises07
{
    /// <summary>07.1: E_ref[r_theta/beta] from the probabilities of both policies.</summary>
    /// <param name="answer">(pi_theta, pi_ref) to the mean log-ratio of reference samples, in nats.</param>
    public static ExerciseResult MeanLogRatio(Func<double[], double[], double>? answer) => Exercise.Judge("07.1", answer, (f, random) =>
    {
        var (policy, reference) = (Draw.Policy(random), Draw.Policy(random));
        return new Trial(f([.. policy], [.. reference]), -Draw.Kl(reference, policy),
            ("the samples come from pi_ref, so its probabilities are the weights", Draw.Kl(policy, reference)),
            ("the sign: the log-ratio is log pi_theta - log pi_ref", Draw.Kl(reference, policy)),
            ("take the expectation of the logarithm, not the logarithm of the expectation, which is log Z = 0", 0),
            ("a mean over responses is not an expectation: weigh with pi_ref", policy.Zip(reference, (p, q) => Math.Log(p / q)).Average()));
    });

    /// <summary>07.2: what one small DPO step does to log pi(y_w) when every response has a logit of its own, over rate times beta sigma.</summary>
    /// <param name="answer">(pi, index of y_w, index of y_l) to the change.</param>
    public static ExerciseResult TabularChange(Func<double[], int, int, double>? answer) => Exercise.Judge("07.2", answer, (f, random) =>
    {
        var (pi, chosen, rejected) = Pair(Draw.Policy(random), random.NextInt(Draw.Responses), random.NextInt(Draw.Responses - 1));
        return new Trial(f([.. pi], chosen, rejected), 1 - pi[chosen] + pi[rejected],
            ("the rejected logit falls too, and that frees probability: +pi(y_l)", 1 - pi[chosen]),
            ("the sign of pi(y_l): lowering the rejected logit raises everything else", 1 - pi[chosen] - pi[rejected]),
            ("that is the change of the logit; log pi also has the normaliser", 1),
            ("that is the change of the margin log pi(y_w) - log pi(y_l)", 2));
    });

    /// <summary>07.3: the same where all responses share one parameter theta, logit = theta phi(y).</summary>
    /// <param name="answer">(pi, phi, index of y_w, index of y_l) to the change.</param>
    public static ExerciseResult SharedChange(Func<double[], double[], int, int, double>? answer) => Exercise.Judge("07.3", answer, (f, random) =>
    {
        var (pi, chosen, rejected) = Pair(Draw.Policy(random), random.NextInt(Draw.Responses), random.NextInt(Draw.Responses - 1));
        var phi = Draw.Rewards(random);
        var (mean, difference) = (Draw.Mean(pi, phi), phi[chosen] - phi[rejected]);
        return new Trial(f([.. pi], [.. phi], chosen, rejected), difference * (phi[chosen] - mean),
            ("log pi has a normaliser: d log pi(y)/d theta = phi(y) - E_pi[phi]", difference * phi[chosen]),
            ("that is the change of the margin; log pi(y_w) alone moves by phi(y_w) - E_pi[phi] times the step of theta", difference * difference),
            ("that is the rejected response's change", difference * (phi[rejected] - mean)),
            ("that is d log pi(y_w)/d theta; theta itself moves by phi(y_w) - phi(y_l)", phi[chosen] - mean));
    });

    /// <summary>07.4: the mean log-ratio of chosen responses where both responses of every pair are fresh samples of the reference.</summary>
    /// <param name="answer">(pi_theta, pi_ref, mean margin of log-ratios) to nats.</param>
    public static ExerciseResult ChosenBill(Func<double[], double[], double, double>? answer) => Exercise.Judge("07.4", answer, (f, random) =>
    {
        var (policy, reference, margin) = (Draw.Policy(random), Draw.Policy(random), 2 * random.NextDouble());
        var kl = Draw.Kl(reference, policy);
        return new Trial(f([.. policy], [.. reference], margin), (margin / 2) - kl,
            ("chosen and rejected share the margin: half of it each", margin - kl),
            ("both means add up to -2 KL, so each carries one KL", (margin / 2) - (2 * kl)),
            ("the samples are the reference's: KL(pi_ref || pi_theta)", (margin / 2) - Draw.Kl(policy, reference)),
            ("the sign of the margin: chosen is the upper one", -(margin / 2) - kl));
    });

    private static (double[] Pi, int Chosen, int Rejected) Pair(double[] pi, int chosen, int other) => (pi, chosen, other >= chosen ? other + 1 : other);
}
