// Lesson 04: why optimism.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 04, optimism in a bandit and in Figure 1.</summary>
public static class Exercises04
{
    /// <summary>04.1: the regret of a sequence of choices.</summary>
    /// <param name="answer">(true mean of every arm, the arms that were pulled) to the regret.</param>
    public static ExerciseResult Regret(Func<double[], int[], double>? answer) => Exercise.Judge("04.1", answer, (f, random) =>
    {
        var means = Draw.Rewards(random);
        int[] pulls = [.. Enumerable.Range(0, 8).Select(_ => random.NextInt(means.Length))];
        var regret = pulls.Sum(arm => means.Max() - means[arm]);
        return new Trial(f([.. means], [.. pulls]), regret,
            ("that is the regret per pull; regret is the sum over all pulls", regret / pulls.Length),
            ("the sign: every pull of a worse arm adds to it", -regret),
            ("compare with the best arm of all, not with the best that was pulled", pulls.Sum(arm => pulls.Max(other => means[other]) - means[arm])),
            ("that is the total reward; subtract it from what the best arm would have brought", pulls.Sum(arm => means[arm])));
    });

    /// <summary>04.2: the optimistic value of an arm.</summary>
    /// <param name="answer">(mean reward so far, its pulls n, all pulls t, c) to the upper confidence bound.</param>
    public static ExerciseResult UpperBound(Func<double, int, int, double, double>? answer) => Exercise.Judge("04.2", answer, (f, random) =>
    {
        var (mean, pulls, c) = (random.NextGaussian(), 2 + random.NextInt(20), 0.5 + random.NextDouble());
        var all = pulls + 5 + random.NextInt(50);
        var width = Math.Log(all) / pulls;
        return new Trial(f(mean, pulls, all, c), mean + (c * Math.Sqrt(width)),
            ("the square root is missing: an error of a mean shrinks as 1/sqrt(n)", mean + (c * width)),
            ("that is the lower bound, a pessimist's: the bonus is added", mean - (c * Math.Sqrt(width))),
            ("rarely pulled arms get the larger bonus: n is below the line", mean + (c * Math.Sqrt(pulls / Math.Log(all)))),
            ("c is missing", mean + Math.Sqrt(width)));
    });

    /// <summary>04.3: the objective (1.1) of a reward model, as a loss that is minimised.</summary>
    /// <param name="answer">(fit loss, r on the grid of responses, alpha) to the objective.</param>
    public static ExerciseResult Objective(Func<double, double[], double, double>? answer) => Exercise.Judge("04.3", answer, (f, random) =>
    {
        var (loss, reward, alpha) = (random.NextDouble(), Draw.Rewards(random), 0.05 + (0.3 * random.NextDouble()));
        return new Trial(f(loss, [.. reward], alpha), loss - (alpha * reward.Max()),
            ("the sign: a high maximum is wanted, and the objective is minimised", loss + (alpha * reward.Max())),
            ("optimism looks at the largest reward, not at the mean", loss - (alpha * reward.Average())),
            ("alpha weighs the bonus, not the fit", (alpha * loss) - reward.Max()),
            ("that is the reward's place, not its height", loss - (alpha * Array.IndexOf(reward, reward.Max()))),
            ("alpha is missing", loss - reward.Max()));
    });

    /// <summary>04.4: how many pulls it takes until the bound of a poor arm has fallen to the mean of a better, well-known one.</summary>
    /// <param name="answer">(mean of the poor arm, mean of the better one, all pulls t) to its pulls n.</param>
    public static ExerciseResult PullsUntilLeft(Func<double, double, int, double>? answer) => Exercise.Judge("04.4", answer, (f, random) =>
    {
        var (poor, all) = (0.1 + (0.3 * random.NextDouble()), 200 + random.NextInt(2000));
        var gap = 0.1 + (0.4 * random.NextDouble());
        return new Trial(f(poor, poor + gap, all), Math.Log(all) / (2 * gap * gap),
            ("the bonus has a square root: solve (m - mean)^2 = ln t / (2 n)", Math.Log(all) / (2 * gap)),
            ("the 2 below the square root is missing: the bonus is sqrt(ln t / (2 n))", Math.Log(all) / (gap * gap)),
            ("that is the bonus after t pulls of it; ask for the n at which the bonus equals the gap", Math.Sqrt(Math.Log(all) / (2 * all))),
            ("that is the inverse", 2 * gap * gap / Math.Log(all)));
    });
}
