// Products of a layer with what surrounds them. Rows are taken in blocks whose intermediate values stay in the cache, one
// block per thread; weights are packed once per call, or once and for all by the caller.
namespace Selm.HuggingFace.Kernels;

/// <summary>y = norm(x) w': the norm before queries, keys and values, or before the head.</summary>
internal static unsafe class NormLinear
{
    /// <summary>Rows whose gradients are held at a time. A multiple of the product's pieces, so that it changes no sum.</summary>
    private const int Chunk = 256;

    /// <summary>y = norm(x) w'.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="norm">[in], the norm's weight.</param>
    /// <param name="eps">The norm's.</param>
    /// <param name="weight">w [out, in], packed.</param>
    /// <param name="y">[rows, out], overwritten.</param>
    /// <param name="inverse">[rows], 1 / rms of x, kept for <see cref="Backward"/>, or null.</param>
    public static void Forward(nint rows, Mat x, float* norm, float eps, Panels weight, Mat y, float* inverse)
    {
        var job = new Job { Rows = rows, X = x, Norm = norm, Eps = eps, Weight = weight, Y = y, Inverse = inverse };
        Workers.Run(checked((int)((rows + RowBlocks.Rows - 1) / RowBlocks.Rows)), &job, &ForwardBlock);
    }

    /// <summary>Gradients of x, norm and w from the gradient g of y. The norm is computed again.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="from">Columns of x.</param>
    /// <param name="to">Columns of y.</param>
    /// <param name="x">[rows, from], as in the forward pass.</param>
    /// <param name="norm">[from].</param>
    /// <param name="inverse">[rows], from the forward pass.</param>
    /// <param name="weight">[to, from].</param>
    /// <param name="g">[rows, to], gradient of y.</param>
    /// <param name="dx">[rows, from], overwritten.</param>
    /// <param name="dNorm">[from], overwritten.</param>
    /// <param name="dWeight">[to, from], overwritten; a null pointer where w is frozen.</param>
    public static void Backward(nint rows, nint from, nint to, Mat x, float* norm, float* inverse, Mat weight, Mat g, Mat dx, float* dNorm, Mat dWeight)
    {
        var most = Math.Min(Chunk, rows);
        var job = new Job
        {
            X = x, Norm = norm, Inverse = inverse, G = g, Y = dx,
            Weight = Panels.Pack(to, from, weight, Slot.FirstWeight),
            Normed = dWeight.Data == null ? default : new Mat(Scratch.Floats(Slot.Normed, most * from), from),
            Sums = Scratch.Floats(Slot.WeightSums, (Chunk / RowBlocks.Rows) * from),
        };
        for (nint at = 0; at == 0 || at < rows; at += Chunk) // once without rows: gradients are zero then
        {
            (job.First, job.Rows) = (at, Math.Min(Chunk, rows - at));
            var blocks = (int)((job.Rows + RowBlocks.Rows - 1) / RowBlocks.Rows);
            Workers.Run(blocks, &job, &BackwardBlock);
            RmsNorm.SumRows(blocks, from, job.Sums, dNorm, add: at > 0);
            if (dWeight.Data != null) Gemm.Multiply(to, from, job.Rows, g.From(at, 0).T, job.Normed, dWeight.Data, dWeight.Pitch, add: at > 0);
        }
    }

    private struct Job
    {
        public nint First, Rows;
        public Mat X, G, Y, Normed;
        public float* Norm, Inverse, Sums;
        public float Eps;
        public Panels Weight;
    }

    private static void ForwardBlock(Job* job, int block)
    {
        var at = (nint)block * RowBlocks.Rows;
        var (rows, from) = (Math.Min(RowBlocks.Rows, job->Rows - at), job->Weight.Inner);
        var normed = new Mat(Scratch.Floats(Slot.Normed, rows * from), from);
        RmsNorm.Rows(rows, from, job->X.From(at, 0), job->Norm, job->Eps, normed, job->Inverse == null ? null : job->Inverse + at);
        Gemm.Multiply(rows, normed, job->Weight, job->Y.At(at, 0), job->Y.Pitch);
    }

