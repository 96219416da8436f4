using System.Globalization;
using Selm.Research.Figures;
using Selm.Research.Numerics;
using static MathNet.Numerics.Statistics.ArrayStatistics;

namespace Selm.Research.Claims;

/// <summary>Numbers as the tables and figures of the experiments show them.</summary>
internal static class Shown
{
    /// <summary>A number as people write it: 0.03, 0.3.</summary>
    internal static string Plain(double number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A residual: 1.4e-17.</summary>
    internal static string Residual(double residual) => residual.ToString("0.0e+00", CultureInfo.InvariantCulture);

    /// <summary>A mean and below it half the length of its interval, for a cell of a heat map; three decimals, so that a small effect does not read as none.</summary>
    internal static string Signed(MeanInterval interval) => $"{Numerals.Format(interval.Mean, "+0.000;-0.000;0.000")}\n±{Numerals.Format(interval.Half(), "0.000")}";

    /// <summary>An interval as a cell; empty where there is no number.</summary>
    internal static Cell ToCell(this MeanInterval interval) => double.IsNaN(interval.Mean) ? Cell.Empty : Cell.PlusMinus(interval.Mean, interval.Half());

    /// <summary>
    /// The mean of shares as a cell: ± half the length of its interval where that stays between 0 and 1, else the interval itself.
    /// </summary>
    internal static Cell ToShareCell(this MeanInterval interval) => interval.Mean - interval.Half() >= 0 && interval.Mean + interval.Half() <= 1
        ? interval.ToCell()
        : double.IsNaN(interval.Mean) ? Cell.Empty : Cell.Interval(interval.Mean, interval.Low, interval.High);

    /// <summary>The median over worlds.</summary>
    internal static double Median(double[] perWorld) => MedianInplace([.. perWorld]);

    /// <summary>The true mean difference that this many worlds find with a chance of 80 %.</summary>
    internal static double Detectable(double[] perWorld) => perWorld.Length < 2
        ? double.NaN
        : PairedEstimate.Of(perWorld).Detectable;
}
