namespace Selm.Research.Ranking;

/// <summary>
/// Ranks by a scalar reward model v(x, y): P(A better than B | x) = sigma(v(x,A) - v(x,B)), the Bradley-Terry model.
/// </summary>
/// <param name="score">Scores of (prompt, response) pairs; all pairs of a batch come in one call, in order.</param>
public sealed class RewardModelRanker(Func<IReadOnlyList<(string Prompt, string Response)>, IReadOnlyList<double>> score) : IRanker
{
    /// <inheritdoc/>
    public void Check(RankRequest request) => request.OneQuestion("this reward model");

    /// <inheritdoc/>
    public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch)
    {
        var pairs = batch.SelectMany(request => request.Candidates.Select(candidate => (request.OneQuestion("this reward model"), candidate))).ToList();
        var scores = score(pairs);
        return scores.Count == pairs.Count
            ? RankedCandidates.Of(batch, scores)
            : throw new InvalidOperationException($"the reward model gave {scores.Count} scores for {pairs.Count} responses");
    }
}
