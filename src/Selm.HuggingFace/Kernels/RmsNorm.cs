// y = x / sqrt(mean(x^2) + eps) * weight, row by row, and its gradients. Whether a row is computed alone, in a batch or
// by another thread changes no bit of it; the weight's gradient sums over rows in blocks of a fixed size.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Root mean square norm over the last dimension.</summary>
internal static unsafe class RmsNorm
{
    /// <summary>Rows that one thread takes at a time, and over which gradients of the weight are summed first.</summary>
    internal const int Block = 32;

    private const int Small = 1 << 14; // floats below which threads do not pay

    /// <summary>y = x * inverse * weight, where inverse = 1 / sqrt(mean(x^2) + eps).</summary>
    /// <param name="rows">Rows of x and y.</param>
    /// <param name="width">Columns of x and y.</param>
    /// <param name="x">[rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="eps">Added to the mean of squares.</param>
    /// <param name="y">[rows, width]; may be x itself.</param>
    /// <param name="inverse">[rows], kept for <see cref="Backward"/>, or null.</param>
    public static void Forward(nint rows, nint width, Mat x, float* weight, float eps, Mat y, float* inverse)
    {
        var job = new Job { Rows = rows, Width = width, X = x, Weight = weight, Eps = eps, Y = y, Inverse = inverse };
        RunBlocks(&job, &ForwardBlock);
    }

    /// <summary>From the gradient g of y: dx = inverse * (g * weight - x * inverse^2 * mean(x * g * weight)), dWeight = sum over rows of g * x * inverse.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="width">Columns of x.</param>
    /// <param name="x">[rows, width], as in the forward pass.</param>
    /// <param name="weight">[width].</param>
    /// <param name="inverse">[rows], from the forward pass.</param>
    /// <param name="g">[rows, width], gradient of y.</param>
    /// <param name="dx">[rows, width], overwritten; may be g itself.</param>
    /// <param name="dWeight">[width], overwritten.</param>
    public static void Backward(nint rows, nint width, Mat x, float* weight, float* inverse, Mat g, Mat dx, float* dWeight)
    {
        var blocks = (rows + Block - 1) / Block;
        var sums = Scratch.Floats(Slot.WeightSums, blocks * width);
        var job = new Job { Rows = rows, Width = width, X = x, Weight = weight, Inverse = inverse, G = g, Y = dx, Sums = sums };
        RunBlocks(&job, &BackwardBlock);
        SumRows(blocks, width, sums, dWeight, add: false);
    }

    /// <summary>y [rows, width] = norm of x, on the calling thread; inverse may be null.</summary>
    internal static void Rows(nint rows, nint width, Mat x, float* weight, float eps, Mat y, float* inverse)
    {
        for (nint i = 0; i < rows; i++)
        {
            var inv = Inverse(x.At(i, 0), width, eps);
            if (inverse != null) inverse[i] = inv;
            Scale(x.At(i, 0), weight, inv, width, y.At(i, 0));
        }
    }

    /// <summary>The same once inverse is known.</summary>
    internal static void RowsAgain(nint rows, nint width, Mat x, float* weight, float* inverse, Mat y)
    {
        for (nint i = 0; i < rows; i++) Scale(x.At(i, 0), weight, inverse[i], width, y.At(i, 0));
    }

    /// <summary>
    /// dx = gradient through the norm (+ residual, unless its pointer is null) and sums [width] = gradient of the weight
    /// of these rows, on the calling thread.
    /// </summary>
    internal static void RowsBackward(nint rows, nint width, Mat x, float* weight, float* inverse, Mat g, Mat residual, Mat dx, float* sums)
    {
        new Span<float>(sums, (int)width).Clear();
        for (nint i = 0; i < rows; i++)
        {
            var extra = residual.Data == null ? null : residual.At(i, 0);
            RowBackward(width, x.At(i, 0), weight, inverse[i], g.At(i, 0), extra, dx.At(i, 0), sums);
        }
    }

