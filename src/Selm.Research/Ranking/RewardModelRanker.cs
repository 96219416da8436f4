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
        if (scores.Count != pairs.Count)
        {
            throw new InvalidOperationException($"the reward model gave {scores.Count} scores for {pairs.Count} responses");
        }
        var result = new RankedCandidates[batch.Count];
        var start = 0;
        for (var row = 0; row < result.Length; row++)
        {
            var count = batch[row].Candidates.Count;
            result[row] = RankedCandidates.FromScores([.. scores.Skip(start).Take(count)]);
            start += count;
        }
        return result;
    }
}
