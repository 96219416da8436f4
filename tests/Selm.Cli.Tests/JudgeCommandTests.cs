using System.Diagnostics;
using System.Text.Json;
using Selm.Research.Evaluation;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>Judging through a process and an endpoint on this machine that is busy, goes down and comes back.</summary>
public sealed class JudgeCommandTests : IDisposable
{
    private const int Pairs = 10;

    private readonly TempFolder folder = new();
    private readonly string ours, theirs, annotations;

    public JudgeCommandTests()
    {
        string Answers(string name) => folder.Write($"{name}.json", JsonSerializer.Serialize(Enumerable.Range(0, Pairs).Select(i => new { instruction = $"Say {i}.", output = $"{name} {i}", generator = name })));
        (ours, theirs, annotations) = (Answers("ours"), Answers("base"), folder.File("annotations.json"));
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void a_busy_endpoint_is_waited_for_a_dead_one_leaves_a_partial_file_and_the_same_command_goes_on()
    {
        var up = false;
        using var server = new FakeEndpoint((number, _) => up || number is > 1 and <= 5 ? Prefers() : number == 1 ? (429, "slow down") : (500, "down")) { RetryAfter = "1" };
        string[] command = Command(server, "--parallel", "1", "--attempts", "2");

        var stopped = SelmProcess.Run(command);
        var partial = AlpacaAnnotations.Read(folder.File("annotations.partial.json"));
        var names = folder.Names();
        up = true;
        var before = server.Count;
        var resumed = SelmProcess.Run(command);

        Assert.Equal(2, stopped.Code);
        Assert.Equal(
            $"{folder.File("annotations.partial.json")} keeps 4 of 10 judgements: {server.Url}/chat/completions gave no answer in 2 attempts (500 Internal Server Error); run the same command again when it is back, its answers are kept.",
            stopped.Error.TrimEnd().Split('\n')[^1]);
        Assert.Equal((Pairs, 4), (partial.Rows.Count, partial.Rows.Count(row => row.Preference is not null)));
        Assert.Equal(["annotations.judge-cache.jsonl", "annotations.partial.json", "base.json", "ours.json"], names);
        Assert.True(resumed.Code == 0, resumed.Error);
        Assert.EndsWith($"{annotations}: 10 judgements\n", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(Pairs - 4, server.Count - before);
        Assert.Equal(Pairs, AlpacaAnnotations.Read(annotations).Rows.Count(row => row.Preference is not null));
        Assert.Equal(["annotations.json", "annotations.judge-cache.jsonl", "base.json", "ours.json"], folder.Names());
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("KILL", 137)]
    public void an_interrupted_or_killed_judge_keeps_what_it_has_and_asks_nothing_twice(string signal, int code)
    {
        using var server = new FakeEndpoint((_, _) =>
        {
            Thread.Sleep(150);
            return Prefers();
        });
        string[] command = Command(server, "--parallel", "1");

        var running = SelmProcess.Start([], command);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(folder.File("annotations.partial.json")), TimeSpan.FromMinutes(1)));
        running.Signal(signal);
        var stopped = running.Finish();
        var kept = AlpacaAnnotations.Read(folder.File("annotations.partial.json"));
        var resumed = SelmProcess.Run(command);

        Assert.Equal(code, stopped.Code);
        Assert.InRange(kept.Rows.Count(row => row.Preference is not null), 1, Pairs - 1);
        if (signal == "INT")
        {
            Assert.Matches(@"Interrupted; .*annotations\.partial\.json keeps [1-9] of 10 judgements, and the same command goes on\.\n$", stopped.Error);
        }
        Assert.True(resumed.Code == 0, resumed.Error);
        // The question in flight may be asked again, no other.
        Assert.InRange(server.Count, Pairs, Pairs + 1);
        Assert.Equal(Pairs, AlpacaAnnotations.Read(annotations).Rows.Count(row => row.Preference is not null));
    }

    [Fact]
    public void ctrl_c_ends_a_judge_that_waits_for_a_silent_endpoint_at_once_and_keeps_what_was_paid_for()
    {
        using var server = new FakeEndpoint((number, _) => number <= 3 ? Prefers() : (FakeEndpoint.Silence, ""));

        var running = SelmProcess.Start([], Command(server, "--parallel", "2"));
        Assert.True(SpinWait.SpinUntil(() => server.Count == 5, TimeSpan.FromMinutes(1)));
        var clock = Stopwatch.StartNew();
        running.Signal("INT");
        var stopped = running.Finish();

        Assert.Equal(130, stopped.Code);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
        Assert.Matches(@"Interrupted; .*annotations\.partial\.json keeps 3 of 10 judgements, and the same command goes on\.\n$", stopped.Error);
        Assert.Equal(3, File.ReadAllLines(folder.File("annotations.judge-cache.jsonl")).Length);
    }

