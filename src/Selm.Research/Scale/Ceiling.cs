using System.Diagnostics;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>The fastest matrix product seen on this machine, now, with this libtorch and this number of threads.</summary>
/// <param name="Gflops">Billions of operations per second.</param>
/// <param name="Product">Its shape, rows x inner x columns.</param>
public sealed record Ceiling(double Gflops, string Product)
{
    private const int Square = 1024;
    private const int Copied = 1 << 25; // floats, 128 MB: more than the caches

    // Elements of a product's two sides that depend on its rows; more rows than this show the same speed and take memory.
    private const long MostElements = 1 << 24;

    /// <summary>Measures the products of a step and a large square one; the best of a few repetitions of each counts.</summary>
    /// <param name="mode">Whose products.</param>
    /// <param name="shape">The model and the batch.</param>
    public static Ceiling Measure(BenchMode mode, BenchShape shape)
    {
        using var noGrad = no_grad();
        var rows = mode switch
        {
            BenchMode.Train => shape.Batch * (shape.Prompt + (3L * shape.Response)),
            BenchMode.Generate => shape.Batch,
            _ => shape.Batch * ((long)shape.Prompt + shape.Response),
        };
        var packed = (shape.Heads + (2 * shape.KvHeads)) * shape.HeadDim;
        (long Rows, int Inner, int Columns)[] products =
        [
            (rows, shape.Hidden, packed), (rows, shape.Heads * shape.HeadDim, shape.Hidden), (rows, shape.Hidden, 2 * shape.Ff),
            (rows, shape.Ff, shape.Hidden), (rows, shape.Hidden, shape.Vocab), (Square, Square, Square),
        ];
        return products.Select(p =>
        {
            var some = (int)Math.Clamp(MostElements / ((long)p.Inner + p.Columns), 1, p.Rows);
            return new Ceiling(Speed(some, p.Inner, p.Columns), $"{some} x {p.Inner} x {p.Columns}");
        }).MaxBy(c => c.Gflops)!;
    }

    /// <summary>What <see cref="Bandwidth"/> takes [bytes].</summary>
    internal const double BandwidthBytes = 2.0 * sizeof(float) * Copied;

    /// <summary>The fastest copy seen of a block of memory that no cache holds, read and written bytes counted [GB/s].</summary>
    /// <param name="threads">How many copy at a time, each its own part.</param>
    public static double Bandwidth(int threads)
    {
        const int repetitions = 5;
        var (from, to) = (GC.AllocateUninitializedArray<float>(Copied), GC.AllocateUninitializedArray<float>(Copied));
        Array.Fill(from, 1);
        var (part, best) = (Copied / threads, double.PositiveInfinity);
        for (var k = 0; k <= repetitions; k++)
        {
            var start = Stopwatch.GetTimestamp();
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, t => from.AsSpan(t * part, part).CopyTo(to.AsSpan(t * part, part)));
            best = k == 0 ? best : Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return 2.0 * sizeof(float) * part * threads / best / 1e9;
    }

    // x [rows, inner] times the transpose of a weight [columns, inner], as the model multiplies.
    private static double Speed(int rows, int inner, int columns)
    {
        const int repetitions = 5;
        using var scope = NewDisposeScope();
        var (x, weight) = (Noise("x", rows, inner), Noise("weight", columns, inner));
        var work = 2.0 * rows * inner * columns;
        var calls = (int)Math.Clamp(2e8 / work, 1, 1000);
        var best = double.PositiveInfinity;
        for (var k = 0; k <= repetitions; k++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var call = 0; call < calls; call++)
            {
                Fast.Linear(x, weight).Dispose();
            }
            best = k == 0 ? best : Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / calls);
        }
        return work / best / 1e9;
    }

    private static unsafe Tensor Noise(string name, int rows, int columns)
    {
        var noise = empty([rows, columns]);
        new PhiloxStream(0, name).FillGaussian(new Span<float>(TensorMemory.Floats(noise), rows * columns));
        return noise;
    }
}
