using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.Research.Data;
using Selm.Research.Evaluation;
using Selm.Research.Ranking;
using Selm.Tests;

namespace Selm.Research.Tests.Evaluation;

public sealed class JudgeTests : IDisposable
{
    private static readonly ChatMessage[] Question = [new("user", "Who?")];
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void a_question_is_paid_for_once_even_by_another_run()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("me"));
        for (var run = 0; run < 2; run++)
        {
            using var endpoint = Endpoint(server);
            Assert.Equal("me", endpoint.Ask(Question, 5).Text);
            Assert.Equal("me", endpoint.Ask(Question, 5).Text);
        }

        Assert.Equal(1, server.Count);
        Assert.Equal(("judge", 5, "Who?"), (server.Requests[0].GetProperty("model").GetString(), server.Requests[0].GetProperty("max_tokens").GetInt32(),
            server.Requests[0].GetProperty("messages")[0].GetProperty("content").GetString()));
    }

    [Fact]
    public void a_busy_endpoint_is_asked_again()
    {
        using var server = new FakeEndpoint((number, _) => number < 3 ? (number == 1 ? 429 : 503, "busy") : FakeEndpoint.Says("done"));
        using var endpoint = Endpoint(server);

        Assert.Equal("done", endpoint.Ask(Question, 5).Text);
        Assert.Equal(3, endpoint.Asked);
    }

    [Fact]
    public void an_endpoint_that_stays_down_is_reported_with_what_is_kept_and_a_later_run_goes_on()
    {
        var broken = true;
        using var server = new FakeEndpoint((number, _) => number > 1 && broken ? (500, "down") : FakeEndpoint.Says("ok"));
        using (var endpoint = Endpoint(server))
        {
            endpoint.Ask(Question, 5);
            var error = Assert.Throws<InputException>(() => endpoint.Ask([new ChatMessage("user", "Why?")], 5));
            Assert.Equal($"{server.Url}/chat/completions gave no answer in 3 attempts (500 Internal Server Error); run the same command again when it is back, its answers are kept.", error.Message);
        }
        broken = false;
        using var again = Endpoint(server);
        Assert.Equal("ok", again.Ask([new ChatMessage("user", "Why?")], 5).Text);
        Assert.Equal("ok", again.Ask(Question, 5).Text);
        Assert.Equal(1, again.Asked);
    }

    [Fact]
    public void a_refusal_is_not_repeated_and_a_stranger_is_recognised()
    {
        using var refusing = new FakeEndpoint((_, _) => (401, "{\"error\": \"no key\"}"));
        using var stranger = new FakeEndpoint((_, _) => (200, "{\"hello\": 1}"));
        using (var endpoint = Endpoint(refusing))
        {
            Assert.Contains("refuses the question (401 Unauthorized: {\"error\": \"no key\"})", Assert.Throws<InputException>(() => endpoint.Ask(Question, 5)).Message, StringComparison.Ordinal);
            Assert.Equal(1, endpoint.Asked);
        }
        using var other = new ChatEndpoint(stranger.Url, "judge", null, null, 3, TimeSpan.FromMilliseconds(1));
        Assert.Contains("does not answer as a chat endpoint does", Assert.Throws<InputException>(() => other.Ask(Question, 5)).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => new ChatEndpoint("nowhere", "judge", null, null));
    }

    [Fact]
    public void an_error_under_the_status_200_is_said_and_an_empty_reply_is_asked_again()
    {
        using var failing = new FakeEndpoint((_, _) => (200, """{"error": {"message": "model 'judge' is not loaded.", "code": 404}}"""));
        using (var endpoint = new ChatEndpoint(failing.Url, "judge", null, folder.File("e.jsonl"), 3, TimeSpan.FromMilliseconds(1)))
        {
            Assert.Contains("answers with an error (model 'judge' is not loaded)", Assert.Throws<InputException>(() => endpoint.Ask(Question, 5)).Message, StringComparison.Ordinal);
        }
        using var filtered = new FakeEndpoint((number, _) => number == 1
            ? (200, """{"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant", "content": null}}]}""")
            : FakeEndpoint.Says("A"));
        using var other = new ChatEndpoint(filtered.Url, "judge", null, folder.File("f.jsonl"), 3, TimeSpan.FromMilliseconds(1));
        Assert.Equal(["", "A", "A"], Enumerable.Range(0, 3).Select(_ => other.Ask(Question, 5).Text));
        Assert.Equal(2, other.Asked);
    }

    [Fact]
    public void a_judge_that_wants_max_completion_tokens_is_asked_so_from_then_on()
    {
        using var newer = new FakeEndpoint((_, request) => request.TryGetProperty("max_tokens", out JsonElement _)
            ? (400, """{"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}""")
            : FakeEndpoint.Says("A"));
        using var endpoint = new ChatEndpoint(newer.Url, "judge", null, null, 1, TimeSpan.FromMilliseconds(1));
        Assert.Equal("A", endpoint.Ask([new("user", "\"max_tokens\": 7")], 5).Text);
        Assert.Equal("A", endpoint.Ask([new("user", "again")], 5).Text);
        Assert.Equal(3, newer.Count);
        Assert.All(newer.Requests.Skip(1), request => Assert.Equal(5, request.GetProperty("max_completion_tokens").GetInt32()));
        Assert.Equal("\"max_tokens\": 7", newer.Requests[1].GetProperty("messages")[0].GetProperty("content").GetString());
    }

    [Fact]
    public void a_line_that_a_kill_tore_is_cut_off()
    {
        using (var cache = new JudgeCache(folder.File("c.jsonl")))
        {
            cache.Add("a", new JudgeReply("x", new Dictionary<string, double> { ["m"] = -1 }));
        }
        File.AppendAllText(folder.File("c.jsonl"), "{\"key\":\"b\",\"te");
        using (var cache = new JudgeCache(folder.File("c.jsonl")))
        {
            Assert.Equal(1, cache.Count);
            cache.Add("c", new JudgeReply("y", new Dictionary<string, double>()));
        }
        using var again = new JudgeCache(folder.File("c.jsonl"));
        Assert.Equal(2, again.Count);
        Assert.True(again.TryGet("a", out var reply));
        Assert.Equal(-1, reply!.FirstToken["m"]);
    }

    [Fact]
    public void preferences_are_weighted_by_log_probs_whatever_the_order_of_the_answers()
    {
        // The judge prefers the long answer with probability 0.8, wherever it stands.
        using var server = new FakeEndpoint((_, request) =>
        {
            var text = request.GetProperty("messages")[0].GetProperty("content").GetString()!;
            var longFirst = text.IndexOf("long answer", StringComparison.Ordinal) < text.IndexOf("short", StringComparison.Ordinal);
            return FakeEndpoint.Says("m", ("m", Math.Log(longFirst ? 0.8 : 0.2)), ("M", Math.Log(longFirst ? 0.2 : 0.8)));
        });
        using var endpoint = Endpoint(server);
        AnswerPair[] pairs = [.. Enumerable.Range(0, 12).Select(i => new AnswerPair(i, $"Question {i}", "short", "a long answer"))];

        var preferences = PairJudge.Of(endpoint).Judge(pairs, parallel: 4);

        Assert.All(preferences, preference => Assert.Equal(0.8, preference!.Value, 1e-9));
        var firstIsLong = server.Requests.Count(request => request.GetProperty("messages")[0].GetProperty("content").GetString()!.IndexOf("long answer", StringComparison.Ordinal)
            < request.GetProperty("messages")[0].GetProperty("content").GetString()!.IndexOf("short", StringComparison.Ordinal));
        Assert.InRange(firstIsLong, 1, 11);
    }

    [Fact]
    public void a_judge_without_a_preference_and_empty_answers_are_told_apart()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("Both are fine."));
        using var endpoint = Endpoint(server);
        AnswerPair[] pairs = [new(0, "Q", "a", "b"), new(1, "Q", "a", ""), new(2, "Q", "", "b"), new(3, "Q", "", "")];

        Assert.Equal([null, 0, 1, 0.5], PairJudge.Of(endpoint).Judge(pairs));
        Assert.Equal(1, server.Count);
        Assert.Throws<InputException>(() => PairJudge.Of(endpoint, "{instruction} {output_1}"));
    }

    [Fact]
    public void judged_answers_become_a_public_annotation_list()
    {
        var ours = folder.Write("ours.json", """[{"instruction": "A", "output": "aaa", "generator": "ours"}, {"instruction": "B", "output": ""}]""");
        var theirs = folder.Write("theirs.jsonl", """
            {"instruction": "A", "outputs": {"base": "a", "other": "x"}}
            {"instruction": "B", "outputs": {"base": "b", "other": "x"}}
            {"instruction": "C", "outputs": {"base": "c", "other": "x"}}
            """);
        var judge = PairJudge.Of("length", new OracleRanker((_, text) => text.Length));

        var found = AlpacaJudging.Run(AlpacaOutputs.Read(ours), AlpacaOutputs.Read($"{theirs}#base"), judge, folder.File("f.json"));
        var read = AlpacaAnnotations.Read(folder.File("f.json"));

        Assert.Equal(new AlpacaJudged(Judged: 2, WithoutPreference: 0, Unanswered: 1, EmptyAnswers: 1), found);
        Assert.Equal(("ours", "base"), (read.Model, read.Baseline));
        Assert.Equal(1 / (1 + Math.Exp(-2)), read.Rows[0].Preference!.Value, 1e-12);
        Assert.Equal((1, 0.0), (read.Rows[1].Instruction, read.Rows[1].Preference));
    }

    [Fact]
    public void a_part_of_an_evaluation_set_keeps_the_numbers_of_its_instructions()
    {
        var ours = folder.Write("ours.json", """[{"instruction": "B", "output": "b"}, {"instruction": "A", "output": "a"}]""");
        var theirs = folder.Write("theirs.jsonl", "{\"index\": 32, \"instruction\": \"A\", \"output\": \"aa\"}\n{\"index\": 16, \"instruction\": \"B\", \"output\": \"bb\"}\n");

        AlpacaJudging.Run(AlpacaOutputs.Read(ours), AlpacaOutputs.Read(theirs), PairJudge.Of("length", new OracleRanker((_, text) => text.Length)), folder.File("f.json"));

        Assert.Equal([32, 16], AlpacaAnnotations.Read(folder.File("f.json")).Rows.Select(row => row.Instruction));
        Assert.EndsWith("line 2: the index 1 is there again; give each instruction its own number, or leave the field out.",
            Assert.Throws<InputException>(() => AlpacaOutputs.Read(folder.Write("t.jsonl", "{\"index\": 1, \"instruction\": \"A\", \"output\": \"aa\"}\n{\"index\": 1, \"instruction\": \"B\", \"output\": \"bb\"}\n"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"instruction": "A", "output": "a"}, {"instruction": "A", "output": "b"}]""", "row 2: the instruction of row 1 is there again; keep one answer to each instruction.")]
    [InlineData("""[{"instruction": "A", "output": ""}]""", "every answer is empty; check how they were generated.")]
    [InlineData("[]", "holds no answers; give a list of objects with instruction and output.")]
    public void broken_answers_are_refused(string text, string sentence) =>
        Assert.EndsWith(sentence, Assert.Throws<InputException>(() => AlpacaOutputs.Read(folder.Write("o.json", text))).Message, StringComparison.Ordinal);

    private ChatEndpoint Endpoint(FakeEndpoint server) => new(server.Url, "judge", "key", folder.File("cache.jsonl"), attempts: 3, firstWait: TimeSpan.FromMilliseconds(1));
}
