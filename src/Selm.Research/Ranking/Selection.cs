using Selm.Research.Data;
using Selm.Research.Runs;

namespace Selm.Research.Ranking;

/// <summary>Which of the candidates [y, y_w, y_l] form the new pair, by index.</summary>
/// <param name="Chosen">The new y_w.</param>
/// <param name="Rejected">The new y_l.</param>
public readonly record struct SelectedPair(int Chosen, int Rejected)
{
    /// <summary>What became of y, the candidate at index 0.</summary>
    public ReferenceRole RoleOfY => Chosen == 0 ? ReferenceRole.Chosen : Rejected == 0 ? ReferenceRole.Rejected : ReferenceRole.Middle;
}

/// <summary>From scores to the pair that is trained on (Algorithm 1, line "Rank").</summary>
public static class Selection
{
    /// <summary>
    /// The best and the worst of any number of candidates; among equals the first, so where all tie both are index 0.
    /// </summary>
    /// <param name="scores">Higher is better; none is NaN.</param>
    public static SelectedPair BestWorst(IReadOnlyList<double> scores)
    {
        var (best, worst) = (0, 0);
        for (var k = 1; k < scores.Count; k++)
        {
            best = scores[k] > scores[best] ? k : best;
            worst = scores[k] < scores[worst] ? k : worst;
        }
        return new SelectedPair(best, worst);
    }

    /// <summary>
    /// The compare-and-replace rule of appendix C on the scores of [y, y_w, y_l]: y is compared with y_w alone, takes its place
    /// where it beats it and the place of y_l where it loses; a tie leaves the pair as it is.
    /// </summary>
    /// <exception cref="ArgumentException">There are not three scores.</exception>
    public static SelectedPair Replace(IReadOnlyList<double> scores)
    {
        if (scores.Count != 3)
        {
            throw new ArgumentException($"compare-and-replace needs the scores of y, y_w and y_l, not {scores.Count}", nameof(scores));
        }
        return scores[0] > scores[1] ? new SelectedPair(0, 2) : scores[0] < scores[1] ? new SelectedPair(1, 0) : new SelectedPair(1, 2);
    }

    /// <summary>The request that ranks y against the pair of a record, in the authors' order [y, y_w, y_l].</summary>
    public static RankRequest Request(PreferenceRecord record, string y) =>
        RankRequest.Of(record, [y, record.ChosenResponse, record.RejectedResponse]);

    /// <summary>The record with its new pair, y kept as the reference response, and the ranker's scores and ranks.</summary>
    /// <param name="record">The pair so far.</param>
    /// <param name="y">The response of the iteration's starting policy.</param>
    /// <param name="ranked">The ranker's answer to <see cref="Request"/>.</param>
    /// <param name="rule">How the pair is updated.</param>
    public static PreferenceRecord Update(PreferenceRecord record, string y, RankedCandidates ranked, UpdateRule rule)
    {
        var pair = rule == UpdateRule.BestWorst ? BestWorst(ranked.Scores) : Replace(ranked.Scores);
        string[] texts = [y, record.ChosenResponse, record.RejectedResponse];
        return record.WithResponses(texts[pair.Chosen], texts[pair.Rejected]) with
        {
            ReferenceResponse = y,
            ReferenceRole = pair.RoleOfY,
            Scores = new(ranked.Scores[pair.Chosen], ranked.Scores[pair.Rejected], ranked.Scores[0]),
            Ranks = new(ranked.Ranks[pair.Chosen], ranked.Ranks[pair.Rejected], ranked.Ranks[0]),
            // Of responses that may be gone; they are measured anew.
            Lengths = null,
            PolicyLogps = null,
            ReferenceLogps = null,
            ScoreChosen = null,
            ScoreRejected = null,
        };
    }
}
