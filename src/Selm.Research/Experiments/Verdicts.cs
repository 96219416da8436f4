using System.Globalization;
using MathNet.Numerics.Distributions;
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Numerics;
using static MathNet.Numerics.Statistics.ArrayStatistics;

namespace Selm.Research.Experiments;

/// <summary>Verdicts by rules that look at nothing but residuals and intervals, and the numbers around them.</summary>
internal static class Verdicts
{
    /// <summary>With fewer worlds than this a verdict is only a preview.</summary>
    internal const int FewestWorlds = 10;

    private static readonly double normal = Normal.InvCDF(0, 1, 0.975);

    /// <summary>A statement of mathematics: its residual, and the erratum if it holds only after a repair.</summary>
    internal static ClaimRow Exact(string id, string statement, double residual, bool holds, string repair) => new(
        id, statement, "exact", residual, null, null, null, !holds ? "does not hold" : repair.Length == 0 ? "holds" : "holds after repair", repair);

    /// <summary>
    /// A mean difference over worlds: <c>holds here</c> if its interval lies beyond <paramref name="smallest"/> in the claimed
    /// direction, <c>opposite here</c> if beyond it in the other one, <c>no effect larger than d here</c> if inside, else
    /// <c>cannot tell here</c>.
    /// </summary>
    internal static ClaimRow Difference(
        string id, string statement, string note, MeanInterval difference, int worlds, bool claimedAbove, double smallest)
    {
        var (mean, low, high) = claimedAbove
            ? (difference.Mean, difference.Low, difference.High)
            : (-difference.Mean, -difference.High, -difference.Low);
        var verdict = worlds < FewestWorlds ? $"preview (n = {worlds})"
            : low > smallest ? "holds here"
            : high < -smallest ? "opposite here"
            : low >= -smallest && high <= smallest ? $"no effect larger than {Plain(smallest)} here"
            : "cannot tell here";
        var detectable = Statistics.MinimumDetectableDifference(1, difference.Half() / normal);
        return new ClaimRow(id, statement, "lab", mean, low, high, detectable, verdict, note);
    }

    /// <summary>A number as people write it: 0.03, 0.3.</summary>
    internal static string Plain(double number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A residual: 1.4e-17.</summary>
    internal static string Residual(double residual) => residual.ToString("0.0e+00", CultureInfo.InvariantCulture);

    /// <summary>A mean and half the length of its interval, short enough for a cell of a heat map: -.25±.06.</summary>
    internal static string Signed(MeanInterval interval) => string.Create(
        CultureInfo.InvariantCulture, $"{interval.Mean:+#.00;-#.00;.00}±{interval.Half():#.00}");

    /// <summary>An interval as a cell.</summary>
    internal static Cell ToCell(this MeanInterval interval) => Cell.PlusMinus(interval.Mean, interval.Half());

    /// <summary>The median over worlds.</summary>
    internal static double Median(double[] perWorld) => MedianInplace([.. perWorld]);

    /// <summary>The true mean difference that this many worlds find with a chance of 80 %.</summary>
    internal static double Detectable(double[] perWorld) => perWorld.Length < 2
        ? double.NaN
        : Statistics.MinimumDetectableDifference(perWorld.Length, StandardDeviation(perWorld));
}