    /// <summary>to [width] = (or +=) sum of <paramref name="rows"/> rows without gaps, in order.</summary>
    internal static void SumRows(nint rows, nint width, float* from, float* to, bool add)
    {
        if (!add) new Span<float>(to, (int)width).Clear();
        for (nint i = 0; i < rows; i++, from += width)
            for (nint k = 0; k < width; k++) to[k] += from[k];
    }

    private struct Job
    {
        public nint Rows, Width;
        public Mat X, G, Y;
        public float* Weight, Inverse, Sums;
        public float Eps;
    }

    private static void RunBlocks(Job* job, delegate*<Job*, int, void> block)
    {
        var blocks = checked((int)((job->Rows + Block - 1) / Block));
        if (job->Rows * job->Width < Small) for (var k = 0; k < blocks; k++) block(job, k);
        else Workers.Run(blocks, job, block);
    }

    private static void ForwardBlock(Job* job, int block)
    {
        var at = (nint)block * Block;
        var inverse = job->Inverse == null ? null : job->Inverse + at;
        Rows(Math.Min(Block, job->Rows - at), job->Width, job->X.From(at, 0), job->Weight, job->Eps, job->Y.From(at, 0), inverse);
    }

    private static void BackwardBlock(Job* job, int block)
    {
        var at = (nint)block * Block;
        var rows = Math.Min(Block, job->Rows - at);
        RowsBackward(rows, job->Width, job->X.From(at, 0), job->Weight, job->Inverse + at, job->G.From(at, 0), default, job->Y.From(at, 0), job->Sums + block * job->Width);
    }

    // Each loop below runs over whole vectors, its body with a constant count, and once more over the rest of the row: the
    // call behind a partial vector would make the compiler keep sums in memory.

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Inverse(float* x, nint width, float eps)
    {
        var sum = Vector512<float>.Zero;
        nint k = 0;
        for (; k + Vectors.Lanes <= width; k += Vectors.Lanes)
        {
            var v = Vector512.Load(x + k);
            sum = Vector512.FusedMultiplyAdd(v, v, sum);
        }
        if (k < width)
        {
            var v = Vectors.Load(x + k, width - k);
            sum = Vector512.FusedMultiplyAdd(v, v, sum);
        }
        return 1 / MathF.Sqrt(Vector512.Sum(sum) / width + eps);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale(float* x, float* weight, float inverse, nint width, float* y)
    {
        var inv = Vector512.Create(inverse);
        nint k = 0;
        for (; k + Vectors.Lanes <= width; k += Vectors.Lanes) (Vector512.Load(x + k) * inv * Vector512.Load(weight + k)).Store(y + k);
        if (k < width) Vectors.Store(y + k, Vectors.Load(x + k, width - k) * inv * Vectors.Load(weight + k, width - k), width - k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowBackward(nint width, float* x, float* weight, float inverse, float* g, float* residual, float* dx, float* sums)
    {
        var dot = Vector512<float>.Zero;
        nint k = 0;
        for (; k + Vectors.Lanes <= width; k += Vectors.Lanes)
            dot = Vector512.FusedMultiplyAdd(Vector512.Load(x + k) * Vector512.Load(weight + k), Vector512.Load(g + k), dot);
        if (k < width)
            dot = Vector512.FusedMultiplyAdd(Vectors.Load(x + k, width - k) * Vectors.Load(weight + k, width - k), Vectors.Load(g + k, width - k), dot);
        var inv = Vector512.Create(inverse);
        var c = Vector512.Create(Vector512.Sum(dot) * inverse * inverse / width);
        for (k = 0; k + Vectors.Lanes <= width; k += Vectors.Lanes) Part(k, Vectors.Lanes);
        if (k < width) Part(k, width - k);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void Part(nint k, nint count)
        {
            var (xs, gs) = (Vectors.Load(x + k, count), Vectors.Load(g + k, count));
            Vectors.Store(sums + k, Vector512.FusedMultiplyAdd(gs, xs * inv, Vectors.Load(sums + k, count)), count);
            var d = inv * (gs * Vectors.Load(weight + k, count) - xs * c);
            Vectors.Store(dx + k, residual == null ? d : Vectors.Load(residual + k, count) + d, count);
        }
    }
}
