// A judge behind an OpenAI-compatible chat endpoint. What is notable: a question that was answered once is never sent again
// (the key is the whole request), and a busy or broken endpoint is asked again after 1, 2, 4, .. seconds.
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>An OpenAI-compatible endpoint with retries and a cache; may be used from several threads.</summary>
public sealed class ChatEndpoint : IDisposable
{
    private const int MostTopLogprobs = 20;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private readonly HttpClient client = new() { Timeout = TimeSpan.FromMinutes(5) };
    private readonly Uri url;
    private readonly JudgeCache cache;
    private readonly int attempts;
    private readonly TimeSpan firstWait;
    private int asked;
    private volatile bool takesCompletionTokens;

    /// <summary>Prepares an endpoint; nothing is sent yet.</summary>
    /// <param name="baseUrl">Such as https://api.openai.com/v1; chat/completions is appended.</param>
    /// <param name="model">The model's name there.</param>
    /// <param name="key">The bearer token, or null.</param>
    /// <param name="cachePath">The cache's JSONL file, or null.</param>
    /// <param name="attempts">How often a question is sent before giving up.</param>
    /// <param name="firstWait">Before the second attempt; doubled before each further one. Null is one second.</param>
    /// <exception cref="InputException">The address is none, or the cache cannot be opened.</exception>
    public ChatEndpoint(string baseUrl, string model, string? key, string? cachePath, int attempts = 6, TimeSpan? firstWait = null)
    {
        url = Uri.TryCreate($"{baseUrl.TrimEnd('/')}/chat/completions", UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new InputException($"'{baseUrl}' is not the address of an endpoint; give one such as http://localhost:8000/v1.");
        (Model, this.attempts, this.firstWait) = (model, attempts, firstWait ?? TimeSpan.FromSeconds(1));
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

    /// <summary>Asks, or takes the answer from the cache.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="maxTokens">The longest answer [tokens].</param>
    /// <param name="firstTokenLogprobs">Whether log-probs of the first token are wanted.</param>
    /// <param name="temperature">0 is greedy.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="InputException">The endpoint refuses, is down or stays busy; what was answered before is in the cache.</exception>
    public JudgeReply Ask(
        IReadOnlyList<ChatMessage> messages, int maxTokens, bool firstTokenLogprobs = false, double temperature = 0, CancellationToken cancellation = default)
    {
        var request = new Dictionary<string, object>
        {
            ["model"] = Model,
            ["messages"] = messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Content }).ToArray(),
            ["max_tokens"] = maxTokens,
            ["temperature"] = temperature,
        };
        if (firstTokenLogprobs)
        {
            request["logprobs"] = true;
            request["top_logprobs"] = MostTopLogprobs;
        }
        var body = JsonSerializer.Serialize(request, JsonFormat.Line);
        var key = ContentHash.Combine(url.AbsoluteUri, body);
        if (cache.TryGet(key, out var known))
        {
            return known!;
        }
        var reply = Reply(Send(body, cancellation));
        // An empty reply (filtered, or cut before its first word) is no answer to keep: the next run asks again.
        if (!string.IsNullOrWhiteSpace(reply.Text) || reply.FirstToken.Count > 0)
        {
            cache.Add(key, reply);
        }
        return reply;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        client.Dispose();
        cache.Dispose();
    }

    private string Send(string body, CancellationToken cancellation)
    {
        var wait = firstWait;
        for (var attempt = 1; ; attempt++)
        {
            Interlocked.Increment(ref asked);
            var (text, trouble, after) = Once(body, cancellation);
            if (text is not null)
            {
                return text;
            }
            if (attempt == attempts)
            {
                throw new InputException($"{url} gave no answer in {attempts} attempt{(attempts == 1 ? "" : "s")} ({trouble}); run the same command again when it is back, {Kept}.");
            }
            if (after > LongestWait)
            {
                throw new InputException($"{url} wants to be left alone for {after.Value.TotalMinutes:F0} minutes ({trouble}); run the same command again then, {Kept}.");
            }
            cancellation.WaitHandle.WaitOne(after > wait ? after.Value : wait);
            cancellation.ThrowIfCancellationRequested();
            wait *= 2;
        }
    }

    private string Kept => cache.IsFile ? "its answers are kept" : "its answers are lost because no --judge-cache was given";

    // One attempt: the body of the answer, or what went wrong and how long the endpoint wants to be left alone.
    private (string? Text, string Trouble, TimeSpan? After) Once(string body, CancellationToken cancellation)
    {
        var renamed = takesCompletionTokens;
        try
        {
            // Texts of the body have their quotes escaped, so only the field itself is found.
            var sent = renamed ? body.Replace("\"max_tokens\":", "\"max_completion_tokens\":", StringComparison.Ordinal) : body;
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(sent, Encoding.UTF8, "application/json") };
            using var response = client.Send(request, cancellation);
            using var reader = new StreamReader(response.Content.ReadAsStream(cancellation));
            var text = reader.ReadToEnd();
            if (response.IsSuccessStatusCode)
            {
                return (text, "", null);
            }
            if (response.StatusCode == HttpStatusCode.BadRequest && !renamed && text.Contains("max_tokens", StringComparison.Ordinal))
            {
                // Newer models want another name for the same limit; the cache's key does not change with it.
                takesCompletionTokens = true;
                Interlocked.Increment(ref asked);
                return Once(body, cancellation);
            }
            var status = $"{(int)response.StatusCode} {response.ReasonPhrase}";
            return response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)response.StatusCode >= 500
                ? (null, status, response.Headers.RetryAfter is { } retry ? retry.Delta ?? (retry.Date - DateTimeOffset.UtcNow) : null)
                : throw new InputException($"{url} refuses the question ({status}: {Shortened(text)}); check the address, the model's name and the key.");
        }
        catch (HttpRequestException e)
        {
            return (null, e.Message.TrimEnd('.'), null);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, "no answer in five minutes", null);
        }
        catch (IOException e)
        {
            return (null, e.Message.TrimEnd('.'), null);
        }
    }

    private JudgeReply Reply(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            // Some servers say what went wrong under the status 200.
            if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("error", out var error) && error.ValueKind != JsonValueKind.Null)
            {
                var said = error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var message) ? message : error;
                throw new InputException($"{url} answers with an error ({Shortened(said.ToString()).TrimEnd('.')}); correct what it names, {Kept}.");
            }
            var choice = json.RootElement.GetProperty("choices")[0];
            var text = choice.GetProperty("message").GetProperty("content").GetString() ?? "";
            var tokens = new Dictionary<string, double>();
            if (choice.TryGetProperty("logprobs", out var logprobs) && logprobs.ValueKind == JsonValueKind.Object
                && logprobs.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.Array && content.GetArrayLength() > 0)
            {
                foreach (var token in content[0].GetProperty("top_logprobs").EnumerateArray())
                {
                    tokens[token.GetProperty("token").GetString()!] = token.GetProperty("logprob").GetDouble();
                }
            }
            return new(text, tokens);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new InputException($"{url} does not answer as a chat endpoint does ({Shortened(body)}); give the address of an OpenAI-compatible one.", e);
        }
    }

    private static string Shortened(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) is var line && line.Length > 200 ? line[..200] : line;
}
