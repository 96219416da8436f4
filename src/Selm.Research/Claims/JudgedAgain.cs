using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// A recorded experiment under a data/claims.yaml that changed since: its words, smallest effects of interest and families are
/// today's, verdicts follow again from the recorded seeds; claims that were added wait for the next recording.
/// </summary>
public static class JudgedAgain
{
    /// <summary>The record as today's rules judge it; the same object where they have not changed.</summary>
    /// <param name="record">What was recorded.</param>
    /// <param name="rules">Today's rules.</param>
    /// <exception cref="InputException">A recorded claim is no longer among the rules, or its rule asks for more than the record has.</exception>
    public static ExperimentRecord By(ClaimRules rules, ExperimentRecord record)
    {
        if (record.ClaimsSha256 == rules.Sha256)
        {
            return record;
        }
        var known = rules.All.ToDictionary(rule => rule.Id, StringComparer.Ordinal);
        return record with
        {
            ClaimsSha256 = rules.Sha256,
            Claims = [.. record.Claims.Select(row => known.TryGetValue(row.Id, out var rule) ? Row(record, row, rule) : throw Refused(record, row, "which data/claims.yaml no longer has"))],
        };
    }

    private static ClaimRow Row(ExperimentRecord record, ClaimRow row, ClaimRule rule)
    {
        var words = row with { Where = rule.Where, Says = rule.Says, Statistic = rule.Statistic, D = rule.D, Family = rule.Family };
        if (row.Measured is null || row.Verdict.StartsWith("preview", StringComparison.Ordinal))
        {
            return words;
        }
        // The seeds or worlds of a row are all that judges a difference; the other steps of an ordering, a tolerance or the
        // standard error of a printed number are not in a row.
        return rule.Rule switch
        {
            ClaimKind.Directional when row.PerSeed.Count > 0 && row.P is not null => Judged(),
            ClaimKind.Equivalence when row.PerSeed.Count > 0 => Judged(),
            _ when row.D == rule.D && row.P is null == (rule.Rule != ClaimKind.Directional) => words,
            _ => throw Refused(record, row, "whose rule in data/claims.yaml now needs more than was recorded"),
        };

        ClaimRow Judged() => rule.Paired([.. row.PerSeed], row.Note) with { Scale = row.Scale, PerSeed = row.PerSeed };
    }

    private static InputException Refused(ExperimentRecord record, ClaimRow row, string why) =>
        new($"The record of {record.Name} has the claim '{row.Id}', {why}; run selm reproduce {record.Name} --record with the seeds of the recording.");
}
