using Selm.HuggingFace.Engine;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Scale;

/// <summary>What a bench has found; times are medians over steps. Absent numbers do not apply to the mode.</summary>
public sealed record BenchReport
{
    /// <summary>What was timed.</summary>
    public required BenchMode Mode { get; init; }

    /// <summary>The model and the batch.</summary>
    public required BenchShape Shape { get; init; }

    /// <summary>Parameters of the model.</summary>
    public required long Parameters { get; init; }

    /// <summary>The libtorch that computed.</summary>
    public required string Libtorch { get; init; }

    /// <summary>Wall time of a step [ms]; in training with the reference pass over all distinct sequences.</summary>
    public required double StepMs { get; init; }

    /// <summary>Processor time of a step, all threads [ms].</summary>
    public required double CpuMs { get; init; }

    /// <summary>Training: the step with the reference's log-probs at hand [ms].</summary>
    public double? StepMsWithoutReference { get; init; }

    /// <summary>Training: its processor time [ms].</summary>
    public double? CpuMsWithoutReference { get; init; }

    /// <summary>Training: preference pairs per second of <see cref="StepMs"/>.</summary>
    public double? PairsPerS { get; init; }

    /// <summary>Training and scoring: tokens per second, those of every sequence counted with its prompt.</summary>
    public double? TokensPerS { get; init; }

    /// <summary>Generation: new tokens per second, the prompt's pass included in the time.</summary>
    public double? NewTokensPerS { get; init; }

    /// <summary>The least a step has to compute [GFLOP], see <see cref="Floor"/>.</summary>
    public required double FloorGflop { get; init; }

    /// <summary>The least a step has to move [GB].</summary>
    public required double FloorGb { get; init; }

    /// <summary><see cref="FloorGflop"/> over the step's time [GFLOP/s].</summary>
    public required double GflopPerS { get; init; }

    /// <summary>The fastest matrix product of the same run [GFLOP/s].</summary>
    public required double CeilingGflopPerS { get; init; }

    /// <summary>Its shape.</summary>
    public required string CeilingProduct { get; init; }

    /// <summary><see cref="GflopPerS"/> over <see cref="CeilingGflopPerS"/>: model FLOP utilisation.</summary>
    public required double ShareOfCeiling { get; init; }

    /// <summary>The fastest copy of memory of the same run, read and written [GB/s].</summary>
    public required double CeilingGbPerS { get; init; }

    /// <summary><see cref="FloorGb"/> over the step's time, over <see cref="CeilingGbPerS"/>: model bandwidth utilisation.</summary>
    public double ShareOfBandwidth => FloorGb / StepMs * 1e3 / CeilingGbPerS;

    /// <summary>The speed that the two ceilings allow a step of this intensity [GFLOP/s].</summary>
    public double RooflineGflopPerS => Math.Min(CeilingGflopPerS, FloorGflop / FloorGb * CeilingGbPerS);

    /// <summary><see cref="GflopPerS"/> over <see cref="RooflineGflopPerS"/>.</summary>
    public double ShareOfRoofline => GflopPerS / RooflineGflopPerS;

    /// <summary>The comparison, where one was asked for.</summary>
    public BenchPeerReport? Peer { get; init; }
}

/// <summary>The eager PyTorch program beside ours, steps alternating.</summary>
/// <param name="Torch">Its version.</param>
/// <param name="Tuned">With its allocator tuned as the kit tunes its own: the like-for-like comparison.</param>
/// <param name="Plain">With glibc's allocator as it comes.</param>
/// <param name="ClearedVariables">What is set in this environment, slows OpenBLAS and was cleared for the program.</param>
public sealed record BenchPeerReport(string Torch, BenchPeerTimes Tuned, BenchPeerTimes Plain, IReadOnlyList<string> ClearedVariables);

/// <summary>Times of the program; ratios are its median over ours, above 1 where ours is faster.</summary>
/// <param name="StepMs">Its wall time of a step [ms].</param>
/// <param name="CpuMs">Its processor time of a step [ms].</param>
/// <param name="Ratio">By wall time.</param>
/// <param name="CpuRatio">By processor time.</param>
/// <param name="RatioWithoutReference">Training: its whole step over ours with the reference's log-probs at hand.</param>
public sealed record BenchPeerTimes(double StepMs, double CpuMs, double Ratio, double CpuRatio, double? RatioWithoutReference);

