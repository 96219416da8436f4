// What a difference between two models is worth. Everything here works on differences that are already paired, prompt by
// prompt: pairing removes the spread between easy and hard prompts, which is most of it.
using MathNet.Numerics.Distributions;

namespace Selm.Research.Numerics;

/// <summary>How often one side was better, and how surprising that is if both were equal.</summary>
/// <param name="Wins">Differences above 0.</param>
/// <param name="Losses">Differences below 0.</param>
/// <param name="Ties">Differences of 0, which the test leaves out.</param>
/// <param name="P">Two-sided p-value of the exact binomial test; 1 where all are ties.</param>
public readonly record struct SignTestResult(int Wins, int Losses, int Ties, double P);

/// <summary>Whether a mean difference is shown to lie inside a margin.</summary>
/// <param name="Interval">The interval that is held against the margin: 90 % for a test at 5 %.</param>
/// <param name="P">The larger p-value of the two one-sided tests.</param>
/// <param name="Equivalent">The whole interval lies inside the margin.</param>
public readonly record struct EquivalenceResult(MeanInterval Interval, double P, bool Equivalent);

/// <summary>Tests for paired differences beside <see cref="PairedEstimate"/>, and planning with a known standard error. Derived in lesson 10.</summary>
public static class Statistics
{
    /// <summary>The exact two-sided sign test: is one side better more often than chance allows?</summary>
    /// <param name="differences">Paired differences; NaN is not allowed.</param>
    /// <exception cref="ArgumentException">A difference is NaN.</exception>
    public static SignTestResult SignTest(ReadOnlySpan<double> differences)
    {
        var (wins, losses) = (0, 0);
        foreach (var difference in differences)
        {
            if (double.IsNaN(difference))
            {
                throw new ArgumentException("a difference is NaN", nameof(differences));
            }
            wins += difference > 0 ? 1 : 0;
            losses += difference < 0 ? 1 : 0;
        }
        var p = wins + losses == 0 ? 1 : Math.Min(1, 2 * Binomial.CDF(0.5, wins + losses, Math.Min(wins, losses)));
        return new(wins, losses, differences.Length - wins - losses, p);
    }

    /// <summary>
    /// The smallest true mean difference that n paired prompts find with the given power where s is known, as from a printed
    /// standard error: (z_(1 - alpha/2) + z_power) * s / sqrt(n), in the unit of s. <see cref="PairedEstimate.Detectable"/> is for measured ones.
    /// </summary>
    /// <param name="prompts">n, the number of paired prompts.</param>
    /// <param name="standardDeviation">s, of the differences between prompts.</param>
    /// <param name="alpha">The two-sided level of the test.</param>
    /// <param name="power">The chance to find the difference.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1, a negative deviation, a probability outside (0, 1).</exception>
    public static double MinimumDetectableDifference(int prompts, double standardDeviation, double alpha = 0.05, double power = 0.8)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(prompts, 1);
        return StandardErrorsNeeded(standardDeviation, alpha, power) * standardDeviation / Math.Sqrt(prompts);
    }

    /// <summary>How many paired prompts find a true mean difference with the given power; the inverse of <see cref="MinimumDetectableDifference"/>.</summary>
    /// <param name="difference">The difference to find, above 0.</param>
    /// <param name="standardDeviation">Of the differences between prompts, in the same unit.</param>
    /// <param name="alpha">The two-sided level of the test.</param>
    /// <param name="power">The chance to find the difference.</param>
    /// <exception cref="ArgumentOutOfRangeException">A difference of 0 or less, a negative deviation, a probability outside (0, 1).</exception>
    public static double PromptsNeeded(double difference, double standardDeviation, double alpha = 0.05, double power = 0.8)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(difference);
        var ratio = StandardErrorsNeeded(standardDeviation, alpha, power) * standardDeviation / difference;
        return Math.Ceiling(ratio * ratio);
    }

    /// <summary>
    /// The places of the sorted values between which the p-quantile of their population lies, whatever its distribution: as many
    /// values fall below the quantile as a binomial says (normal approximation, rounded outwards; the ends are the extremes).
    /// </summary>
    /// <param name="count">How many values, at least 1.</param>
    /// <param name="p">Which quantile, from 0 to 1.</param>
    /// <param name="level">The confidence, between 0 and 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1, or a probability out of range.</exception>
    public static (int Low, int High) QuantilePlaces(int count, double p, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(p);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(p, 1);
        var half = Normal.InvCDF(0, 1, (1 + level) / 2) * Math.Sqrt(count * p * (1 - p));
        int Place(double place) => Math.Clamp((int)place, 0, count - 1);
        return (Place(Math.Floor((count * p) - half) - 1), Place(Math.Ceiling((count * p) + half)));
    }

    /// <summary>
    /// Holm's step-down correction: adjusted p-values, each of which can be held against alpha so that the chance of any false
    /// rejection in the table stays below alpha (Holm 1979).
    /// </summary>
    /// <param name="pValues">The p-values of one table, each from 0 to 1.</param>
    /// <returns>In the order given.</returns>
    /// <exception cref="ArgumentException">A p-value is not between 0 and 1.</exception>
    public static double[] Holm(IReadOnlyList<double> pValues)
    {
        if (!pValues.All(p => p is >= 0 and <= 1))
        {
            throw new ArgumentException("a p-value is not between 0 and 1", nameof(pValues));
        }
        var adjusted = new double[pValues.Count];
        var floor = 0.0;
        foreach (var (rank, i) in Enumerable.Range(0, pValues.Count).OrderBy(i => pValues[i]).Index())
        {
            floor = Math.Max(floor, Math.Min(1, (pValues.Count - rank) * pValues[i]));
            adjusted[i] = floor;
        }
        return adjusted;
    }

    /// <summary>
    /// Two one-sided t-tests (Schuirmann 1987): the mean difference is called equivalent to none if its interval of confidence
    /// 1 - 2 alpha lies inside (-margin, margin). The margin must have been written down before.
    /// </summary>
    /// <param name="differences">Paired differences, at least two.</param>
    /// <param name="margin">The largest difference that does not matter; above 0.</param>
    /// <param name="alpha">The level of each one-sided test.</param>
    /// <exception cref="ArgumentException">Fewer than two differences.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A margin of 0 or less, or alpha outside (0, 0.5).</exception>
    public static EquivalenceResult Equivalence(IReadOnlyList<double> differences, double margin, double alpha = 0.05)
    {
        if (differences.Count < 2)
        {
            throw new ArgumentException("equivalence needs at least two differences", nameof(differences));
        }
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(margin);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(alpha, 0.5);
        var found = PairedEstimate.Of(differences);
        var interval = found.Interval(1 - (2 * alpha));
        return new(interval, found.PInside(margin), interval.Low > -margin && interval.High < margin);
    }

    private static double StandardErrorsNeeded(double standardDeviation, double alpha, double power)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(standardDeviation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(alpha, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(power);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(power, 1);
        return Normal.InvCDF(0, 1, 1 - (alpha / 2)) + Normal.InvCDF(0, 1, power);
    }
}
