// The gated feed-forward: y = x + (silu(gate) * up) down', where [gate, up] = norm(x) gateUp'. Forward, a block of rows
// passes through all of it while its intermediate values are in the cache. Backward, a chunk of rows gets the gradients of
// its rows block by block, then adds to those of the weights; the norm and silu(gate) * up are computed again from what
// the forward pass kept, [gate, up] and 1 / rms.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Norm, gated feed-forward and residual.</summary>
internal static unsafe class Mlp
{
    /// <summary>Rows whose gradients are held at a time. A multiple of the product's pieces, so that it changes no sum.</summary>
    private const int Chunk = 256;

    /// <summary>y = x + (silu(gate) * up) down'.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="norm">[hidden], the norm's weight.</param>
    /// <param name="eps">The norm's.</param>
    /// <param name="gateUp">[2 inner, hidden], gate above up, packed.</param>
    /// <param name="down">[hidden, inner], packed.</param>
    /// <param name="y">[rows, hidden], overwritten; may be x itself.</param>
    /// <param name="kept">[rows, 2 inner], gate and up of each row, for <see cref="Backward"/>; or a null pointer.</param>
    /// <param name="inverse">[rows], 1 / rms of x, for <see cref="Backward"/>; or null.</param>
    public static void Forward(nint rows, Mat x, float* norm, float eps, Panels gateUp, Panels down, Mat y, Mat kept, float* inverse)
    {
        var job = new ForwardJob { Rows = rows, X = x, Norm = norm, Eps = eps, GateUp = gateUp, Down = down, Y = y, Kept = kept, Inverse = inverse };
        Workers.Run(checked((int)((rows + RowBlocks.Rows - 1) / RowBlocks.Rows)), &job, &ForwardBlock);
    }

    /// <summary>Gradients of x and of the weights from the gradient g of y.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="hidden">Columns of x.</param>
    /// <param name="inner">Columns of gate and of up.</param>
    /// <param name="x">[rows, hidden], as in the forward pass.</param>
    /// <param name="norm">[hidden].</param>
    /// <param name="gateUp">[2 inner, hidden].</param>
    /// <param name="down">[hidden, inner].</param>
    /// <param name="kept">[rows, 2 inner], from the forward pass.</param>
    /// <param name="inverse">[rows], from the forward pass.</param>
    /// <param name="g">[rows, hidden], gradient of y.</param>
    /// <param name="dx">[rows, hidden], overwritten.</param>
    /// <param name="dNorm">[hidden], overwritten.</param>
    /// <param name="dGateUp">[2 inner, hidden], overwritten; a null pointer where both matrices are frozen.</param>
    /// <param name="dDown">[hidden, inner], overwritten; null where <paramref name="dGateUp"/> is.</param>
    public static void Backward(nint rows, nint hidden, nint inner, Mat x, float* norm, Mat gateUp, Mat down, Mat kept, float* inverse, Mat g, Mat dx, float* dNorm, Mat dGateUp, Mat dDown)
    {
        var most = Math.Min(Chunk, rows);
        var frozen = dGateUp.Data == null;
        var job = new BackwardJob
        {
            Hidden = hidden, Inner = inner, X = x, Norm = norm, Kept = kept, Inverse = inverse, G = g, DX = dx,
            GateUp = Panels.Pack(2 * inner, hidden, gateUp, Slot.FirstWeight),
            Down = Panels.Pack(hidden, inner, down, Slot.SecondWeight),
            Normed = frozen ? default : new Mat(Scratch.Floats(Slot.Normed, most * hidden), hidden),
            Activation = new Mat(Scratch.Floats(Slot.Activation, most * inner), inner),
            DWide = new Mat(Scratch.Floats(Slot.WideGradient, most * 2 * inner), 2 * inner),
            Sums = Scratch.Floats(Slot.WeightSums, (Chunk / RowBlocks.Rows) * hidden),
        };
        var dGateUpT = frozen ? null : Scratch.Floats(Slot.WeightTransposed, hidden * 2 * inner); // the wide factor is the one that is read in place
        for (nint at = 0; at == 0 || at < rows; at += Chunk) // once without rows: gradients are zero then
        {
            (job.First, job.Rows) = (at, Math.Min(Chunk, rows - at));
            var blocks = (int)((job.Rows + RowBlocks.Rows - 1) / RowBlocks.Rows);
            Workers.Run(blocks, &job, &BackwardBlock);
            RmsNorm.SumRows(blocks, hidden, job.Sums, dNorm, add: at > 0);
            if (frozen) continue;
            Gemm.Multiply(hidden, inner, job.Rows, g.From(at, 0).T, job.Activation, dDown.Data, dDown.Pitch, add: at > 0);
            Gemm.Multiply(hidden, 2 * inner, job.Rows, job.Normed.T, job.DWide, dGateUpT, 2 * inner, add: at > 0);
        }
        if (!frozen) Panels.TransposeRows(hidden, 2 * inner, dGateUpT, 2 * inner, dGateUp.Data, dGateUp.Pitch);
    }

