using Selm.Research.Numerics;
using Selm.Research.Ranking;

namespace Selm.Research.Lab;

/// <summary>
/// Ranks by the true reward r*; <c>--ranker oracle:lab</c>. With label noise (<c>oracle:lab-noisy:SEED</c>) its best response is a draw of the
/// Plackett-Luce model on r* at temperature 1, for two responses equation (2.1).
/// </summary>
public sealed class LabOracle : IRanker
{
    private readonly LabLanguage language;
    private readonly ulong? noiseSeed;

    /// <summary>Makes an oracle.</summary>
    /// <param name="language">The language.</param>
    /// <param name="noiseSeed">Adds Gumbel noise to each score, drawn from (seed, prompt, candidates): the same request
    /// gets the same labels however rows are batched, another prompt or candidate gets fresh ones. Null: no noise.</param>
    public LabOracle(LabLanguage language, ulong? noiseSeed = null) => (this.language, this.noiseSeed) = (language, noiseSeed);

    /// <summary>r* of a response as text.</summary>
    /// <param name="prompt">What the user says, with or without the markers.</param>
    /// <param name="response">Any words; the end is optional.</param>
    /// <exception cref="InputException"><paramref name="prompt"/> is no prompt of the lab language.</exception>
    public double Reward(string prompt, string response) => LabReward.Of(language, LabPrompt.Read(language, prompt), response);

    /// <inheritdoc/>
    public void Check(RankRequest request) => request.OneQuestion("the lab's oracle");

    /// <inheritdoc/>
    public IReadOnlyList<RankedCandidates> Rank(IReadOnlyList<RankRequest> batch) => [.. batch.Select(Rank)];

    private RankedCandidates Rank(RankRequest request)
    {
        var prompt = LabPrompt.Read(language, request.OneQuestion("the lab's oracle"));
        var scores = request.Candidates.Select(candidate => LabReward.Of(language, prompt, candidate)).ToArray();
        if (noiseSeed is { } seed)
        {
            var noise = new PhiloxStream(seed, string.Join('\n', [LabStreams.Labels, request.Prompt, .. request.Candidates]));
            for (var k = 0; k < scores.Length; k++)
            {
                scores[k] += noise.NextGumbel();
            }
        }
        return RankedCandidates.FromScores(scores);
    }
}
