using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Research.Tests.Scale;

/// <summary>The plan's peak against the kernel's count of a fresh process that trains; runtime and libtorch are measured by the same program on a model of nothing.</summary>
public class PlanMemoryTests
{
    private static readonly Lazy<double> constant = new(() => Enumerable.Range(0, 3).Select(_ => Measured([64, 16, 1, 2, 1, 16, 4, 4, 1, 1, 0, 0])).Order().ElementAt(1));

    // vocabulary, hidden, layers, heads, key heads, ff, prompt, response, pairs, micro-batches, block inputs only, rank of an adapter
    [Theory]
    [InlineData("8192 192 6 6 3 512 64 64 4 2 0 0", 0.10)]
    [InlineData("16384 384 8 6 2 1024 64 64 4 2 0 0", 0.10)]
    [InlineData("8192 192 6 6 3 512 64 64 16 2 1 0", 0.15)] // .89 to .94: what the allocator leaves free between blocks is not planned
    [InlineData("8192 192 6 6 3 512 64 64 4 2 0 16", 0.10)]
    [InlineData("16384 384 8 6 2 1024 64 64 4 1 0 16", 0.10)]
    public void the_planned_peak_is_near_the_measured_one(string numbers, double most)
    {
        int[] n = [.. numbers.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];

        var (planned, measured) = (Planned(n), Math.Min(Measured(n), Measured(n))); // a peak varies by 4 %, upwards

        Assert.True(Math.Abs((planned / measured) - 1) < most, $"planned {planned / 1e6:F0} MB, measured {measured / 1e6:F0} MB");
    }

    private static double Planned(int[] n)
    {
        var model = new PlanModel("random", new BenchShape(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]).Config(), "here", 0);
        var recipe = new Recipe { ActivationCheckpointing = n[10] > 0, GradientAccumulation = n[9], Adapter = n[11] > 0 ? new AdapterRecipe { Rank = n[11] } : null };
        return new StepMemory(recipe, model, kernels: true, constant.Value).Training(n[8], n[6], n[7], responses: 3).Max(moment => moment.Total);
    }

    private static double Measured(int[] n) => 1024.0 * MemoryProbe.Run(["steps", .. n.Select(value => value.ToString(CultureInfo.InvariantCulture)), "2"])[0];
}
