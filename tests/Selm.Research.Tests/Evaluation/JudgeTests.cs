using System.Diagnostics;
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
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
    public async Task a_question_is_paid_for_once_even_by_another_run()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("me"));
        for (var run = 0; run < 2; run++)
        {
            using var endpoint = Endpoint(server);
            Assert.Equal("me", await Ask(endpoint));
            Assert.Equal("me", await Ask(endpoint));
        }

        Assert.Equal(1, server.Count);
        Assert.Equal(("judge", 5, "Who?"), (server.Requests[0].GetProperty("model").GetString(), server.Requests[0].GetProperty("max_tokens").GetInt32(),
            server.Requests[0].GetProperty("messages")[0].GetProperty("content").GetString()));
    }

    [Fact]
    public async Task answers_in_the_caches_that_people_have_are_found_by_the_whole_first_request()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("again"));
        string Row(string body) => JsonSerializer.Serialize(new { key = ContentHash.Combine($"{server.Url}/chat/completions", body), text = "kept", first_token = new { m = -0.5 } });
        const string Plain = """{"model":"judge","messages":[{"role":"user","content":"Who?"}],"max_tokens":5,"temperature":0}""";
        File.WriteAllText(folder.File("cache.jsonl"), $"{Row(Plain)}\n{Row(Plain.Replace("0}", "0,\"logprobs\":true,\"top_logprobs\":20}", StringComparison.Ordinal))}\n");
        using var endpoint = Endpoint(server);

        Assert.Equal("kept", await Ask(endpoint));
        Assert.Equal("kept", (await endpoint.AskAsync(Question, 5, "row 1", _ => true, firstTokenLogprobs: true)).Text);
        Assert.Equal(0, server.Count);
    }

    [Fact]
    public async Task a_busy_endpoint_is_asked_again()
    {
        using var server = new FakeEndpoint((number, _) => number < 3 ? (number == 1 ? 429 : 503, "busy") : FakeEndpoint.Says("done"));
        using var endpoint = Endpoint(server);

        Assert.Equal("done", await Ask(endpoint));
        Assert.Equal(3, endpoint.Asked);
    }

    [Fact]
    public async Task an_endpoint_that_stays_down_is_reported_with_what_is_kept_and_a_later_run_goes_on()
    {
        var broken = true;
        using var server = new FakeEndpoint((number, _) => number > 1 && broken ? (500, "down") : FakeEndpoint.Says("ok"));
        using (var endpoint = Endpoint(server))
        {
            await Ask(endpoint);
            var error = await Assert.ThrowsAsync<InputException>(() => Ask(endpoint, "Why?"));
            Assert.Equal($"{server.Url}/chat/completions gave no answer in 3 attempts (500 Internal Server Error); run the same command again when it is back, its answers are kept.", error.Message);
        }
        broken = false;
        using var again = Endpoint(server);
        Assert.Equal("ok", await Ask(again, "Why?"));
        Assert.Equal("ok", await Ask(again));
        Assert.Equal(1, again.Asked);
    }

    [Fact]
    public async Task a_refusal_is_not_repeated()
    {
        using var refusing = new FakeEndpoint((_, _) => (401, "{\"error\": \"no key\"}"));
        using var endpoint = Endpoint(refusing);

        var error = await Assert.ThrowsAsync<InputException>(() => Ask(endpoint));

        Assert.Contains("refuses the question (401 Unauthorized: {\"error\": \"no key\"})", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, endpoint.Asked);
        Assert.Throws<InputException>(() => new ChatEndpoint("nowhere", "judge", null, null));
    }

    [Theory]
    [InlineData("<html>Sign in</html>")]
    [InlineData("")]
    [InlineData("{\"choices\": [{\"message\": {\"content\": \"A\"")]
    [InlineData("{\"hello\": 1}")]
    [InlineData("[1]")]
    [InlineData("{\"choices\": []}")]
    [InlineData("{\"choices\": [{\"message\": {\"content\": [1]}}]}")]
    [InlineData("{\"choices\": [{\"message\": {\"content\": \"\\ud800\"}}]}")]
    [InlineData("{\"choices\": [{\"message\": {\"content\": \"m\"}, \"logprobs\": {\"content\": [{\"top_logprobs\": [{\"token\": \"m\", \"logprob\": 3}]}]}}]}")]
    [InlineData("{\"choices\": [{\"message\": {\"content\": \"m\"}, \"logprobs\": {\"content\": [{\"top_logprobs\": [{\"token\": null, \"logprob\": -3}]}]}}]}")]
    public async Task what_no_chat_endpoint_says_is_an_error_that_names_the_row_and_is_not_kept(string body)
    {
        var lies = true;
        using var server = new FakeEndpoint((_, _) => lies ? (200, body) : FakeEndpoint.Says("A"));
        using var endpoint = Endpoint(server);

        var error = await Assert.ThrowsAsync<InputException>(() => Ask(endpoint));
        lies = false;

        Assert.StartsWith($"{server.Url}/chat/completions does not answer as a chat endpoint does (to row 1: ", error.Message, StringComparison.Ordinal);
        Assert.Equal((1, "A"), (endpoint.Asked, await Ask(endpoint)));
    }

    [Fact]
    public async Task an_error_under_the_status_200_is_said_and_waited_for_where_it_passes()
    {
        using var failing = new FakeEndpoint((_, _) => (200, """{"error": {"message": "model 'judge' is not loaded.", "code": 404}}"""));
        using (var endpoint = Endpoint(failing))
        {
            Assert.Contains("answers with an error (model 'judge' is not loaded)", (await Assert.ThrowsAsync<InputException>(() => Ask(endpoint))).Message, StringComparison.Ordinal);
            Assert.Equal(1, endpoint.Asked);
        }
        using var busy = new FakeEndpoint((number, _) => number < 3 ? (200, """{"error": {"message": "quota", "code": 429}}""") : FakeEndpoint.Says("A"));
        using var patient = new ChatEndpoint(busy.Url, "judge", null, null, 3, TimeSpan.FromMilliseconds(1));
        Assert.Equal("A", await Ask(patient));
        using var spent = new FakeEndpoint((_, _) => (429, """{"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}}"""));
        using var refused = new ChatEndpoint(spent.Url, "judge", null, null, 2, TimeSpan.FromMilliseconds(1));
        Assert.Contains("in 2 attempts (429 Too Many Requests: You exceeded your quota)", (await Assert.ThrowsAsync<InputException>(() => Ask(refused))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task a_reply_without_a_verdict_is_not_kept_not_even_in_an_older_cache_and_a_cut_one_with_a_verdict_is()
    {
        using var server = new FakeEndpoint((number, _) => number switch
        {
            1 => (200, """{"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant", "content": null}}]}"""),
            2 => FakeEndpoint.IsCutAfter("The answer is"),
            3 => FakeEndpoint.Says("Hard to say."),
            _ => FakeEndpoint.IsCutAfter("verdict A, because"),
        });
        using (var old = new JudgeCache(folder.File("cache.jsonl")))
        {
            const string Body = """{"model":"judge","messages":[{"role":"user","content":"Who?"}],"max_tokens":5,"temperature":0}""";
            old.Add(ContentHash.Combine($"{server.Url}/chat/completions", Body), new JudgeReply("", new Dictionary<string, double>()));
        }
        using var endpoint = Endpoint(server);
        var said = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            said.Add((await endpoint.AskAsync(Question, 5, $"row {i}", reply => reply.Text.Contains("verdict", StringComparison.Ordinal))).Text);
        }

        Assert.Equal(["", "The answer is", "Hard to say.", "verdict A, because", "verdict A, because"], said);
        Assert.Equal(4, endpoint.Asked);
        Assert.Equal(
            ["3 replies hold no verdict and are not kept; the same command asks for what is missing and for nothing else: row 0 (\"\"); row 1 (\"The answer is\", cut at the limit of tokens); row 2 (\"Hard to say.\")."],
            endpoint.Notes);
    }

    [Fact]
    public async Task a_judge_that_wants_max_completion_tokens_or_no_temperature_is_asked_so_from_then_on()
    {
        using var newer = new FakeEndpoint((_, request) =>
            request.TryGetProperty("max_tokens", out JsonElement _) ? (400, """{"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}""")
            : request.TryGetProperty("temperature", out JsonElement _) ? (400, """{"error": {"message": "Unsupported value: 'temperature' does not support 0 with this model."}}""")
            : FakeEndpoint.Says("A"));
        using var endpoint = new ChatEndpoint(newer.Url, "judge", null, folder.File("own.jsonl"), 1, TimeSpan.FromMilliseconds(1));
        Assert.Equal("A", await Ask(endpoint, "\"max_tokens\": 7, \"temperature\": 1"));
        Assert.Equal("A", await Ask(endpoint, "again"));
        Assert.Equal("A", await Ask(endpoint, "again"));
        Assert.Equal(4, newer.Count);
        Assert.All(newer.Requests.Skip(2), request => Assert.Equal(5, request.GetProperty("max_completion_tokens").GetInt32()));
        Assert.Equal("\"max_tokens\": 7, \"temperature\": 1", newer.Requests[2].GetProperty("messages")[0].GetProperty("content").GetString());
        Assert.Equal(["judge takes no temperature but its own and was asked without one; its verdicts are drawn and not greedy."], endpoint.Notes);

        // What is kept says so too, though nothing is asked any more.
        endpoint.Dispose();
        using var later = new ChatEndpoint(newer.Url, "judge", null, folder.File("own.jsonl"), 1, TimeSpan.FromMilliseconds(1));
        Assert.Empty(later.Notes);
        Assert.Equal("A", await Ask(later, "again"));
        Assert.Equal((0, endpoint.Notes[0]), (later.Asked, Assert.Single(later.Notes)));
    }

    [Fact]
    public async Task a_refusal_that_only_mentions_the_limit_is_said_and_the_next_question_is_asked_as_before()
    {
        using var strict = new FakeEndpoint((number, request) => number <= 2 ? (400, """{"error": {"message": "max_tokens is too large"}}""") : FakeEndpoint.Says("A"));
        using var endpoint = Endpoint(strict);

        Assert.Contains("max_tokens is too large", (await Assert.ThrowsAsync<InputException>(() => Ask(endpoint))).Message, StringComparison.Ordinal);
        Assert.Equal("A", await Ask(endpoint));
        Assert.True(strict.Requests[2].TryGetProperty("max_tokens", out JsonElement _));
    }

    [Fact]
    public async Task a_silent_endpoint_ends_by_time_out_and_all_attempts_within_the_patience()
    {
        using var server = new FakeEndpoint((number, _) => number == 2 ? FakeEndpoint.Says("late") : (FakeEndpoint.Silence, ""));
        using (var endpoint = new ChatEndpoint(server.Url, "judge", null, null, 3, TimeSpan.FromMilliseconds(1), timeout: TimeSpan.FromMilliseconds(200)))
        {
            Assert.Equal("late", await Ask(endpoint));
            var error = await Assert.ThrowsAsync<InputException>(() => Ask(endpoint, "Why?"));
            Assert.Contains("gave no answer in 3 attempts (silent for 0.2 seconds)", error.Message, StringComparison.Ordinal);
        }
        using var hasty = new ChatEndpoint(server.Url, "judge", null, null, 1000, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(200), patience: TimeSpan.FromMilliseconds(500));
        var clock = Stopwatch.StartNew();
        Assert.Contains("gave no answer in ", (await Assert.ThrowsAsync<InputException>(() => Ask(hasty))).Message, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(30));
        Assert.InRange(hasty.Asked, 2, 999);
    }

    [Theory]
    [InlineData(FakeEndpoint.Silence)]
    [InlineData(429)]
    public async Task cancelling_ends_a_question_at_once_in_flight_or_between_attempts(int status)
    {
        using var server = new FakeEndpoint((_, _) => (status, "")) { RetryAfter = "200" };
        using var stop = new CancellationTokenSource();
        using var endpoint = Endpoint(server);

        var asking = endpoint.AskAsync(Question, 5, "row 1", _ => true, cancellation: stop.Token);
        Assert.True(SpinWait.SpinUntil(() => server.Count == 1, TimeSpan.FromSeconds(30)));
        var clock = Stopwatch.StartNew();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
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
    public async Task preferences_are_weighted_by_log_probs_whatever_the_order_of_the_answers()
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

        var preferences = await PairJudge.Of(endpoint).JudgeAsync(pairs, parallel: 4);

        Assert.All(preferences, preference => Assert.Equal(0.8, preference!.Value, 1e-9));
        var firstIsLong = server.Requests.Count(request => request.GetProperty("messages")[0].GetProperty("content").GetString()!.IndexOf("long answer", StringComparison.Ordinal)
            < request.GetProperty("messages")[0].GetProperty("content").GetString()!.IndexOf("short", StringComparison.Ordinal));
        Assert.InRange(firstIsLong, 1, 11);
    }

    [Fact]
    public async Task a_judge_without_a_preference_and_empty_answers_are_told_apart()
    {
        using var server = new FakeEndpoint((_, _) => FakeEndpoint.Says("Both are fine."));
        using var endpoint = Endpoint(server);
        AnswerPair[] pairs = [new(0, "Q", "a", "b"), new(1, "Q", "a", ""), new(2, "Q", "", "b"), new(3, "Q", "", "")];

        Assert.Equal([null, 0, 1, 0.5], await PairJudge.Of(endpoint).JudgeAsync(pairs));
        Assert.Equal(1, server.Count);
        Assert.Throws<InputException>(() => PairJudge.Of(endpoint, "{instruction} {output_1}"));
    }

    [Fact]
    public async Task judged_answers_become_a_public_annotation_list()
    {
        var ours = folder.Write("ours.json", """[{"instruction": "A", "output": "aaa", "generator": "ours"}, {"instruction": "B", "output": ""}]""");
        var theirs = folder.Write("theirs.jsonl", """
            {"instruction": "A", "outputs": {"base": "a", "other": "x"}}
            {"instruction": "B", "outputs": {"base": "b", "other": "x"}}
            {"instruction": "C", "outputs": {"base": "c", "other": "x"}}
            """);
        var judge = PairJudge.Of("length", new OracleRanker((_, text) => text.Length));

        var found = await AlpacaJudging.RunAsync(AlpacaOutputs.Read(ours), AlpacaOutputs.Read($"{theirs}#base"), judge, folder.File("f.json"));
        var read = AlpacaAnnotations.Read(folder.File("f.json"));

        Assert.Equal(new AlpacaJudged(Judged: 2, WithoutPreference: 0, Unanswered: 1, EmptyAnswers: 1), found);
        Assert.Equal(("ours", "base"), (read.Model, read.Baseline));
        Assert.Equal(1 / (1 + Math.Exp(-2)), read.Rows[0].Preference!.Value, 1e-12);
        Assert.Equal((1, 0.0), (read.Rows[1].Instruction, read.Rows[1].Preference));
    }

    [Fact]
    public async Task a_part_of_an_evaluation_set_keeps_the_numbers_of_its_instructions()
    {
        var ours = folder.Write("ours.json", """[{"instruction": "B", "output": "b"}, {"instruction": "A", "output": "a"}]""");
        var theirs = folder.Write("theirs.jsonl", "{\"index\": 32, \"instruction\": \"A\", \"output\": \"aa\"}\n{\"index\": 16, \"instruction\": \"B\", \"output\": \"bb\"}\n");

        await AlpacaJudging.RunAsync(AlpacaOutputs.Read(ours), AlpacaOutputs.Read(theirs), PairJudge.Of("length", new OracleRanker((_, text) => text.Length)), folder.File("f.json"));

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

    private static async Task<string> Ask(ChatEndpoint endpoint, string question = "Who?") =>
        (await endpoint.AskAsync([new ChatMessage("user", question)], 5, "row 1", reply => reply.Text.Length > 0)).Text;

    private ChatEndpoint Endpoint(FakeEndpoint server) => new(server.Url, "judge", "key", folder.File("cache.jsonl"), attempts: 3, firstWait: TimeSpan.FromMilliseconds(1));
}
