using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Sampling;

namespace Selm.Research.Lab;

/// <summary>The lab's benchmarks: of four answers the one with the highest mean log-probability per token counts.</summary>
public static class LabBenchmarks
{
    /// <summary>Seed of the questions, the same for all models.</summary>
    public const ulong Seed = 4242;

    private const int StepWords = 12; // "a plus b is d . d plus c is e ."

    /// <summary>All six benchmarks without examples, the four that can have them with three, and sums in steps.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="items">Questions of each.</param>
    public static LabBenchmarkScore[] All(Llama model, LabLanguage language, int items) =>
    [
        .. from kind in Enum.GetValues<LabQuizKind>()
           from shots in LabQuiz.IsChat(kind) ? (int[])[0] : [0, 3]
           select new LabBenchmarkScore(kind, shots, Accuracy(model, language, kind, items, shots)),
        new LabBenchmarkScore(LabQuizKind.Arithmetic, 3, InSteps(model, language, items), InSteps: true),
    ];

    /// <summary>Share of right answers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="kind">Which benchmark.</param>
    /// <param name="items">Questions.</param>
    /// <param name="shots">Solved questions before each; 0 where <see cref="LabQuiz.IsChat"/>.</param>
    public static double Accuracy(Llama model, LabLanguage language, LabQuizKind kind, int items, int shots = 0) =>
        Answered(model, language, kind, items, shots).Average(right => right ? 1.0 : 0);

    /// <summary>Which questions are answered rightly, so that two models can be compared question by question.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="kind">Which benchmark.</param>
    /// <param name="items">Questions.</param>
    /// <param name="shots">Solved questions before each; 0 where <see cref="LabQuiz.IsChat"/>.</param>
    /// <returns>In the order of the questions.</returns>
    public static bool[] Answered(Llama model, LabLanguage language, LabQuizKind kind, int items, int shots = 0)
    {
        var questions = LabQuiz.Items(language, kind, Seed, items);
        var rows = questions.Select((question, k) => new SharedRow(
            language.Ids(Context(language, kind, question, k, shots, inSteps: false)), [.. question.Options.Select(language.Ids)])).ToArray();
        var (sums, _) = TokenLogps.Of(model, rows);
        var (right, at) = (new bool[questions.Length], 0);
        foreach (var (i, row) in rows.Index())
        {
            var means = row.Responses.Select((option, k) => sums[at + k] / option.Length).ToArray();
            right[i] = Array.IndexOf(means, means.Max()) == questions[i].Right;
            at += row.Responses.Count;
        }
        return right;
    }

    /// <summary>Share of sums whose written steps end in the right number, after three sums solved in steps (chain of thought).</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="items">Questions.</param>
    public static double InSteps(Llama model, LabLanguage language, int items)
    {
        var questions = LabQuiz.Items(language, LabQuizKind.Arithmetic, Seed, items);
        var contexts = questions.Select((question, k) => language.Ids(Context(language, LabQuizKind.Arithmetic, question, k, 3, inSteps: true))).ToArray();
        var written = ResponseGenerator.Generate(model, contexts, new SamplingOptions(MaxNewTokens: StepWords), batchSize: 256);
        return questions.Zip(written, (question, output) => Solves(question, language.Text(output.OutputIds)) ? 1.0 : 0).Average();
    }

    /// <summary>Whether written steps end in the right number; what follows them is not read.</summary>
    internal static bool Solves(LabQuizItem sum, string written) =>
        string.Join(' ', written.Split(' ').Take(StepWords)).EndsWith($" is {sum.Answer}", StringComparison.Ordinal);

    private static string Context(LabLanguage language, LabQuizKind kind, LabQuizItem question, int row, int shots, bool inSteps)
    {
        if (LabQuiz.IsChat(kind))
        {
            return question.Context;
        }
        var random = new PhiloxStream(Seed, $"{LabStreams.Shots}.{kind}", row);
        var shown = Enumerable.Range(0, shots).Select(_ => LabQuiz.Shown(language, kind, inSteps, random));
        return string.Join(' ', [LabQuiz.Opening, .. shown, question.Context]);
    }
}
