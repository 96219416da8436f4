// Attention over whole rows with rotary positions and grouped heads, and its gradient. Queries see two ranges of keys:
// a shared prompt and the own response up to itself. That one form serves causal rows, left and right padding, sliding
// windows and several responses that share one prompt. One (row, head of keys and values) is computed by one thread.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>softmax(R q (R k)' / sqrt(D)) v per head, where R turns by the token's position.</summary>
[SkipLocalsInit]
internal static unsafe class Attention
{
    /// <summary>Multiplications below which threads do not pay.</summary>
    internal const double Small = 1e6;

    /// <summary>Computes outputs and what the gradient needs of them.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="qkv">[batch, seq, (heads + 2 kvHeads) D]: queries, keys, values of each token.</param>
    /// <param name="rotary">Angles.</param>
    /// <param name="ranges">[batch, seq], the keys that each query sees.</param>
    /// <param name="output">[batch, seq, heads D]; 0 where a query sees no key.</param>
    /// <param name="logSumExp">[batch, heads, seq]; -inf where a query sees no key.</param>
    /// <exception cref="ArgumentException">No kernel for the head size, or heads are not a multiple of kvHeads.</exception>
    public static void Forward(in AttentionShape shape, float* qkv, in Rotary rotary, TwoRanges* ranges, float* output, float* logSumExp)
    {
        var job = new Job { Shape = shape, Qkv = qkv, Rotary = rotary, Ranges = ranges, Output = output, LogSumExp = logSumExp };
        Run(&job, backward: false);
    }

    /// <summary>The gradient of the packed queries, keys and values.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="qkv">As given to <see cref="Forward"/>.</param>
    /// <param name="rotary">As given to <see cref="Forward"/>.</param>
    /// <param name="ranges">As given to <see cref="Forward"/>.</param>
    /// <param name="output">What <see cref="Forward"/> computed.</param>
    /// <param name="logSumExp">What <see cref="Forward"/> computed.</param>
    /// <param name="outputGradient">[batch, seq, heads D].</param>
    /// <param name="gradient">[batch, seq, (heads + 2 kvHeads) D], all of it written.</param>
    /// <exception cref="ArgumentException">No kernel for the head size, or heads are not a multiple of kvHeads.</exception>
    public static void Backward(in AttentionShape shape, float* qkv, in Rotary rotary, TwoRanges* ranges, float* output, float* logSumExp, float* outputGradient, float* gradient)
    {
        var job = new Job
        {
            Shape = shape, Qkv = qkv, Rotary = rotary, Ranges = ranges, Output = output, LogSumExp = logSumExp, OutputGradient = outputGradient, Gradient = gradient,
        };
        Run(&job, backward: true);
    }

    private struct Job
    {
        public AttentionShape Shape;
        public float* Qkv;
        public Rotary Rotary;
        public TwoRanges* Ranges;
        public float* Output, LogSumExp, OutputGradient, Gradient;
    }

    private static void Run(Job* job, bool backward)
    {
        job->Shape.Check();
        if (job->Shape.Seq == 0) return;
        var blocks = checked(job->Shape.Batch * job->Shape.KvHeads);
        var body = Body(job->Shape.HeadDim, backward);
        if ((double)job->Shape.Batch * job->Shape.Heads * job->Shape.Seq * job->Shape.Seq * job->Shape.HeadDim < Small) for (var k = 0; k < blocks; k++) body(job, k);
        else Workers.Run(blocks, job, body);
    }

    private static delegate*<Job*, int, void> Body(int headDim, bool backward) => (headDim, backward) switch
    {
        (8, false) => &ForwardBlock<Head8>,
        (16, false) => &ForwardBlock<Head16>,
        (32, false) => &ForwardBlock<Head32>,
        (64, false) => &ForwardBlock<Head64>,
        (_, false) => &ForwardBlock<Head128>,
        (8, true) => &BackwardBlock<Head8>,
        (16, true) => &BackwardBlock<Head16>,
        (32, true) => &BackwardBlock<Head32>,
        (64, true) => &BackwardBlock<Head64>,
        (_, true) => &BackwardBlock<Head128>,
    };

