using System.Globalization;
using Selm.Research.Claims;
using Selm.Research.Figures;

namespace Selm.Research.Lessons;

/// <summary>One row of the table at the end of a lesson.</summary>
/// <param name="Claim">What was claimed.</param>
/// <param name="Measured">The number that decides.</param>
/// <param name="Verdict">Whether it holds, in words.</param>
public sealed record LessonClaim(string Claim, double Measured, string Verdict)
{
    /// <summary>The 95 % interval of the number; null where there is none.</summary>
    public (double Low, double High)? Interval { get; init; }

    /// <summary>A claim that the lesson's own cells have checked.</summary>
    /// <param name="own">What was claimed, the number that decides, and whether it says so.</param>
    public static implicit operator LessonClaim((string Claim, double Measured, bool Holds) own) =>
        new(own.Claim, own.Measured, own.Holds ? "holds here" : "does NOT hold here");
}

/// <summary>The table at the end of a lesson: what was claimed on the way and what the lesson's own cells found.</summary>
public static class LessonClaims
{
    /// <summary>A table of claims with one number each.</summary>
    /// <param name="claims">In the order in which they were made; (claim, number, whether it holds) will do.</param>
    public static ResultTable Of(params IReadOnlyList<LessonClaim> claims)
    {
        var intervals = claims.Any(claim => claim.Interval is not null);
        return new(
            "claims", "What was claimed and what was measured",
            [new("claim"), new("measured", Format: "0.####"), .. intervals ? [new("95 % interval", Format: "0.0000")] : Array.Empty<Column>(), new("verdict")],
            [.. claims.Select(claim => (IReadOnlyList<Cell>)
            [
                Cell.Text(claim.Claim), Shown(claim.Measured),
                .. intervals ? [claim.Interval is var (low, high) ? Cell.Range(low, high) : Cell.Empty] : Array.Empty<Cell>(),
                Cell.Text(claim.Verdict),
            ])]);
    }

    /// <summary>A claim of data/claims.yaml as a row of the same table, with what was measured in brackets.</summary>
    /// <param name="row">The claim, judged.</param>
    public static LessonClaim Row(ClaimRow row) => new($"{row.Where}: {row.Says} ({row.Statistic})", row.Measured ?? double.NaN, row.Verdict)
    {
        Interval = row is { Low: { } low, High: { } high } ? (low, high) : null,
    };

    // A residual is not 0 because four decimals are.
    private static Cell Shown(double measured) =>
        measured != 0 && Math.Abs(measured) < 1e-4 ? Cell.Text(measured.ToString("0.0e+00", CultureInfo.InvariantCulture)) : Cell.Number(measured);
}
