// Attention of new tokens against a cache of the keys and values before them, without a gradient. Many new tokens (a
// prompt) go through the blocks of sixteen queries of Attention; one or a few (decoding) leave those lanes empty, so
// there the keys lie in the lanes. Both add up in the same order: a token has the same bits either way.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Keys and values of the tokens already read, and where the next go.</summary>
internal unsafe struct CacheView
{
    /// <summary>[batch, kvHeads, D, capacity], turned.</summary>
    public float* Keys;

    /// <summary>[batch, kvHeads, capacity, D].</summary>
    public float* Values;

    /// <summary>[batch], the first key of each row that is not padding.</summary>
    public int* First;

    /// <summary>Most tokens of a row, a multiple of 16.</summary>
    public int Capacity;

    /// <summary>Tokens of each row that are in the cache already, padding included.</summary>
    public int Length;

    /// <summary>A token sees this many tokens, itself included; 0 means all.</summary>
    public int Window;
}

/// <summary>Attention against a cache, which is extended by the new tokens.</summary>
[SkipLocalsInit]
internal static unsafe class CachedAttention
{
    private const int Few = 8; // queries of one block below which keys lie in the lanes

    /// <summary>Writes the new keys and values to the cache, then attends to it.</summary>
    /// <param name="shape">Sizes; Seq is the number of new tokens.</param>
    /// <param name="qkv">[batch, seq, (heads + 2 kvHeads) D].</param>
    /// <param name="rotary">Angles.</param>
    /// <param name="cache">The cache; the new tokens become its tokens Length ... Length + seq - 1.</param>
    /// <param name="output">[batch, seq, heads D]; 0 where a query sees no key.</param>
    /// <exception cref="ArgumentException">No kernel for the sizes, or no room in the cache.</exception>
    public static void Forward(in AttentionShape shape, float* qkv, in Rotary rotary, in CacheView cache, float* output)
    {
        shape.Check();
        if (cache.Capacity % 16 != 0) throw new ArgumentException($"The key-value cache needs a capacity that is a multiple of 16, not {cache.Capacity}.");
        if (cache.Length + shape.Seq > cache.Capacity) throw new ArgumentException($"The key-value cache is full: {cache.Length + shape.Seq} tokens, room for {cache.Capacity}.");
        var job = new Job { Shape = shape, Qkv = qkv, Rotary = rotary, Cache = cache, Output = output };
        switch (shape.HeadDim)
        {
            case 8: Run<Head8>(&job); break;
            case 16: Run<Head16>(&job); break;
            case 32: Run<Head32>(&job); break;
            case 64: Run<Head64>(&job); break;
            default: Run<Head128>(&job); break;
        }
    }

    private struct Job
    {
        public AttentionShape Shape;
        public float* Qkv;
        public Rotary Rotary;
        public CacheView Cache;
        public float* Output;
    }

    private static void Run<THead>(Job* job) where THead : struct, IHeadSize
    {
        var blocks = checked(job->Shape.Batch * job->Shape.KvHeads);
        var products = 2.0 * job->Shape.Batch * job->Shape.Heads * job->Shape.Seq * (job->Cache.Length + job->Shape.Seq) * THead.Size;
        if (products < Attention.Small) for (var k = 0; k < blocks; k++) Block<THead>(job, k);
        else Workers.Run(blocks, job, &Block<THead>);
    }

    // The cache of one (row, head of keys and values).
    private readonly ref struct Part
    {
        public readonly float* Keys, Values;
        public readonly int Row, Head, First;

        public Part(Job* job, int block)
        {
            (Row, Head) = Math.DivRem(block, job->Shape.KvHeads);
            var at = (nint)block * job->Cache.Capacity * job->Shape.HeadDim;
            Keys = job->Cache.Keys + at;
            Values = job->Cache.Values + at;
            First = job->Cache.First[Row];
        }
    }

