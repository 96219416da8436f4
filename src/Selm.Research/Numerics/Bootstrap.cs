using MathNet.Numerics.Statistics;

namespace Selm.Research.Numerics;

/// <summary>A mean with its confidence interval, in the unit of the data.</summary>
/// <param name="Mean">The mean of the data itself.</param>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
public readonly record struct MeanInterval(double Mean, double Low, double High);

/// <summary>
/// The percentile bootstrap (Efron and Tibshirani 1993, chapter 13) of a mean of paired differences: resample the
/// pairs with replacement, take the mean of each resample, and cut off the tails. Derived in lesson 10.
/// </summary>
public static class Bootstrap
{
    /// <summary>The confidence interval of the mean of differences that are already paired, one per seed or prompt.</summary>
    /// <param name="differences">The paired differences, at least one; a single one gives an interval without width.</param>
    /// <param name="seed">The seed of the resampling; the same seed gives the same interval.</param>
    /// <param name="resamples">How many resamples are drawn.</param>
    /// <param name="level">The confidence, between 0 and 1.</param>
    /// <exception cref="ArgumentException">There is no difference.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1 or a level outside (0, 1).</exception>
    public static MeanInterval MeanOf(ReadOnlySpan<double> differences, ulong seed, int resamples = 10_000, double level = 0.95)
    {
        if (differences.IsEmpty)
        {
            throw new ArgumentException("a mean needs at least one difference", nameof(differences));
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(level, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, 1);

        var random = new PhiloxStream(seed, "bootstrap");
        var means = new double[resamples];
        foreach (ref var mean in means.AsSpan())
        {
            var sum = 0.0;
            for (var draw = 0; draw < differences.Length; draw++)
            {
                sum += differences[random.NextInt(differences.Length)];
            }
            mean = sum / differences.Length;
        }
        var tail = (1 - level) / 2;
        return new MeanInterval(
            Mean(differences), ArrayStatistics.QuantileInplace(means, tail), ArrayStatistics.QuantileInplace(means, 1 - tail));
    }

    private static double Mean(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += value;
        }
        return sum / values.Length;
    }
}
