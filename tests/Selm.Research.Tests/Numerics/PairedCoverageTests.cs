using MathNet.Numerics.Distributions;
using MathNet.Numerics.Statistics;
using Selm.Research.Numerics;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Numerics;

/// <summary>Simulated studies whose truth is known: does the routine behind every claim keep its promises?</summary>
public class PairedCoverageTests(ITestOutputHelper output)
{
    private const int Studies = 10_000;

    /// <summary>
    /// What a seed's paired difference looks like. The recording of 2026-11-22 holds 28 lab claims of 10 seeds and 16 of 40. In
    /// spreads (1.48 times the median absolute deviation), the farthest of ten seeds lies at 3.5 in the middle of the claims, and 17
    /// of 27 hold one to three seeds beyond 3. Forty seeds of SELM 0.01 against DPO hold one at -0.151 beside a spread of 0.007
    /// (kurtosis 20, skewness -3.5). Hence "failing": one seed in ten is five times as wide (kurtosis 16). Where SELM's alpha is so
    /// small that it is nearly DPO, about two thirds of the forty differences are below a tenth of the largest and the rest are not:
    /// "mostly tied".
    /// Coverage in percent with 3, 10 and 40 seeds: normal 95.3, 95.0, 95.4; heavy tails (Student's t with 3 degrees) 96.3, 96.3, 95.5;
    /// failing 95.7, 96.7, 95.9; seeds and prompts 94.9, 95.2, 95.1.
    /// </summary>
    public enum World
    {
        Normal,
        HeavyTails,
        Failing,
        SeedsAndPrompts,
        FailingOneWay,
        MostlyTied,
    }

    [Theory]
    [InlineData(World.Normal, 3)]
    [InlineData(World.Normal, 10)]
    [InlineData(World.Normal, 40)]
    [InlineData(World.HeavyTails, 3)]
    [InlineData(World.HeavyTails, 10)]
    [InlineData(World.HeavyTails, 40)]
    [InlineData(World.Failing, 3)]
    [InlineData(World.Failing, 10)]
    [InlineData(World.Failing, 40)]
    [InlineData(World.SeedsAndPrompts, 3)]
    [InlineData(World.SeedsAndPrompts, 10)]
    [InlineData(World.SeedsAndPrompts, 40)]
    public void nineteen_of_twenty_intervals_cover_the_truth_and_few_p_values_raise_a_false_alarm(World world, int n)
    {
        var (covered, alarms) = Simulated(world, n);
        output.WriteLine(FormattableString.Invariant($"{world}, n = {n}: coverage {covered:0.0000}, false alarms {alarms:0.0000}"));
        Assert.InRange(covered, 0.93, 0.97);
        Assert.InRange(alarms, 0.03, 0.06);
    }

    [Theory] // t has no answer to these: failures on one side only leave 93.3 % of coverage, ties at ten seeds make it 98.9 %.
    [InlineData(World.FailingOneWay, 10, 0.91, 0.94)]
    [InlineData(World.FailingOneWay, 40, 0.91, 0.945)]
    [InlineData(World.MostlyTied, 10, 0.97, 0.995)]
    [InlineData(World.MostlyTied, 40, 0.945, 0.965)]
    public void where_t_is_off_it_is_known_by_how_much(World world, int n, double least, double most)
    {
        var (covered, alarms) = Simulated(world, n);
        output.WriteLine(FormattableString.Invariant($"{world}, n = {n}: coverage {covered:0.0000}, false alarms {alarms:0.0000}"));
        Assert.InRange(covered, least, most);
    }

    [Fact]
    public void the_joint_bootstrap_that_was_stretched_again_covered_nearly_always()
    {
        var held = 0;
        const int studies = 400;
        for (var study = 0; study < studies; study++)
        {
            var table = Table(new PhiloxStream(3, "coverage-before", study), 10);
            var ends = JointBootstrapStretched(table, new PhiloxStream(4, "bootstrap-before", study));
            held += ends.Low <= 0 && 0 <= ends.High ? 1 : 0;
        }
        output.WriteLine(FormattableString.Invariant($"joint bootstrap, stretched, n = 10: coverage {held / (double)studies:0.0000}"));
        Assert.InRange(held / (double)studies, 0.985, 1); // above the 0.97 that the routine is held to
    }

