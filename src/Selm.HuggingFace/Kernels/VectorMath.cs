// Sixteen floats at a time. What these functions return depends on their argument alone, never on its lane.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Functions of sixteen floats, and the ends of rows that fill no vector.</summary>
internal static unsafe class VectorMath
{
    /// <summary>exp(x) to a relative error of 2e-7; 0 below -86.6, exp(88.3) above 88.3, NaN of NaN.</summary>
    /// <remarks>2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]. n is rounded by adding 1.5 * 2^23, whose low bits it then is.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var low = Vector512.LessThan(x, Vector512.Create(-86.6f));
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(88.3f)), Vector512.Create(88.3f), x);
        var shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(1.44269504088896341f), Vector512.Create(12582912f));
        var n = shifted - Vector512.Create(12582912f);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p * r, r, r) + Vector512<float>.One;
        var scaled = (p.AsInt32() + Vector512.ShiftLeft(shifted.AsInt32(), 23)).AsSingle();
        return Vector512.ConditionalSelect(low, Vector512<float>.Zero, Vector512.ConditionalSelect(Vector512.Equals(x, x), scaled, x));
    }

    /// <summary>The largest lane; NaN if any is.</summary>
    public static float Highest(Vector512<float> x)
    {
        var half = Vector256.Max(x.GetLower(), x.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        return MathF.Max(MathF.Max(quarter[0], quarter[1]), MathF.Max(quarter[2], quarter[3]));
    }

    /// <summary>The first <paramref name="count"/> lanes from memory, the others <paramref name="rest"/>; count below 16.</summary>
    [MethodImpl(MethodImplOptions.NoInlining), SkipLocalsInit]
    public static Vector512<float> LoadFirst(float* from, nint count, float rest)
    {
        var lanes = stackalloc float[16];
        Vector512.Create(rest).Store(lanes);
        for (nint k = 0; k < count; k++) lanes[k] = from[k];
        return Vector512.Load(lanes);
    }

    /// <summary>Writes the first <paramref name="count"/> lanes; count below 16.</summary>
    [MethodImpl(MethodImplOptions.NoInlining), SkipLocalsInit]
    public static void StoreFirst(Vector512<float> value, float* to, nint count)
    {
        var lanes = stackalloc float[16];
        value.Store(lanes);
        for (nint k = 0; k < count; k++) to[k] = lanes[k];
    }
}