    private static void Block<THead>(Job* job, int block) where THead : struct, IHeadSize
    {
        var part = new Part(job, block);
        Extend<THead>(job, part);
        var queries = job->Shape.Seq * job->Shape.Group; // (token, head of the group)
        if (queries < Few) AttendFew<THead>(job, part, queries);
        else for (var k = 0; k < queries; k += SeenKeys.Lanes) AttendTogether<THead>(job, part, k, Math.Min(SeenKeys.Lanes, queries - k));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Extend<THead>(Job* job, in Part part) where THead : struct, IHeadSize
    {
        var (shape, cache) = (job->Shape, job->Cache);
        var keys = Scratch.Floats(Slot.Attention0, (nint)shape.Seq * THead.Size);
        for (nint t = 0; t < shape.Seq; t++)
        {
            var token = (nint)part.Row * shape.Seq + t;
            var x = job->Qkv + token * shape.Width + (nint)(shape.Heads + part.Head) * THead.Size;
            job->Rotary.Turn<THead>(token, x, keys + t * THead.Size, sign: 1, scale: 1);
            Attention.Copy<THead>(x + (nint)shape.KvHeads * THead.Size, part.Values + (cache.Length + t) * THead.Size);
        }
        Panels.TransposeRows(shape.Seq, THead.Size, keys, THead.Size, part.Keys + cache.Length, cache.Capacity);
    }

    // Query `index` of a block: which token and head it is, what it sees, and where its result goes.
    private static float* Turn<THead>(Job* job, in Part part, int index, float* to, out TwoRanges range) where THead : struct, IHeadSize
    {
        var (shape, cache) = (job->Shape, job->Cache);
        var (t, head) = (index / shape.Group, part.Head * shape.Group + index % shape.Group);
        var (token, end) = ((nint)part.Row * shape.Seq + t, cache.Length + t + 1);
        range = new(0, 0, Math.Max(part.First, cache.Window > 0 ? end - cache.Window : 0), end);
        job->Rotary.Turn<THead>(token, job->Qkv + token * shape.Width + (nint)head * THead.Size, to, sign: 1, Attention.Factor<THead>());
        return job->Output + (token * shape.Heads + head) * THead.Size;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AttendTogether<THead>(Job* job, in Part part, int first, int count) where THead : struct, IHeadSize
    {
        var size = SeenKeys.Lanes * THead.Size;
        var queries = Scratch.Floats(Slot.Attention1, 3 * size);
        float* lanes = queries + size, sums = lanes + size;
        var ranges = stackalloc TwoRanges[SeenKeys.Lanes];
        var outputs = stackalloc float*[SeenKeys.Lanes];
        for (var r = 0; r < count; r++) outputs[r] = Turn<THead>(job, part, first + r, queries + r * THead.Size, out ranges[r]);
        Attention.FillAndTranspose<THead>(queries, count, lanes);
        var keys = job->Cache.Length + job->Shape.Seq;
        var weights = Scratch.Floats(Slot.Attention2, (nint)(keys + 16) * SeenKeys.Lanes);
        var scale = Attention.Attend<THead>(SeenKeys.Of(ranges, count, keys), part.Keys, 1, job->Cache.Capacity, part.Values, lanes, weights, sums, out _);
        scale.Store(lanes); // free by now
        for (nint r = 0; r < count; r++) Attention.Scale<THead>(sums + r * THead.Size, lanes[r], outputs[r]);
    }

    // Scores of all queries strip by strip, so that a strip of keys is read from memory once; then query by query.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AttendFew<THead>(Job* job, in Part part, int count) where THead : struct, IHeadSize
    {
        var queries = stackalloc float[Few * THead.Size];
        var ranges = stackalloc TwoRanges[Few];
        var outputs = stackalloc float*[Few];
        int low = int.MaxValue, end = (job->Cache.Length + job->Shape.Seq + 15) & ~15;
        for (var r = 0; r < count; r++)
        {
            outputs[r] = Turn<THead>(job, part, r, queries + r * THead.Size, out ranges[r]);
            low = Math.Min(low, ranges[r].B0);
        }
        nint at = Math.Min(low & ~15, end), start = at, pitch = end - at;
        var weights = Scratch.Floats(Slot.Attention2, count * pitch);
        for (; at + 64 <= end; at += 64)
            for (var r = 0; r < count; r++) Score64<THead>(part.Keys + at, job->Cache.Capacity, queries + r * THead.Size, weights + r * pitch + at - start);
        for (; at < end; at += 16)
            for (var r = 0; r < count; r++) Score16<THead>(part.Keys + at, job->Cache.Capacity, queries + r * THead.Size, weights + r * pitch + at - start);
        for (var r = 0; r < count; r++, weights += pitch)
        {
            var (first, seen) = (ranges[r].B0, Math.Max(0, ranges[r].B1 - ranges[r].B0));
            Exponentiate(weights, pitch, first - (int)start, seen);
            GatherOne<THead>(seen, weights + first - start, part.Values + (nint)first * THead.Size, outputs[r]);
        }
    }

    // Scores to unnormalised probabilities, in place, for the keys from `first` on; the others become 0.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Exponentiate(float* scores, nint count, int first, int seen)
    {
        var lowest = Vector512.Create(float.NegativeInfinity);
        var top = lowest;
        for (nint at = 0; at < count; at += 16)
        {
            var s = Vector512.Load(scores + at);
            if (at < first || at + 16 > first + seen)
            {
                var key = Vector512.Create((int)at - first) + Vector512<int>.Indices;
                s = Vector512.ConditionalSelect(Vector512.LessThan(key.AsUInt32(), Vector512.Create((uint)seen)).AsSingle(), s, lowest);
                s.Store(scores + at);
            }
            top = Vector512.ConditionalSelect(Vector512.GreaterThan(top, s), top, s);
        }
        var highest = Vectors.Highest(top);
        var shift = Vector512.Create(float.IsNegativeInfinity(highest) ? 0 : highest);
        for (nint at = 0; at < count; at += 16) Vectors.Exp(Vector512.Load(scores + at) - shift).Store(scores + at);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Score64<THead>(float* keys, nint capacity, float* query, float* to) where THead : struct, IHeadSize
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (nint d = 0; d < THead.Size; d++, keys += capacity)
        {
            var q = Vector512.Create(query[d]);
            s0 = Vector512.FusedMultiplyAdd(q, Vector512.Load(keys), s0);
            s1 = Vector512.FusedMultiplyAdd(q, Vector512.Load(keys + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(q, Vector512.Load(keys + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(q, Vector512.Load(keys + 48), s3);
        }
        s0.Store(to);
        s1.Store(to + 16);
        s2.Store(to + 32);
        s3.Store(to + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Score16<THead>(float* keys, nint capacity, float* query, float* to) where THead : struct, IHeadSize
    {
        var s = Vector512<float>.Zero;
        for (nint d = 0; d < THead.Size; d++, keys += capacity) s = Vector512.FusedMultiplyAdd(Vector512.Create(query[d]), Vector512.Load(keys), s);
        s.Store(to);
    }

    // to = sum of weights[j] values[j] / sum of weights; sums go from key to key.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void GatherOne<THead>(nint count, float* weights, float* values, float* to) where THead : struct, IHeadSize
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        var total = 0f;
        for (nint j = 0; j < count; j++, values += THead.Size)
        {
            var w = Vector512.Create(weights[j]);
            total += weights[j];
            s0 = Vector512.FusedMultiplyAdd(w, AttentionTiles<THead>.Load(values), s0);
            if (THead.Size > 16) s1 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 16), s1);
            if (THead.Size > 32) s2 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 32), s2);
            if (THead.Size > 32) s3 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 48), s3);
            if (THead.Size > 64) s4 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 64), s4);
            if (THead.Size > 64) s5 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 80), s5);
            if (THead.Size > 64) s6 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 96), s6);
            if (THead.Size > 64) s7 = Vector512.FusedMultiplyAdd(w, Vector512.Load(values + 112), s7);
        }
        var scale = total == 0 ? 0 : 1 / total;
        AttentionTiles<THead>.Store(s0 * scale, to);
        if (THead.Size > 16) (s1 * scale).Store(to + 16);
        if (THead.Size > 32) (s2 * scale).Store(to + 32);
        if (THead.Size > 32) (s3 * scale).Store(to + 48);
        if (THead.Size > 64) (s4 * scale).Store(to + 64);
        if (THead.Size > 64) (s5 * scale).Store(to + 80);
        if (THead.Size > 64) (s6 * scale).Store(to + 96);
        if (THead.Size > 64) (s7 * scale).Store(to + 112);
    }
}
