// A judge behind an OpenAI-compatible chat endpoint. What is notable: a question that was answered once is never sent again
// (the key is the whole request), a reply without a verdict is no answer and is not kept, and a busy, broken or silent
// endpoint is asked again after 1, 2, 4, .. seconds, within a limit for all attempts together.
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.Research.Evaluation;

/// <summary>An OpenAI-compatible endpoint with retries and a cache; several questions may be asked at once.</summary>
public sealed class ChatEndpoint : IDisposable
{
    private const int MostNamed = 3, ShortestKey = 16;
    private const int LongestReply = 16 << 20; // bytes

    private readonly HttpClient client = new() { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = LongestReply };
    private readonly Uri url;
    private readonly string? key; // reaches the endpoint and nothing else, not even where it comes back
    private readonly JudgeCache cache;
    private readonly int attempts;
    private readonly TimeSpan firstWait, timeout, patience;
    private readonly Lock gate = new();
    private readonly List<string> withoutVerdict = [];
    private int asked, unclear;
    private volatile ChatDialect dialect = new();
    private volatile bool ownTemperature; // of any reply, a kept one included

    /// <summary>Prepares an endpoint; nothing is sent yet.</summary>
    /// <param name="baseUrl">Such as https://api.openai.com/v1; chat/completions is appended.</param>
    /// <param name="model">The model's name there.</param>
    /// <param name="key">The bearer token, or null.</param>
    /// <param name="cachePath">The cache's JSONL file, or null.</param>
    /// <param name="attempts">How often a question is sent before giving up.</param>
    /// <param name="firstWait">Before the second attempt; doubled before each further one. Null is one second.</param>
    /// <param name="timeout">The longest that one attempt may take. Null is five minutes.</param>
    /// <param name="patience">The longest that all attempts at a question and the waits between them may take. Null is ten minutes.</param>
    /// <exception cref="InputException">The address is none, or the cache cannot be opened.</exception>
    public ChatEndpoint(
        string baseUrl, string model, string? key, string? cachePath, int attempts = 6, TimeSpan? firstWait = null, TimeSpan? timeout = null, TimeSpan? patience = null)
    {
        url = Uri.TryCreate($"{baseUrl.TrimEnd('/')}/chat/completions", UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new InputException($"'{baseUrl}' is not the address of an endpoint; give one such as http://localhost:8000/v1.");
        if (url.UserInfo.Length > 0)
        {
            throw new InputException($"The address of {url.Host} holds a name or key, which would be written wherever the address is; leave it out and give the key by itself.");
        }
        this.key = key;
        (Model, this.attempts, this.firstWait) = (model, attempts, firstWait ?? TimeSpan.FromSeconds(1));
        (this.timeout, this.patience) = (timeout ?? TimeSpan.FromMinutes(5), patience ?? TimeSpan.FromMinutes(10));
        cache = new JudgeCache(cachePath);
        if (!string.IsNullOrEmpty(key))
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    /// <summary>The model's name at the endpoint.</summary>
    public string Model { get; }

    /// <summary>Questions sent, repeated attempts included; cached ones cost nothing.</summary>
    public int Asked => asked;

    /// <summary>Sentences that whoever reads the verdicts must know: how the model had to be asked, and which replies hold no verdict.</summary>
    public IReadOnlyList<string> Notes
    {
        get
        {
            lock (gate)
            {
                var notes = new List<string>();
                if (ownTemperature)
                {
                    notes.Add($"{Model} takes no temperature but its own and was asked without one; its verdicts are drawn and not greedy.");
                }
                if (unclear > 0)
                {
                    var (some, again) = (unclear == 1 ? "1 reply holds" : $"{unclear} replies hold", cache.IsFile ? "the" : "with --judge-cache the");
                    notes.Add($"{some} no verdict and {(unclear == 1 ? "is" : "are")} not kept; {again} same command asks for what is missing and for nothing else: {string.Join("; ", withoutVerdict)}{(unclear > MostNamed ? "; .." : ".")}");
                }
                return notes;
            }
        }
    }

    /// <summary>Asks, or takes the answer from the cache. Only an answer is kept there.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="maxTokens">The longest answer [tokens].</param>
    /// <param name="row">What is asked about, in words for a sentence: question 81, turn 2.</param>
    /// <param name="isAnswer">Whether a reply holds a verdict.</param>
    /// <param name="firstTokenLogprobs">Whether log-probs of the first token are wanted.</param>
    /// <param name="cancellation">Ends at once; the question in flight is lost.</param>
    /// <returns>The reply, be it an answer or not.</returns>
    /// <exception cref="InputException">The endpoint refuses, is down, stays busy or silent, or says what no chat endpoint says; what was answered before is in the cache.</exception>
    public async Task<JudgeReply> AskAsync(
        IReadOnlyList<ChatMessage> messages, int maxTokens, string row, Func<JudgeReply, bool> isAnswer, bool firstTokenLogprobs = false, CancellationToken cancellation = default)
    {
        string Body(ChatDialect how) => ChatFormat.Request(Model, messages, maxTokens, firstTokenLogprobs, how);

        var key = ContentHash.Combine(url.AbsoluteUri, Body(new ChatDialect()));
        // Older caches also hold replies without a verdict; those are asked for again.
        if (cache.TryGet(key, out var known) && isAnswer(known!))
        {
            Note(known!);
            return known!;
        }
        var body = await SendAsync(Body, cancellation).ConfigureAwait(false);
        var reply = ChatFormat.Reply(body) ?? throw new InputException(
            $"{url} does not answer as a chat endpoint does (to {row}: {ChatFormat.Shortened(body)}); give the address of an OpenAI-compatible one, {Kept}.");
        reply = reply with { Text = WithoutKey(reply.Text), OwnTemperature = dialect.OwnTemperature };
        Note(reply);
        if (isAnswer(reply))
        {
            cache.Add(key, reply);
        }
        else
        {
            Remember(row, reply);
        }
        return reply;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        client.Dispose();
        cache.Dispose();
    }

    // A short word such as EMPTY, which servers without keys are given, is no secret and may stand in an answer.
    private string WithoutKey(string text) => key is { Length: >= ShortestKey } ? text.Replace(key, "[key]", StringComparison.Ordinal) : text;

    private string Kept => cache.IsFile ? "its answers are kept" : "its answers are lost because no --judge-cache was given";

    private void Remember(string row, JudgeReply reply)
    {
        lock (gate)
        {
            if (++unclear <= MostNamed)
            {
                withoutVerdict.Add($"{row} (\"{ChatFormat.Shortened(reply.Text)}\"{(reply.IsCut ? ", cut at the limit of tokens" : "")})");
            }
        }
    }

    private async Task<string> SendAsync(Func<ChatDialect, string> body, CancellationToken cancellation)
    {
        var since = Stopwatch.StartNew();
        var pause = firstWait;
        var left = patience;
        for (var attempt = 1; ; attempt++)
        {
            var (text, trouble, after) = await AttemptAsync(body, left < timeout ? left : timeout, cancellation).ConfigureAwait(false);
            if (text is not null)
            {
                return text;
            }
            var wait = after > pause ? after.Value : pause;
            var isPatient = since.Elapsed + wait < patience;
            if (attempt < attempts && isPatient)
            {
                await Task.Delay(wait, cancellation).ConfigureAwait(false);
                pause *= 2;
                left = patience - since.Elapsed;
                if (left > TimeSpan.Zero) // a wait may end later than it was meant to
                {
                    continue;
                }
            }
            throw new InputException(attempt < attempts && !isPatient && after > pause
                ? $"{url} wants to be left alone for {Words(after.Value)} ({trouble}); run the same command again then, {Kept}."
                : $"{url} gave no answer in {attempt} attempt{(attempt == 1 ? "" : "s")} ({trouble}); run the same command again when it is back, {Kept}.");
        }
    }

    private void Note(JudgeReply reply)
    {
        if (reply.OwnTemperature)
        {
            ownTemperature = true; // never taken back, as others write it too
        }
    }

    private static string Words(TimeSpan time) =>
        time < TimeSpan.FromMinutes(2) ? $"{Math.Ceiling(time.TotalSeconds):F0} seconds" : $"{time.TotalMinutes:F0} minutes";

    // One attempt: the body of the answer, or what went wrong and how long the endpoint wants to be left alone.
    private async Task<(string? Text, string Trouble, TimeSpan? After)> AttemptAsync(Func<ChatDialect, string> body, TimeSpan limit, CancellationToken cancellation)
    {
        using var clock = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        clock.CancelAfter(limit);
        try
        {
            for (var how = dialect; ;)
            {
                Interlocked.Increment(ref asked);
                using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(body(how), Encoding.UTF8, "application/json") };
                using var response = await client.SendAsync(request, clock.Token).ConfigureAwait(false);
                var text = WithoutKey(Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync(clock.Token).ConfigureAwait(false)));
                if (response.StatusCode == HttpStatusCode.BadRequest && how.After(text) is { } other)
                {
                    how = other;
                    continue;
                }
                if (response.IsSuccessStatusCode)
                {
                    dialect = how;
                }
                return Outcome(response, text);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, FormattableString.Invariant($"silent for {limit.TotalSeconds:0.#} seconds"), null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, WithoutKey(e.Message.TrimEnd('.')), null);
        }
    }

    private (string? Text, string Trouble, TimeSpan? After) Outcome(HttpResponseMessage response, string text)
    {
        var error = ChatFormat.Error(text);
        if (response.IsSuccessStatusCode && error is null)
        {
            return (text, "", null);
        }
        // Some servers say what went wrong under the status 200.
        var code = response.IsSuccessStatusCode ? error!.Value.Code : (int)response.StatusCode;
        var status = response.IsSuccessStatusCode ? error!.Value.Message : $"{code} {response.ReasonPhrase}";
        if (code is 408 or 429 or >= 500)
        {
            var said = response.IsSuccessStatusCode || error is null ? status : $"{status}: {error.Value.Message}";
            return (null, WithoutKey(said), response.Headers.RetryAfter is { } retry ? retry.Delta ?? (retry.Date - DateTimeOffset.UtcNow) : null);
        }
        throw new InputException(response.IsSuccessStatusCode
            ? $"{url} answers with an error ({status}); correct what it names, {Kept}."
            : $"{url} refuses the question ({WithoutKey(status)}: {ChatFormat.Shortened(text)}); check the address, the model's name and the key.");
    }
}
