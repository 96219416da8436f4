using System.Text.Json;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>selm evaluate from files to files, on the demo's model; the numbers themselves are tested in the library.</summary>
public class EvaluateCommandTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    [SkippableFact]
    public void alpaca_eval_prints_the_published_model_s_numbers_as_its_last_line()
    {
        var files = Golden.Outside("alpaca-eval-lc");
        Skip.If(files is null, "alpaca-eval-lc is not there");
        var model = Path.Combine(files, "models", "gemma-2b-it.json");
        var expected = JsonElement.Parse(File.ReadAllBytes(model)).GetProperty("expected");

        var found = Last(SelmProcess.Run(
            "evaluate", "alpaca-eval", "--annotations", model, "--difficulty", Path.Combine(files, "instruction_difficulty.csv"), "--gamed", Path.Combine(files, "gamed_calibration.csv"), "--json"));

        Assert.Equal(expected.GetProperty("raw").GetProperty("win_rate").GetDouble(), found.GetProperty("win_rate").GetDouble(), 1e-6);
        Assert.Equal(expected.GetProperty("raw").GetProperty("standard_error").GetDouble(), found.GetProperty("standard_error").GetDouble(), 1e-6);
        Assert.Equal(expected.GetProperty("length_controlled_v1").GetProperty("length_controlled_winrate").GetDouble(), found.GetProperty("length_controlled_winrate").GetDouble(), 0.05);
        Assert.Equal(3, found.GetProperty("coefficients").GetArrayLength());
        Assert.True(found.GetProperty("C").GetDouble() > 0 && found.GetProperty("lc_standard_error").GetDouble() > 0);
    }

    [Fact]
    public void a_model_is_judged_compared_and_reported_from_files_to_files()
    {
        using var folder = new TempFolder();
        var baseline = folder.Write("base.json", JsonSerializer.Serialize(Enumerable.Range(0, 6).Select(i => new { instruction = $"Say {i}.", output = $"{i} {i}", generator = "base" })));
        var results = folder.File("results");

        Ok("evaluate", "answers", "--model", demo.Model, "--instructions", baseline, "--output", folder.File("ours.json"), "--max-new-tokens", "6");
        Ok("evaluate", "judge", "--outputs", folder.File("ours.json"), "--baseline", baseline, "--judge", $"pairrm:{demo.Ranker}", "--annotations", folder.File("ours.annotations.json"));
        var matrix = Last(SelmProcess.Run("evaluate", "win-rate", "--outputs", folder.File("ours.json"), baseline, "--judge", $"pairrm:{demo.Ranker}", "--out", results, "--json"));
        Directory.CreateDirectory(folder.File("again"));
        File.Copy(folder.File("ours.annotations.json"), folder.File("again", "ours.annotations.json")); // another file of the same name
        var compared = SelmProcess.Run("evaluate", "compare", folder.File("ours.annotations.json"), folder.File("again", "ours.annotations.json"), "--out", results);
        Ok("evaluate", "report", results);

        var made = JsonElement.Parse(File.ReadAllBytes(Directory.GetFiles(results, "win-rate-*.json").First(path => File.ReadAllText(path).Contains("provenance", StringComparison.Ordinal)))).GetProperty("provenance").GetProperty("inputs");
        Assert.Contains(made.EnumerateObject(), input => input.Name.StartsWith("ranker", StringComparison.Ordinal));
        Assert.True(matrix.GetProperty("raw_asymmetry").GetDouble() < 1e-3);
        Assert.Contains("cannot be told apart", compared.Out, StringComparison.Ordinal);
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(results, "report.html")), StringComparison.Ordinal);
    }

    [Fact]
    public void options_and_word_problems_are_scored_and_kept_with_their_provenance()
    {
        using var folder = new TempFolder();
        string Lines(Func<int, object> row) => string.Join('\n', Enumerable.Range(0, 4).Select(i => JsonSerializer.Serialize(row(i))));
        var scenes = folder.Write("h.jsonl", Lines(i => new { context = $"A man {i} goes. He", endings = new[] { "runs.", "sits down.", "sings a song." }, label = i % 3 }));
        var problems = folder.Write("g.jsonl", Lines(i => new { question = $"{i} + 1?", answer = $"#### {i + 1}" }));
        var prompts = folder.Write("p.jsonl", Lines(_ => new { prompt = "please describe the owl in a short way" }));
        var pairs = Path.Combine(demo.Root, "pairs.jsonl");

        var choice = Last(SelmProcess.Run("evaluate", "multiple-choice", "--task", "hellaswag", "--model", demo.Model, "--input", scenes, "--shots", "2", "--out", folder.Root, "--json"));
        var math = Last(SelmProcess.Run("evaluate", "gsm8k", "--model", demo.Model, "--input", problems, "--shots", "1", "--max-new-tokens", "4", "--out", folder.Root, "--json"));
        var implicitReward = Last(SelmProcess.Run("evaluate", "implicit-reward", "--model", demo.Model, "--reference", demo.Model, "--other", demo.Model, "--input", pairs, "--limit", "4", "--max-new-tokens", "4", "--json"));
        var rewards = Last(SelmProcess.Run("evaluate", "reward-distribution", "--model", demo.Model, "--input", prompts, "--ranker", "oracle:lab", "--max-new-tokens", "2", "--json"));

        Assert.Equal(4, choice.GetProperty("n").GetInt32());
        Assert.InRange(choice.GetProperty("accuracy_norm").GetDouble(), 0, 100);
        Assert.InRange(math.GetProperty("exact_match").GetDouble(), 0, 100);
        Assert.Equal(0, implicitReward.GetProperty("chosen_minus_other").GetDouble());
        Assert.True(double.IsFinite(rewards.GetProperty("mean_reward").GetDouble()));
        var kept = JsonElement.Parse(File.ReadAllBytes(folder.File("hellaswag-demo.json"))).GetProperty("provenance").GetProperty("inputs");
        Assert.Equal(64, kept.GetProperty("h.jsonl").GetString()!.Length);
        Assert.Equal(64, kept.GetProperty("model").GetString()!.Length);
    }

    [Fact]
    public void the_result_of_other_weights_is_never_written_over()
    {
        using var folder = new TempFolder();
        string copy = demo.CopyModel(folder), results = folder.File("results"), pairs = Path.Combine(demo.Root, "pairs.jsonl");
        var trained = folder.File("trained", "model");
        Ok("train", "--model", demo.Model, "--data", pairs, "--recipe", folder.Write("dpo.yaml", "loss: {kind: dpo, beta: 0.1}\nbatch_size: 10\ngradient_accumulation: 1\nmax_length: 160\nmax_prompt_length: 96\nmax_new_tokens: 8\nthreads: 1\n"), "--out", folder.File("trained"));
        string[] Compared(string with) => ["evaluate", "implicit-reward", "--model", demo.Model, "--reference", demo.Model, "--other", with, "--input", pairs, "--limit", "2", "--max-new-tokens", "2", "--out", results];

        foreach (var second in new[] { copy, trained, copy })
        {
            Ok(Compared(second));
        }

        Assert.Equal(["implicit-reward-demo-2.json", "implicit-reward-demo.json"], Directory.GetFiles(results, "implicit-reward-*.json").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(2, Directory.GetFiles(results, "implicit-rewards-*.jsonl").Length);
    }

    [Fact]
    public void mistakes_are_answered_in_one_sentence()
    {
        using var folder = new TempFolder();
        SelmProcess.Run("evaluate", "multiple-choice", "--task", "hellaswagg", "--model", "m", "--input", "i").Refused("There is no multiple-choice task 'hellaswagg'; did you mean 'hellaswag'?");
        SelmProcess.Run("evaluate", "report", folder.Root).Refused($"{folder.Root} holds no result of selm evaluate; run a benchmark with --out {folder.Root} first.");
        SelmProcess.Run("evaluate", "mt-bench", "--questions", folder.Write("q.jsonl", """{"question_id": 81, "category": "writing", "turns": ["a", "b"]}""")).Refused("There is nothing to do; give --model to answer, --judge-prompts to grade, or --grades to average.");
        SelmProcess.Run("evaluate", "mt-bench", "--questions", folder.File("q.jsonl"), "--grades", folder.Write("g.jsonl", """{"question_id": 82, "model": "m", "turn": 1, "score": 7}""")).Refused($"{folder.File("g.jsonl")} grades question 82, which is not among the questions; use the files of one benchmark.");
        string Annotations(string baseline) => folder.Write($"{baseline}.json", $$"""[{"index": 0, "output_1": "a", "generator_1": "{{baseline}}", "output_2": "b", "preference": 2}]""");
        SelmProcess.Run("evaluate", "compare", Annotations("one"), Annotations("two")).Refused("one is judged against one and two against two; compare annotations against one baseline.");
        SelmProcess.Run("evaluate", "win-rate", "--outputs", $"{folder.Write("o.jsonl", """{"instruction": "i", "outputs": {"selm": "a", "dpo": "b"}}""")}#slem", $"{folder.File("o.jsonl")}#dpo", "--judge", "oracle:lab")
            .Refused($"{folder.File("o.jsonl")} line 1: it holds no answer of slem; the nearest name there is selm.");
        SelmProcess.Run("evaluate", "reward-distribution", "--model", "m", "--input", "i", "--ranker", "pairrm:x").Refused("PairRM only compares answers; name the field of the other answer with --against.");
    }

    private static void Ok(params string[] arguments)
    {
        var run = SelmProcess.Run(arguments);
        Assert.True(run.Code == 0, run.Error);
    }

    private static JsonElement Last(SelmProcess run)
    {
        Assert.True(run.Code == 0, run.Error);
        return JsonElement.Parse(run.Out.TrimEnd().Split('\n')[^1]);
    }
}
