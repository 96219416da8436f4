// Lesson 15: the settings of a training, and paired comparisons of them.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 15, the grid of settings.</summary>
public static class Exercises15
{
    /// <summary>15.1: optimiser steps of a whole run.</summary>
    /// <param name="answer">(pairs per iteration, batch, iterations, whether all data is kept) to steps.</param>
    public static ExerciseResult Steps(Func<int, int, int, bool, int>? answer) => Exercise.Judge("15.1", answer, (f, random) =>
    {
        var (batch, iterations, keep) = (16 * (1 + random.NextInt(4)), 2 + random.NextInt(5), random.NextInt(2) == 1);
        var pairs = (batch * (2 + random.NextInt(10))) + 1 + random.NextInt(batch - 1);
        int Sum(Func<int, int> ofIteration) => Enumerable.Range(1, iterations).Sum(ofIteration);
        static int Ceiling(int count, int size) => (count + size - 1) / size;
        return new Trial(f(pairs, batch, iterations, keep), Sum(t => Ceiling(keep ? t * pairs : pairs, batch)),
            ("the last batch of an iteration may be a small one: round up", Sum(t => (keep ? t * pairs : pairs) / batch)),
            ("where all data is kept, iteration t has t portions", Sum(_ => Ceiling(pairs, batch))),
            ("without kept data every iteration has one portion", Sum(t => Ceiling(t * pairs, batch))),
            ("round up in every iteration, not once: an iteration begins with a new batch", Ceiling(Sum(t => keep ? t * pairs : pairs), batch)),
            ("that is one iteration", Ceiling(pairs, batch)));
    });

    /// <summary>15.2: compare-and-replace.</summary>
    /// <param name="answer">The scores of [y, y_w, y_l] to the indices of the new chosen and rejected response.</param>
    public static ExerciseResult Replace(Func<double[], (int Chosen, int Rejected)>? answer) => Exercise.Judge("15.2", answer, (f, random) =>
    {
        double[] scores = [.. Draw.Rewards(random, 3)];
        double[] Numbers((int Chosen, int Rejected) pair) => [pair.Chosen, pair.Rejected];
        var (best, worst) = (Array.IndexOf(scores, scores.Max()), Array.IndexOf(scores, scores.Min()));
        var wins = scores[0] > scores[1];
        return new Trial(Numbers(f([.. scores])), Numbers(wins ? (0, 2) : (1, 0)),
        [
            ("that is best and worst of the three: replacing leaves the data's own order as it is", Numbers((best, worst))),
            ("y is compared with y_w alone, and it always comes in: as the chosen response or as the rejected one", Numbers((best == 0 ? 0 : 1, best != 0 && worst == 0 ? 0 : 2))),
            ("y that loses to y_w takes the place of y_l", Numbers((wins ? 0 : 1, 2))),
            ("y that beats y_w becomes the chosen response", Numbers((1, wins ? 2 : 0))),
            ("y that beats y_w takes its place: y_w goes, y_l stays", Numbers(wins ? (0, 1) : (1, 0))),
        ]);
    });

    /// <summary>15.3: the standard error of a paired difference.</summary>
    /// <param name="answer">(a number per seed of one method, of the other, in the same order) to the standard error of the mean difference.</param>
    public static ExerciseResult PairedError(Func<double[], double[], double>? answer) => Exercise.Judge("15.3", answer, (f, random) =>
    {
        const int Seeds = 8;
        var shared = Draw.Rewards(random, Seeds);
        double[] Method() => [.. shared.Select(seed => (2 * seed) + (0.3 * random.NextGaussian()))];
        static double Variance(double[] values) => values.Sum(value => Math.Pow(value - values.Average(), 2)) / (values.Length - 1);
        var (one, other) = (Method(), Method());
        var variance = Variance([.. one.Zip(other, (a, b) => a - b)]);
        return new Trial(f([.. one], [.. other]), Math.Sqrt(variance / Seeds),
            ("the seeds are the same: take the differences first, their spread is what counts", Math.Sqrt((Variance(one) + Variance(other)) / Seeds)),
            ("that is the standard deviation of one difference; the mean of n is sqrt(n) times as sure", Math.Sqrt(variance)),
            ("divide the sum of squares by n - 1: the mean was estimated from the same seeds", Math.Sqrt(variance * (Seeds - 1) / Seeds / Seeds)),
            ("the square root of n, not n", Math.Sqrt(variance) / Seeds),
            ("that is the variance of the mean; take the square root", variance / Seeds));
    });
}
