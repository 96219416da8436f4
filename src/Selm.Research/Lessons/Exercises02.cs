// Lesson 02: preferences as logistic regression on differences.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 02, the Bradley-Terry model.</summary>
public static class Exercises02
{
    /// <summary>02.1: the chance that the first of two responses is preferred, (2.1).</summary>
    /// <param name="answer">(r of the first, r of the second) to a probability.</param>
    public static ExerciseResult Probability(Func<double, double, double>? answer) => Exercise.Judge("02.1", answer, (f, random) =>
    {
        var (first, second) = (random.NextGaussian(), random.NextGaussian());
        return new Trial(f(first, second), LogMath.Sigmoid(first - second),
            ("the sign: the first wins more often the larger r(first) - r(second) is", LogMath.Sigmoid(second - first)),
            ("rewards may be negative: compare exp r, not r", first / (first + second)),
            ("labels are noisy: the better one wins more often, not always", first > second ? 1 : 0),
            ("only the difference of the two rewards counts", LogMath.Sigmoid(first)));
    });

    /// <summary>02.2: the negative log-likelihood (2.2) of some pairs.</summary>
    /// <param name="answer">(r of the chosen, r of the rejected, pair by pair) to the loss in nats per pair.</param>
    public static ExerciseResult Loss(Func<double[], double[], double>? answer) => Exercise.Judge("02.2", answer, (f, random) =>
    {
        var (chosen, rejected) = (Draw.Rewards(random), Draw.Rewards(random));
        double Mean(Func<double, double> of) => chosen.Zip(rejected, (w, l) => of(w - l)).Average();
        return new Trial(f([.. chosen], [.. rejected]), Mean(d => -LogMath.LogSigmoid(d)),
            ("the sign: a loss is minimised, so it is minus the log-likelihood", Mean(LogMath.LogSigmoid)),
            ("that is the sum; (2.2) is the mean over the pairs", chosen.Length * Mean(d => -LogMath.LogSigmoid(d))),
            ("chosen and rejected are exchanged", Mean(d => -LogMath.LogSigmoid(-d))),
            ("take the logarithm pair by pair: the mean of the differences hides the pairs that are wrong", -LogMath.LogSigmoid(Mean(d => d))),
            ("the logarithm is missing", Mean(d => -LogMath.Sigmoid(d))));
    });

    /// <summary>02.3: the derivative of the loss of one pair in the reward of its chosen response.</summary>
    /// <param name="answer">(r of the chosen, r of the rejected) to the derivative.</param>
    public static ExerciseResult Slope(Func<double, double, double>? answer) => Exercise.Judge("02.3", answer, (f, random) =>
    {
        var (chosen, rejected) = (random.NextGaussian(), random.NextGaussian());
        return new Trial(f(chosen, rejected), -LogMath.Sigmoid(rejected - chosen),
            ("that is the derivative in the reward of the rejected response: the other sign", LogMath.Sigmoid(rejected - chosen)),
            ("the pull is the probability of the wrong order: it fades as the pair is learned", -LogMath.Sigmoid(chosen - rejected)),
            ("that is the slope of sigma, not of its logarithm: divide by sigma", -LogMath.Sigmoid(chosen - rejected) * LogMath.Sigmoid(rejected - chosen)),
            ("the loss is not linear: the derivative depends on the difference", -1));
    });
}
