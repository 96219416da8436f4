// Lesson 08: the minimiser of (3.4), its value, and the way down that has no end.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 08, Theorem 3.1.</summary>
public static class Exercises08
{
    /// <summary>08.1: the minimiser of E_pi[r] + beta KL(pi || pi_rho) for any reward r.</summary>
    /// <param name="answer">(pi_rho, r, beta) to probabilities.</param>
    public static ExerciseResult Minimiser(Func<double[], double[], double, double[]>? answer) => Exercise.Judge("08.1", answer, (f, random) =>
    {
        var (rho, r, beta) = (Draw.Policy(random), Draw.Rewards(random), Draw.Beta(random));
        double[] Tilt(double by) => [.. rho.Zip(r, (p, reward) => p * Math.Exp(by * reward))];
        return new Trial(f([.. rho], [.. r], beta), Normalised(Tilt(-1 / beta)),
        [
            ("that tilts towards high rewards; a minimum tilts towards low ones: exp(-r/beta)", Normalised(Tilt(1 / beta))),
            ("the probabilities do not sum to 1: divide by Z", Tilt(-1 / beta)),
            ("the exponent is r/beta", Normalised(Tilt(-beta))),
            ("the exponent is r/beta, not r", Normalised(Tilt(-1))),
            ("the KL term holds on to pi_rho: multiply the exponential with it", Normalised([.. r.Select(reward => Math.Exp(-reward / beta))])),
        ]);
    });

    /// <summary>08.2: the objective of (3.4), E_p[r_rho] + beta KL(p || pi_rho), at any p.</summary>
    /// <param name="answer">(p, pi_rho, pi_ref, beta) to its value.</param>
    public static ExerciseResult Objective(Func<double[], double[], double[], double, double>? answer) => Exercise.Judge("08.2", answer, (f, random) =>
    {
        var (p, rho, reference, beta) = (Draw.Policy(random), Draw.Policy(random), Draw.Policy(random), Draw.Beta(random));
        var reward = beta * Draw.Mean(p, [.. rho.Zip(reference, (one, other) => Math.Log(one / other))]);
        return new Trial(f([.. p], [.. rho], [.. reference], beta), reward + (beta * Draw.Kl(p, rho)),
            ("the KL term holds on to pi_rho here, not to pi_ref", reward + (beta * Draw.Kl(p, reference))),
            ("that is E_p[r_rho] alone; (3.4) adds beta KL(p || pi_rho)", reward),
            ("the sign of the KL term: this is a minimum, so distance is added", reward - (beta * Draw.Kl(p, rho))),
            ("the reward is beta times the log-ratio", (reward / beta) + (beta * Draw.Kl(p, rho))),
            ("r_rho is beta (log pi_rho - log pi_ref), not the other way round", -reward + (beta * Draw.Kl(p, rho))));
    });

    /// <summary>08.3: E_ref[r_rho] after the logit of response k was lowered by t.</summary>
    /// <param name="answer">(pi_ref, k, t, beta) to the bonus.</param>
    public static ExerciseResult Escape(Func<double[], int, double, double, double>? answer) => Exercise.Judge("08.3", answer, (f, random) =>
    {
        var (reference, k, t, beta) = (Draw.Policy(random), random.NextInt(Draw.Responses), 1 + (4 * random.NextDouble()), Draw.Beta(random));
        var logZ = Math.Log(1 - reference[k] + (reference[k] * Math.Exp(-t)));
        return new Trial(f([.. reference], k, t, beta), beta * ((-t * reference[k]) - logZ),
            ("the normaliser is missing: the other responses gain what k has lost", -beta * t * reference[k]),
            ("the sign of log Z: it is subtracted from every log-probability", beta * ((-t * reference[k]) + logZ)),
            ("only pi_ref(k) of all samples lose t", beta * (-t - logZ)),
            ("the implicit reward is beta times the log-ratio", (-t * reference[k]) - logZ));
    });

    private static double[] Normalised(double[] weights)
    {
        var z = weights.Sum();
        return [.. weights.Select(weight => weight / z)];
    }
}
