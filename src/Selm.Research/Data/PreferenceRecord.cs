using System.Text.Json.Serialization;
using Selm.HuggingFace.Chat;

namespace Selm.Research.Data;

/// <summary>
/// One prompt with its chosen (y_w) and rejected (y_l) answer, in the shape of HuggingFaceH4/ultrafeedback_binarized,
/// plus what an iteration of Algorithm 1 adds: y as <see cref="ReferenceResponse"/>, ranks, scores, lengths, log-probs.
/// </summary>
public sealed record PreferenceRecord
{
    /// <summary>The prompt x as text: of a longer chat, its first user turn, as in UltraFeedback.</summary>
    public required string Prompt { get; init; }

    /// <summary>A name for the prompt that survives shuffles, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PromptId { get; init; }

    /// <summary>The whole chat that ends in y_w, an assistant's turn.</summary>
    public required IReadOnlyList<ChatMessage> Chosen { get; init; }

    /// <summary>The whole chat that ends in y_l; equal to <see cref="Chosen"/> but for the last turn.</summary>
    public required IReadOnlyList<ChatMessage> Rejected { get; init; }

    /// <summary>The chat that supervised training would use, as UltraFeedback carries it, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The data's own score of y_w, higher is better, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ScoreChosen { get; init; }

    /// <summary>The data's own score of y_l, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ScoreRejected { get; init; }

    /// <summary>y: the answer of the iteration's starting policy pi_ref, or null before it is generated.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ReferenceResponse { get; init; }

    /// <summary>Which role y took after ranking; when it is chosen or rejected its sequence is not computed twice.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ReferenceRole? ReferenceRole { get; init; }

    /// <summary>The iteration that made the pair, counted from 0, or null for original pairs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Iteration { get; init; }

    /// <summary>The ranker's ranks among {y, y_w, y_l}: 1 is best, ties share the lower rank.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<int>? Ranks { get; init; }

    /// <summary>The ranker's scores: higher is better.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<double>? Scores { get; init; }

    /// <summary>Lengths of the responses [tokens, eos included].</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<int>? Lengths { get; init; }

    /// <summary>Which responses were cut off at the longest length before the model ended them, so that no end token belongs behind them; null where none was.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<bool>? CutOff { get; init; }

    /// <summary>log pi_theta of the responses [nats, sums over tokens].</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<double>? PolicyLogps { get; init; }

    /// <summary>log pi_ref of the responses [nats, sums over tokens].</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PerRole<double>? ReferenceLogps { get; init; }

    /// <summary>Where the record was read, such as "pairs.jsonl line 12", for complaints about it; null where it was not read from a file.</summary>
    [JsonIgnore]
    public string? Place { get; init; }

    /// <summary>The turns before the answer: what the chat template turns into the prompt.</summary>
    [JsonIgnore]
    public IReadOnlyList<ChatMessage> PromptMessages => [.. Chosen.Take(Chosen.Count - 1)];

    /// <summary>y_w as text.</summary>
    [JsonIgnore]
    public string ChosenResponse => Chosen[^1].Content;

    /// <summary>y_l as text.</summary>
    [JsonIgnore]
    public string RejectedResponse => Rejected[^1].Content;

    /// <summary>A single-turn record from plain texts.</summary>
    public static PreferenceRecord FromTexts(string prompt, string chosen, string rejected) => new()
    {
        Prompt = prompt,
        Chosen = [new("user", prompt), new("assistant", chosen)],
        Rejected = [new("user", prompt), new("assistant", rejected)],
    };

    /// <summary>The same record with other answers, e.g. after ranking.</summary>
    public PreferenceRecord WithResponses(string chosen, string rejected) => this with
    {
        Chosen = [.. PromptMessages, new("assistant", chosen)],
        Rejected = [.. PromptMessages, new("assistant", rejected)],
    };
}

/// <summary>A number for each of the three responses of an example.</summary>
/// <param name="Chosen">Of y_w.</param>
/// <param name="Rejected">Of y_l.</param>
/// <param name="Reference">Of y, or null where there is none.</param>
public sealed record PerRole<T>(
    T Chosen,
    T Rejected,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] T? Reference)
    where T : struct;

/// <summary>What y became when {y, y_w, y_l} were ranked.</summary>
public enum ReferenceRole
{
    /// <summary>y ranked best: it is the chosen response.</summary>
    Chosen,

    /// <summary>y ranked worst: it is the rejected response.</summary>
    Rejected,

    /// <summary>y ranked between the two: a third sequence.</summary>
    Middle,
}
