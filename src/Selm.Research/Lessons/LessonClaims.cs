using System.Globalization;
using Selm.Research.Experiments;
using Selm.Research.Figures;

namespace Selm.Research.Lessons;

/// <summary>The table at the end of a lesson: what was claimed on the way and what the lesson's own cells found.</summary>
public static class LessonClaims
{
    /// <summary>A table of claims with one number each.</summary>
    /// <param name="rows">The claim, the number that decides, and whether it holds.</param>
    public static ResultTable Of(params IReadOnlyList<(string Claim, double Measured, bool Holds)> rows) => new(
        "claims", "What was claimed and what this lesson measured",
        [new("claim"), new("measured"), new("holds")],
        [.. rows.Select(row => (IReadOnlyList<Cell>)[Cell.Text(row.Claim), Cell.Text(row.Measured.ToString("0.####;-0.####;0", CultureInfo.InvariantCulture)), Cell.Text(row.Holds ? "yes" : "NO")])]);

    /// <summary>A claim of data/claims.yaml as a row of the same table.</summary>
    /// <param name="row">The claim, judged.</param>
    public static (string Claim, double Measured, bool Holds) Row(ClaimRow row) =>
        ($"{row.Where}: {row.Says} ({row.Verdict})", row.Measured ?? double.NaN, row.Verdict.StartsWith("holds", StringComparison.Ordinal));
}
