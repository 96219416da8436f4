using System.Text.Json;
using Selm.Research.Evaluation;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

/// <summary>Judging that stops half-way keeps what was judged, says so, and goes on without asking anything twice.</summary>
public sealed class PartialJudgingTests : IDisposable
{
    private const int Pairs = 12, Answered = 5;

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task an_endpoint_that_goes_down_leaves_partial_annotations_and_the_next_run_pays_for_the_rest_alone(int parallel)
    {
        var up = false;
        using var server = new FakeEndpoint((number, _) => up || number <= Answered ? Prefers() : (500, "down"));
        var path = folder.File("annotations.json");

        var error = await Assert.ThrowsAsync<InputException>(() => Judge(server, path, parallel));
        var partial = AlpacaAnnotations.Read(folder.File("annotations.partial.json"));
        var paid = server.Requests.Count(request => request.GetProperty("max_tokens").GetInt32() == 1);
        up = true;
        var found = await Judge(server, path, parallel);

        Assert.StartsWith($"{folder.File("annotations.partial.json")} keeps {Answered} of {Pairs} judgements: {server.Url}/chat/completions gave no answer in 3 attempts (500 Internal Server Error); ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("run the same command again when it is back, its answers are kept.", error.Message, StringComparison.Ordinal);
        Assert.Equal((Pairs, Answered), (partial.Rows.Count, partial.Rows.Count(row => row.Preference is not null)));
        Assert.Equal((Pairs, 0), (found.Judged, found.Missing));
        Assert.Equal(Pairs - Answered, server.Count - paid);
        Assert.Equal(["annotations.json", "cache.jsonl"], folder.Names());
    }

    [Fact]
    public async Task ctrl_c_says_what_is_kept_and_an_older_file_stays()
    {
        using var stop = new CancellationTokenSource();
        using var server = new FakeEndpoint((_, _) => Prefers());
        var path = folder.Write("annotations.json", "older");

        var error = await Assert.ThrowsAsync<StoppedException>(() => Judge(server, path, 1, new Stopping(stop, Answered), stop.Token));

        Assert.Equal($"Interrupted; {folder.File("annotations.partial.json")} keeps {Answered} of {Pairs} judgements, and the same command goes on.", error.Message);
        Assert.Equal("older", File.ReadAllText(path));
        Assert.Equal(Answered, AlpacaAnnotations.Read(folder.File("annotations.partial.json")).Rows.Count(row => row.Preference is not null));
    }

    [Fact]
    public async Task what_is_judged_stands_in_the_partial_file_before_the_work_ends()
    {
        var path = folder.File("annotations.json");
        var seen = 0;
        var judge = new PairJudge("slow", pair =>
        {
            seen += pair.Index > 0 && File.Exists(folder.File("annotations.partial.json")) ? 1 : 0;
            return 1;
        });

        await AlpacaJudging.RunAsync(Outputs("ours", "bb"), Outputs("base", "b"), judge, path);

        Assert.Equal(Pairs - 1, seen);
        Assert.Equal(["annotations.json"], folder.Names());
    }

    [Fact]
    public async Task a_ranker_with_a_memory_is_not_asked_again_and_says_the_same()
    {
        var asked = 0;
        PairJudge Ranker() => PairJudge.Of("r", new OracleRanker((_, text) =>
        {
            asked++;
            return text.Length / 3.0;
        }));
        AnswerPair[] pairs = [.. Enumerable.Range(0, 4).Select(i => new AnswerPair(i, $"Q{i}", "a", new string('b', i + 2)))];
        var alone = await Ranker().JudgeAsync(pairs);
        async Task<double?[]> Remembered(string weights)
        {
            using var memory = new JudgeCache(folder.File("memory.jsonl"));
            return await Ranker().Remembering(memory, weights).JudgeAsync(pairs);
        }

        Assert.Equal(alone, await Remembered("w"));
        asked = 0;
        Assert.Equal(alone, await Remembered("w"));
        Assert.Equal(0, asked);
        await Remembered("other weights");
        Assert.Equal(8, asked);
    }

    [Fact]
    public async Task a_wait_that_the_endpoint_asks_for_is_kept_and_too_long_a_one_ends_the_run()
    {
        using var short1 = new FakeEndpoint((number, _) => number == 1 ? (429, "slow down") : Prefers()) { RetryAfter = "1" };
        using var long1 = new FakeEndpoint((_, _) => (429, "slow down")) { RetryAfter = "3600" };
        using var dated = new FakeEndpoint((_, _) => (429, "slow down")) { RetryAfter = DateTimeOffset.UtcNow.AddHours(2).ToString("R") };

        Assert.Equal(Pairs, (await Judge(short1, folder.File("a.json"), 1)).Judged);
        Assert.Equal(Pairs + 1, short1.Count);
        Assert.EndsWith("wants to be left alone for 60 minutes (429 Too Many Requests); run the same command again then, its answers are kept.", (await Assert.ThrowsAsync<InputException>(() => Judge(long1, folder.File("b.json"), 1))).Message, StringComparison.Ordinal);
        Assert.Contains("wants to be left alone for 120 minutes", (await Assert.ThrowsAsync<InputException>(() => Judge(dated, folder.File("b.json"), 1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task an_endpoint_is_never_waited_for_longer_than_there_is_patience_and_short_waits_are_said_in_seconds()
    {
        using var busy = new FakeEndpoint((_, _) => (429, "slow down")) { RetryAfter = "50" };
        using var past = new FakeEndpoint((number, _) => number == 1 ? (429, "slow down") : FakeEndpoint.Says("A")) { RetryAfter = DateTimeOffset.UtcNow.AddHours(-2).ToString("R") };
        using var silent = new FakeEndpoint((number, _) => (503, "busy"));
        ChatEndpoint Of(FakeEndpoint server, TimeSpan patience) => new(server.Url, "judge", null, null, 6, TimeSpan.FromMilliseconds(60), patience: patience);
        Task<JudgeReply> Ask(ChatEndpoint endpoint) => endpoint.AskAsync([new("user", "Who?")], 5, "row 1", reply => reply.Text.Length > 0);

        using var one = Of(busy, TimeSpan.FromSeconds(20));
        Assert.Contains("wants to be left alone for 50 seconds (429 Too Many Requests)", (await Assert.ThrowsAsync<InputException>(() => Ask(one))).Message, StringComparison.Ordinal);
        using var two = Of(past, TimeSpan.FromSeconds(60));
        Assert.Equal("A", (await Ask(two)).Text);
        using var three = Of(silent, TimeSpan.FromMilliseconds(100)); // over before the second wait at the latest
        Assert.Contains("gave no answer in", (await Assert.ThrowsAsync<InputException>(() => Ask(three))).Message, StringComparison.Ordinal);
        Assert.InRange(silent.Count, 0, 2);
    }

    [Fact]
    public async Task grading_that_stops_leaves_partial_grades_that_are_averaged_and_goes_on()
    {
        var up = false;
        using var server = new FakeEndpoint((number, _) => up || number <= Answered ? FakeEndpoint.Says("Rating: [[6]]") : (503, "busy"));
        MtBenchQuestion[] questions = [.. Enumerable.Range(81, 4).Select(id => new MtBenchQuestion(id, "writing", ["a?", "b?"], null))];
        MtBenchAnswer[] answers = [.. questions.Select(question => new MtBenchAnswer(question.Id, 0, [$"one {question.Id}", $"two {question.Id}"]))];
        string[] names = ["single-v1", "single-math-v1", "single-v1-multi-turn", "single-math-v1-multi-turn"];
        var prompts = folder.Write("p.jsonl", string.Join('\n', names.Select(name => JsonSerializer.Serialize(new { name, system_prompt = "S", prompt_template = $"{name} {{answer}} {{answer_2}}" }))));
        async Task<IReadOnlyList<MtBenchGrade>> Grade()
        {
            using var endpoint = Endpoint(server);
            return await new MtBenchJudge(prompts).GradeAsync(endpoint, "ours", questions, answers, folder.File("grades.jsonl"));
        }

        var error = await Assert.ThrowsAsync<InputException>(Grade);
        var partial = MtBench.ReadGrades(folder.File("grades.partial.jsonl"));
        up = true;
        var before = server.Count;
        var grades = await Grade();

        Assert.StartsWith($"{folder.File("grades.partial.jsonl")} keeps 5 of 8 grades: ", error.Message, StringComparison.Ordinal);
        Assert.Equal((8, 5), (partial.Count, partial.Count(grade => grade.Score == 6)));
        Assert.Equal((6.0, 5), (MtBench.Averages(partial)[0].Value, MtBench.Averages(partial)[0].N));
        Assert.Equal(3, server.Count - before);
        Assert.All(grades, grade => Assert.Equal(6, grade.Score));
        Assert.False(File.Exists(folder.File("grades.partial.jsonl")));
    }

    [Fact]
    public async Task a_judge_that_never_prefers_measures_nothing_and_leaves_no_file()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("I cannot choose."));
        var path = folder.Write("annotations.json", "older");

        var error = await Assert.ThrowsAsync<InputException>(() => Judge(server, path, 3));

        Assert.StartsWith($"Nothing was measured: none of {Pairs} judgements holds a verdict and none is kept; ", error.Message, StringComparison.Ordinal);
        Assert.Equal("older", File.ReadAllText(path));
        Assert.Equal(["annotations.json"], folder.Names());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task pairs_without_a_preference_stay_open_and_the_next_run_asks_for_these_alone(int parallel)
    {
        var clear = false;
        using var server = new FakeEndpoint((_, request) =>
            clear || !request.GetProperty("messages")[0].GetProperty("content").GetString()!.Contains("Question 1", StringComparison.Ordinal) ? Prefers() : FakeEndpoint.IsCutAfter("Well"));
        var path = folder.File("annotations.json");

        var first = await Judge(server, path, parallel);
        var open = AlpacaAnnotations.Read(path).Rows.Where(row => row.Preference is null).Select(row => row.Instruction).ToArray();
        clear = true;
        var before = server.Count;
        var second = await Judge(server, path, parallel);

        Assert.Equal((9, 3), (first.Judged, first.WithoutPreference));
        Assert.Equal([1, 10, 11], open);
        Assert.Equal((Pairs, 0, 3), (second.Judged, second.WithoutPreference, server.Count - before));
    }

    private async Task<AlpacaJudged> Judge(FakeEndpoint server, string path, int parallel, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var endpoint = Endpoint(server);
        return await AlpacaJudging.RunAsync(Outputs("ours", "bb"), Outputs("base", "b"), PairJudge.Of(endpoint), path, parallel, progress, cancellation);
    }

    private ChatEndpoint Endpoint(FakeEndpoint server) => new(server.Url, "judge", null, folder.File("cache.jsonl"), attempts: 3, firstWait: TimeSpan.FromMilliseconds(1));

    private static AlpacaOutputs Outputs(string name, string text) => new($"{name}.json", name, [.. Enumerable.Range(0, Pairs).Select(i => new AlpacaOutput($"Question {i}", text))]);

    private static (int Status, string Body) Prefers() => FakeEndpoint.Says("M", ("m", -1), ("M", -0.5));

    // A person who presses Ctrl-C after some reports.
    private sealed class Stopping(CancellationTokenSource source, int after) : IProgress<StepProgress>
    {
        public void Report(StepProgress value)
        {
            if (value.Done == after)
            {
                source.Cancel();
            }
            source.Token.ThrowIfCancellationRequested();
        }
    }
}
