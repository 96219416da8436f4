// Lesson 11: the measures of Table 1 and Figure 2.
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 11, Table 1 and Figure 2.</summary>
public static class Exercises11
{
    /// <summary>11.1: the raw win rate by a judge who also loves length.</summary>
    /// <param name="answer">(r* of ours, r* of the baseline's, words of ours, words of the baseline's, prompt by prompt) to a share.</param>
    public static ExerciseResult RawWinRate(Func<double[], double[], int[], int[], double>? answer) => Exercise.Judge("11.1", answer, (f, random) =>
    {
        var (ours, theirs) = (Draw.Rewards(random), Draw.Rewards(random));
        int[] Words() => [.. ours.Select(_ => 5 + random.NextInt(20))];
        var (mine, its) = (Words(), Words());
        double Mean(Func<double, int, double> chance) => Enumerable.Range(0, ours.Length).Average(k => chance(ours[k] - theirs[k], mine[k] - its[k]));
        double Judge(double gap, int words, double bias) => LogMath.Sigmoid(gap + (bias * words));
        return new Trial(f([.. ours], [.. theirs], [.. mine], [.. its]), Mean((gap, words) => Judge(gap, words, LabCellMeasure.LengthBias)),
            ("the judge likes long answers: the length term is added", Mean((gap, words) => Judge(gap, words, -LabCellMeasure.LengthBias))),
            ("that is the exact win rate; this judge adds 0.10 per word", Mean((gap, _) => LogMath.Sigmoid(gap))),
            ("a word is worth 0.10, not 1", Mean((gap, words) => Judge(gap, words, 1))),
            ("the length counts inside sigma, before the chance is taken", Mean((gap, words) => LogMath.Sigmoid(gap) + (LabCellMeasure.LengthBias * words))),
            ("average the chances, not the margins: sigma is not linear", LogMath.Sigmoid(Mean((gap, words) => gap + (LabCellMeasure.LengthBias * words)))));
    });

    /// <summary>11.2: how far a table of win rates is from being possible for one judge.</summary>
    /// <param name="answer">Win rates of row against column, in percent, to the largest distance of a pair's sum from 100.</param>
    public static ExerciseResult Asymmetry(Func<double[][], double>? answer) => Exercise.Judge("11.2", answer, (f, random) =>
    {
        const int Models = 4;
        var rates = Enumerable.Range(0, Models).Select(_ => Enumerable.Repeat(50.0, Models).ToArray()).ToArray();
        for (var row = 0; row < Models; row++)
        {
            for (var column = row + 1; column < Models; column++)
            {
                rates[row][column] = 30 + (40 * random.NextDouble());
                rates[column][row] = 100 - rates[row][column] + random.NextGaussian();
            }
        }
        double[] sums = [.. from row in Enumerable.Range(0, Models) from column in Enumerable.Range(0, Models) where column > row select rates[row][column] + rates[column][row] - 100];
        return new Trial(f([.. rates.Select(row => row.ToArray())]), sums.Max(Math.Abs),
            ("a sum below 100 is wrong too: take the absolute value", Math.Max(0, sums.Max())),
            ("a sum below 100 is wrong too: take the absolute value", sums.Max()),
            ("that is the sum over pairs; the largest is asked for", sums.Sum(Math.Abs)),
            ("that is the mean over pairs; the largest is asked for", sums.Average(Math.Abs)),
            ("add the mirror image, then subtract 100, not 50", sums.Max(sum => Math.Abs(sum + 50))));
    });

    /// <summary>11.3: the two-turn score of the lab.</summary>
    /// <param name="answer">(r* of the first answers, of the second answers, dialogue by dialogue) to the mean score, 1 to 10.</param>
    public static ExerciseResult TwoTurns(Func<double[], double[], double>? answer) => Exercise.Judge("11.3", answer, (f, random) =>
    {
        double[] Turn() => [.. Draw.Rewards(random).Select(r => 3 * r)]; // some beyond the ends of the scale
        var (first, second) = (Turn(), Turn());
        double Line(double r) => 1 + (9 * (r + 2) / 5.5);
        double Score(double r) => Math.Clamp(Line(r), 1, 10);
        return new Trial(f([.. first], [.. second]), (first.Average(Score) + second.Average(Score)) / 2,
            ("scores end at 1 and 10: clip every answer's", (first.Average(Line) + second.Average(Line)) / 2),
            ("clip every answer's score, not their mean", Math.Clamp((first.Average(Line) + second.Average(Line)) / 2, 1, 10)),
            ("both turns count the same: take their mean, not their sum", first.Average(Score) + second.Average(Score)),
            ("the second turn counts too", first.Average(Score)));
    });
}