    private struct ForwardJob
    {
        public nint Rows;
        public Mat X, Y, Kept;
        public float* Norm, Inverse;
        public float Eps;
        public Panels GateUp, Down;
    }

    private static void ForwardBlock(ForwardJob* job, int block)
    {
        var at = (nint)block * RowBlocks.Rows;
        var (rows, hidden, inner) = (Math.Min(RowBlocks.Rows, job->Rows - at), job->GateUp.Inner, job->Down.Inner);
        var normed = new Mat(Scratch.Floats(Slot.Normed, rows * hidden), hidden);
        var wide = job->Kept.Data != null ? job->Kept.From(at, 0) : new Mat(Scratch.Floats(Slot.Wide, rows * 2 * inner), 2 * inner);
        var activation = new Mat(Scratch.Floats(Slot.Activation, rows * inner), inner);
        RmsNorm.Rows(rows, hidden, job->X.From(at, 0), job->Norm, job->Eps, normed, job->Inverse == null ? null : job->Inverse + at);
        Gemm.Multiply(rows, normed, job->GateUp, wide.Data, wide.Pitch);
        for (nint i = 0; i < rows; i++) Gate(inner, wide.At(i, 0), activation.At(i, 0));
        RowBlocks.Copy(rows, hidden, job->X.From(at, 0), job->Y.From(at, 0));
        Gemm.Multiply(rows, activation, job->Down, job->Y.At(at, 0), job->Y.Pitch, add: true);
    }

    private struct BackwardJob
    {
        public nint First, Rows, Hidden, Inner;
        public Mat X, G, DX, Kept, Normed, Activation, DWide;
        public float* Norm, Inverse, Sums;
        public Panels GateUp, Down;
    }

    private static void BackwardBlock(BackwardJob* job, int block)
    {
        var inChunk = (nint)block * RowBlocks.Rows;
        var (at, rows, hidden, inner) = (job->First + inChunk, Math.Min(RowBlocks.Rows, job->Rows - inChunk), job->Hidden, job->Inner);
        var (x, g, kept) = (job->X.From(at, 0), job->G.From(at, 0), job->Kept.From(at, 0));
        var inverse = job->Inverse + at;
        var (activation, dWide) = (job->Activation.From(inChunk, 0), job->DWide.From(inChunk, 0));
        var dActivation = new Mat(Scratch.Floats(Slot.ActivationGradient, rows * inner), inner);
        Gemm.Multiply(rows, g, job->Down, dActivation.Data, inner);
        for (nint i = 0; i < rows; i++) GateBackward(inner, kept.At(i, 0), dActivation.At(i, 0), activation.At(i, 0), dWide.At(i, 0));
        if (job->Normed.Data != null) RmsNorm.RowsAgain(rows, hidden, x, job->Norm, inverse, job->Normed.From(inChunk, 0));
        var dNormed = new Mat(Scratch.Floats(Slot.NormedGradient, rows * hidden), hidden);
        Gemm.Multiply(rows, dWide, job->GateUp, dNormed.Data, hidden);
        RmsNorm.RowsBackward(rows, hidden, x, job->Norm, inverse, dNormed, g, job->DX.From(at, 0), job->Sums + block * hidden);
    }

