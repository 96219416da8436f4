using Selm.Research.Experiments;
using Selm.Research.Figures;

namespace Selm.Research.Lessons;

/// <summary>One row of the table at the end of a lesson.</summary>
/// <param name="Claim">What was claimed.</param>
/// <param name="Measured">The number that decides.</param>
/// <param name="Verdict">Whether it holds, in words.</param>
public sealed record LessonClaim(string Claim, double Measured, string Verdict)
{
    /// <summary>A claim that the lesson's own cells have checked.</summary>
    /// <param name="claim">What was claimed.</param>
    /// <param name="measured">The number that decides.</param>
    /// <param name="holds">Whether it says so.</param>
    public LessonClaim(string claim, double measured, bool holds)
        : this(claim, measured, holds ? "holds here" : "does NOT hold here")
    {
    }

    /// <summary>A claim of data/claims.yaml, judged.</summary>
    /// <param name="row">The judgement.</param>
    public static LessonClaim Of(ClaimRow row) => new($"{row.Where}: {row.Says}", row.Measured ?? double.NaN, row.Verdict);
}

/// <summary>The table at the end of a lesson: what was claimed on the way and what the lesson's own cells found.</summary>
public static class LessonClaims
{
    /// <summary>A table of claims with one number each.</summary>
    /// <param name="claims">In the order in which they were made.</param>
    public static ResultTable Of(params IReadOnlyList<LessonClaim> claims) => new(
        "claims", "What was claimed and what was measured",
        [new("claim"), new("measured", Format: "0.####"), new("verdict")],
        [.. claims.Select(claim => (IReadOnlyList<Cell>)[Cell.Text(claim.Claim), claim.Measured, Cell.Text(claim.Verdict)])]);
}
