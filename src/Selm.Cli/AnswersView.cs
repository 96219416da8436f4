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
            Console.WriteLine($"prompt: {Wording.OneLine(answer.Prompt, Longest)}");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  before ({answer.ScoreBefore:0.###}): {Wording.OneLine(answer.Before, Longest)}"));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  after  ({answer.ScoreAfter:0.###}): {Wording.OneLine(answer.After, Longest)}"));
        }
        Console.WriteLine($"The aligned model is {model}; selm status {folder} shows the run, selm generate --model {model} ... uses it.");
    }
}
