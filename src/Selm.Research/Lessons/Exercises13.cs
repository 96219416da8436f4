// Lesson 13: what Figure 3 is made of.
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 13, Figure 3.</summary>
public static class Exercises13
{
    /// <summary>13.1: the alpha at which optimism weighs as much as the data.</summary>
    /// <param name="answer">The implicit margins of the pairs to alpha.</param>
    public static ExerciseResult TakeOver(Func<double[], double>? answer) => Exercise.Judge("13.1", answer, (f, random) =>
    {
        double[] margins = [.. Draw.Rewards(random).Select(m => 1 + (2 * m))];
        return new Trial(f([.. margins]), margins.Average(m => LogMath.Sigmoid(-m)),
            ("the sign: a pair that is learned pulls less, sigma of minus the margin", margins.Average(LogMath.Sigmoid)),
            ("average the weights, not the margins: sigma is not linear", LogMath.Sigmoid(-margins.Average())),
            ("that is the loss; its slope is sigma of minus the margin", margins.Average(m => LogMath.Softplus(-m))),
            ("that is the sum; the mean is compared with alpha", margins.Sum(m => LogMath.Sigmoid(-m))));
    });

    /// <summary>13.2: the shares of a histogram whose outermost bins are open.</summary>
    /// <param name="answer">(rewards, lower edge, width of a bin, bins) to the share of the rewards in every bin.</param>
    public static ExerciseResult Histogram(Func<double[], double, double, int, double[]>? answer) => Exercise.Judge("13.2", answer, (f, random) =>
    {
        const int Bins = 4;
        double[] rewards = [.. Enumerable.Range(0, 12).Select(_ => 2 * random.NextGaussian())];
        var (low, width) = (-1.0, 0.25 + (0.25 * random.NextInt(2)));
        double[] Shares(IEnumerable<double> kept, double unit)
        {
            var shares = new double[Bins];
            foreach (var reward in kept)
            {
                shares[Math.Clamp((int)Math.Floor((reward - low) / width), 0, Bins - 1)] += unit;
            }
            return shares;
        }
        double[] inside = [.. rewards.Where(reward => reward >= low && reward < low + (Bins * width))];
        return new Trial(f([.. rewards], low, width, Bins), Shares(rewards, 1.0 / rewards.Length),
        [
            ("those are counts; divide by the number of rewards", Shares(rewards, 1)),
            ("that is a density; shares are not divided by the width", Shares(rewards, 1 / (rewards.Length * width))),
            ("what lies outside belongs to the first or the last bin", Shares(inside, 1.0 / rewards.Length)),
            ("what lies outside belongs to the first or the last bin", Shares(inside, 1.0 / Math.Max(1, inside.Length))),
        ]);
    });

    /// <summary>13.3: the number that decides a claim about an order.</summary>
    /// <param name="answer">r* of [alpha][seed], alphas ascending, to the smallest mean step from one alpha to the next.</param>
    public static ExerciseResult SmallestStep(Func<double[][], double>? answer) => Exercise.Judge("13.3", answer, (f, random) =>
    {
        var rewards = Enumerable.Range(0, 4).Select(_ => Draw.Rewards(random)).ToArray();
        double[] means = [.. rewards.Select(row => row.Average())];
        double[] steps = [.. means.Zip(means.Skip(1), (from, to) => to - from)];
        return new Trial(f([.. rewards.Select(row => row.ToArray())]), steps.Min(),
            ("the ends may be in order while a step between is not: compare neighbours", means[^1] - means[0]),
            ("one step that fails refutes the order: the smallest decides, not the largest", steps.Max()),
            ("a step down is a small one: keep its sign", steps.Min(Math.Abs)),
            ("the sign: later minus earlier", steps.Min(step => -step)),
            ("one step that fails refutes the order: the smallest decides, not the mean", steps.Average()));
    });
}
