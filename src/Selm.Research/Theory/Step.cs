using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Theory;

/// <summary>Whether an equation is checked as the first edition prints it, or with its slip repaired.</summary>
public enum Edition
{
    /// <summary>As printed: each of the four slips shows as a residual that anyone can see.</summary>
    Printed,

    /// <summary>With the four errata repaired: every residual is rounding.</summary>
    Repaired,
}

/// <summary>
/// One equality of the paper with both of its sides as numbers of one finite world, so that a reader can break it.
/// Derived in lessons 02 to 09.
/// </summary>
/// <param name="Name">A name of its own within the ladder.</param>
/// <param name="Equation">Where it stands in the first edition: (3.1), Theorem 3.1, appendix A, Algorithm 1.</param>
/// <param name="Version3">Where version 3 has it: (4.1), Theorem 5.1; empty where the number is the same or there is none.</param>
/// <param name="Lesson">The lesson that derives it.</param>
/// <param name="Formula">The equality, in the edition that was asked for.</param>
/// <param name="Because">The reason in one line.</param>
/// <param name="Left">The left side, one number or several.</param>
/// <param name="Right">The right side, as many numbers.</param>
/// <param name="Repair">The slip of the print that the repaired edition puts right, <c>erratum 1</c> to <c>erratum 4</c>; empty where there is none.</param>
/// <param name="Tolerance">The residual that rounding explains: 1e-12, or 1e-5 where a side is a finite difference.</param>
[TypeFormatterSource(typeof(StepFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
[SuppressMessage("Naming", "CA1716", Justification = "The word for it in English; Visual Basic can escape it.")]
public sealed record Step(
    string Name, string Equation, string Version3, int Lesson, string Formula, string Because,
    double[] Left, double[] Right, string Repair = "", double Tolerance = Step.Exact)
{
    /// <summary>The tolerance of equalities in double precision.</summary>
    public const double Exact = 1e-12;

    /// <summary>The tolerance where one side is a finite difference.</summary>
    public const double FiniteDifference = 1e-5;

    /// <summary>The number of the kit's remark that the step belongs to, 5 to 10; 0 for what the paper itself says. A remark is no slip of the print.</summary>
    public int Remark { get; init; }

    /// <summary>max |left - right| / max(1, the largest number on either side); infinity where a side is not finite.</summary>
    public double Residual
    {
        get
        {
            var (scale, largest) = (1.0, 0.0);
            for (var i = 0; i < Left.Length; i++)
            {
                scale = Math.Max(scale, Math.Max(Math.Abs(Left[i]), Math.Abs(Right[i])));
                largest = Math.Max(largest, Math.Abs(Left[i] - Right[i]));
            }
            return double.IsFinite(scale) && double.IsFinite(largest) ? largest / scale : double.PositiveInfinity;
        }
    }

    /// <summary>Whether the residual is no more than rounding.</summary>
    public bool Holds => Residual <= Tolerance;

    /// <summary>One line: equation, residual, formula.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Equation,-14} {Residual,8:0.0e+00}  {Formula}{(Repair.Length > 0 ? $"  [{Repair}]" : Remark > 0 ? $"  [remark {Remark} of the kit]" : "")}");
}
