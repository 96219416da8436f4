// The innermost loops of the matrix product. What matters to the compiler: a tile function only loads, multiplies and
// stores. A stackalloc in it, or a branch in its epilogue, and the accumulators live on the stack (60 instead of 200
// GFLOP/s); whether sums are stored or added is therefore a type argument.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>How a tile's sums reach memory.</summary>
internal unsafe interface ITileWrite
{
    /// <summary>Sixteen sums to <paramref name="c"/>.</summary>
    static abstract void Write(float* c, Vector512<float> sums);

    /// <summary>Eight sums to <paramref name="c"/>.</summary>
    static abstract void Write(float* c, Vector256<float> sums);
}

/// <summary>c = sums.</summary>
internal readonly unsafe struct SetTile : ITileWrite
{
    /// <inheritdoc/>
    public static void Write(float* c, Vector512<float> sums) => sums.Store(c);

    /// <inheritdoc/>
    public static void Write(float* c, Vector256<float> sums) => sums.Store(c);
}

/// <summary>c += sums.</summary>
internal readonly unsafe struct AddTile : ITileWrite
{
    /// <inheritdoc/>
    public static void Write(float* c, Vector512<float> sums) => (Vector512.Load(c) + sums).Store(c);

    /// <inheritdoc/>
    public static void Write(float* c, Vector256<float> sums) => (Vector256.Load(c) + sums).Store(c);
}

