using Selm.HuggingFace.Chat;
using Selm.Research.Data;

namespace Selm.Research.Ranking;

/// <summary>A prompt and the responses to be ordered.</summary>
/// <param name="Prompt">The prompt x as text; of a chat, the last user turn.</param>
/// <param name="Candidates">At least one response.</param>
/// <param name="Turns">All turns before the answer; null where the prompt is one question.</param>
public sealed record RankRequest(string Prompt, IReadOnlyList<string> Candidates, IReadOnlyList<ChatMessage>? Turns = null)
{
    /// <summary>Whether the prompt is more than one user turn, so that <see cref="Prompt"/> alone would be another question.</summary>
    public bool IsChat => Turns is not (null or [{ Role: "user" }]);

    /// <summary>All turns before the answer.</summary>
    public IReadOnlyList<ChatMessage> Conversation => IsChat ? Turns! : [new("user", Prompt)];

    /// <summary>
    /// What was asked as one text: a single question as it is, a chat with each turn after its role, as LLM-Blender writes
    /// user turns for PairRM. Earlier answers stand here and not with the candidates, whose room they would take.
    /// </summary>
    public string Text => !IsChat ? Prompt : string.Join('\n', Turns!.Select(turn => $"{turn.Role.ToUpperInvariant()}: {turn.Content}"));

    /// <summary>The request for answers to a chat.</summary>
    /// <param name="turns">All turns before the answer.</param>
    /// <param name="candidates">At least one response.</param>
    public static RankRequest Of(IReadOnlyList<ChatMessage> turns, IReadOnlyList<string> candidates) =>
        new(turns.LastOrDefault(turn => turn.Role == "user")?.Content ?? "", candidates, turns);

    /// <summary>The request for answers to the prompt of a record.</summary>
    /// <param name="record">The pair.</param>
    /// <param name="candidates">At least one response.</param>
    internal static RankRequest Of(PreferenceRecord record, IReadOnlyList<string> candidates) =>
        record.PromptMessages is [{ Role: "user" }] ? new(record.Prompt, candidates) : Of(record.PromptMessages, candidates);

    /// <summary>The prompt, for a ranker that takes one question.</summary>
    /// <param name="ranker">What the ranker is, for the message.</param>
    /// <exception cref="InputException">The prompt is a chat.</exception>
    internal string OneQuestion(string ranker) => !IsChat
        ? Prompt
        : throw new InputException(
            $"{ranker} takes one question, but the prompt that ends in \"{(Prompt.Length > 60 ? Prompt[..60] + "..." : Prompt)}\" is a chat of {Turns!.Count} turns; give single questions, or a ranker that reads chats (pairrm:DIR or rm:DIR).");
}

/// <summary>What a ranker found for one prompt.</summary>
/// <param name="Scores">One per candidate; higher is better. The scale is the ranker's own.</param>
/// <param name="Ranks">One per candidate; 1 is best, equal scores share the lower rank.</param>
public sealed record RankedCandidates(double[] Scores, int[] Ranks)
{
    /// <summary>Ranks scores: 1 + the number of candidates with a higher score.</summary>
    /// <exception cref="InputException">A score is NaN.</exception>
    public static RankedCandidates FromScores(double[] scores)
    {
        var broken = Array.FindIndex(scores, double.IsNaN);
        return broken < 0
            ? new RankedCandidates(scores, [.. scores.Select(score => 1 + scores.Count(other => other > score))])
            : throw new InputException($"the ranker scored candidate {broken} as NaN, so nothing can be ordered; check the ranker's weights or oracle.");
    }

    /// <summary>Ranks the candidates of each request of a batch.</summary>
    /// <param name="batch">The requests.</param>
    /// <param name="scores">One score per candidate, request by request.</param>
    /// <exception cref="InputException">A score is NaN.</exception>
    internal static IReadOnlyList<RankedCandidates> Of(IReadOnlyList<RankRequest> batch, IReadOnlyList<double> scores)
    {
        var next = 0;
        return [.. batch.Select(request => FromScores([.. request.Candidates.Select(_ => scores[next++])]))];
    }
}

/// <summary>
/// Orders responses to a prompt: the preference oracle of Algorithm 1. A batch is what the ranker sees at once; with
/// PairRM the length that a response may keep depends on it, so callers choose batches, not rankers.
/// </summary>
public interface IRanker
{
    /// <summary>Scores and ranks each request of one batch, in order.</summary>
    IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch);

    /// <summary>Refuses what this ranker cannot be asked about, before anything is computed: the prompt, and the candidates that are known already.</summary>
    /// <exception cref="InputException">It cannot, or prompt and candidate are longer than its context.</exception>
    void Check(RankRequest request)
    {
    }

    /// <summary>Scores and ranks the candidates of one request, as a batch by itself.</summary>
    RankedCandidates Rank(RankRequest request) => Rank([request])[0];

    /// <summary>Scores and ranks the candidates of one prompt, as a batch by itself.</summary>
    RankedCandidates Rank(string prompt, IReadOnlyList<string> candidates) => Rank([new RankRequest(prompt, candidates)])[0];
}
