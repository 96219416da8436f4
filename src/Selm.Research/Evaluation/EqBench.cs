// EQ-Bench v2 (Paech 2023): a model predicts how strongly a character feels four emotions, criticises itself, and revises.
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>One dialogue with the reference intensities of four emotions.</summary>
/// <param name="Id">The question's name.</param>
/// <param name="Prompt">What the model is asked.</param>
/// <param name="Reference">Emotion (lower case) to intensity from 0 to 10.</param>
public sealed record EqBenchItem(string Id, string Prompt, IReadOnlyDictionary<string, double> Reference);

/// <summary>The scores of one answer: 10 is perfect, 0 about random; null where it cannot be parsed.</summary>
/// <param name="Id">The question.</param>
/// <param name="FirstPass">Of the first scores.</param>
/// <param name="Revised">Of the scores after the critique.</param>
public readonly record struct EqBenchScore(string Id, double? FirstPass, double? Revised);

/// <summary>The result over all questions, in points where 100 is perfect.</summary>
/// <param name="Score">The better of both passes; the revised one counts only if enough of its answers can be parsed.</param>
/// <param name="Parseable">Answers behind it.</param>
/// <param name="FirstPass">Mean over parseable first passes.</param>
/// <param name="FirstPassParseable">How many there are.</param>
/// <param name="Revised">Mean over parseable revised passes.</param>
/// <param name="RevisedParseable">How many there are.</param>
public sealed record EqBenchResult(double Score, int Parseable, double FirstPass, int FirstPassParseable, double Revised, int RevisedParseable);

/// <summary>EQ-Bench v2's prompts, parsing and scoring.</summary>
public static partial class EqBench
{
    // d counts as a sigmoid up to 5 and as itself above; the factor makes random answers score 0.
    private const double Height = 6.5, Steepness = 1.2, Middle = 4, Linear = 5, Adjustment = 0.7477;
    private const double RevisedShare = 0.95;

    /// <summary>Reads {id, prompt, reference_answer_fullscale: {emotion1, emotion1_score, ..}} rows.</summary>
    /// <exception cref="InputException">The file is missing or a row is broken.</exception>
    public static IReadOnlyList<EqBenchItem> Read(string path)
    {
        var items = new List<EqBenchItem>();
        var seen = new HashSet<string>();
        foreach (var row in Jsonl.Read(path))
        {
            var id = row.Text("id");
            items.Add(seen.Add(id)
                ? new(id, row.Text("prompt"), Reference(new JsonRow(path, row.Line, row.Field("reference_answer_fullscale"))))
                : throw row.Error($"the id {id} is there again; keep one row of each question"));
        }
        return items.Count > 0 ? items : throw new InputException($"{path} has no rows; give EQ-Bench's questions as JSONL.");
    }

    /// <summary>The intensities in an answer: those of the first pass and the revised ones, as written.</summary>
    /// <param name="text">The answer; asterisks and hashes are ignored.</param>
    public static (IReadOnlyDictionary<string, string> FirstPass, IReadOnlyDictionary<string, string> Revised) Parse(string text)
    {
        var plain = text.Replace("*", "", StringComparison.Ordinal).Replace("#", "", StringComparison.Ordinal);
        return (Intensities(FirstPass().Match(plain)), Intensities(Revised().Match(plain)));
    }

    /// <summary>The v2 score of four intensities, or null where they are not about the four emotions of the reference.</summary>
    /// <param name="answer">Emotion to intensity, as parsed.</param>
    /// <param name="reference">Emotion (lower case) to intensity.</param>
    public static double? Score(IReadOnlyDictionary<string, string> answer, IReadOnlyDictionary<string, double> reference)
    {
        if (answer.Count != reference.Count || answer.Keys.Select(Key).Distinct().Count(reference.ContainsKey) != reference.Count)
        {
            return null;
        }
        var tally = 0.0;
        foreach (var (emotion, intensity) in answer)
        {
            var d = Math.Abs(double.Parse(intensity, CultureInfo.InvariantCulture) - reference[Key(emotion)]);
            tally += d == 0 ? 0 : d <= Linear ? Height * (1 / (1 + Math.Pow(Math.E, -Steepness * (d - Middle)))) : d;
        }
        return 10 - (tally * Adjustment);
    }

