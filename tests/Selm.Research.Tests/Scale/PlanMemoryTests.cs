using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Research.Tests.Scale;

/// <summary>The plan's peak against the kernel's count of a fresh process that trains, the runtime and libtorch measured by the same program on a model of nothing.</summary>
public class PlanMemoryTests
{
    private static readonly Lazy<double> constant = new(() => 1024.0 * MemoryProbe.Run("steps", "64", "16", "1", "2", "1", "16", "4", "4", "1", "1", "0", "0", "2")[0]);

    internal sealed record Case(int Vocab, int Hidden, int Layers, int Heads, int KvHeads, int Ff, int Prompt, int Response, int Batch, int Accumulation, bool Checkpointing = false, int Rank = 0)
    {
        internal PlanModel Model => new("random", new BenchShape(Vocab, Hidden, Layers, Heads, KvHeads, Ff, Prompt, Response).Config(), "here", 0);

        internal double Measured => 1024.0 * MemoryProbe.Run("steps", $"{Vocab}", $"{Hidden}", $"{Layers}", $"{Heads}", $"{KvHeads}", $"{Ff}", $"{Prompt}", $"{Response}", $"{Batch}", $"{Accumulation}", Checkpointing ? "1" : "0", $"{Rank}", "2")[0];

        internal PlannedMemory[] Planned
        {
            get
            {
                var recipe = new Recipe { Precision = Precision.Fp32, ActivationCheckpointing = Checkpointing, GradientAccumulation = Accumulation, Adapter = Rank > 0 ? new AdapterRecipe { Rank = Rank } : null };
                return new StepMemory(recipe, Model, kernels: true, constant.Value).Training(Batch, Prompt, Response, 3);
            }
        }

        internal double Parameters => Model.Parameters;
    }

    private static readonly Case[] sizes =
    [
        new(8192, 192, 6, 6, 3, 512, 64, 64, 4, 2),
        new(16_384, 384, 8, 6, 2, 1024, 64, 64, 4, 2),
        new(32_000, 768, 12, 12, 4, 2048, 64, 64, 2, 2),
        new(32_000, 1024, 16, 16, 8, 2816, 64, 64, 2, 2),
        new(32_000, 1280, 24, 20, 4, 3584, 64, 64, 1, 2),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [Trait("Kind", "Calibration")]
    public void table(int size)
    {
        var c = sizes[size];
        var measured = c.Measured;
        var planned = c.Planned.MaxBy(moment => moment.Total)!;
        var line = FormattableString.Invariant($"{size} {c.Parameters / 1e6:F1} M measured {measured / 1e6:F0} MB planned {planned.Total / 1e6:F0} MB {planned.Moment} ratio {planned.Total / measured:F3} constant {constant.Value / 1e6:F0} | {string.Join(" ; ", c.Planned.Select(p => $"{p.Moment} {string.Join(" ", p.Values.Select(v => $"{v / 1e6:F0}"))}"))}\n");
        File.AppendAllText("/tmp/plan-table.txt", line);
    }

    [Theory]
    [InlineData(0, 4, 1, false, 0)]
    [InlineData(0, 16, 1, false, 0)]
    [InlineData(0, 32, 2, false, 0)]
    [InlineData(1, 16, 1, false, 0)]
    [InlineData(1, 16, 2, true, 0)]
    [InlineData(1, 32, 1, true, 0)]
    [InlineData(1, 8, 2, false, 16)]
    [InlineData(2, 8, 1, false, 0)]
    [InlineData(2, 8, 2, true, 0)]
    [Trait("Kind", "Calibration")]
    public void variants(int size, int batch, int accumulation, bool checkpointing, int rank)
    {
        var c = sizes[size] with { Batch = batch, Accumulation = accumulation, Checkpointing = checkpointing, Rank = rank };
        var measured = c.Measured;
        var planned = c.Planned.MaxBy(moment => moment.Total)!;
        var line = FormattableString.Invariant($"{size} {c.Parameters / 1e6:F1} M b{batch} a{accumulation} c{checkpointing} r{rank} measured {measured / 1e6:F0} MB planned {planned.Total / 1e6:F0} MB {planned.Moment} ratio {planned.Total / measured:F3} | {string.Join(" ; ", c.Planned.Select(p => $"{p.Moment} {string.Join(" ", p.Values.Select(v => $"{v / 1e6:F0}"))}"))}\n");
        File.AppendAllText("/tmp/plan-table.txt", line);
    }
}
