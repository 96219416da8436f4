// Lesson 10: how sure a difference of two win rates is.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 10, the size of two points.</summary>
public static class Exercises10
{
    /// <summary>10.1: the standard error of the difference of two win rates on the same prompts.</summary>
    /// <param name="answer">(preferences of one model, of the other, prompt by prompt) to the standard error.</param>
    public static ExerciseResult ErrorOfDifference(Func<double[], double[], double>? answer) => Exercise.Judge("10.1", answer, (f, random) =>
    {
        double[] one = [.. Enumerable.Range(0, 8).Select(_ => random.NextDouble())];
        double[] other = [.. one.Select(p => (0.7 * p) + (0.3 * random.NextDouble()))]; // prompts that are easy for both
        double[] differences = [.. one.Zip(other, (a, b) => a - b)];
        var right = Deviation(differences) / Math.Sqrt(differences.Length);
        return new Trial(f([.. one], [.. other]), right,
            ("that is for two models on different prompts; take the differences first, prompt by prompt", Math.Sqrt((Variance(one) + Variance(other)) / one.Length)),
            ("that is the deviation of single prompts; a mean of n has 1/sqrt(n) of it", Deviation(differences)),
            ("divide by the square root of n, not by n", Deviation(differences) / differences.Length),
            ("the sample deviation divides by n - 1", right * Math.Sqrt((differences.Length - 1.0) / differences.Length)),
            ("that is a variance; take its root", Variance(differences) / differences.Length));
    });

    /// <summary>10.2: how many prompts find a smaller difference.</summary>
    /// <param name="answer">(prompts, the difference that they find, a smaller one) to the prompts that find that one.</param>
    public static ExerciseResult Prompts(Func<double, double, double, double>? answer) => Exercise.Judge("10.2", answer, (f, random) =>
    {
        double prompts = 100 + random.NextInt(900);
        var (found, wanted) = (4 + random.NextDouble(), 1 + random.NextDouble());
        var ratio = found / wanted;
        return new Trial(f(prompts, found, wanted), prompts * ratio * ratio,
            ("the error falls with the square root of n: half of it costs four times the prompts", prompts * ratio),
            ("the other way round: a smaller difference needs more prompts", prompts / (ratio * ratio)),
            ("the square, not the root: n grows with (d/d')^2", prompts * Math.Sqrt(ratio)));
    });

    /// <summary>10.3: the length-controlled win rate from fitted coefficients.</summary>
    /// <param name="answer">(length coefficient, model coefficient, difficulty coefficient, difficulties of the prompts) to a share.</param>
    public static ExerciseResult Controlled(Func<double, double, double, double[], double>? answer) => Exercise.Judge("10.3", answer, (f, random) =>
    {
        var (length, model, difficulty) = (0.5 + random.NextDouble(), random.NextGaussian(), 0.5 + random.NextDouble());
        var prompts = Draw.Rewards(random);
        return new Trial(f(length, model, difficulty, [.. prompts]), prompts.Average(z => LogMath.Sigmoid(model + (difficulty * z))),
            ("the length term belongs to the fit only: in the prediction the gap is 0", prompts.Average(z => LogMath.Sigmoid(model + length + (difficulty * z)))),
            ("average the chances, not the logits: sigma is not linear", LogMath.Sigmoid(model + (difficulty * prompts.Average()))),
            ("prompts differ in difficulty: its term stays", LogMath.Sigmoid(model)),
            ("that is a mean logit; sigma makes it a share", prompts.Average(z => model + (difficulty * z))));
    });

    private static double Variance(double[] values)
    {
        var mean = values.Average();
        return values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1);
    }

    private static double Deviation(double[] values) => Math.Sqrt(Variance(values));
}