    [Fact]
    public void a_judge_without_any_preference_is_an_error_and_leaves_nothing()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.IsCutAfter("Well"));

        var run = SelmProcess.Run(Command(server, "--parallel", "1"));

        Assert.Equal(2, run.Code);
        Assert.Contains("10 replies hold no verdict and are not kept; the same command asks for what is missing and for nothing else: instruction 0 (\"Well\", cut at the limit of tokens); ", run.Error, StringComparison.Ordinal);
        Assert.StartsWith("Nothing was measured: none of 10 judgements holds a verdict", run.Error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        Assert.Equal(["base.json", "ours.json"], folder.Names());
    }

    [Fact]
    public void an_average_over_no_grade_is_an_error_and_over_some_says_how_the_rest_is_got()
    {
        var rated = "none";
        using var server = new FakeEndpoint((number, _) => FakeEndpoint.Says(rated == "all" || (rated == "some" && number % 2 == 0) ? "Rating: [[6]]" : "Rating: [[60]]"));
        string[] command = Grading(server);

        var none = SelmProcess.Run(command);
        File.WriteAllText(folder.File("old.jsonl"), """{"question_id": 81, "model": "ours", "turn": 1, "score": -1, "judgment": ""}""");
        var old = SelmProcess.Run("evaluate", "mt-bench", "--questions", folder.File("q.jsonl"), "--grades", folder.File("old.jsonl"), "--json");
        rated = "some";
        var some = SelmProcess.Run(command);
        rated = "all";
        var before = server.Count;
        var all = SelmProcess.Run(command);

        Assert.Equal((2, 2, "", ""), (none.Code, old.Code, none.Out, old.Out));
        Assert.EndsWith("Nothing was measured: none of 8 grades holds a verdict and none is kept; look at the judge's model, prompt and replies, then run the same command again.\n", none.Error, StringComparison.Ordinal);
        Assert.EndsWith("Nothing was measured: none of 8 items of mt-bench for ours has a score; look at the answers and judgements, and run it again.\n", old.Error, StringComparison.Ordinal);
        Assert.True(some.Code == 0, some.Error);
        Assert.Contains("4 replies hold no verdict and are not kept; the same command asks for what is missing and for nothing else: question 81, turn 1 (\"Rating: [[60]]\"); ", some.Error, StringComparison.Ordinal);
        Assert.Contains("Partial: 4 items have no score.", some.Error, StringComparison.Ordinal);
        Assert.True(all.Code == 0, all.Error);
        Assert.Equal((4, 8), (server.Count - before, JsonElement.Parse(all.Out).GetProperty("n").GetInt32()));
    }

    [Fact]
    public void grades_are_kept_in_a_partial_file_that_can_be_averaged()
    {
        var up = false;
        using var server = new FakeEndpoint((number, _) => up || number <= 3 ? FakeEndpoint.Says("Rating: [[6]]") : (429, "slow down")) { RetryAfter = "1200" };
        string[] command = Grading(server);

        var stopped = SelmProcess.Run(command);
        var averaged = SelmProcess.Run("evaluate", "mt-bench", "--questions", folder.File("q.jsonl"), "--grades", folder.File("g.partial.jsonl"), "--json");
        up = true;
        var resumed = SelmProcess.Run(command);

        Assert.EndsWith($"{folder.File("g.partial.jsonl")} keeps 3 of 8 grades: {server.Url}/chat/completions wants to be left alone for 20 minutes (429 Too Many Requests); run the same command again then, its answers are kept.\n", stopped.Error, StringComparison.Ordinal);
        var partial = JsonElement.Parse(averaged.Out);
        Assert.Equal((6.0, 3, 5, true), (partial.GetProperty("average").GetDouble(), partial.GetProperty("n").GetInt32(), partial.GetProperty("n_missing").GetInt32(), partial.GetProperty("partial").GetBoolean()));
        Assert.True(resumed.Code == 0, resumed.Error);
        Assert.Equal(4 + 5, server.Count);
        Assert.Equal(8, JsonElement.Parse(resumed.Out).GetProperty("n").GetInt32());
    }

    private string[] Grading(FakeEndpoint server)
    {
        var questions = folder.Write("q.jsonl", string.Join('\n', Enumerable.Range(81, 4).Select(id => JsonSerializer.Serialize(new { question_id = id, category = "writing", turns = new[] { "a?", "b?" } }))));
        MtBench.WriteAnswers(folder.File("a.jsonl"), "ours", Enumerable.Range(81, 4).Select(id => new MtBenchAnswer(id, 0, [$"one {id}", $"two {id}"])));
        string[] names = ["single-v1", "single-math-v1", "single-v1-multi-turn", "single-math-v1-multi-turn"];
        var prompts = folder.Write("p.jsonl", string.Join('\n', names.Select(name => JsonSerializer.Serialize(new { name, system_prompt = "S", prompt_template = $"{name} {{answer}} {{answer_2}}" }))));
        return ["evaluate", "mt-bench", "--questions", questions, "--answers", folder.File("a.jsonl"), "--judge-prompts", prompts, "--judge", server.Url, "--judge-model", "j", "--grades", folder.File("g.jsonl"), "--parallel", "1", "--json"];
    }

    private string[] Command(FakeEndpoint server, params string[] more) =>
        ["evaluate", "judge", "--outputs", ours, "--baseline", theirs, "--judge", server.Url, "--judge-model", "j", "--annotations", annotations, .. more];

    private static (int Status, string Body) Prefers() => FakeEndpoint.Says("M", ("m", -1), ("M", -0.5));
}
