using System.Text.Json;
using Selm.Research.Figures;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>Every benchmark end to end on the demo's model with the real public files, a few items of each; those files are not part of the project.</summary>
public class EvaluateSamplesTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    [SkippableFact]
    public void every_benchmark_runs_from_its_real_file_to_the_report()
    {
        var (samples, tables) = (Golden.Outside("benchmark-samples"), Golden.Outside("alpaca-eval-lc"));
        Skip.If(samples is null || tables is null, "benchmark-samples or alpaca-eval-lc is not there");
        using var folder = new TempFolder();
        using var judge = new FakeEndpoint((_, request) => request.TryGetProperty("logprobs", out JsonElement _) ? Weighs(request) : FakeEndpoint.Says("It is fine. Rating: [[6]]"));
        string File(string name) => Path.Combine(samples, name);
        string[] Model(string name, string file, params string[] more) => [.. name.Split(' '), "--model", demo.Model, "--input", File(file), "--limit", "6", .. more];
        string[] asked = ["--judge", judge.Url, "--judge-model", "fake"];
        var answers = $"{File("alpaca_eval_51_prompts_4_models.jsonl")}#";
        string[][] commands =
        [
            Model("multiple-choice --task hellaswag", "hellaswag_val_200.jsonl"),
            Model("multiple-choice --task truthfulqa", "truthfulqa_200.jsonl"),
            Model("gsm8k", "gsm8k_test_200.jsonl", "--max-new-tokens", "32"),
            ["mt-bench", "--questions", File("mt_bench_questions.jsonl"), "--references", File("mt_bench_reference_gpt4.jsonl"), "--model", demo.Model, "--answers", folder.File("a.jsonl"),
                "--runs", "1", "--max-new-tokens", "8", "--limit", "6", "--judge-prompts", File("mt_bench_judge_prompts.jsonl"), "--grades", folder.File("g.jsonl"), .. asked],
            ["alpaca-eval", "--annotations", File("alpaca_eval_preference_pairs_100.jsonl"), "--difficulty", Path.Combine(tables, "instruction_difficulty.csv"), "--gamed", Path.Combine(tables, "gamed_calibration.csv")],
            ["win-rate", "--outputs", $"{answers}gpt4_1106_preview", $"{answers}zephyr-7b-beta", $"{answers}Meta-Llama-3-8B-Instruct", $"{answers}SPPO-Mistral7B-PairRM", .. asked],
            ["implicit-reward", "--model", demo.Model, "--reference", demo.Model, "--other", demo.Model, "--input", Path.Combine(demo.Root, "pairs.jsonl"), "--ranker", $"pairrm:{demo.Ranker}", "--limit", "12", "--max-new-tokens", "8"],
            ["reward-distribution", "--model", demo.Model, "--input", Prompts(folder, File("alpaca_eval_51_prompts_4_models.jsonl")), "--ranker", $"pairrm:{demo.Ranker}", "--against", "theirs", "--max-new-tokens", "8"],
        ];

        foreach (var command in commands)
        {
            Ok(["evaluate", .. command, "--out", folder.File("out")]);
        }
        // A model of random weights gives no answer with scores, and an average over none is no result.
        var nothing = SelmProcess.Run(["evaluate", .. Model("eq-bench", "eq_bench_v2_171.jsonl", "--max-new-tokens", "16"), "--out", folder.File("out")]);
        Assert.Equal(2, nothing.Code);
        Assert.Contains("Nothing was measured: none of 6 items of eq-bench", nothing.Error, StringComparison.Ordinal);
        Ok("evaluate", "answers", "--model", demo.Model, "--instructions", $"{answers}gpt4_1106_preview", "--output", folder.File("ours.json"), "--max-new-tokens", "8", "--limit", "6");
        Ok(["evaluate", "judge", "--outputs", $"{answers}zephyr-7b-beta", "--baseline", $"{answers}gpt4_1106_preview", "--annotations", folder.File("zephyr.json"), "--out", folder.File("out"), .. asked]);
        Ok("evaluate", "alpaca-eval", "--annotations", folder.File("zephyr.json"), "--difficulty", Path.Combine(tables, "instruction_difficulty.csv"), "--gamed", Path.Combine(tables, "gamed_calibration.csv"), "--out", folder.File("out"));
        Ok("evaluate", "compare", folder.File("zephyr.json"), File("alpaca_eval_preference_pairs_100.jsonl"), "--out", folder.File("out"));
        Ok("evaluate", "report", folder.File("out"));

        var page = EvaluationPage.Of(folder.File("out"), new(2026, 11, 1));
        Assert.Equal(
            ["alpaca-eval", "compare", "gsm8k", "hellaswag", "implicit-reward", "mt-bench", "reward-distribution", "truthfulqa", "win-rate"],
            page.Sections.Select(section => section.Heading).Order(StringComparer.Ordinal));
        Assert.All(page.Sections.SelectMany(section => section.Figures), figure => Assert.Empty(FigureChecks.Problems(figure)));
    }

    private static string Prompts(TempFolder folder, string answers) => folder.Write("prompts.jsonl", string.Join('\n', System.IO.File.ReadLines(answers).Select(line => JsonElement.Parse(line))
        .Where(row => row.GetProperty("instruction").GetString()!.Length < 200).Take(8)
        .Select(row => JsonSerializer.Serialize(new { prompt = row.GetProperty("instruction").GetString(), theirs = row.GetProperty("outputs").GetProperty("zephyr-7b-beta").GetString() }))));

    // A judge with a taste of its own for every pair.
    private static (int Status, string Body) Weighs(JsonElement request)
    {
        var p = 0.05 + (0.9 * (request.GetProperty("messages")[0].GetProperty("content").GetString()!.Sum(c => c) % 100 / 100.0));
        return FakeEndpoint.Says("M", ("m", Math.Log(1 - p)), ("M", Math.Log(p)));
    }

    private static void Ok(params string[] arguments)
    {
        var run = SelmProcess.Run(arguments);
        Assert.True(run.Code == 0, $"{string.Join(' ', arguments)}: {run.Error}");
    }
}