    /// <summary>activation = silu(gate) * up, where no norm and no product are to be done with it (adapters stand between).</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="inner">Columns of gate and of up.</param>
    /// <param name="wide">[rows, 2 inner] without gaps.</param>
    /// <param name="activation">[rows, inner] without gaps, overwritten.</param>
    public static void Gate(nint rows, nint inner, float* wide, float* activation)
    {
        var job = new GateJob { Rows = rows, Inner = inner, Wide = wide, Activation = activation };
        Workers.Run(checked((int)((rows + RowBlocks.Rows - 1) / RowBlocks.Rows)), &job, &GateBlock);
    }

    /// <summary>The gradient of gate and up from that of silu(gate) * up.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="inner">Columns of gate and of up.</param>
    /// <param name="wide">[rows, 2 inner], as in the forward pass.</param>
    /// <param name="g">[rows, inner], gradient of the activation.</param>
    /// <param name="dWide">[rows, 2 inner], overwritten.</param>
    public static void GateBackward(nint rows, nint inner, float* wide, float* g, float* dWide)
    {
        var job = new GateJob { Rows = rows, Inner = inner, Wide = wide, G = g, DWide = dWide };
        Workers.Run(checked((int)((rows + RowBlocks.Rows - 1) / RowBlocks.Rows)), &job, &GateBackwardBlock);
    }

    private struct GateJob
    {
        public nint Rows, Inner;
        public float* Wide, Activation, G, DWide;
    }

    private static void GateBlock(GateJob* job, int block)
    {
        var end = Math.Min(job->Rows, ((nint)block + 1) * RowBlocks.Rows);
        for (var i = (nint)block * RowBlocks.Rows; i < end; i++) Gate(job->Inner, job->Wide + i * 2 * job->Inner, job->Activation + i * job->Inner);
    }

    private static void GateBackwardBlock(GateJob* job, int block)
    {
        var end = Math.Min(job->Rows, ((nint)block + 1) * RowBlocks.Rows);
        var activation = Scratch.Floats(Slot.Activation, job->Inner);
        for (var i = (nint)block * RowBlocks.Rows; i < end; i++)
            GateBackward(job->Inner, job->Wide + i * 2 * job->Inner, job->G + i * job->Inner, activation, job->DWide + i * 2 * job->Inner);
    }

    // activation = silu(gate) * up of one row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gate(nint inner, float* gate, float* activation)
    {
        nint k = 0;
        for (; k + Vectors.Lanes <= inner; k += Vectors.Lanes) GatePart(gate + k, gate + inner + k, activation + k, Vectors.Lanes);
        if (k < inner) GatePart(gate + k, gate + inner + k, activation + k, inner - k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatePart(float* gate, float* up, float* activation, nint count)
    {
        var a = Vectors.Load(gate, count);
        Vectors.Store(activation, a * Vectors.Sigmoid(a) * Vectors.Load(up, count), count);
    }

    // From the gradient d of silu(gate) * up to that of gate and up; also that product itself.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GateBackward(nint inner, float* gate, float* d, float* activation, float* dGate)
    {
        nint k = 0;
        for (; k + Vectors.Lanes <= inner; k += Vectors.Lanes) GateBackwardPart(gate + k, gate + inner + k, d + k, activation + k, dGate + k, dGate + inner + k, Vectors.Lanes);
        if (k < inner) GateBackwardPart(gate + k, gate + inner + k, d + k, activation + k, dGate + k, dGate + inner + k, inner - k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GateBackwardPart(float* gate, float* up, float* d, float* activation, float* dGate, float* dUp, nint count)
    {
        Vector512<float> a = Vectors.Load(gate, count), b = Vectors.Load(up, count), g = Vectors.Load(d, count);
        var s = Vectors.Sigmoid(a);
        var silu = a * s;
        Vectors.Store(activation, silu * b, count);
        Vectors.Store(dUp, g * silu, count);
        Vectors.Store(dGate, g * b * (s + silu * (Vector512<float>.One - s)), count);
    }
}
