// What a bench holds at least, counted from its shape before anything is allocated: weights, what a backward pass keeps of
// each token, key-value caches, ids. Buffers of single operators are left out, so the true peak lies above (1.1 to 3.8
// times, measured), and a bench that is refused cannot have fitted.
using System.Globalization;

namespace Selm.Research.Scale;

/// <summary>The least memory of a bench.</summary>
internal static class BenchMemory
{
    private const double FloatBytes = 4, IdBytes = 4;

    // Two peers; both hold their step at the same time, since memory that an allocator keeps stays with its process.
    private const int Peers = 2;

    /// <summary>The kit's own [bytes]; the two ceilings are measured in the same process.</summary>
    internal static double Of(BenchMode mode, BenchShape s)
    {
        var sequences = mode == BenchMode.Train ? (2.0 * s.Reused) + (3.0 * (s.Batch - s.Reused)) : s.Batch;
        var tokens = ((double)s.Batch * s.Prompt) + (sequences * (s.Response - 1.0));
        // Without a graph a pass holds the states between its blocks, and inside one the queries, keys and values.
        var pass = tokens * (((s.Layers + 1.0) * s.Hidden) + Packed(s));
        return Math.Max(Ceiling.BandwidthBytes, (FloatBytes * mode switch
        {
            BenchMode.Train => (5 * Parameters(s)) + (tokens * s.Layers * KeptPerToken(s)), // policy, its gradient and two means, reference
            BenchMode.Generate => Parameters(s) + (2.0 * s.KvHeads * s.HeadDim * s.Layers * s.Batch * (s.Prompt + (double)s.Response)) + ((double)s.Batch * s.Vocab),
            _ => Parameters(s) + pass,
        }) + (IdBytes * tokens));
    }

    /// <summary>The eager programs' beside it [bytes]: full rows, attention weights and logits held as they come.</summary>
    internal static double OfPeers(BenchMode mode, BenchShape s)
    {
        var width = s.Prompt + (double)s.Response;
        var logits = mode == BenchMode.Generate ? s.Prompt * (double)s.Vocab : 2 * width * s.Vocab;
        var row = mode == BenchMode.Train ? (width * s.Layers * (KeptPerToken(s) + (2.0 * s.Heads * width))) + logits : logits;
        return Peers * FloatBytes * (((mode == BenchMode.Train ? 5 : 1) * Parameters(s)) + ((mode == BenchMode.Train ? 3.0 : 1) * s.Batch * row));
    }

    /// <summary>The evaluation's options [bytes]: they are scored in small batches, but the questions are all made at first.</summary>
    internal static double OfOptions(BenchShape s, int options) =>
        (FloatBytes * Parameters(s)) + (IdBytes * s.Batch * (s.Prompt + ((double)options * s.Response)))
        + (FloatBytes * (s.Prompt + (double)s.Response) * (((s.Layers + 1.0) * s.Hidden) + Packed(s)));

    /// <summary>Refuses what cannot fit.</summary>
    /// <exception cref="InputException">It says how much is needed, how much is free, and what to make smaller.</exception>
    internal static void Require(double bytes, BenchShape shape, double? free = null)
    {
        var room = free ?? Free();
        if (bytes > room)
        {
            throw new InputException(string.Create(CultureInfo.InvariantCulture,
                $"This bench needs at least {bytes / 1e9:N1} GB of memory and {room / 1e9:N1} GB are free; choose a smaller --batch (it is {shape.Batch}), --prompt, --response or model."));
        }
    }

    // In double: the shape may be absurd, and must not overflow into a small number.
    private static double Parameters(BenchShape s) =>
        (2.0 * s.Vocab * s.Hidden) + (s.Layers * (((double)s.Hidden * (Packed(s) + (s.Heads * (double)s.HeadDim))) + (3.0 * s.Hidden * s.Ff)));

    private static double Packed(BenchShape s) => (s.Heads + (2.0 * s.KvHeads)) * s.HeadDim;

    // What a block keeps of a token for its backward pass: its two inputs, queries, keys and values, their mix, gate and up.
    private static double KeptPerToken(BenchShape s) => (2.0 * s.Hidden) + Packed(s) + (s.Heads * (double)s.HeadDim) + (2.0 * s.Ff);

    // The container's limit where there is one, and what the system can give without swapping.
    private static double Free()
    {
        double limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        const string system = "/proc/meminfo", entry = "MemAvailable:";
        return File.Exists(system) && File.ReadLines(system).FirstOrDefault(line => line.StartsWith(entry, StringComparison.Ordinal)) is { } line
            && double.TryParse(line[entry.Length..].Replace("kB", "", StringComparison.Ordinal), NumberStyles.Number, CultureInfo.InvariantCulture, out var kilobytes)
            ? Math.Min(limit, 1024 * kilobytes) : limit;
    }
}
