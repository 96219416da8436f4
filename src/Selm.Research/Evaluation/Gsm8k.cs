using System.Text.RegularExpressions;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>One grade-school word problem.</summary>
/// <param name="Question">The problem.</param>
/// <param name="Answer">Its solution, which ends in "#### number".</param>
public sealed record Gsm8kItem(string Question, string Answer)
{
    /// <summary>What the model reads; the solution follows after one space.</summary>
    public string Context => $"Question: {Question}\nAnswer:";

    /// <summary>The problem with its solution, as an example in front of others.</summary>
    public string Solved => $"{Context} {Answer}";
}

/// <summary>An answer of a model to a problem.</summary>
/// <param name="Completion">The text, up to the line of its "#### number", or to where the model begins another question.</param>
/// <param name="Extracted">The number after "####", or "[invalid]".</param>
/// <param name="Correct">Whether it is the solution's, compared as text.</param>
/// <param name="CorrectLastNumber">Whether the last number of the text, whatever stands before it, is the solution's.</param>
public sealed record Gsm8kScore(string Completion, string Extracted, bool Correct, bool CorrectLastNumber);

/// <summary>GSM8K (Cobbe et al. 2021): few-shot chains of thought, the final number extracted.</summary>
public static partial class Gsm8k
{
    /// <summary>What <see cref="Extract"/> returns where there is no answer.</summary>
    public const string Invalid = "[invalid]";

    /// <summary>The shots of the paper's Table 2.</summary>
    public const int PaperShots = 8;

    /// <summary>Reads {question, answer} rows.</summary>
    /// <exception cref="InputException">The file is missing, a row is broken, or a solution has no final number.</exception>
    public static IReadOnlyList<Gsm8kItem> Read(string path)
    {
        var items = new List<Gsm8kItem>();
        foreach (var row in Jsonl.Read(path))
        {
            var item = new Gsm8kItem(row.Text("question"), row.Text("answer"));
            items.Add(Extract(item.Answer) != Invalid ? item : throw row.Error("\"answer\" does not end in \"#### number\"; complete it"));
        }
        return items.Count > 0 ? items : throw new InputException($"{path} has no rows; give GSM8K's JSONL file.");
    }

    /// <summary>The number after the first "#### ", commas removed, as text; "[invalid]" where there is none.</summary>
    public static string Extract(string completion)
    {
        var match = Final().Match(completion);
        return match.Success ? match.Groups[1].Value.Trim().Replace(",", "", StringComparison.Ordinal) : Invalid;
    }

    /// <summary>Whether a completion's extracted answer is the solution's; compared as text, so that 18.00 is not 18.</summary>
    /// <exception cref="ArgumentException">The solution has no final number.</exception>
    public static bool IsCorrect(string completion, string solution)
    {
        var gold = Extract(solution);
        return gold != Invalid ? Extract(completion) == gold : throw new ArgumentException("the solution has no final number", nameof(solution));
    }

    /// <summary>Scores a completion.</summary>
    /// <param name="text">What the model wrote; only <see cref="Counted"/> of it is looked at.</param>
    /// <param name="item">The problem.</param>
    public static Gsm8kScore Score(string text, Gsm8kItem item)
    {
        var completion = Counted(text);
        var last = Number().Matches(completion).LastOrDefault()?.Value.Replace(",", "", StringComparison.Ordinal).TrimEnd('.');
        return new(completion, Extract(completion), IsCorrect(completion, item.Answer), last == Extract(item.Answer));
    }

    /// <summary>What counts of a text: up to the end of the first line with a final number, or to where another question begins.</summary>
    public static string Counted(string text) => End().Match(text) is { Success: true } end ? text[..end.Index] : text;

    /// <summary>Generates greedily, each answer no further than it counts, and scores.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="items">The problems.</param>
    /// <param name="shots">What stands before each problem.</param>
    /// <param name="maxNewTokens">The longest answer [tokens].</param>
    /// <param name="folder">Where answers are kept, or null.</param>
    /// <param name="batchSize">Problems decoded together.</param>
    /// <param name="progress">Is told about finished answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">There are too few examples, the folder has no tokenizer, or a file cannot be written.</exception>
    public static IReadOnlyList<Gsm8kScore> Run(
        ModelFolder model, IReadOnlyList<Gsm8kItem> items, FewShot shots, int maxNewTokens = 256, string? folder = null, int batchSize = 8,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        int[][] prompts = [.. items.Select((item, i) => model.PromptIds(shots.Before(i) + item.Context))];
        var texts = GeneratedAnswers.Of(model, prompts, new SamplingOptions(MaxNewTokens: maxNewTokens), folder, batchSize, progress, Counted, cancellation).Texts();
        return [.. texts.Zip(items, Score)];
    }

    [GeneratedRegex(@"#### (\-?[0-9\.\,]+)")]
    private static partial Regex Final();

    // The first line break after a final number, or another question.
    [GeneratedRegex(@"(?<=#### \-?[0-9\.\,]+[^\n]*)\n|Question:")]
    private static partial Regex End();

    [GeneratedRegex(@"-?[0-9][0-9,]*(\.[0-9]+)?")]
    private static partial Regex Number();
}
