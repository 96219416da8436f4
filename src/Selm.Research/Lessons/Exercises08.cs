// Lesson 08: the minimiser of (3.4), its value, the way down that has no end, and what one step of the bonus changes.
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

    /// <summary>08.3: E_ref[log pi_theta] where pi_theta is pi_ref with the logit of response k lowered by t.</summary>
    /// <param name="answer">(pi_ref, k, t) to the expectation, in nats.</param>
    public static ExerciseResult Escape(Func<double[], int, double, double>? answer) => Exercise.Judge("08.3", answer, (f, random) =>
    {
        var (reference, k, t) = (Draw.Policy(random), random.NextInt(Draw.Responses), 1 + (4 * random.NextDouble()));
        var logZ = Math.Log(1 - reference[k] + (reference[k] * Math.Exp(-t)));
        var start = Draw.Mean(reference, [.. reference.Select(p => Math.Log(p))]);
        return new Trial(f([.. reference], k, t), start - (t * reference[k]) - logZ,
            ("the normaliser is missing: the other responses gain what k has lost", start - (t * reference[k])),
            ("the sign of log Z: it is subtracted from every log-probability", start - (t * reference[k]) + logZ),
            ("only pi_ref(k) of all samples lose t", start - t - logZ),
            ("that is the change; the expectation starts at E_ref[log pi_ref]", -(t * reference[k]) - logZ));
    });

    /// <summary>08.4: the change of log pi_theta(y) per unit of a small step of the exact bonus.</summary>
    /// <param name="answer">(pi_theta, pi_ref) to one number per response.</param>
    public static ExerciseResult BonusStep(Func<double[], double[], double[]>? answer) => Exercise.Judge("08.4", answer, (f, random) =>
    {
        var (theta, reference) = (Draw.Policy(random), Draw.Policy(random));
        double[] push = [.. theta.Zip(reference, (p, q) => p - q)];
        double[] Less(double mean, double sign = 1) => [.. push.Select(value => sign * (value - mean))];
        return new Trial(f([.. theta], [.. reference]), Less(Draw.Mean(theta, push)),
        [
            ("that is the change of the logit; log pi also loses the change of log Z, which is E_theta[pi_theta - pi_ref]", Less(0)),
            ("the sign: the bonus pushes away from the reference", Less(Draw.Mean(theta, push), -1)),
            ("log Z is that of pi_theta: its change is a mean under pi_theta, not under pi_ref", Less(Draw.Mean(reference, push))),
            ("log pi_theta(y) changes by the push on y itself; nothing is multiplied with pi_theta(y)", [.. theta.Zip(Less(Draw.Mean(theta, push)), (p, change) => p * change)]),
        ]);
    });

    private static double[] Normalised(double[] weights)
    {
        var z = weights.Sum();
        return [.. weights.Select(weight => weight / z)];
    }
}
