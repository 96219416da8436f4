using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Tests;
using Reference = Tokenizers.DotNet.Tokenizer;

namespace Selm.Research.Tests;

/// <summary>More of people's real files: runs, judges, odd texts and paths. Skipped where the cases are not there.</summary>
public sealed class FieldCaseRunsTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [SkippableFact]
    public void the_ranker_of_a_run_is_asked_about_the_whole_chat()
    {
        var asked = new Asked();
        var recipe = Recipe.Read(Case("05-multi-turn-ranker/recipe.yaml")) with
        {
            Base = Case("26-unicode-and-long/model"), Ranker = "oracle:asked", Datasets = [Case("05-multi-turn-ranker/pairs.jsonl")], MaxNewTokens = 4,
        };
        SelmRun.Run(new(recipe, folder.File("run")), _ => asked);

        // What the case says the ranker should have been asked, row by row.
        var whole = Jsonl.Read(Case("05-multi-turn-ranker/cands.jsonl")).Where(row => row.Text("how") == "whole chat").Select(row => row.Text("prompt"));
        Assert.Equal(whole, asked.Texts.Take(3));
        Assert.Equal(3, Jsonl.Read(folder.File("run", "answers.jsonl")).Select(row => row.Text("prompt")).Distinct().Count());
    }

    [SkippableFact]
    public void log_probs_of_cut_prompts_and_answers_are_the_reference_program_s()
    {
        var recipe = SelmRun.OneTraining(Recipe.Read(Case("11-truncation/r.yaml")), Case("11-truncation/model"), Case("11-truncation/pairs.jsonl"));
        SelmRun.Run(new(recipe, folder.File("run")), _ => throw new InvalidOperationException("nobody is ranked"));
        var first = JsonElement.Parse(File.ReadLines(folder.File("run", "metrics.jsonl")).First());
        Assert.Equal(-95.77492, first.GetProperty("chosen_logp").GetDouble(), 1e-3);
        Assert.Equal(-35.24279, first.GetProperty("rejected_logp").GetDouble(), 1e-3);
    }

    [SkippableFact]
    public void nothing_is_trained_or_asked_beyond_the_model_s_context()
    {
        var (model, pairs) = (Case("11-truncation/model64"), Case("11-truncation/pairs.jsonl"));
        foreach (var recipe in new[]
        {
            SelmRun.OneTraining(Recipe.Read(Case("11-truncation/r2.yaml")), model, pairs),
            Recipe.Read(Case("11-truncation/r3.yaml")) with { Base = model, Datasets = [pairs], Ranker = "oracle:asked" },
        })
        {
            using var run = SelmRun.Open(new(recipe, folder.File(recipe.Method)), _ => new Asked());
            Assert.Contains(run.Notes, note => note.StartsWith("max_length: 64 instead of the default 1024, because the context of ", StringComparison.Ordinal));
            run.Finish();
            Assert.All(
                PreferenceFile.Read(folder.File(recipe.Method, "iteration-0", "preferences.jsonl")).Records,
                record => Assert.InRange(Math.Max(record.Lengths!.Chosen, record.Lengths.Rejected), 1, 63));
        }
        var wrong = SelmRun.OneTraining(Recipe.Read(Case("11-truncation/r2.yaml")), model, pairs) with { MaxLength = 100 };
        Assert.StartsWith("max_length is 100, but the context of ", Assert.Throws<InputException>(() => SelmRun.Open(new(wrong, folder.File("wrong")), _ => new Asked())).Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("plain", 54.7333)]
    [InlineData("ties", 55.1167)]
    [InlineData("noindex", 54.7333)]
    [InlineData("empty-output", 54.7333)]
    public void alpaca_annotations_with_draws_and_emoji_give_the_win_rate_computed_by_hand(string name, double rate)
    {
        var annotations = AlpacaAnnotations.Read(Case($"19-alpaca-annotations/{name}.json"));
        Assert.Equal(rate, 100 * annotations.Rows.Average(row => row.Preference!.Value), 1e-4);
        Assert.Equal(rate, AlpacaEval.Run(annotations, Tables()).WinRate, 1e-4);
        // "😀 " is two code points and three UTF-16 units.
        Assert.All(annotations.Rows.Where((row, i) => i % 3 == 0 && row.ModelLength > 0), row => Assert.Equal(0, row.ModelLength % 2));
    }

    [SkippableTheory]
    [InlineData("nan", "row 8: ")]
    [InlineData("dup", "row 61: the instruction of row 1 is there again")]
    [InlineData("pref-text", "row 3: the preference is 2")]
    [InlineData("swapped", "base")]
    public void alpaca_annotations_that_would_give_a_silent_nan_are_refused(string name, string sentence)
    {
        var path = Case($"19-alpaca-annotations/{name}.json");
        Assert.Contains(sentence, Assert.Throws<InputException>(() => AlpacaEval.Run(AlpacaAnnotations.Read(path), Tables())).Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("""{"choices": [{"index": 0, "message": {"role": "assistant", "content": null}, "finish_reason": "content_filter"}]}""")]
    [InlineData("""{"choices": [{"index": 0, "message": {"role": "assistant", "content": "The answer is long and"}, "finish_reason": "length"}]}""")]
    public async Task grades_that_a_judge_did_not_give_are_an_error_and_asked_for_again(string reply)
    {
        var mended = false;
        using var server = new FakeEndpoint((_, _) => mended ? FakeEndpoint.Says("Fine. Rating: [[7]]") : (200, reply));
        Task<IReadOnlyList<MtBenchGrade>> Grade()
        {
            var endpoint = new ChatEndpoint(server.Url, "j", null, folder.File("cache.jsonl"), 1, TimeSpan.FromMilliseconds(1));
            return Graded(endpoint);
        }
        var error = await Assert.ThrowsAsync<InputException>(Grade);
        Assert.Equal(2, server.Count);
        Assert.False(File.Exists(folder.File("g.jsonl")), error.Message);
        mended = true;
        Assert.Equal([7, 7], (await Grade()).Select(grade => grade.Score));
        Assert.Equal(4, server.Count);
    }

    [SkippableFact]
    public async Task a_newer_judge_and_an_error_under_200_are_understood()
    {
        using var newer = new FakeEndpoint((_, request) => request.TryGetProperty("max_tokens", out JsonElement _)
            ? (400, """{"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}""")
            : FakeEndpoint.Says("Rating: [[7]]"));
        Assert.Equal([7, 7], (await Graded(new ChatEndpoint(newer.Url, "j", null, null, 1, TimeSpan.FromMilliseconds(1)))).Select(grade => grade.Score));

        using var busy = new FakeEndpoint((_, _) => (200, """{"error": {"message": "quota", "code": 429}}"""));
        var error = await Assert.ThrowsAsync<InputException>(() => Graded(new ChatEndpoint(busy.Url, "j", null, null, 2, TimeSpan.FromMilliseconds(1)), "h.jsonl"));
        Assert.Contains("quota", error.Message, StringComparison.Ordinal);
        Assert.True(busy.Count >= 2, "an error that passes is waited for");
    }

    [SkippableFact]
    public void emoji_marks_zeros_and_special_tokens_as_text_come_back_and_count_as_hugging_face_counts_them()
    {
        var (path, input) = (Case("26-unicode-and-long/model"), Case("26-unicode-and-long/in.jsonl"));
        using var model = ModelFolder.Load(path);
        LogprobsFile.Run(model, input, folder.File("out.jsonl"), 8);
        using var reference = new Reference(Path.Combine(path, "tokenizer.json"));
        foreach (var (row, found) in Jsonl.Read(input).Zip(Jsonl.Read(folder.File("out.jsonl"))))
        {
            var (prompt, response) = (row.Text("prompt"), row.Text("response"));
            Assert.Equal((prompt, response), (found.Text("prompt"), found.Text("response")));
            int[] Ids(string text) => [.. reference.Encode(text).Select(id => (int)id)];
            int[] question = [1, .. Ids(prompt).SkipWhile(id => id == 1)];
            int[] answer = [.. Ids(response).Reverse().SkipWhile(id => id == 2).Reverse().SkipWhile(id => id == 1), 2];
            Assert.Equal(answer.Length, found.Numbers("token_logprobs").Length);
            File.WriteAllText(folder.File("ids.jsonl"), JsonSerializer.Serialize(new { input_ids = (int[])[.. question, .. answer], response_start = question.Length }));
            LogprobsFile.Run(model, folder.File("ids.jsonl"), folder.File("again.jsonl"), 8);
            Assert.Equal(Jsonl.Read(folder.File("again.jsonl")).Single().Number("logprob"), found.Number("logprob"), 1e-3);
        }
    }

    [SkippableFact]
    public void a_row_of_ten_megabytes_is_cut_and_trained()
    {
        var recipe = Recipe.Read(Case("03-v5-config/tiny.yaml"));
        PreferenceFile.Write(folder.File("long.jsonl"),
        [
            PreferenceRecord.FromTexts("q", string.Concat(Enumerable.Repeat("salt ", 2_000_000)), "no"), PreferenceRecord.FromTexts("q", "yes", "no"),
        ]);
        SelmRun.Run(new(SelmRun.OneTraining(recipe, Case("26-unicode-and-long/model"), folder.File("long.jsonl")), folder.File("run")), _ => throw new InvalidOperationException("nobody is ranked"));
        var lengths = PreferenceFile.Read(folder.File("run", "iteration-0", "preferences.jsonl")).Records[0].Lengths!;
        Assert.InRange(lengths.Chosen, 100, recipe.MaxLength);
    }

    [SkippableFact]
    public void paths_with_umlauts_spaces_and_other_scripts_and_a_decimal_comma_change_nothing()
    {
        var before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NumberGroupSeparator) = (",", ".");
        try
        {
            CultureInfo.CurrentCulture = comma;
            LossFile.Run(Case("27-locale-and-paths/l.jsonl"), folder.File("lo.jsonl"), new SelmLoss(0.1, 0.001));
            using var model = ModelFolder.Load(Case("27-locale-and-paths/mödel 日本 dir"));
            Directory.CreateDirectory(folder.File("öut put"));
            File.WriteAllText(folder.File("öut put", "ein gabe.jsonl"), """{"prompt":"日本"}""");
            GenerateFile.Run(model, folder.File("öut put", "ein gabe.jsonl"), folder.File("öut put", "aus gabe.jsonl"), new SamplingOptions(MaxNewTokens: 3));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
        var (want, have) = (Jsonl.Read(Case("27-locale-and-paths/lo.jsonl")).Single().Value, Jsonl.Read(folder.File("lo.jsonl")).Single().Value);
        Assert.All(want.EnumerateObject(), field => Assert.Equal(field.Value.GetDouble(), have.GetProperty(field.Name).GetDouble(), 1e-12));
        var (expected, answer) = (Jsonl.Read(Case("27-locale-and-paths/aus gabe.jsonl")).Single(), Jsonl.Read(folder.File("öut put", "aus gabe.jsonl")).Single());
        Assert.Equal(expected.WholeNumbers("output_ids"), answer.WholeNumbers("output_ids"));
        Assert.Equal(expected.Text("response"), answer.Text("response"));
        Assert.Equal(expected.Number("logprob"), answer.Number("logprob"), 1e-3);
    }

    private async Task<IReadOnlyList<MtBenchGrade>> Graded(ChatEndpoint endpoint, string output = "g.jsonl")
    {
        using (endpoint)
        {
            var (model, answers) = MtBench.ReadAnswers(Case("23-judge-empty-reply/a.jsonl"));
            return await new MtBenchJudge(Case("23-judge-empty-reply/jp.jsonl")).GradeAsync(endpoint, model, MtBench.Read(Case("23-judge-empty-reply/q.jsonl")), answers, folder.File(output));
        }
    }

    private static AlpacaTables Tables()
    {
        var tables = Golden.Outside("alpaca-eval-lc");
        Skip.If(tables is null, "alpaca-eval-lc is not there");
        return AlpacaTables.Read(Path.Combine(tables, "instruction_difficulty.csv"), Path.Combine(tables, "gamed_calibration.csv"));
    }

    private static string Case(string name) => FieldCasesTests.Case(name);

    /// <summary>Likes short answers and remembers what it was asked about.</summary>
    private sealed class Asked : IRanker
    {
        public List<string> Texts { get; } = [];

        public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch)
        {
            Texts.AddRange(batch.Select(request => request.Text));
            return [.. batch.Select(request => RankedCandidates.FromScores([.. request.Candidates.Select((candidate, k) => -candidate.Length - (0.1 * k))]))];
        }
    }
}
