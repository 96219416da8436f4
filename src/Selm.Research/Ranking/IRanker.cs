namespace Selm.Research.Ranking;

/// <summary>A prompt and the responses to be ordered.</summary>
/// <param name="Prompt">The prompt x as text.</param>
/// <param name="Candidates">At least one response.</param>
public sealed record RankRequest(string Prompt, IReadOnlyList<string> Candidates);

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
}

/// <summary>
/// Orders responses to a prompt: the preference oracle of Algorithm 1. A batch is what the ranker sees at once; with
/// PairRM the length that a response may keep depends on it, so callers choose batches, not rankers.
/// </summary>
public interface IRanker
{
    /// <summary>Scores and ranks each request of one batch, in order.</summary>
    IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch);

    /// <summary>Scores and ranks the candidates of one prompt, as a batch by itself.</summary>
    RankedCandidates Rank(string prompt, IReadOnlyList<string> candidates) => Rank([new RankRequest(prompt, candidates)])[0];
}
