namespace Selm.Research.Ranking;

/// <summary>Ranks by a known reward r*(x, y), such as the lab world's or an exact world's.</summary>
/// <param name="reward">Prompt and response to reward; higher is better.</param>
public sealed class OracleRanker(Func<string, string, double> reward) : IRanker
{
    /// <inheritdoc/>
    public void Check(RankRequest request) => request.OneQuestion("the oracle");

    /// <inheritdoc/>
    public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch) =>
        [.. batch.Select(request => RankedCandidates.FromScores([.. request.Candidates.Select(candidate => reward(request.OneQuestion("the oracle"), candidate))]))];
}
