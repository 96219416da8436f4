using Selm.HuggingFace.Engine;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Relative positions of DeBERTa: query minus key, exact near the diagonal and in logarithmic buckets farther away
/// (He et al., "DeBERTa", arXiv 2006.03654; the buckets came with version 2).
/// </summary>
public static class DebertaPositions
{
    /// <summary>Bucketed relative positions [length, length]: element (i, j) belongs to i - j.</summary>
    /// <param name="length">Number of tokens.</param>
    /// <param name="buckets">Buckets on each side; 0: plain differences.</param>
    /// <param name="reach">The difference that falls into the last bucket.</param>
    /// <param name="device">Where the result lives.</param>
    public static Tensor Relative(int length, int buckets, int reach, Device device)
    {
        using var scope = NewDisposeScope();
        var places = Numbers.Range(0, length, ScalarType.Int64, device);
        var relative = places.unsqueeze(1) - places.unsqueeze(0);
        return (buckets > 0 ? Bucket(relative, buckets, reach) : relative).MoveToOuterDisposeScope();
    }

    // Single precision throughout, as the checkpoints were trained: in double, far positions can fall beside their bucket.
    private static Tensor Bucket(Tensor relative, int buckets, int reach)
    {
        var middle = buckets / 2;
        var distance = relative.abs().NotBelow(middle - 1);
        var scaled = distance.to(ScalarType.Float32).DividedBy(middle).log() / tensor((float)((reach - 1) / (double)middle), device: relative.device).log();
        var far = scaled.Times(middle - 1).neg().floor().neg().to(ScalarType.Int64).Plus((long)middle);
        var sign = relative.Above(0).to(ScalarType.Int64) - relative.Below(0).to(ScalarType.Int64);
        return where(distance.AtMost(middle), relative, far * sign);
    }
}
