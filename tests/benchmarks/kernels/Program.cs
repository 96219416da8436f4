// The CPU kernels alone, one thread: processor time, the least of many repetitions, since a machine is seldom one's own.
// dotnet run -c Release --project tests/benchmarks/kernels
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Selm.HuggingFace.Kernels;

unsafe
{
    Workers.Threads = 1;
    Console.WriteLine(Gemm.Wide ? "512-bit vectors" : "256-bit vectors");
    foreach (var (m, n, k, transposeA, transposeB, use) in new[]
    {
        (4608, 704, 128, false, true, "gate and up"),
        (4608, 128, 352, false, true, "down"),
        (4608, 256, 128, false, true, "q, k, v"),
        (1024, 160, 64, false, true, "the lab's model"),
        (4608, 128, 704, false, false, "gradient of the input"),
        (704, 128, 4608, true, false, "gradient of the weight"),
        (704, 128, 256, true, false, "the same, a chunk of rows"),
        (1024, 1024, 1024, false, true, ""),
        (40, 40, 32, false, true, "attention of one head"),
    })
    {
        float* a = Random(m * k), b = Random(n * k), c = Random(m * n);
        var left = transposeA ? new Mat(a, m).T : new Mat(a, k);
        var right = transposeB ? new Mat(b, k).T : new Mat(b, n);
        Report($"{m} x {n} x {k} {(transposeA ? 'T' : 'N')}{(transposeB ? 'T' : 'N')} {use}", 2.0 * m * n * k, () => Gemm.Multiply(m, n, k, left, right, c, n));
    }
    foreach (var m in new[] { 1, 4, 8, 32 })
    {
        var (a, b, c) = ((nint)Random(m * 128), (nint)Random(704 * 128), (nint)Random(m * 704));
        using var weight = new PackedWeights((float*)b, 704, 128, 128);
        Report($"{m} x 704 x 128 packed: decoding", 2.0 * m * 704 * 128, () => Gemm.Multiply(m, new Mat((float*)a, 128), weight.Panels, (float*)c, 704));
    }
    FeedForward(256, 128, 352);
    FeedForward(4608, 128, 352);
}

static unsafe void FeedForward(int rows, int hidden, int inner)
{
    float* x = Random(rows * hidden), norm = Random(hidden), gateUp = Random(2 * inner * hidden), down = Random(hidden * inner), y = Random(rows * hidden);
    float* kept = Random(rows * 2 * inner), inverse = Random(rows), dx = Random(rows * hidden);
    float* dNorm = Random(hidden), dGateUp = Random(2 * inner * hidden), dDown = Random(hidden * inner);
    Mat rowsX = new(x, hidden), first = new(gateUp, hidden), second = new(down, inner);
    var flops = 6.0 * rows * hidden * inner;
    Report($"{rows} x {hidden} x {inner} feed-forward", flops, () => Mlp.Forward(rows, rowsX, norm, 1e-5f,
        Panels.Pack(hidden, 2 * inner, first.T, Slot.FirstWeight), Panels.Pack(inner, hidden, second.T, Slot.SecondWeight),
        new Mat(y, hidden), new Mat(kept, 2 * inner), inverse));
    Report($"{rows} x {hidden} x {inner} feed-forward, backward", 2 * flops, () => Mlp.Backward(rows, hidden, inner, rowsX, norm, first, second,
        new Mat(kept, 2 * inner), inverse, new Mat(y, hidden), new Mat(dx, hidden), dNorm, new Mat(dGateUp, hidden), new Mat(dDown, inner)));
    Report($"{rows} x {hidden} norm (one operation per number)", 1.0 * rows * hidden, () => RmsNorm.Forward(rows, hidden, rowsX, norm, 1e-5f, new Mat(dx, hidden), inverse));
}

static void Report(string name, double flops, Action work)
{
    var (least, until) = (double.MaxValue, Stopwatch.StartNew());
    while (until.Elapsed.TotalSeconds < 2)
    {
        var repeat = (int)Math.Clamp(3e-3 / least, 1, 5000);
        var start = Environment.CpuUsage.TotalTime;
        for (var k = 0; k < repeat; k++) work();
        least = Math.Min(least, Math.Max(1e-9, (Environment.CpuUsage.TotalTime - start).TotalSeconds) / repeat);
    }
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-48} {least * 1e6,10:F1} us {flops / least / 1e9,8:F1} GFLOP/s"));
}

static unsafe float* Random(int count)
{
    var numbers = GC.AllocateUninitializedArray<float>(count, pinned: true);
    Pinned.Kept.Add(numbers);
    var random = new Random(1);
    for (var k = 0; k < count; k++) numbers[k] = (random.NextSingle() * 2) - 1;
    return (float*)Unsafe.AsPointer(ref numbers[0]);
}

internal static class Pinned
{
    public static readonly List<float[]> Kept = [];
}
