// The head: log-probabilities of given tokens, and their gradient, without the logits of more than one chunk of positions
// at a time.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>log p(id) under softmax(logits), in float32, by a log-sum-exp with the largest logit taken out.</summary>
internal static unsafe class TokenLogps
{
    private const int FewChunks = 4;
    private const nint LargeHead = 16 << 20; // floats: 64 MB
    private const int Together = 8; // rows per block
    private const nint Small = 1 << 15; // logits below which threads do not pay

    /// <summary>log p(id) of each row under softmax(logits).</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="ids">[rows].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="logps">[rows].</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public static void Chosen(float* logits, long* ids, nint rows, nint vocabulary, float* logps)
    {
        Check(ids, rows, vocabulary);
        ChooseRows(new Job { Logits = logits, Vocabulary = vocabulary, Rows = rows, Ids = ids, Logps = logps });
    }

    /// <summary>log p(id) of each row of states under softmax(states head').</summary>
    /// <param name="states">[rows, hidden].</param>
    /// <param name="head">[vocabulary, hidden].</param>
    /// <param name="ids">[rows].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="hidden">Width of a state.</param>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="logps">[rows].</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public static void Forward(float* states, float* head, long* ids, nint rows, nint hidden, nint vocabulary, float* logps)
    {
        Check(ids, rows, vocabulary);
        if (rows == 0) return;
        var step = Math.Min(rows, ChunkRows(vocabulary));
        var logits = Scratch.Floats(Slot.Head0, step * vocabulary);
        // Packed once for all chunks, unless the copy of a large head would outweigh what few positions need.
        var once = rows > FewChunks * step || hidden * vocabulary <= LargeHead;
        var panels = once ? Panels.Pack(hidden, vocabulary, new Mat(head, hidden).T, Scratch.Floats(Slot.Head1, Panels.Floats(hidden, vocabulary))) : default;
        for (nint at = 0; at < rows; at += step)
        {
            var count = Math.Min(step, rows - at);
            var x = new Mat(states + at * hidden, hidden);
            if (once) Gemm.Multiply(count, x, panels, logits, vocabulary);
            else Gemm.Multiply(count, vocabulary, hidden, x, new Mat(head, hidden).T, logits, vocabulary);
            ChooseRows(new Job { Logits = logits, Vocabulary = vocabulary, Rows = count, Ids = ids + at, Logps = logps + at });
        }
    }

    /// <summary>The gradient of sum weights[i] log p(id_i): d log p(id) / d logits = onehot(id) - softmax(logits).</summary>
    /// <param name="states">[rows, hidden].</param>
    /// <param name="head">[vocabulary, hidden].</param>
    /// <param name="ids">[rows].</param>
    /// <param name="logps">What <see cref="Forward"/> computed.</param>
    /// <param name="weights">[rows].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="hidden">Width of a state.</param>
    /// <param name="vocabulary">Number of tokens.</param>
    /// <param name="gradStates">[rows, hidden], written.</param>
    /// <param name="gradHead">[vocabulary, hidden]; the head's gradient is added to it. Null where the head is frozen.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public static void Backward(float* states, float* head, long* ids, float* logps, float* weights, nint rows, nint hidden, nint vocabulary, float* gradStates, float* gradHead)
    {
        Check(ids, rows, vocabulary);
        var step = Math.Min(rows, ChunkRows(vocabulary));
        var logits = Scratch.Floats(Slot.Head0, step * vocabulary);
        for (nint at = 0; at < rows; at += step)
        {
            var count = Math.Min(step, rows - at);
            var x = new Mat(states + at * hidden, hidden);
            Gemm.Multiply(count, vocabulary, hidden, x, new Mat(head, hidden).T, logits, vocabulary);
            var job = new Job { Logits = logits, Vocabulary = vocabulary, Rows = count, Ids = ids + at, Logps = logps + at, Weights = weights + at };
            Run(&job, &GradientBlock);
            Gemm.Multiply(count, hidden, vocabulary, new Mat(logits, vocabulary), new Mat(head, hidden), gradStates + at * hidden, hidden);
            if (gradHead != null) Gemm.Multiply(vocabulary, hidden, count, new Mat(logits, vocabulary).T, x, gradHead, hidden, add: true);
        }
    }

