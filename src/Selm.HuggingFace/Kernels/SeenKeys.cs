// Which keys a block of sixteen queries sees: the stretches of keys to visit, and a mask per key. Stretches begin at
// multiples of eight, so that tiles of eight keys never reach over the end of a cache.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Keys [First, End), at <c>Offset</c> in the block's list of keys.</summary>
/// <param name="First">A multiple of 8.</param>
/// <param name="End">One past the last.</param>
/// <param name="Offset">Keys before these in the list.</param>
internal readonly record struct Stretch(int First, int End, int Offset)
{
    /// <summary>Number of keys.</summary>
    public int Count => End - First;
}

/// <summary>What sixteen queries see.</summary>
internal unsafe struct SeenKeys
{
    /// <summary>Queries of a block, one per lane.</summary>
    public const int Lanes = 16;

    private Vector512<int> a0, b0;
    private Vector512<uint> aCount, bCount;
    private int allA0, allB0;
    private uint allACount, allBCount;

    /// <summary>The keys that any of the queries sees, ascending; the second may be empty.</summary>
    public Stretch One { get; private set; }

    /// <inheritdoc cref="One"/>
    public Stretch Two { get; private set; }

    /// <summary>Keys in both stretches.</summary>
    public readonly int Count => One.Count + Two.Count;

    /// <summary>Reads the ranges of queries; lanes without a query see what the last query sees.</summary>
    /// <param name="ranges">One per query.</param>
    /// <param name="queries">1 to 16.</param>
    /// <param name="keys">Number of keys there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static SeenKeys Of(TwoRanges* ranges, int queries, int keys)
    {
        var starts = stackalloc int[4 * Lanes];
        int *a0 = starts, aCount = starts + Lanes, b0 = aCount + Lanes, bCount = b0 + Lanes;
        int lowA = int.MaxValue, highA = 0, lowB = int.MaxValue, highB = 0, lastA0 = 0, firstA1 = int.MaxValue, lastB0 = 0, firstB1 = int.MaxValue;
        for (var k = 0; k < Lanes; k++)
        {
            var r = ranges[Math.Min(k, queries - 1)];
            int fromA = Math.Max(0, r.A0), toA = Math.Min(keys, r.A1), fromB = Math.Max(0, r.B0), toB = Math.Min(keys, r.B1);
            (a0[k], aCount[k], b0[k], bCount[k]) = (fromA, Math.Max(0, toA - fromA), fromB, Math.Max(0, toB - fromB));
            if (fromA < toA) (lowA, highA) = (Math.Min(lowA, fromA), Math.Max(highA, toA));
            if (fromB < toB) (lowB, highB) = (Math.Min(lowB, fromB), Math.Max(highB, toB));
            (lastA0, firstA1) = (Math.Max(lastA0, fromA), Math.Min(firstA1, toA));
            (lastB0, firstB1) = (Math.Max(lastB0, fromB), Math.Min(firstB1, toB));
        }
        var seen = new SeenKeys
        {
            a0 = Vector512.Load(a0), aCount = Vector512.Load(aCount).AsUInt32(), b0 = Vector512.Load(b0), bCount = Vector512.Load(bCount).AsUInt32(),
            allA0 = lastA0, allACount = (uint)Math.Max(0, firstA1 - lastA0), allB0 = lastB0, allBCount = (uint)Math.Max(0, firstB1 - lastB0),
        };
        seen.SetStretches(lowA & ~7, highA, lowB & ~7, highB);
        return seen;
    }

    /// <summary>Whether every query sees the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool ByAll(int key) => (uint)(key - allA0) < allACount || (uint)(key - allB0) < allBCount;

    /// <summary>Value in the lanes of queries that see the key, otherwise in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Vector512<float> Select(int key, Vector512<float> value, Vector512<float> otherwise)
    {
        var at = Vector512.Create(key);
        var visible = Vector512.LessThan((at - a0).AsUInt32(), aCount) | Vector512.LessThan((at - b0).AsUInt32(), bCount);
        return Vector512.ConditionalSelect(visible.AsSingle(), value, otherwise);
    }

    private void SetStretches(int lowA, int highA, int lowB, int highB)
    {
        if (highA == 0 || highB == 0) One = highA == 0 ? Of(lowB, highB, 0) : Of(lowA, highA, 0);
        else if (lowA <= highB && lowB <= highA) One = Of(Math.Min(lowA, lowB), Math.Max(highA, highB), 0);
        else if (lowA < lowB) (One, Two) = (Of(lowA, highA, 0), Of(lowB, highB, highA - lowA));
        else (One, Two) = (Of(lowB, highB, 0), Of(lowA, highA, highB - lowB));
    }

    private static Stretch Of(int low, int high, int offset) => high == 0 ? default : new(low, high, offset);
}
