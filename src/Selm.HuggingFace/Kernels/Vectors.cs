// Rows of floats, sixteen at a time. The last vector of a row is loaded with zeros behind its end, so that every element
// goes through the same operations wherever it lies. Without 512-bit registers .NET computes each of these as two halves.
// Loops over one row or one panel carry AggressiveOptimization: the first seconds of a program otherwise run them fifty
// times slower, since unoptimised vector code calls a function per operation.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>What the element-wise kernels share.</summary>
internal static unsafe class Vectors
{
    /// <summary>Floats per vector.</summary>
    public const int Lanes = 16;

    /// <summary>The first <paramref name="count"/> floats, the others zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from, nint count) => count >= Lanes ? Vector512.Load(from) : LoadPart(from, count);

    /// <summary>Stores the first <paramref name="count"/> floats and touches nothing behind them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* to, Vector512<float> v, nint count)
    {
        if (count >= Lanes) v.Store(to);
        else StorePart(to, v, count);
    }

    /// <summary>
    /// exp(x): 2^n times a polynomial on [-ln2/2, ln2/2], within 1e-7 of the value. Below -87.33 it is 0, above 88.37 it is
    /// exp(88.37); NaN stays NaN. Ten times as fast as Vector512.Exp, which goes through double precision.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var tiny = Vector512.LessThan(x, Vector512.Create(-87.33f));
        x = Vector512.MaxNative(Vector512.Create(-87.33f), Vector512.MinNative(Vector512.Create(88.37f), x)); // in this order NaN passes
        var n = Vector512.Round(x * Vector512.Create(1.44269504f));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p * r, r, r) + Vector512<float>.One;
        var scale = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.AndNot(p * scale, tiny);
    }

    /// <summary>1 / (1 + exp(-x)), within 2e-7 of the value; below -88 at most 1e-38.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));

    /// <summary>The largest lane; NaN if any is.</summary>
    public static float Highest(Vector512<float> x)
    {
        var half = Vector256.Max(x.GetLower(), x.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector512<float> LoadPart(float* from, nint count)
    {
        var part = stackalloc float[Lanes];
        for (nint k = 0; k < count; k++) part[k] = from[k];
        for (nint k = count; k < Lanes; k++) part[k] = 0;
        return Vector512.Load(part);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(float* to, Vector512<float> v, nint count)
    {
        var part = stackalloc float[Lanes];
        v.Store(part);
        for (nint k = 0; k < count; k++) to[k] = part[k];
    }
}
