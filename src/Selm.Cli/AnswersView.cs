using System.Globalization;
using System.Text.Json;
using Selm.Research.Alignment;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>The end of a run as a person sees it: the same prompts answered before and after.</summary>
internal static class AnswersView
{
    private const int Longest = 400;

    public static void Print(string folder, IReadOnlyList<BeforeAfter> answers, bool json)
    {
        var model = Path.Combine(folder, SelmRun.ResultName);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { Run = folder, Model = model, Answers = answers }, JsonFormat.Line));
            return;
        }
        foreach (var answer in answers)
        {
            Console.WriteLine($"prompt: {Shown(answer.Prompt)}");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  before ({answer.ScoreBefore:0.###}): {Shown(answer.Before)}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  after  ({answer.ScoreAfter:0.###}): {Shown(answer.After)}"));
        }
        Console.WriteLine($"The aligned model is {model}; selm status {folder} shows the run, selm generate --model {model} ... uses it.");
    }

    // Control characters of a random model would play with the terminal.
    private static string Shown(string text)
    {
        var clean = new string([.. text.Select(c => char.IsControl(c) ? ' ' : c)]).Trim();
        return clean.Length > Longest ? clean[..Longest] + " ..." : clean;
    }
}
