using Selm.Research.Models;
using Selm.Research.Numerics;

namespace Selm.Research.Lab;

/// <summary>The lab's benchmarks: of four answers the one with the highest mean log-probability per token counts.</summary>
public static class LabBenchmarks
{
    /// <summary>Seed of the questions, the same for all models.</summary>
    public const ulong Seed = 4242;

    /// <summary>All six benchmarks without examples, and the five that can have them with three.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="items">Questions of each.</param>
    public static LabBenchmarkScore[] All(Llama model, LabLanguage language, int items) =>
    [
        .. from kind in Enum.GetValues<LabQuizKind>()
           from shots in kind == LabQuizKind.Continuation ? (int[])[0] : [0, 3]
           select new LabBenchmarkScore(kind, shots, Accuracy(model, language, kind, items, shots)),
    ];

    /// <summary>Share of right answers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="kind">Which benchmark.</param>
    /// <param name="items">Questions.</param>
    /// <param name="shots">Solved questions before each; 0 for <see cref="LabQuizKind.Continuation"/>, which has none.</param>
    public static double Accuracy(Llama model, LabLanguage language, LabQuizKind kind, int items, int shots = 0)
    {
        var questions = LabQuiz.Items(language, kind, Seed, items);
        var rows = questions.Select((question, k) => new SharedRow(
            language.Ids(Context(language, kind, question, k, shots)), [.. question.Options.Select(language.Ids)])).ToArray();
        var (sums, _) = TokenLogps.Of(model, rows);
        var (right, at) = (0, 0);
        foreach (var (question, row) in questions.Zip(rows))
        {
            var means = row.Responses.Select((option, k) => sums[at + k] / option.Length).ToArray();
            right += Array.IndexOf(means, means.Max()) == question.Right ? 1 : 0;
            at += row.Responses.Count;
        }
        return right / (double)questions.Length;
    }

    private static string Context(LabLanguage language, LabQuizKind kind, LabQuizItem question, int row, int shots)
    {
        if (kind == LabQuizKind.Continuation)
        {
            return question.Context;
        }
        var random = new PhiloxStream(Seed, $"{LabStreams.Shots}.{kind}", row);
        var shown = Enumerable.Range(0, shots).Select(_ => LabQuiz.Shown(language, kind, inSteps: false, random));
        return string.Join(' ', [LabQuiz.Opening, .. shown, question.Context]);
    }
}
