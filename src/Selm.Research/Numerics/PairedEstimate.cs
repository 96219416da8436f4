// The one routine behind every interval, p-value and detectable difference of a mean. What was drawn independently is the unit:
// seeds or exact worlds for a method, prompts for one trained model. Whatever was measured inside a unit is averaged first.
// The simulated coverage of its intervals is in PairedCoverageTests.
using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;

namespace Selm.Research.Numerics;

/// <summary>A mean with its confidence interval, in the unit of the data.</summary>
/// <param name="Mean">The mean of the data itself.</param>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
public readonly record struct MeanInterval(double Mean, double Low, double High);

/// <summary>
/// A mean over independent units, such as paired differences over seeds, with Student's t for all that is said about it
/// (Student 1908). Derived in lesson 10.
/// </summary>
/// <remarks>
/// With seeds as units it speaks of the prompts at hand, which all seeds share: another set of prompts is another question.
/// One unit has no spread to learn from: its interval is infinite, its p-value 1 and its detectable difference infinite.
/// </remarks>
/// <param name="N">How many units: seeds, worlds or prompts.</param>
/// <param name="Mean">Their mean; NaN for no unit.</param>
/// <param name="Error">Its standard error, sample deviation / sqrt(n); infinite for one unit.</param>
public sealed record PairedEstimate(int N, double Mean, double Error)
{
    // From so many units on Student's quantiles are the normal's to six digits.
    private const double Many = 1e6;

    /// <summary>The mean of one number per unit.</summary>
    /// <param name="perUnit">One number per seed, world or prompt; NaN gives NaN.</param>
    public static PairedEstimate Of(IReadOnlyList<double> perUnit) => perUnit.Count == 0
        ? new(0, double.NaN, double.NaN)
        : new(perUnit.Count, perUnit.Average(), perUnit.Count == 1 ? double.PositiveInfinity : perUnit.StandardDeviation() / Math.Sqrt(perUnit.Count));

    /// <summary>The mean of several numbers per unit.</summary>
    /// <param name="perPrompt">[seeds, prompts]: the seeds are the units.</param>
    public static PairedEstimate Of(double[,] perPrompt) => Of(PerUnit(perPrompt));

    /// <summary>What is known of a mean whose 95 % interval is at hand, but not the numbers behind it.</summary>
    /// <param name="ends">Mean and interval of this routine.</param>
    /// <param name="n">How many units.</param>
    public static PairedEstimate From(MeanInterval ends, int n) => new(n, ends.Mean, n < 2 ? double.PositiveInfinity : (ends.High - ends.Low) / 2 / Quantile(n, 0.975));

    /// <summary>The mean of every row.</summary>
    /// <param name="perPrompt">[seeds, prompts].</param>
    /// <returns>One number per seed; NaN where there is no prompt.</returns>
    public static double[] PerUnit(double[,] perPrompt) =>
        [.. Enumerable.Range(0, perPrompt.GetLength(0)).Select(unit => Enumerable.Range(0, perPrompt.GetLength(1)).Select(k => perPrompt[unit, k]).DefaultIfEmpty(double.NaN).Average())];

    /// <summary>The confidence interval: mean plus and minus t(n - 1) standard errors.</summary>
    /// <param name="level">The confidence, between 0 and 1: 0.95, or 0.90 for a test of equivalence at 5 %.</param>
    /// <exception cref="ArgumentOutOfRangeException">A level outside (0, 1).</exception>
    public MeanInterval Interval(double level = 0.95)
    {
        var half = Half(level);
        return new(Mean, Mean - half, Mean + half);
    }

    /// <summary>The same for a mean of shares: the ends lie between 0 and 1, as <see cref="UnitInterval.Around"/> places them.</summary>
    /// <param name="level">The confidence, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A level outside (0, 1).</exception>
    public MeanInterval Share(double level = 0.95) => UnitInterval.Around(Mean, Half(level));

    /// <summary>Two-sided p-value of the hypothesis that the true mean is not beyond a margin on the side where this one lies.</summary>
    /// <param name="margin">The smallest effect of interest, at least 0. Below 0.05 exactly where the 95 % interval lies beyond it.</param>
    public double P(double margin = 0) => Math.Abs(Mean) <= margin ? 1 : 2 * Tail(Math.Abs(Mean) - margin);

    /// <summary>
    /// The p-value of the hypothesis that the true mean is not inside a margin: the larger of two one-sided t-tests
    /// (Schuirmann 1987). Below 0.05 exactly where the 90 % interval lies inside.
    /// </summary>
    /// <param name="margin">The largest difference that does not matter; above 0.</param>
    public double PInside(double margin) => Tail(margin - Math.Abs(Mean));

    /// <summary>
    /// The true difference that so many units with this spread find with a chance of 80 %, in a two-sided test at 5 %:
    /// (t(n - 1; 0.975) + t(n - 1; 0.8)) standard errors. Infinite below two units.
    /// </summary>
    public double Detectable => N < 2 ? double.PositiveInfinity : ErrorsNeeded(N, 0.05) * Error;

    /// <summary>How many units with this spread find a true difference with a chance of 80 %; the inverse of <see cref="Detectable"/>.</summary>
    /// <param name="difference">The difference to find; infinitely many find one of 0 or less.</param>
    /// <param name="level">The two-sided level of the test.</param>
    /// <returns>A whole number, at least 2; infinite below two units.</returns>
    public double Needed(double difference, double level = 0.05) => Smallest(difference, n => ErrorsNeeded(n, level));

    /// <summary>How many units with this spread and no true difference show with a chance of 80 % that it lies inside a margin.</summary>
    /// <param name="margin">The largest difference that does not matter.</param>
    /// <returns>A whole number, at least 2; infinite below two units. Both one-sided tests must succeed, so each may fail in one case of ten.</returns>
    public double NeededInside(double margin) => Smallest(margin, n => Quantile(n, 0.95) + Quantile(n, 0.90));

    private double Smallest(double difference, Func<double, double> errorsNeeded)
    {
        var ratio = Error * Math.Sqrt(N) / difference;
        if (!double.IsFinite(ratio) || difference <= 0)
        {
            return double.PositiveInfinity;
        }
        var n = Math.Max(2, Math.Ceiling(Math.Pow(errorsNeeded(double.PositiveInfinity) * ratio, 2)));
        while (n <= Many && errorsNeeded(n) * ratio > Math.Sqrt(n))
        {
            n++;
        }
        return n;
    }

    private double Half(double level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(level, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, 1);
        return N < 2 || Error == 0 ? Error : Quantile(N, (1 + level) / 2) * Error;
    }

    // The chance of a t as far above 0 as a distance is, measured in standard errors.
    private double Tail(double distance) =>
        N < 2 ? 0.5
        : Error > 0 ? StudentT.CDF(0, 1, N - 1, -distance / Error)
        : distance > 0 ? 0 : 1;

    private static double ErrorsNeeded(double n, double level) => Quantile(n, 1 - (level / 2)) + Quantile(n, 0.8);

    private static double Quantile(double n, double p) => n > Many ? Normal.InvCDF(0, 1, p) : StudentT.InvCDF(0, 1, n - 1, p);
}