    // The keys, turned, and the values of one (row, head of keys and values), [seq + 8, D] each; tiles of eight keys read
    // up to seven of the rows of zeros at the end. The gradients of both follow where they are wanted.
    private readonly ref struct KeysAndValues<THead> where THead : struct, IHeadSize
    {
        public readonly float* Keys, Values, KeyGradient, ValueGradient;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public KeysAndValues(Job* job, int row, int head, bool backward)
        {
            var (shape, seq) = (job->Shape, (nint)job->Shape.Seq);
            var size = (seq + 8) * THead.Size;
            Keys = Scratch.Floats(Slot.Attention0, (backward ? 4 : 2) * size);
            Values = Keys + size;
            KeyGradient = Values + size;
            ValueGradient = KeyGradient + size;
            var x = job->Qkv + (row * seq * shape.Width) + (nint)(shape.Heads + head) * THead.Size;
            for (nint j = 0; j < seq; j++, x += shape.Width)
            {
                job->Rotary.Turn<THead>(row * seq + j, x, Keys + j * THead.Size, sign: 1, scale: 1);
                Copy<THead>(x + (nint)shape.KvHeads * THead.Size, Values + j * THead.Size);
            }
            new Span<float>(Keys + seq * THead.Size, 8 * THead.Size).Clear();
            new Span<float>(Values + seq * THead.Size, 8 * THead.Size).Clear();
            if (!backward) return;
            for (nint k = 0; k < 2 * size; k += 16) Vector512<float>.Zero.Store(KeyGradient + k);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardBlock<THead>(Job* job, int block) where THead : struct, IHeadSize
    {
        var (shape, seq) = (job->Shape, (nint)job->Shape.Seq);
        var (row, kv) = Math.DivRem(block, shape.KvHeads);
        var keys = new KeysAndValues<THead>(job, row, kv, backward: false);
        var queries = Scratch.Floats(Slot.Attention1, 3 * SeenKeys.Lanes * THead.Size);
        float* lanes = queries + SeenKeys.Lanes * THead.Size, sums = lanes + SeenKeys.Lanes * THead.Size;
        var weights = Scratch.Floats(Slot.Attention2, (seq + 16) * SeenKeys.Lanes);
        for (var first = 0; first < shape.Seq; first += SeenKeys.Lanes)
        {
            var count = Math.Min(SeenKeys.Lanes, shape.Seq - first);
            var seen = SeenKeys.Of(job->Ranges + row * seq + first, count, shape.Seq);
            for (var head = kv * shape.Group; head < (kv + 1) * shape.Group; head++)
            {
                TurnQueries<THead>(job, row, first, count, head, queries, lanes);
                var scale = Attend<THead>(seen, keys.Keys, THead.Size, 1, keys.Values, lanes, weights, sums, out var logSumExp);
                var to = job->LogSumExp + ((nint)row * shape.Heads + head) * seq + first;
                Vectors.Store(to, logSumExp, count);
                scale.Store(lanes); // free by now
                for (nint r = 0; r < count; r++)
                    Scale<THead>(sums + r * THead.Size, lanes[r], job->Output + ((row * seq + first + r) * shape.Heads + head) * THead.Size);
            }
        }
    }

    /// <summary>Unnormalised sums of values of up to 16 queries.</summary>
    /// <param name="seen">Which keys the queries see.</param>
    /// <param name="keys">Turned keys; element (key, d) at key * step + d * pitch.</param>
    /// <param name="step">Floats from key to key.</param>
    /// <param name="pitch">Floats from d to d.</param>
    /// <param name="values">[keys, D].</param>
    /// <param name="queries">[D, 16], turned and scaled.</param>
    /// <param name="weights">Room for one vector per seen key and seven more.</param>
    /// <param name="sums">[16, D].</param>
    /// <param name="logSumExp">Per query.</param>
    /// <returns>What the sums have to be multiplied with.</returns>
    internal static Vector512<float> Attend<THead>(in SeenKeys seen, float* keys, nint step, nint pitch, float* values, float* queries, float* weights, float* sums, out Vector512<float> logSumExp)
        where THead : struct, IHeadSize
    {
        AttentionTiles<THead>.Scores(seen.One, keys, step, pitch, queries, weights);
        AttentionTiles<THead>.Scores(seen.Two, keys, step, pitch, queries, weights);
        var scale = AttentionTiles<THead>.Softmax(seen, weights, out logSumExp);
        new Span<float>(sums, SeenKeys.Lanes * THead.Size).Clear();
        AttentionTiles<THead>.Gather(seen.One, weights, values, sums);
        AttentionTiles<THead>.Gather(seen.Two, weights, values, sums);
        return scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardBlock<THead>(Job* job, int block) where THead : struct, IHeadSize
    {
        var (shape, seq) = (job->Shape, (nint)job->Shape.Seq);
        var (row, kv) = Math.DivRem(block, shape.KvHeads);
        var keys = new KeysAndValues<THead>(job, row, kv, backward: true);
        // Head by head, so that each key adds its queries up in ascending order, whatever the block they are in.
        for (var head = kv * shape.Group; head < (kv + 1) * shape.Group; head++)
            for (var first = 0; first < shape.Seq; first += SeenKeys.Lanes)
                BackwardQueries(job, keys, row, head, first, Math.Min(SeenKeys.Lanes, shape.Seq - first));
        var to = job->Gradient + row * seq * shape.Width + (nint)(shape.Heads + kv) * THead.Size;
        for (nint j = 0; j < seq; j++, to += shape.Width)
        {
            job->Rotary.Turn<THead>(row * seq + j, keys.KeyGradient + j * THead.Size, to, sign: -1, scale: 1);
            Copy<THead>(keys.ValueGradient + j * THead.Size, to + (nint)shape.KvHeads * THead.Size);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardQueries<THead>(Job* job, in KeysAndValues<THead> keys, int row, int head, int first, int count) where THead : struct, IHeadSize
    {
        var (shape, seq, size) = (job->Shape, (nint)job->Shape.Seq, SeenKeys.Lanes * THead.Size);
        float* p = Scratch.Floats(Slot.Attention2, (seq + 16) * SeenKeys.Lanes), ds = Scratch.Floats(Slot.Attention3, (seq + 16) * SeenKeys.Lanes);
        var queries = Scratch.Floats(Slot.Attention1, 5 * size);
        float* queryLanes = queries + size, grads = queryLanes + size, gradLanes = grads + size, sums = gradLanes + size;
        var seen = SeenKeys.Of(job->Ranges + row * seq + first, count, shape.Seq);
        TurnQueries<THead>(job, row, first, count, head, queries, queryLanes);
        var delta = LoadGradients<THead>(job, row, first, count, head, grads, gradLanes);
        var from = job->LogSumExp + ((nint)row * shape.Heads + head) * seq + first;
        var logSumExp = Vectors.Load(from, count);

        AttentionTiles<THead>.Scores(seen.One, keys.Keys, THead.Size, 1, queryLanes, p);
        AttentionTiles<THead>.Scores(seen.Two, keys.Keys, THead.Size, 1, queryLanes, p);
        AttentionTiles<THead>.Scores(seen.One, keys.Values, THead.Size, 1, gradLanes, ds);
        AttentionTiles<THead>.Scores(seen.Two, keys.Values, THead.Size, 1, gradLanes, ds);
        AttentionTiles<THead>.Gradients(seen, seen.One, p, ds, logSumExp, delta);
        AttentionTiles<THead>.Gradients(seen, seen.Two, p, ds, logSumExp, delta);
        new Span<float>(sums, size).Clear();
        AttentionTiles<THead>.Gather(seen.One, ds, keys.Keys, sums);
        AttentionTiles<THead>.Gather(seen.Two, ds, keys.Keys, sums);
        AttentionTiles<THead>.Spread(seen.One, ds, queries, keys.KeyGradient); // the queries carry the scale already
        AttentionTiles<THead>.Spread(seen.Two, ds, queries, keys.KeyGradient);
        AttentionTiles<THead>.Spread(seen.One, p, grads, keys.ValueGradient);
        AttentionTiles<THead>.Spread(seen.Two, p, grads, keys.ValueGradient);
        var to = job->Gradient + (row * seq + first) * shape.Width + (nint)head * THead.Size;
        for (nint r = 0; r < count; r++) job->Rotary.Turn<THead>(row * seq + first + r, sums + r * THead.Size, to + r * shape.Width, sign: -1, Factor<THead>());
    }

    /// <summary>1 / sqrt(D).</summary>
    internal static float Factor<THead>() where THead : struct, IHeadSize => 1 / MathF.Sqrt(THead.Size);

    // Queries turned and divided by sqrt(D), as rows and one per lane; zeros where there are less than sixteen.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TurnQueries<THead>(Job* job, int row, int first, int count, int head, float* rows, float* lanes) where THead : struct, IHeadSize
    {
        var (width, token) = (job->Shape.Width, (nint)row * job->Shape.Seq + first);
        for (nint r = 0; r < count; r++) job->Rotary.Turn<THead>(token + r, job->Qkv + (token + r) * width + (nint)head * THead.Size, rows + r * THead.Size, sign: 1, Factor<THead>());
        FillAndTranspose<THead>(rows, count, lanes);
    }

    // The same for the gradients of outputs; returns per query the product of gradient and output.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static Vector512<float> LoadGradients<THead>(Job* job, int row, int first, int count, int head, float* rows, float* lanes) where THead : struct, IHeadSize
    {
        var pitch = (nint)job->Shape.Heads * THead.Size;
        var at = ((nint)row * job->Shape.Seq + first) * pitch + (nint)head * THead.Size;
        var delta = stackalloc float[SeenKeys.Lanes];
        Vector512<float>.Zero.Store(delta);
        for (nint r = 0; r < count; r++, at += pitch)
        {
            Copy<THead>(job->OutputGradient + at, rows + r * THead.Size);
            var sum = Vector512<float>.Zero;
            for (nint d = 0; d < THead.Size; d += 16) sum = Vector512.FusedMultiplyAdd(AttentionTiles<THead>.Load(job->OutputGradient + at + d), AttentionTiles<THead>.Load(job->Output + at + d), sum);
            delta[r] = Vector512.Sum(sum);
        }
        FillAndTranspose<THead>(rows, count, lanes);
        return Vector512.Load(delta);
    }

    /// <summary>Clears the rows from <paramref name="count"/> to 16 and writes all of them, [16, D], transposed.</summary>
    internal static void FillAndTranspose<THead>(float* rows, int count, float* lanes) where THead : struct, IHeadSize
    {
        if (count < SeenKeys.Lanes) new Span<float>(rows + count * THead.Size, (SeenKeys.Lanes - count) * THead.Size).Clear();
        Panels.TransposeRows(SeenKeys.Lanes, THead.Size, rows, THead.Size, lanes, SeenKeys.Lanes);
    }

    /// <summary>to = x [D].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Copy<THead>(float* x, float* to) where THead : struct, IHeadSize
    {
        for (nint d = 0; d < THead.Size; d += 16) AttentionTiles<THead>.Store(AttentionTiles<THead>.Load(x + d), to + d);
    }

    /// <summary>to = factor x [D].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Scale<THead>(float* x, float factor, float* to) where THead : struct, IHeadSize
    {
        for (nint d = 0; d < THead.Size; d += 16) AttentionTiles<THead>.Store(AttentionTiles<THead>.Load(x + d) * factor, to + d);
    }
}