/// <summary>Times the kit's own training step, generation and scoring against what they have to compute.</summary>
public static class Bench
{
    private const int WarmUp = 5;

    /// <summary>Runs a bench.</summary>
    /// <param name="mode">What is timed.</param>
    /// <param name="shape">The model and the batch.</param>
    /// <param name="withPeer">Alternate step by step with the eager PyTorch program.</param>
    /// <param name="progress">Is told about finished steps.</param>
    /// <exception cref="InputException">The shape has no meaning or needs more memory than is free, or there is no PyTorch to compare with.</exception>
    public static BenchReport Run(BenchMode mode, BenchShape shape, bool withPeer = false, IProgress<StepProgress>? progress = null)
    {
        shape.Validate();
        BenchMemory.Require(BenchMemory.Of(mode, shape) + (withPeer ? BenchMemory.OfPeers(mode, shape) : 0), shape);
        Libtorch.Threads = shape.Threads;
        using var tuned = withPeer ? new BenchPeer(mode, shape, tuned: true) : null;
        using var plain = withPeer ? new BenchPeer(mode, shape, tuned: false) : null;
        using var work = BenchWork.Of(mode, shape);
        var (reference, step, ofTuned, ofPlain) = (new Times(), new Times(), new Times(), new Times());
        for (var k = -WarmUp; k < shape.Steps; k++)
        {
            work.Prepare(k + WarmUp);
            var first = Times.Of(work.Reference);
            var second = Times.Of(work.Step);
            if (k >= 0)
            {
                reference.Add(first.Wall, first.Cpu);
                step.Add(second.Wall, second.Cpu);
                foreach (var (peer, times) in new[] { (tuned, ofTuned), (plain, ofPlain) })
                {
                    if (peer?.Step() is { } other)
                    {
                        times.Add(other.Wall, other.Cpu);
                    }
                }
                progress?.Report(new StepProgress($"bench {mode.ToString().ToLowerInvariant()}", k + 1, shape.Steps));
            }
        }
        var report = Report(mode, shape, reference, step);
        BenchPeerTimes Beside(Times its) => new(
            its.Wall, its.Cpu, its.Wall / report.StepMs, its.Cpu / report.CpuMs, report.StepMsWithoutReference is { } without ? its.Wall / without : null);
        return tuned is null ? report : report with
        {
            Peer = new(tuned.Torch, Beside(ofTuned), Beside(ofPlain), [.. BenchPeer.Slowing.Where(name => Environment.GetEnvironmentVariable(name) is not null)]),
        };
    }

    private static BenchReport Report(BenchMode mode, BenchShape shape, Times reference, Times step)
    {
        var train = mode == BenchMode.Train;
        var (wall, cpu) = (reference.PlusWall(step), reference.PlusCpu(step));
        var floor = Floor.Of(mode, shape);
        var ceiling = Ceiling.Measure(mode, shape);
        var speed = floor.Flops / wall / 1e6;
        var tokens = BenchWork.TokensOf(mode, shape) / wall * 1e3;
        return new BenchReport
        {
            Mode = mode,
            Shape = shape,
            Parameters = shape.Parameters,
            Libtorch = torch.__version__,
            StepMs = wall,
            CpuMs = cpu,
            StepMsWithoutReference = train ? step.Wall : null,
            CpuMsWithoutReference = train ? step.Cpu : null,
            PairsPerS = train ? shape.Batch / wall * 1e3 : null,
            TokensPerS = mode == BenchMode.Generate ? null : tokens,
            NewTokensPerS = mode == BenchMode.Generate ? tokens : null,
            FloorGflop = floor.Flops / 1e9,
            FloorGb = floor.Bytes / 1e9,
            GflopPerS = speed,
            CeilingGflopPerS = ceiling.Gflops,
            CeilingProduct = ceiling.Product,
            ShareOfCeiling = speed / ceiling.Gflops,
            CeilingGbPerS = Ceiling.Bandwidth(shape.Threads),
        };
    }
}
