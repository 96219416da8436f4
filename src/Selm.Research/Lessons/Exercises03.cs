// Lesson 03: KL, the exponential tilt, and DPO.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 03, the one lemma. Policies and rewards are arrays over the responses of one prompt.</summary>
public static class Exercises03
{
    /// <summary>03.1: KL(pi || pi_ref).</summary>
    /// <param name="answer">(pi, pi_ref) to nats.</param>
    public static ExerciseResult Kl(Func<double[], double[], double>? answer) => Exercise.Judge("03.1", answer, (f, random) =>
    {
        var (policy, reference) = (Draw.Policy(random), Draw.Policy(random));
        return new Trial(f([.. policy], [.. reference]), Draw.Kl(policy, reference),
            ("the other way round: the expectation is under pi, the first argument", Draw.Kl(reference, policy)),
            ("the sign: a KL divergence is never negative", -Draw.Kl(policy, reference)),
            ("weigh every log-ratio with pi", policy.Zip(reference, (p, q) => Math.Log(p / q)).Sum()),
            ("that is the cross-entropy; add E_pi[log pi]", -policy.Zip(reference, (p, q) => p * Math.Log(q)).Sum()));
    });

    /// <summary>03.2: the policy that maximises E_pi[r] - beta KL(pi || pi_ref), (2.3).</summary>
    /// <param name="answer">(pi_ref, r, beta) to probabilities.</param>
    public static ExerciseResult Tilt(Func<double[], double[], double, double[]>? answer) => Exercise.Judge("03.2", answer, (f, random) =>
    {
        var (reference, reward, beta) = (Draw.Policy(random), Draw.Rewards(random), Draw.Beta(random));
        double[] Weights(double scale) => [.. reference.Zip(reward, (q, r) => q * Math.Exp(scale * r))];
        double[] Normalised(double[] weights) => [.. weights.Select(weight => weight / weights.Sum())];
        return new Trial(f([.. reference], [.. reward], beta), Normalised(Weights(1 / beta)),
        [
            ("the probabilities do not sum to 1: divide by Z", Weights(1 / beta)),
            ("the exponent is r/beta: a small beta holds on loosely", Normalised(Weights(beta))),
            ("the exponent is r/beta, not r", Normalised(Weights(1))),
            ("that forgets pi_ref: multiply it with the exponential", Normalised([.. reward.Select(r => Math.Exp(r / beta))])),
            ("the sign: high rewards must gain", Normalised(Weights(-1 / beta))),
        ]);
    });

    /// <summary>03.3: the value of that maximum.</summary>
    /// <param name="answer">(pi_ref, r, beta) to the value, in the unit of r.</param>
    public static ExerciseResult Maximum(Func<double[], double[], double, double>? answer) => Exercise.Judge("03.3", answer, (f, random) =>
    {
        var (reference, reward, beta) = (Draw.Policy(random), Draw.Rewards(random), Draw.Beta(random));
        var logZ = Math.Log(reference.Zip(reward, (q, r) => q * Math.Exp(r / beta)).Sum());
        return new Trial(f([.. reference], [.. reward], beta), beta * logZ,
            ("log Z is multiplied with beta", logZ),
            ("the mean is under pi_ref: weigh the exponentials with it", beta * LogMath.LogSumExp([.. reward.Select(r => r / beta)])),
            ("that is the mean reward of pi_ref; the maximum is above it", Draw.Mean(reference, reward)),
            ("that is the limit of beta towards 0; at this beta leaving pi_ref costs something", reward.Max()),
            ("the sign of the logarithm", -beta * logZ));
    });

    /// <summary>03.4: the DPO loss of one pair.</summary>
    /// <param name="answer">(log pi(y_w), log pi(y_l), log pi_ref(y_w), log pi_ref(y_l), beta) to the loss in nats.</param>
    public static ExerciseResult Dpo(Func<double, double, double, double, double, double>? answer) => Exercise.Judge("03.4", answer, (f, random) =>
    {
        double Logp() => -5 - (4 * random.NextDouble());
        var (chosen, rejected, refChosen, refRejected, beta) = (Logp(), Logp(), Logp(), Logp(), Draw.Beta(random));
        var margin = chosen - refChosen - (rejected - refRejected);
        return new Trial(f(chosen, rejected, refChosen, refRejected, beta), LogMath.Softplus(-beta * margin),
            ("the margin is chosen minus rejected", LogMath.Softplus(beta * margin)),
            ("beta is missing: the reward is beta log(pi/pi_ref)", LogMath.Softplus(-margin)),
            ("pi_ref is missing: the reward is a log-ratio", LogMath.Softplus(-beta * (chosen - rejected))),
            ("the sign of pi_ref's part: log pi - log pi_ref, for both responses", LogMath.Softplus(-beta * (chosen + refChosen - rejected - refRejected))),
            ("the logarithm is missing: the loss is -log sigma", LogMath.Sigmoid(beta * margin)),
            ("the sign: a loss is minimised", -LogMath.Softplus(-beta * margin)));
    });

    /// <summary>03.5: a tilt by r_1 followed by a tilt by r_2.</summary>
    /// <param name="answer">(pi_ref, r_1, r_2, beta) to probabilities.</param>
    public static ExerciseResult TiltTwice(Func<double[], double[], double[], double, double[]>? answer) => Exercise.Judge("03.5", answer, (f, random) =>
    {
        var (reference, first, second, beta) = (Draw.Policy(random), Draw.Rewards(random), Draw.Rewards(random), Draw.Beta(random));
        double[] Tilted(Func<double, double, double> reward)
        {
            double[] weights = [.. reference.Select((q, y) => q * Math.Exp(reward(first[y], second[y]) / beta))];
            return [.. weights.Select(weight => weight / weights.Sum())];
        }
        return new Trial(f([.. reference], [.. first], [.. second], beta), Tilted((a, b) => a + b),
        [
            ("the second tilt starts where the first one ended, not at pi_ref", Tilted((_, b) => b)),
            ("exponents of two tilts add up; nothing is averaged", Tilted((a, b) => (a + b) / 2)),
            ("the exponentials are multiplied, so the rewards add up", Tilted((a, b) => a * b)),
            ("the probabilities do not sum to 1: divide by Z", [.. reference.Select((q, y) => q * Math.Exp((first[y] + second[y]) / beta))]),
        ]);
    });
}
