using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>The end of a run as a person sees it: the same prompts answered before and after, with true rewards where they are known.</summary>
internal static class AnswersView
{
    private const int Longest = 400;

    private sealed record Truth(double Before, double After);

    public static void Print(string folder, IReadOnlyList<BeforeAfter> answers, LabOracle? truth, bool json)
    {
        var model = Path.Combine(folder, SelmRun.ResultName);
        var rewards = truth is null ? null : answers.Select(a => new Truth(truth.Reward(a.Prompt, a.Before), truth.Reward(a.Prompt, a.After))).ToArray();
        var mean = rewards is null ? null : new Truth(rewards.Average(r => r.Before), rewards.Average(r => r.After));
        if (json)
        {
            Console.WriteLine(Json(folder, model, answers, rewards, mean).ToJsonString(JsonFormat.Line));
            return;
        }
        for (var k = 0; k < answers.Count; k++)
        {
            var (answer, reward) = (answers[k], rewards?[k]);
            Console.WriteLine($"prompt: {Wording.OneLine(answer.Prompt, Longest)}");
            Console.WriteLine($"  {Label("before", answer.ScoreBefore, reward?.Before)} {Wording.OneLine(answer.Before, Longest)}");
            Console.WriteLine($"  {Label("after", answer.ScoreAfter, reward?.After)} {Wording.OneLine(answer.After, Longest)}");
        }
        if (mean is not null)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"mean true reward of these {answers.Count}: {mean.Before:0.00} before, {mean.After:0.00} after"));
        }
        Console.WriteLine($"The aligned model is {model}; selm status {folder} shows the run, selm generate --model {model} ... uses it.");
    }

    // With the ranker's score, or the truth that its scores are a noisy view of, where there is either.
    private static string Label(string when, double? score, double? truth) =>
        truth is { } reward ? string.Create(CultureInfo.InvariantCulture, $"{when,-6} (true reward {reward:0.00}):")
        : score is { } number ? string.Create(CultureInfo.InvariantCulture, $"{when,-6} ({number:0.###}):")
        : when + ":";

    private static JsonObject Json(string folder, string model, IReadOnlyList<BeforeAfter> answers, Truth[]? rewards, Truth? mean)
    {
        var result = JsonSerializer.SerializeToNode(new { Run = folder, Model = model, Answers = answers }, JsonFormat.Line)!.AsObject();
        if (rewards is not null)
        {
            for (var k = 0; k < rewards.Length; k++)
            {
                result["answers"]![k]!["true_reward"] = JsonSerializer.SerializeToNode(rewards[k], JsonFormat.Line);
            }
            result["mean_true_reward"] = JsonSerializer.SerializeToNode(mean, JsonFormat.Line);
        }
        return result;
    }
}
