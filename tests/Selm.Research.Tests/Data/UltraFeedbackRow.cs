using System.Text.Json.Serialization;

namespace Selm.Research.Tests.Data;

/// <summary>A row in the schema of UltraFeedback, as Parquet.Net writes it.</summary>
internal sealed class UltraFeedbackRow
{
    [JsonPropertyName("prompt")]
    public string Prompt { get; set; } = "";

    [JsonPropertyName("prompt_id")]
    public string PromptId { get; set; } = "";

    [JsonPropertyName("chosen")]
    public IList<UltraFeedbackTurn> Chosen { get; set; } = [];

    [JsonPropertyName("rejected")]
    public IList<UltraFeedbackTurn> Rejected { get; set; } = [];

    [JsonPropertyName("messages")]
    public IList<UltraFeedbackTurn> Messages { get; set; } = [];

    [JsonPropertyName("score_chosen")]
    public double ScoreChosen { get; set; }

    [JsonPropertyName("score_rejected")]
    public double ScoreRejected { get; set; }
}

/// <summary>A message of one.</summary>
internal sealed class UltraFeedbackTurn
{
    [JsonPropertyName("content")]
    public string Content { get; set; } = "";

    [JsonPropertyName("role")]
    public string Role { get; set; } = "";
}
