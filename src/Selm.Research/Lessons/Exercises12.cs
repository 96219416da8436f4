// Lesson 12: multiple choice by log-probability, and how sure its numbers are.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 12, benchmarks.</summary>
public static class Exercises12
{
    /// <summary>12.1: which of several answers a model gives.</summary>
    /// <param name="answer">(log-probability of every option, its number of tokens) to the option's index.</param>
    public static ExerciseResult Choice(Func<double[], int[], int>? answer) => Exercise.Judge("12.1", answer, (f, random) =>
    {
        int[] tokens = [.. Enumerable.Range(0, 4).Select(_ => 1 + random.NextInt(6))];
        double[] logps = [.. tokens.Select(n => -n * (0.5 + random.NextDouble()))];
        int Best(Func<double, int, double> score) => Enumerable.Range(0, tokens.Length).MaxBy(k => score(logps[k], tokens[k]));
        return new Trial(f([.. logps], [.. tokens]), Best((logp, n) => logp / n),
            ("the sum favours short options: divide by the tokens", Best((logp, _) => logp)),
            ("log-probabilities are negative: the highest is wanted, not the lowest", Best((logp, n) => -logp / n)),
            ("divide by the tokens, do not multiply", Best((logp, n) => logp * n)));
    });

    /// <summary>12.2: the standard error of a share of right answers.</summary>
    /// <param name="answer">(share, questions) to the standard error.</param>
    public static ExerciseResult ErrorOfShare(Func<double, int, double>? answer) => Exercise.Judge("12.2", answer, (f, random) =>
    {
        var (share, questions) = (0.1 + (0.8 * random.NextDouble()), 40 + random.NextInt(1000));
        var variance = share * (1 - share) / questions;
        return new Trial(f(share, questions), Math.Sqrt(variance),
            ("that is the variance; take its root", variance),
            ("divide by the square root of the number of questions, not by the number", Math.Sqrt(share * (1 - share)) / questions),
            ("a question is right with chance p or wrong with 1 - p: the variance is p (1 - p)", Math.Sqrt(share / questions)),
            ("that is the deviation of one question; a mean of n has 1/sqrt(n) of it", Math.Sqrt(share * (1 - share))));
    });

    /// <summary>12.3: the share of questions that a model knows, if it guesses all others.</summary>
    /// <param name="answer">(share of right answers, options of a question) to the share known.</param>
    public static ExerciseResult Known(Func<double, int, double>? answer) => Exercise.Judge("12.3", answer, (f, random) =>
    {
        var (right, options) = (0.5 + (0.5 * random.NextDouble()), 2 + random.NextInt(4));
        var chance = 1.0 / options;
        return new Trial(f(right, options), (right - chance) / (1 - chance),
            ("that is how far it is above chance; nobody can be further above than 1 - chance: divide by it", right - chance),
            ("chance is not a unit: subtract it", right / chance),
            ("of the questions that are not known one in \"options\" is right all the same: subtract that", right),
            ("the share known times 1, plus the rest times chance, is the share right: solve for the share known", right - (chance * (1 - right))));
    });
}
