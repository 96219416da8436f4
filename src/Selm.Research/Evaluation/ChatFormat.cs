// What is sent to an OpenAI-compatible chat endpoint and what comes back. Nothing here waits.
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.Research.Evaluation;

/// <summary>What models disagree on; the first form is the one that most of them take.</summary>
/// <param name="CompletionTokens">The limit is called max_completion_tokens and not max_tokens.</param>
/// <param name="OwnTemperature">No temperature is sent, because the model takes none but its own.</param>
internal sealed record ChatDialect(bool CompletionTokens = false, bool OwnTemperature = false)
{
    /// <summary>How to ask after a refusal (400) that names a field, or null where it names none that can be changed.</summary>
    internal ChatDialect? After(string refusal) =>
        !CompletionTokens && refusal.Contains("max_tokens", StringComparison.Ordinal) ? this with { CompletionTokens = true }
        : !OwnTemperature && refusal.Contains("temperature", StringComparison.Ordinal) ? this with { OwnTemperature = true }
        : null;
}

/// <summary>Bodies of requests, replies and errors.</summary>
internal static class ChatFormat
{
    private const int MostTopLogprobs = 20;
    private const double RoundingAboveZero = 1e-3;

    /// <summary>The body of a greedy request. In the first dialect it is also the key of what is cached: not a byte of it may change.</summary>
    internal static string Request(string model, IReadOnlyList<ChatMessage> messages, int maxTokens, bool firstTokenLogprobs, ChatDialect dialect)
    {
        var request = new Dictionary<string, object>
        {
            ["model"] = model,
            ["messages"] = messages.Select(message => new Dictionary<string, string> { ["role"] = message.Role, ["content"] = message.Content }).ToArray(),
            [dialect.CompletionTokens ? "max_completion_tokens" : "max_tokens"] = maxTokens,
        };
        if (!dialect.OwnTemperature)
        {
            request["temperature"] = 0;
        }
        if (firstTokenLogprobs)
        {
            request["logprobs"] = true;
            request["top_logprobs"] = MostTopLogprobs;
        }
        return JsonSerializer.Serialize(request, JsonFormat.Line);
    }

    /// <summary>The error in a body, whatever its status: its number (0 for none) and its sentence; null where there is none.</summary>
    internal static (int Code, string Message)? Error(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("error", out var error) || error.ValueKind == JsonValueKind.Null)
            {
                return null;
            }
            if (error.ValueKind != JsonValueKind.Object)
            {
                return (0, Shortened(error.ToString()).TrimEnd('.'));
            }
            var code = error.TryGetProperty("code", out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var whole) ? whole : 0;
            return (code, Shortened((error.TryGetProperty("message", out var message) ? message : error).ToString()).TrimEnd('.'));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The reply in the body of an answer, or null where it is not what a chat endpoint says.</summary>
    internal static JudgeReply? Reply(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
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
            return tokens.Values.Any(logp => logp > RoundingAboveZero)
                ? null // a probability above 1
                : new(text, tokens) { IsCut = choice.TryGetProperty("finish_reason", out var reason) && reason.ValueKind == JsonValueKind.String && reason.ValueEquals("length") };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException or FormatException or ArgumentNullException)
        {
            return null;
        }
    }

    /// <summary>A text on one line, cut off after 200 characters.</summary>
    internal static string Shortened(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)) is var line && line.Length > 200 ? line[..200] : line;
}
