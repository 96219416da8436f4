using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Sizes of packed queries, keys and values: [batch, seq, (heads + 2 kvHeads) headDim].</summary>
/// <param name="Batch">Rows.</param>
/// <param name="Seq">Tokens per row.</param>
/// <param name="Heads">Query heads; heads / kvHeads neighbours share one head of keys and values.</param>
/// <param name="KvHeads">Heads of keys and values.</param>
/// <param name="HeadDim">Floats per head: one of those <see cref="HasKernel"/> names.</param>
internal readonly record struct AttentionShape(int Batch, int Seq, int Heads, int KvHeads, int HeadDim)
{
    /// <summary>Floats of one token.</summary>
    public nint Width => (nint)(Heads + 2 * KvHeads) * HeadDim;

    /// <summary>Query heads per head of keys and values.</summary>
    public int Group => Heads / KvHeads;

    /// <summary>Whether the attention kernels serve this head size.</summary>
    public static bool HasKernel(int headDim) => headDim is 8 or 16 or 32 or 64 or 128;

    /// <summary>Holds the sizes against each other.</summary>
    /// <exception cref="ArgumentException">No kernel for the head size, or heads are not a multiple of kvHeads.</exception>
    public void Check()
    {
        if (!HasKernel(HeadDim)) throw new ArgumentException($"The attention kernels have head sizes 8, 16, 32, 64 and 128, not {HeadDim}.");
        if (KvHeads < 1 || Heads % KvHeads != 0) throw new ArgumentException($"{Heads} query heads are not a multiple of {KvHeads} heads of keys and values.");
    }
}

/// <summary>Cosines and sines by position, and the position of each token.</summary>
/// <param name="cos">[positions, headDim / 2].</param>
/// <param name="sin">[positions, headDim / 2].</param>
/// <param name="positions">[batch, seq], each below the table's length.</param>
internal readonly unsafe struct Rotary(float* cos, float* sin, long* positions)
{
    /// <summary>Turns pairs (d, d + D/2) of one head by the token's angle and scales: out = scale R(sign * angle) x.</summary>
    /// <param name="token">Index into the positions.</param>
    /// <param name="x">[D].</param>
    /// <param name="to">[D]; may be <paramref name="x"/>.</param>
    /// <param name="sign">-1 turns back, as the gradient does.</param>
    /// <param name="scale">1 changes no bit.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Turn<THead>(nint token, float* x, float* to, float sign, float scale) where THead : struct, IHeadSize
    {
        var at = (nint)positions[token] * (THead.Size / 2);
        float* c = cos + at, s = sin + at;
        if (THead.Size == 8)
        {
            var (a, b, cc, ss) = (Vector128.Load(x), Vector128.Load(x + 4), Vector128.Load(c), Vector128.Load(s) * sign);
            (((a * cc) - (b * ss)) * scale).Store(to);
            (((b * cc) + (a * ss)) * scale).Store(to + 4);
            return;
        }
        for (nint d = 0; d < THead.Size / 2; d += 8)
        {
            var (a, b, cc, ss) = (Vector256.Load(x + d), Vector256.Load(x + d + THead.Size / 2), Vector256.Load(c + d), Vector256.Load(s + d) * sign);
            (((a * cc) - (b * ss)) * scale).Store(to + d);
            (((b * cc) + (a * ss)) * scale).Store(to + d + THead.Size / 2);
        }
    }
}

/// <summary>The size of a head, a constant to the compiler of each instance of a kernel.</summary>
internal interface IHeadSize
{
    /// <summary>Floats per head.</summary>
    static abstract int Size { get; }
}

/// <summary>8 floats per head.</summary>
internal readonly struct Head8 : IHeadSize
{
    /// <inheritdoc/>
    public static int Size => 8;
}

/// <summary>16 floats per head.</summary>
internal readonly struct Head16 : IHeadSize
{
    /// <inheritdoc/>
    public static int Size => 16;
}

/// <summary>32 floats per head.</summary>
internal readonly struct Head32 : IHeadSize
{
    /// <inheritdoc/>
    public static int Size => 32;
}

/// <summary>64 floats per head.</summary>
internal readonly struct Head64 : IHeadSize
{
    /// <inheritdoc/>
    public static int Size => 64;
}

/// <summary>128 floats per head.</summary>
internal readonly struct Head128 : IHeadSize
{
    /// <inheritdoc/>
    public static int Size => 128;
}

/// <summary>The keys [A0, A1) and [B0, B1) that one query sees; a range that ends before it begins is empty.</summary>
/// <param name="A0">First key of the one range.</param>
/// <param name="A1">One past its last.</param>
/// <param name="B0">First key of the other range.</param>
/// <param name="B1">One past its last.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TwoRanges(int A0, int A1, int B0, int B1);
