// The innermost loops of attention, over blocks of sixteen queries that lie in the lanes of a vector while scores are
// made from keys, and one per accumulator while values are gathered. Each query adds its keys up one by one in ascending
// order, and keys it does not see add zero: its result does not depend on the queries beside it, on padding at either
// end of the row, on other responses to its prompt, or on whether the keys come from a cache.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Tiles of attention for one head size.</summary>
internal static unsafe class AttentionTiles<THead> where THead : struct, IHeadSize
{
    private const MethodImplOptions Tile = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;

    /// <summary>to [key, 16] = keys [key, D] queries [D, 16] for the keys of a stretch and up to seven more.</summary>
    /// <param name="stretch">Which keys; results go to its offset.</param>
    /// <param name="keys">Element (key, d) at key * step + d * pitch.</param>
    /// <param name="step">Floats from key to key.</param>
    /// <param name="pitch">Floats from d to d.</param>
    /// <param name="queries">One query per lane.</param>
    /// <param name="to">One vector per key of the block's list.</param>
    public static void Scores(in Stretch stretch, float* keys, nint step, nint pitch, float* queries, float* to)
    {
        to += (nint)stretch.Offset * 16;
        for (var key = stretch.First; key < stretch.End; key += 8, to += 8 * 16) ScoreEight(keys + key * step, step, pitch, queries, to);
    }

    [MethodImpl(Tile)]
    private static void ScoreEight(float* k0, nint step, nint pitch, float* queries, float* to)
    {
        float* k1 = k0 + step, k2 = k1 + step, k3 = k2 + step, k4 = k3 + step, k5 = k4 + step, k6 = k5 + step, k7 = k6 + step;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        var end = THead.Size * pitch;
        for (nint p = 0; p != end; p += pitch)
        {
            var q = Vector512.Load(queries);
            queries += 16;
            s0 = Vector512.FusedMultiplyAdd(Vector512.Create(k0[p]), q, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Create(k1[p]), q, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Create(k2[p]), q, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Create(k3[p]), q, s3);
            s4 = Vector512.FusedMultiplyAdd(Vector512.Create(k4[p]), q, s4);
            s5 = Vector512.FusedMultiplyAdd(Vector512.Create(k5[p]), q, s5);
            s6 = Vector512.FusedMultiplyAdd(Vector512.Create(k6[p]), q, s6);
            s7 = Vector512.FusedMultiplyAdd(Vector512.Create(k7[p]), q, s7);
        }
        s0.Store(to + 0);
        s1.Store(to + 16);
        s2.Store(to + 32);
        s3.Store(to + 48);
        s4.Store(to + 64);
        s5.Store(to + 80);
        s6.Store(to + 96);
        s7.Store(to + 112);
    }

    /// <summary>to [16, D] += weights' [16, key] values [key, D] over the keys of a stretch.</summary>
    /// <param name="stretch">Which keys.</param>
    /// <param name="weights">One vector per key of the block's list, one query per lane.</param>
    /// <param name="values">[keys, D].</param>
    /// <param name="to">One row per query.</param>
    public static void Gather(in Stretch stretch, float* weights, float* values, float* to)
    {
        if (stretch.Count == 0) return;
        for (nint slice = 0; slice < THead.Size; slice += 16) GatherSlice(stretch.Count, weights + (nint)stretch.Offset * 16, values + (nint)stretch.First * THead.Size + slice, to + slice);
    }