    /// <summary>Scores an answer to an item.</summary>
    public static EqBenchScore Score(string text, EqBenchItem item)
    {
        var (first, revised) = Parse(text);
        return new(item.Id, Score(first, item.Reference), Score(revised, item.Reference));
    }

    /// <summary>The result over all answers; the revised pass counts if it is better and at least 95 % as often parseable.</summary>
    public static EqBenchResult Total(IReadOnlyCollection<EqBenchScore> scores)
    {
        double[] first = [.. scores.Where(score => score.FirstPass is not null).Select(score => score.FirstPass!.Value)];
        double[] revised = [.. scores.Where(score => score.Revised is not null).Select(score => score.Revised!.Value)];
        var (firstScore, revisedScore) = (Mean(first), Mean(revised));
        var takesRevised = revised.Length >= RevisedShare * first.Length && revisedScore > firstScore;
        return new(takesRevised ? revisedScore : firstScore, takesRevised ? revised.Length : first.Length, firstScore, first.Length, revisedScore, revised.Length);
    }

    /// <summary>The numbers in points where 100 is perfect: the score, the first pass, the revised one.</summary>
    /// <param name="scores">One per question; a pass without any parseable answer is NaN.</param>
    public static IReadOnlyList<Measure> Measures(IReadOnlyCollection<EqBenchScore> scores)
    {
        Measure Pass(string name, Func<EqBenchScore, double?> pass) => Measure.Mean(name, [.. scores.Select(pass).Where(score => score is not null).Select(score => 10 * score!.Value)]);
        var (first, revised, total) = (Pass("first_pass", score => score.FirstPass), Pass("revised", score => score.Revised), Total(scores));
        return [(total.Score == total.FirstPass ? first : revised) with { Name = "score" }, first, revised];
    }

    /// <summary>Generates greedily, through the chat template where the model has one, and scores.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="items">The questions.</param>
    /// <param name="maxNewTokens">The longest answer [tokens].</param>
    /// <param name="folder">Where answers are kept, or null.</param>
    /// <param name="batchSize">Questions answered together.</param>
    /// <param name="progress">Is told about finished answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">The folder has no tokenizer, or a file cannot be written.</exception>
    public static IReadOnlyList<EqBenchScore> Run(
        ModelFolder model, IReadOnlyList<EqBenchItem> items, int maxNewTokens = 512, string? folder = null, int batchSize = 8,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        int[][] prompts = [.. items.Select(item => GeneratedAnswers.Question(model, item.Prompt))];
        return [.. GeneratedAnswers.Of(model, prompts, new SamplingOptions(MaxNewTokens: maxNewTokens), folder, batchSize, progress, cancellation: cancellation).Texts().Zip(items, Score)];
    }

    private static Dictionary<string, double> Reference(JsonRow row)
    {
        var reference = new Dictionary<string, double>();
        for (var k = 1; k <= 4; k++)
        {
            var name = $"emotion{k}_score";
            reference[Key(row.Text($"emotion{k}"))] = row.Field(name).ValueKind != JsonValueKind.String ? row.Number(name)
                : double.TryParse(row.Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
                : throw row.Error($"\"{name}\" is no number; correct it");
        }
        return reference.Count == 4 ? reference : throw row.Error("an emotion is there twice; give four");
    }

    private static Dictionary<string, string> Intensities(Match part)
    {
        var found = new Dictionary<string, string>();
        foreach (Match match in Intensity().Matches(part.Success ? part.Groups[1].Value : ""))
        {
            found[match.Groups[1].Value] = match.Groups[2].Value;
        }
        return found;
    }

    private static string Key(string emotion) => emotion.ToLowerInvariant();

    private static double Mean(double[] scores) => scores.Length == 0 ? 0 : 10 * scores.Average();

    [GeneratedRegex("First pass scores:(.*?)Revised scores:", RegexOptions.Singleline)]
    private static partial Regex FirstPass();

    [GeneratedRegex("Revised scores:(.*)", RegexOptions.Singleline)]
    private static partial Regex Revised();

    [GeneratedRegex(@"(\w+):\s+([0-9]+)")]
    private static partial Regex Intensity();
}