    private static void BackwardBlock(Job* job, int block)
    {
        var inChunk = (nint)block * RowBlocks.Rows;
        var (at, rows, from) = (job->First + inChunk, Math.Min(RowBlocks.Rows, job->Rows - inChunk), job->Weight.Columns);
        var x = job->X.From(at, 0);
        var inverse = job->Inverse + at;
        if (job->Normed.Data != null) RmsNorm.RowsAgain(rows, from, x, job->Norm, inverse, job->Normed.From(inChunk, 0));
        var dNormed = new Mat(Scratch.Floats(Slot.NormedGradient, rows * from), from);
        Gemm.Multiply(rows, job->G.From(at, 0), job->Weight, dNormed.Data, from);
        RmsNorm.RowsBackward(rows, from, x, job->Norm, inverse, dNormed, default, job->Y.From(at, 0), job->Sums + block * from);
    }
}

/// <summary>y = residual + x w': the products that end a branch.</summary>
internal static unsafe class LinearAdd
{
    /// <summary>y = residual + x w'.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="weight">w [out, in], packed.</param>
    /// <param name="residual">[rows, out]; may be y itself.</param>
    /// <param name="y">[rows, out], overwritten.</param>
    public static void Forward(nint rows, Mat x, Panels weight, Mat residual, Mat y)
    {
        var job = new Job { Rows = rows, X = x, Weight = weight, Residual = residual, Y = y };
        Workers.Run(checked((int)((rows + RowBlocks.Rows - 1) / RowBlocks.Rows)), &job, &ForwardBlock);
    }

    /// <summary>dx = g w and dWeight = g' x; the residual's gradient is g itself.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="from">Columns of x.</param>
    /// <param name="to">Columns of y.</param>
    /// <param name="x">[rows, from].</param>
    /// <param name="weight">[to, from].</param>
    /// <param name="g">[rows, to], gradient of y.</param>
    /// <param name="dx">[rows, from], overwritten; a null pointer where nobody asks for it.</param>
    /// <param name="dWeight">[to, from], overwritten; a null pointer where w is frozen.</param>
    public static void Backward(nint rows, nint from, nint to, Mat x, Mat weight, Mat g, Mat dx, Mat dWeight)
    {
        if (dx.Data != null) Gemm.Multiply(rows, from, to, g, weight, dx.Data, dx.Pitch);
        if (dWeight.Data != null) Gemm.Multiply(to, from, rows, g.T, x, dWeight.Data, dWeight.Pitch);
    }

    private struct Job
    {
        public nint Rows;
        public Mat X, Residual, Y;
        public Panels Weight;
    }

    private static void ForwardBlock(Job* job, int block)
    {
        var at = (nint)block * RowBlocks.Rows;
        var rows = Math.Min(RowBlocks.Rows, job->Rows - at);
        RowBlocks.Copy(rows, job->Weight.Columns, job->Residual.From(at, 0), job->Y.From(at, 0));
        Gemm.Multiply(rows, job->X.From(at, 0), job->Weight, job->Y.At(at, 0), job->Y.Pitch, add: true);
    }
}

/// <summary>What layers that go through their rows in blocks share.</summary>
internal static unsafe class RowBlocks
{
    /// <summary>Rows per block: enough for the product, few enough for the cache.</summary>
    public const int Rows = 32;

    /// <summary>to = from, both [rows, width]; nothing where they are the same memory.</summary>
    public static void Copy(nint rows, nint width, Mat from, Mat to)
    {
        if (from.Data == to.Data) return;
        for (nint i = 0; i < rows; i++) new Span<float>(from.At(i, 0), (int)width).CopyTo(new Span<float>(to.At(i, 0), (int)width));
    }
}