    [MethodImpl(Tile)]
    private static void GatherSlice(nint count, float* weights, float* values, float* to)
    {
        var s0 = Load(to + 0 * THead.Size);
        var s1 = Load(to + 1 * THead.Size);
        var s2 = Load(to + 2 * THead.Size);
        var s3 = Load(to + 3 * THead.Size);
        var s4 = Load(to + 4 * THead.Size);
        var s5 = Load(to + 5 * THead.Size);
        var s6 = Load(to + 6 * THead.Size);
        var s7 = Load(to + 7 * THead.Size);
        var s8 = Load(to + 8 * THead.Size);
        var s9 = Load(to + 9 * THead.Size);
        var s10 = Load(to + 10 * THead.Size);
        var s11 = Load(to + 11 * THead.Size);
        var s12 = Load(to + 12 * THead.Size);
        var s13 = Load(to + 13 * THead.Size);
        var s14 = Load(to + 14 * THead.Size);
        var s15 = Load(to + 15 * THead.Size);
        var end = weights + count * 16;
        for (; weights != end; weights += 16, values += THead.Size)
        {
            var v = Load(values);
            s0 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[0]), v, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[1]), v, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[2]), v, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[3]), v, s3);
            s4 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[4]), v, s4);
            s5 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[5]), v, s5);
            s6 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[6]), v, s6);
            s7 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[7]), v, s7);
            s8 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[8]), v, s8);
            s9 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[9]), v, s9);
            s10 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[10]), v, s10);
            s11 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[11]), v, s11);
            s12 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[12]), v, s12);
            s13 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[13]), v, s13);
            s14 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[14]), v, s14);
            s15 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[15]), v, s15);
        }
        Store(s0, to + 0 * THead.Size);
        Store(s1, to + 1 * THead.Size);
        Store(s2, to + 2 * THead.Size);
        Store(s3, to + 3 * THead.Size);
        Store(s4, to + 4 * THead.Size);
        Store(s5, to + 5 * THead.Size);
        Store(s6, to + 6 * THead.Size);
        Store(s7, to + 7 * THead.Size);
        Store(s8, to + 8 * THead.Size);
        Store(s9, to + 9 * THead.Size);
        Store(s10, to + 10 * THead.Size);
        Store(s11, to + 11 * THead.Size);
        Store(s12, to + 12 * THead.Size);
        Store(s13, to + 13 * THead.Size);
        Store(s14, to + 14 * THead.Size);
        Store(s15, to + 15 * THead.Size);
    }

    /// <summary>to [key, D] += weights [key, 16] rows [16, D] over the keys of a stretch.</summary>
    /// <param name="stretch">Which keys.</param>
    /// <param name="weights">One vector per key of the block's list, one query per lane.</param>
    /// <param name="rows">One row per query.</param>
    /// <param name="to">[keys, D].</param>
    public static void Spread(in Stretch stretch, float* weights, float* rows, float* to)
    {
        if (stretch.Count == 0) return;
        for (nint slice = 0; slice < THead.Size; slice += 16) SpreadSlice(stretch.Count, weights + (nint)stretch.Offset * 16, rows + slice, to + (nint)stretch.First * THead.Size + slice);
    }

    [MethodImpl(Tile)]
    private static void SpreadSlice(nint count, float* weights, float* rows, float* to)
    {
        var r0 = Load(rows + 0 * THead.Size);
        var r1 = Load(rows + 1 * THead.Size);
        var r2 = Load(rows + 2 * THead.Size);
        var r3 = Load(rows + 3 * THead.Size);
        var r4 = Load(rows + 4 * THead.Size);
        var r5 = Load(rows + 5 * THead.Size);
        var r6 = Load(rows + 6 * THead.Size);
        var r7 = Load(rows + 7 * THead.Size);
        var r8 = Load(rows + 8 * THead.Size);
        var r9 = Load(rows + 9 * THead.Size);
        var r10 = Load(rows + 10 * THead.Size);
        var r11 = Load(rows + 11 * THead.Size);
        var r12 = Load(rows + 12 * THead.Size);
        var r13 = Load(rows + 13 * THead.Size);
        var r14 = Load(rows + 14 * THead.Size);
        var r15 = Load(rows + 15 * THead.Size);
        var end = weights + count * 16;
        for (; weights != end; weights += 16, to += THead.Size)
        {
            var s = Load(to);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[0]), r0, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[1]), r1, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[2]), r2, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[3]), r3, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[4]), r4, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[5]), r5, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[6]), r6, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[7]), r7, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[8]), r8, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[9]), r9, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[10]), r10, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[11]), r11, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[12]), r12, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[13]), r13, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[14]), r14, s);
            s = Vector512.FusedMultiplyAdd(Vector512.Create(weights[15]), r15, s);
            Store(s, to);
        }
    }

    /// <summary>Scores to unnormalised probabilities, in place.</summary>
    /// <param name="seen">Which keys the queries see.</param>
    /// <param name="scores">One vector per key of the block's list.</param>
    /// <param name="logSumExp">Per query; -inf for one that sees no key.</param>
    /// <returns>What the probabilities have to be multiplied with; 0 for a query that sees no key.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> Softmax(in SeenKeys seen, float* scores, out Vector512<float> logSumExp)
    {
        var lowest = Vector512.Create(float.NegativeInfinity);
        var top = Highest(seen, seen.Two, scores, Highest(seen, seen.One, scores, lowest));
        var shift = Vector512.ConditionalSelect(Vector512.Equals(top, lowest), Vector512<float>.Zero, top);
        var total = Vector512<float>.Zero;
        for (nint k = 0; k < seen.Count; k++)
        {
            var p = Vectors.Exp(Vector512.Load(scores + k * 16) - shift);
            p.Store(scores + k * 16);
            total += p;
        }
        logSumExp = shift + Vector512.Log(total);
        return Vector512.ConditionalSelect(Vector512.Equals(total, Vector512<float>.Zero), total, Vector512<float>.One / total);
    }

    // The largest score per query; scores of keys that a query does not see become -inf.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> Highest(in SeenKeys seen, in Stretch stretch, float* scores, Vector512<float> top)
    {
        var lowest = Vector512.Create(float.NegativeInfinity);
        scores += (nint)stretch.Offset * 16;
        for (var key = stretch.First; key < stretch.End; key++, scores += 16)
        {
            var s = Vector512.Load(scores);
            if (!seen.ByAll(key))
            {
                s = seen.Select(key, s, lowest);
                s.Store(scores);
            }
            top = Vector512.ConditionalSelect(Vector512.GreaterThan(top, s), top, s);
        }
        return top;
    }

    /// <summary>
    /// Scores and products g v' to probabilities and the gradient of the scores, in place: p = exp(score - lse),
    /// ds = p (g v' - delta).
    /// </summary>
    /// <param name="seen">Which keys the queries see.</param>
    /// <param name="stretch">One of its stretches.</param>
    /// <param name="scores">Become p.</param>
    /// <param name="products">Become ds.</param>
    /// <param name="logSumExp">Per query.</param>
    /// <param name="delta">Per query, g o'.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Gradients(in SeenKeys seen, in Stretch stretch, float* scores, float* products, Vector512<float> logSumExp, Vector512<float> delta)
    {
        var at = (nint)stretch.Offset * 16;
        for (var key = stretch.First; key < stretch.End; key++, at += 16)
        {
            var p = Vectors.Exp(Vector512.Load(scores + at) - logSumExp);
            if (!seen.ByAll(key)) p = seen.Select(key, p, Vector512<float>.Zero);
            p.Store(scores + at);
            (p * (Vector512.Load(products + at) - delta)).Store(products + at);
        }
    }

    /// <summary>One slice of a row of D floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from) => THead.Size == 8 ? Vector256.Load(from).ToVector512() : Vector512.Load(from);

    /// <summary>Writes one slice of a row of D floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* to)
    {
        if (THead.Size == 8) value.GetLower().Store(to);
        else value.Store(to);
    }
}
