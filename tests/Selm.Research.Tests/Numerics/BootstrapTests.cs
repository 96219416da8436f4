using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class BootstrapTests
{
    [Fact]
    public void the_interval_of_many_normal_differences_is_the_normal_one()
    {
        var random = new PhiloxStream(1, "bootstrap-test");
        double[] differences = [.. Enumerable.Range(0, 400).Select(_ => 2 + random.NextGaussian())];
        var mean = differences.Average();
        var error = Math.Sqrt(differences.Average(d => (d - mean) * (d - mean)) / differences.Length);

        var interval = Bootstrap.MeanOf(differences, seed: 7);

        Assert.Equal(mean, interval.Mean, 1e-12);
        Assert.Equal(mean - 1.96 * error, interval.Low, 0.1 * error);
        Assert.Equal(mean + 1.96 * error, interval.High, 0.1 * error);
    }

    [Fact]
    public void about_nineteen_of_twenty_intervals_cover_the_truth()
    {
        var random = new PhiloxStream(2, "bootstrap-test");
        var covered = 0;
        for (ulong trial = 0; trial < 400; trial++)
        {
            double[] differences = [.. Enumerable.Range(0, 40).Select(_ => random.NextGaussian())];
            var interval = Bootstrap.MeanOf(differences, trial, resamples: 500);
            covered += interval.Low <= 0 && 0 <= interval.High ? 1 : 0;
        }
        // The percentile interval of 40 values covers a little less than its level.
        Assert.InRange(covered / 400.0, 0.90, 0.97);
    }

    [Fact]
    public void the_same_seed_gives_the_same_interval_and_another_seed_another()
    {
        double[] differences = [1, 5, -2, 0.5];
        Assert.Equal(Bootstrap.MeanOf(differences, 1, 200), Bootstrap.MeanOf(differences, 1, 200));
        Assert.NotEqual(Bootstrap.MeanOf(differences, 1, 201), Bootstrap.MeanOf(differences, 2, 201));
    }

    [Fact]
    public void one_difference_has_an_interval_without_width() =>
        Assert.Equal(new MeanInterval(3, 3, 3), Bootstrap.MeanOf([3], 1));

    [Fact]
    public void nonsense_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Bootstrap.MeanOf([], 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanOf([1], 1, resamples: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Bootstrap.MeanOf([1], 1, level: 1));
    }
}