    [Theory] // At three seeds it is 0.77: the quantiles of t stand in for a non-central t.
    [InlineData(5)]
    [InlineData(10)]
    [InlineData(40)]
    public void the_detectable_difference_is_found_in_four_of_five_studies(int n)
    {
        // The spread is known here: n values with sample deviation 1.
        var difference = new PairedEstimate(n, 0, 1 / Math.Sqrt(n)).Detectable;
        var found = 0;
        for (var study = 0; study < Studies; study++)
        {
            var random = new PhiloxStream(5, "power", (study * 64L) + n);
            found += PairedEstimate.Of([.. Enumerable.Range(0, n).Select(_ => difference + random.NextGaussian())]).P() < 0.05 ? 1 : 0;
        }
        output.WriteLine(FormattableString.Invariant($"n = {n}: power {found / (double)Studies:0.0000}"));
        Assert.InRange(found / (double)Studies, 0.78, 0.82);
        Assert.Equal(n, new PairedEstimate(n, 0, 1 / Math.Sqrt(n)).Needed(difference));
    }

    [Fact]
    public void as_many_seeds_as_needed_show_equality_in_four_of_five_studies()
    {
        var n = (int)new PairedEstimate(10, 0, 1 / Math.Sqrt(10)).NeededInside(0.7);
        var shown = 0;
        for (var study = 0; study < Studies; study++)
        {
            var random = new PhiloxStream(6, "power-equal", study);
            shown += PairedEstimate.Of([.. Enumerable.Range(0, n).Select(_ => random.NextGaussian())]).PInside(0.7) < 0.05 ? 1 : 0;
        }
        Assert.InRange(shown / (double)Studies, 0.78, 0.84);
    }

    private static (double Covered, double Alarms) Simulated(World world, int n)
    {
        var (covered, alarms) = (0, 0);
        var truth = world == World.FailingOneWay ? -0.3 : 0;
        for (var study = 0; study < Studies; study++)
        {
            var random = new PhiloxStream(1, $"coverage-{world}", (study * 64L) + n);
            var found = world == World.SeedsAndPrompts
                ? PairedEstimate.Of(Table(random, n))
                : PairedEstimate.Of([.. Enumerable.Range(0, n).Select(_ => Difference(world, random) - truth)]);
            var ends = found.Interval();
            covered += ends.Low <= 0 && 0 <= ends.High ? 1 : 0;
            alarms += found.P() < 0.05 ? 1 : 0;
        }
        return (covered / (double)Studies, alarms / (double)Studies);
    }

    private static double Difference(World world, PhiloxStream random) => world switch
    {
        World.HeavyTails => random.NextGaussian() / Math.Sqrt((Square(random) + Square(random) + Square(random)) / 3),
        World.Failing => (random.NextInt(10) == 0 ? 5 : 1) * random.NextGaussian(),
        World.FailingOneWay => random.NextInt(10) == 0 ? -3 + (3 * random.NextGaussian()) : random.NextGaussian(),
        World.MostlyTied => (random.NextInt(3) == 0 ? 1 : 0.01) * random.NextGaussian(),
        _ => random.NextGaussian(),
    };

    // A seed's own luck, shared by its prompts, and as much noise again in the mean over its 16 prompts.
    private static double[,] Table(PhiloxStream random, int seeds)
    {
        const int prompts = 4;
        var table = new double[seeds, prompts];
        for (var s = 0; s < seeds; s++)
        {
            var luck = random.NextGaussian();
            for (var p = 0; p < prompts; p++)
            {
                table[s, p] = luck + (2 * random.NextGaussian());
            }
        }
        return table;
    }

    // What stood behind the claims of the first edition: seeds and prompts resampled together, which counts the noise of the
    // prompts twice, then stretched by sqrt(n / (n - 1)) t(n - 1) / 1.96.
    private static MeanInterval JointBootstrapStretched(double[,] table, PhiloxStream random)
    {
        var (seeds, prompts) = (table.GetLength(0), table.GetLength(1));
        var means = new double[200];
        for (var k = 0; k < means.Length; k++)
        {
            int[] rows = [.. Enumerable.Range(0, seeds).Select(_ => random.NextInt(seeds))];
            int[] columns = [.. Enumerable.Range(0, prompts).Select(_ => random.NextInt(prompts))];
            means[k] = rows.Average(s => columns.Average(p => table[s, p]));
        }
        var mean = table.Cast<double>().Average();
        var factor = Math.Sqrt(seeds / (seeds - 1.0)) * StudentT.InvCDF(0, 1, seeds - 1, 0.975) / 1.959964;
        return new(mean, mean - ((mean - means.Quantile(0.025)) * factor), mean + ((means.Quantile(0.975) - mean) * factor));
    }

    private static double Square(PhiloxStream random) => random.NextGaussian() is var value ? value * value : 0;
}
