// Some rows of a matrix, such as the embeddings of tokens, and the gradient, which adds up where a row was taken twice.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Picks rows and adds gradients to them.</summary>
internal static unsafe class Rows
{
    private const int Columns = 64; // of one block of the gradient
    private const int Together = 64; // rows of one block of the forward pass
    private const nint Small = 1 << 16; // floats below which threads do not pay

    /// <summary>to[i] = x[index[i]].</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="width">Floats per row.</param>
    /// <param name="index">[count].</param>
    /// <param name="count">How many rows are taken.</param>
    /// <param name="to">[count, width].</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is no row.</exception>
    public static void Gather(float* x, nint rows, nint width, long* index, nint count, float* to)
    {
        for (nint i = 0; i < count; i++)
            if ((ulong)index[i] >= (ulong)rows) throw new ArgumentOutOfRangeException(nameof(index), $"index out of range: row {index[i]} of {rows}");
        var job = new Job { From = x, Width = width, Index = index, Count = count, To = to };
        Run((int)((count + Together - 1) / Together), &job, &GatherBlock);
    }

    /// <summary>to[index[i]] += gradient[i], in the order of i for any number of threads.</summary>
    /// <param name="gradient">[count, width].</param>
    /// <param name="width">Floats per row.</param>
    /// <param name="index">[count], as given to <see cref="Gather"/>, which has checked them.</param>
    /// <param name="count">How many rows were taken.</param>
    /// <param name="to">[rows, width], already filled.</param>
    public static void ScatterAdd(float* gradient, nint width, long* index, nint count, float* to)
    {
        var job = new Job { From = gradient, Width = width, Index = index, Count = count, To = to };
        Run((int)((width + Columns - 1) / Columns), &job, &ScatterBlock);
    }

    private struct Job
    {
        public float* From, To;
        public nint Width, Count;
        public long* Index;
    }

    private static void Run(int blocks, Job* job, delegate*<Job*, int, void> block)
    {
        if (job->Width * job->Count < Small) for (var k = 0; k < blocks; k++) block(job, k);
        else Workers.Run(blocks, job, block);
    }

    private static void GatherBlock(Job* job, int block)
    {
        var end = Math.Min(job->Count, (block + 1) * (nint)Together);
        var bytes = (ulong)job->Width * sizeof(float);
        for (var i = block * (nint)Together; i < end; i++) Buffer.MemoryCopy(job->From + (nint)job->Index[i] * job->Width, job->To + i * job->Width, bytes, bytes);
    }

    // A block is a strip of columns: every thread goes through all indices in their order.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScatterBlock(Job* job, int block)
    {
        var first = block * (nint)Columns;
        var columns = Math.Min(Columns, job->Width - first);
        var from = job->From + first;
        var whole = columns & ~15;
        for (nint i = 0; i < job->Count; i++, from += job->Width)
        {
            var to = job->To + (nint)job->Index[i] * job->Width + first;
            for (nint k = 0; k < whole; k += 16) (Vector512.Load(to + k) + Vector512.Load(from + k)).Store(to + k);
            for (var k = whole; k < columns; k++) to[k] += from[k];
        }
    }
}