    private struct Job
    {
        public float* Logits, Logps, Weights;
        public nint Vocabulary, Rows;
        public long* Ids;
    }

    // About 8 MB of logits, but up to 256 positions of a large vocabulary within 64 MB: the gradient of the head is read and
    // written once per chunk.
    private static nint ChunkRows(nint vocabulary) => Math.Max(Math.Max(64, (2 << 20) / vocabulary / 16 * 16), Math.Min(256, (16 << 20) / vocabulary / 16 * 16));

    private static void Check(long* ids, nint rows, nint vocabulary)
    {
        for (nint i = 0; i < rows; i++)
            if ((ulong)ids[i] >= (ulong)vocabulary) throw new ArgumentOutOfRangeException(nameof(ids), $"index out of range: token {ids[i]} of a vocabulary of {vocabulary}");
    }

    private static void ChooseRows(Job job) => Run(&job, &ChooseBlock);

    private static void Run(Job* job, delegate*<Job*, int, void> block)
    {
        var blocks = checked((int)((job->Rows + Together - 1) / Together));
        if (job->Rows * job->Vocabulary < Small) for (var k = 0; k < blocks; k++) block(job, k);
        else Workers.Run(blocks, job, block);
    }

    private static void ChooseBlock(Job* job, int block)
    {
        var end = Math.Min(job->Rows, (block + 1) * (nint)Together);
        for (var i = block * (nint)Together; i < end; i++)
        {
            var row = job->Logits + i * job->Vocabulary;
            job->Logps[i] = row[job->Ids[i]] - LogSumExp(row, job->Vocabulary);
        }
    }

    // The log-sum-exp comes from logp = logit(id) - lse.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GradientBlock(Job* job, int block)
    {
        var end = Math.Min(job->Rows, (block + 1) * (nint)Together);
        for (var i = block * (nint)Together; i < end; i++)
        {
            var row = job->Logits + i * job->Vocabulary;
            var (id, weight) = (job->Ids[i], job->Weights[i]);
            var (lse, factor) = (Vector512.Create(row[id] - job->Logps[i]), Vector512.Create(-weight));
            nint k = 0, count = job->Vocabulary;
            for (; k + 16 <= count; k += 16) (Vectors.Exp(Vector512.Load(row + k) - lse) * factor).Store(row + k);
            if (k < count) Vectors.Store(row + k, Vectors.Exp(Vectors.Load(row + k, count - k) - lse) * factor, count - k);
            row[id] += weight;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float LogSumExp(float* row, nint count)
    {
        var lowest = Vector512.Create(float.NegativeInfinity);
        nint whole = count & ~(nint)15, k = 0;
        var last = whole == count ? lowest : LoadLast(row + whole, count - whole);
        Vector512<float> top0 = last, top1 = lowest, sum0 = default, sum1 = default;
        for (; k + 32 <= whole; k += 32) (top0, top1) = (Larger(top0, Vector512.Load(row + k)), Larger(top1, Vector512.Load(row + k + 16)));
        if (k < whole) top0 = Larger(top0, Vector512.Load(row + k));
        var top = Vectors.Highest(Larger(top0, top1));
        var shift = Vector512.Create(top);
        for (k = 0; k + 32 <= whole; k += 32)
        {
            sum0 += Vectors.Exp(Vector512.Load(row + k) - shift);
            sum1 += Vectors.Exp(Vector512.Load(row + k + 16) - shift);
        }
        if (k < whole) sum0 += Vectors.Exp(Vector512.Load(row + k) - shift);
        return top + MathF.Log(Vector512.Sum(sum0 + sum1 + Vectors.Exp(last - shift)));
    }

    // The end of a row that fills no vector; the lanes behind it are -inf.
    private static Vector512<float> LoadLast(float* from, nint count)
    {
        var present = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create((int)count)).AsSingle();
        return Vector512.ConditionalSelect(present, Vectors.Load(from, count), Vector512.Create(float.NegativeInfinity));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Larger(Vector512<float> a, Vector512<float> b) => Vector512.ConditionalSelect(Vector512.GreaterThan(a, b), a, b);
}