/// <summary>
/// Tiles of the product: rows of A times one panel of B. Each element of the result is one chain of fused
/// multiply-adds over the inner index, in ascending order, whatever the tile.
/// </summary>
/// <remarks>
/// Arguments of each: k, at least 1, the inner size; a, where row r's element p is a[r * row + p * step]; b, the panel,
/// rows of width floats, <c>next</c> apart; c, rows of <c>pitch</c> floats.
/// </remarks>
internal static unsafe class Tiles
{
    /// <summary>8 rows by 32 columns in 16 accumulators.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Rows8<TWrite>(nint k, float* a0, nint row, nint step, float* b, nint next, float* c, nint pitch) where TWrite : struct, ITileWrite
    {
        float* a1 = a0 + row, a2 = a1 + row, a3 = a2 + row, a4 = a3 + row, a5 = a4 + row, a6 = a5 + row, a7 = a6 + row;
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        Vector512<float> s40 = default, s41 = default, s50 = default, s51 = default, s60 = default, s61 = default, s70 = default, s71 = default;
        var end = k * step;
        for (nint p = 0; p != end; p += step)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            b += next;
            var x = Vector512.Create(a0[p]);
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(a1[p]);
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(a2[p]);
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(a3[p]);
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
            x = Vector512.Create(a4[p]);
            s40 = Vector512.FusedMultiplyAdd(x, b0, s40);
            s41 = Vector512.FusedMultiplyAdd(x, b1, s41);
            x = Vector512.Create(a5[p]);
            s50 = Vector512.FusedMultiplyAdd(x, b0, s50);
            s51 = Vector512.FusedMultiplyAdd(x, b1, s51);
            x = Vector512.Create(a6[p]);
            s60 = Vector512.FusedMultiplyAdd(x, b0, s60);
            s61 = Vector512.FusedMultiplyAdd(x, b1, s61);
            x = Vector512.Create(a7[p]);
            s70 = Vector512.FusedMultiplyAdd(x, b0, s70);
            s71 = Vector512.FusedMultiplyAdd(x, b1, s71);
        }
        TWrite.Write(c, s00);
        TWrite.Write(c + 16, s01);
        TWrite.Write(c += pitch, s10);
        TWrite.Write(c + 16, s11);
        TWrite.Write(c += pitch, s20);
        TWrite.Write(c + 16, s21);
        TWrite.Write(c += pitch, s30);
        TWrite.Write(c + 16, s31);
        TWrite.Write(c += pitch, s40);
        TWrite.Write(c + 16, s41);
        TWrite.Write(c += pitch, s50);
        TWrite.Write(c + 16, s51);
        TWrite.Write(c += pitch, s60);
        TWrite.Write(c + 16, s61);
        TWrite.Write(c += pitch, s70);
        TWrite.Write(c + 16, s71);
    }

    /// <summary>4 rows by 32 columns: as long as 1 row takes, which waits for its own sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Rows4<TWrite>(nint k, float* a0, nint row, nint step, float* b, nint next, float* c, nint pitch) where TWrite : struct, ITileWrite
    {
        float* a1 = a0 + row, a2 = a1 + row, a3 = a2 + row;
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default, s30 = default, s31 = default;
        var end = k * step;
        for (nint p = 0; p != end; p += step)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + 16);
            b += next;
            var x = Vector512.Create(a0[p]);
            s00 = Vector512.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector512.FusedMultiplyAdd(x, b1, s01);
            x = Vector512.Create(a1[p]);
            s10 = Vector512.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector512.FusedMultiplyAdd(x, b1, s11);
            x = Vector512.Create(a2[p]);
            s20 = Vector512.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector512.FusedMultiplyAdd(x, b1, s21);
            x = Vector512.Create(a3[p]);
            s30 = Vector512.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector512.FusedMultiplyAdd(x, b1, s31);
        }
        TWrite.Write(c, s00);
        TWrite.Write(c + 16, s01);
        TWrite.Write(c += pitch, s10);
        TWrite.Write(c + 16, s11);
        TWrite.Write(c += pitch, s20);
        TWrite.Write(c + 16, s21);
        TWrite.Write(c += pitch, s30);
        TWrite.Write(c + 16, s31);
    }

    /// <summary>6 rows by 16 columns in 12 accumulators, for processors with vectors of 256 bits and 16 registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Rows6<TWrite>(nint k, float* a0, nint row, nint step, float* b, nint next, float* c, nint pitch) where TWrite : struct, ITileWrite
    {
        float* a1 = a0 + row, a2 = a1 + row, a3 = a2 + row, a4 = a3 + row, a5 = a4 + row;
        Vector256<float> s00 = default, s01 = default, s10 = default, s11 = default, s20 = default, s21 = default;
        Vector256<float> s30 = default, s31 = default, s40 = default, s41 = default, s50 = default, s51 = default;
        var end = k * step;
        for (nint p = 0; p != end; p += step)
        {
            var b0 = Vector256.Load(b);
            var b1 = Vector256.Load(b + 8);
            b += next;
            var x = Vector256.Create(a0[p]);
            s00 = Vector256.FusedMultiplyAdd(x, b0, s00);
            s01 = Vector256.FusedMultiplyAdd(x, b1, s01);
            x = Vector256.Create(a1[p]);
            s10 = Vector256.FusedMultiplyAdd(x, b0, s10);
            s11 = Vector256.FusedMultiplyAdd(x, b1, s11);
            x = Vector256.Create(a2[p]);
            s20 = Vector256.FusedMultiplyAdd(x, b0, s20);
            s21 = Vector256.FusedMultiplyAdd(x, b1, s21);
            x = Vector256.Create(a3[p]);
            s30 = Vector256.FusedMultiplyAdd(x, b0, s30);
            s31 = Vector256.FusedMultiplyAdd(x, b1, s31);
            x = Vector256.Create(a4[p]);
            s40 = Vector256.FusedMultiplyAdd(x, b0, s40);
            s41 = Vector256.FusedMultiplyAdd(x, b1, s41);
            x = Vector256.Create(a5[p]);
            s50 = Vector256.FusedMultiplyAdd(x, b0, s50);
            s51 = Vector256.FusedMultiplyAdd(x, b1, s51);
        }
        TWrite.Write(c, s00);
        TWrite.Write(c + 8, s01);
        TWrite.Write(c += pitch, s10);
        TWrite.Write(c + 8, s11);
        TWrite.Write(c += pitch, s20);
        TWrite.Write(c + 8, s21);
        TWrite.Write(c += pitch, s30);
        TWrite.Write(c + 8, s31);
        TWrite.Write(c += pitch, s40);
        TWrite.Write(c + 8, s41);
        TWrite.Write(c += pitch, s50);
        TWrite.Write(c + 8, s51);
    }
}
