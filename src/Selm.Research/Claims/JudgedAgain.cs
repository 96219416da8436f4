using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// A recorded experiment under a data/claims.yaml that changed since: its words, smallest effects of interest and families are
/// today's, verdicts follow again from the recorded intervals, and claims that were added are read off recorded curves.
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
        // Rows that were read off a curve have p-values but nothing per seed: they are read off it again.
        ClaimRow[] rows = [.. record.Claims.Where(row => row.P is null || row.PerSeed.Count > 0).Select(row => known.TryGetValue(row.Id, out var rule)
            ? Row(record, row, rule)
            : throw Refused(record, row, "which data/claims.yaml no longer has"))];
        var added = rules.All.Where(rule => rule.Experiment == record.Name && Array.TrueForAll(rows, row => row.Id != rule.Id)).ToArray();
        return record with
        {
            ClaimsSha256 = rules.Sha256,
            Claims = [.. rows, .. record.Name == Figure4.Name ? Figure4.OffTheCurve(record, added) : []],
        };
    }

    private static ClaimRow Row(ExperimentRecord record, ClaimRow row, ClaimRule rule)
    {
        var words = row with { Where = rule.Where, Says = rule.Says, Statistic = rule.Statistic, D = rule.D, Family = rule.Family };
        if (row.Measured is not { } mean || row.Verdict.StartsWith("preview", StringComparison.Ordinal))
        {
            return words;
        }
        // Only directional claims have a p-value. What judges the others (tolerances, standard errors, a second interval) is not in a row.
        return (rule.Rule == ClaimKind.Directional, row.P) switch
        {
            (true, not null) => rule.Interval(new MeanInterval(mean, row.Low!.Value, row.High!.Value), row.PerSeed.Count, row.Note) with { Scale = row.Scale, PerSeed = row.PerSeed },
            (false, null) when row.D == rule.D => words,
            _ => throw Refused(record, row, "whose rule in data/claims.yaml now needs more than was recorded"),
        };
    }

    private static InputException Refused(ExperimentRecord record, ClaimRow row, string why) =>
        new($"The record of {record.Name} has the claim '{row.Id}', {why}; run selm reproduce {record.Name} --record with the seeds of the recording.");
}
