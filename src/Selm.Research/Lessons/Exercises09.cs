// Lesson 09: one turn of Algorithm 1 by hand.
using Selm.Research.Numerics;
using Selm.Research.Ranking;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 09, Algorithm 1 by hand.</summary>
public static class Exercises09
{
    /// <summary>09.1: which of the candidates [y, y_w, y_l] become the new pair, given their scores.</summary>
    /// <param name="answer">Three scores to the indices of the new chosen and the new rejected response.</param>
    public static ExerciseResult NewPair(Func<double[], (int Chosen, int Rejected)>? answer) => Exercise.Judge("09.1", answer, (f, random) =>
    {
        var scores = Draw.Rewards(random, 3);
        var (best, middle, worst) = Ranked(scores);
        var got = f([.. scores]);
        return new Trial([got.Chosen, got.Rejected], [Selection.BestWorst(scores).Chosen, Selection.BestWorst(scores).Rejected],
        [
            ("the higher score is the better one", [worst, best]),
            ("the rejected response is the worst of the three, not the second best", [best, middle]),
            ("y is index 0: it takes part, and may win or lose", scores[1] > scores[2] ? [1, 2] : [2, 1]),
            ("the old pair stays only where y ranks in the middle", [1, 2]),
        ]);
    });

    /// <summary>09.2: the weight of grad log pi(y) in a step of ascent, by the rank of y: 0 best, 1 middle, 2 worst.</summary>
    /// <param name="answer">(rank, implicit margin, alpha, beta) to the weight of the sequence y.</param>
    public static ExerciseResult WeightOfY(Func<int, double, double, double, double>? answer) => Exercise.Judge("09.2", answer, (f, random) =>
    {
        var (margin, alpha, beta) = (random.NextGaussian(), 0.05 + (0.3 * random.NextDouble()), Draw.Beta(random));
        var sigma = LogMath.Sigmoid(-margin);
        double[] Of(Func<int, double> weight) => [.. Enumerable.Range(0, 3).Select(weight)];
        double Fit(int rank, double s) => rank switch { 0 => s, 1 => 0, _ => -s };
        return new Trial(Of(rank => f(rank, margin, alpha, beta)), Of(rank => beta * (Fit(rank, sigma) - alpha)),
        [
            ("y carries the optimism term wherever it ranks: -alpha beta is added", Of(rank => beta * Fit(rank, sigma))),
            ("the sign of optimism: it pushes y down, also where y is the best", Of(rank => beta * (Fit(rank, sigma) + alpha))),
            ("the pull of the pair is sigma(-margin)", Of(rank => beta * (Fit(rank, 1 - sigma) - alpha))),
            ("the weights of (3.2) all carry beta", Of(rank => Fit(rank, sigma) - alpha)),
            ("the weight of y is alpha beta; alpha alone is Algorithm 1 as printed (erratum 4)", Of(rank => (beta * Fit(rank, sigma)) - alpha)),
        ]);
    });

    /// <summary>09.3: the training work of SELM over that of DPO, from the share of prompts at which y ranks in the middle.</summary>
    /// <param name="answer">The share to the ratio of trained sequences.</param>
    public static ExerciseResult Overhead(Func<double, double>? answer) => Exercise.Judge("09.3", answer, (f, random) =>
    {
        var share = 0.1 + (0.8 * random.NextDouble());
        return new Trial(f(share), 1 + (share / 2),
            ("DPO trains two sequences per example, so a third is half as much again", 1 + share),
            ("only a y in the middle is a third sequence; a best or worst y is already there", 1.5),
            ("that is the number of sequences; divide by DPO's two", 2 + share),
            ("best and worst y are reused: only the middle ones cost", 1 + ((1 - share) / 2)));
    });

    private static (int Best, int Middle, int Worst) Ranked(double[] scores)
    {
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(k => scores[k])];
        return (order[0], order[1], order[2]);
    }
}
