using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using TorchSharp;
using static Selm.HuggingFace.Engine.TensorMemory;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>x weight', or residual + x weight'. Inputs: x [rows, in], weight [out, in] and, where there is one, residual [rows, out].</summary>
/// <param name="packed">The weight in panels, or null: then it is packed for this call.</param>
internal sealed unsafe class LinearKernel(PackedWeights? packed) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        nint rows = (nint)x.size(0), into = (nint)x.size(1), outOf = (nint)weight.size(0);
        var y = empty([rows, outOf], device: CPU);
        var (from, to) = (new Mat(Floats(x), into), new Mat(Floats(y), outOf));
        var panels = Weights.Packed(packed, weight, Slot.FirstWeight);
        if (inputs.Length > 2)
        {
            LinearAdd.Forward(rows, from, panels, new Mat(Floats(inputs[2]), outOf), to);
        }
        else
        {
            Gemm.Multiply(rows, from, panels, Floats(y), outOf);
        }
        return y;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (x, weight) = (inputs[0], inputs[1]);
        nint rows = (nint)grad.size(0), into = (nint)weight.size(1), outOf = (nint)weight.size(0);
        var (gradX, gradWeight) = (wants[0] ? empty([rows, into], device: CPU) : null, wants[1] ? weight.empty_like() : null);
        LinearAdd.Backward(rows, into, outOf, new(Floats(x), into), new(Floats(weight), into), new(Floats(grad), outOf), Weights.Room(gradX, into), Weights.Room(gradWeight, into));
        return inputs.Length > 2 ? [gradX, gradWeight, grad.alias()] : [gradX, gradWeight];
    }

    protected override bool Reads(int input, bool[] wants) => input == 1 || (input == 0 && wants[1]);
}

/// <summary>x / sqrt(mean(x^2) + eps) * weight over the last dimension. Inputs: x [.., hidden], weight [hidden].</summary>
internal sealed unsafe class RmsNormKernel(double eps) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        var (y, inverse) = (inputs[0].empty_like(), empty([rows], device: CPU));
        RmsNorm.Forward(rows, width, new(Floats(inputs[0]), width), Floats(inputs[1]), (float)eps, new(Floats(y), width), Floats(inverse));
        extra?.Add(inverse);
        return y;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        var (gradX, gradWeight) = (inputs[0].empty_like(), inputs[1].empty_like());
        RmsNorm.Backward(rows, width, new(Floats(inputs[0]), width), Floats(inputs[1]), Floats(extra[0]), new(Floats(grad), width), new(Floats(gradX), width), Floats(gradWeight));
        return [gradX, gradWeight];
    }
}

/// <summary>norm(x) weight'. Inputs: x [rows, hidden], norm [hidden], weight [out, hidden].</summary>
internal sealed unsafe class NormLinearKernel(double eps, PackedWeights? packed) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        var outOf = (nint)inputs[2].size(0);
        var (y, inverse) = (empty([rows, outOf], device: CPU), empty([rows], device: CPU));
        NormLinear.Forward(rows, new(Floats(inputs[0]), width), Floats(inputs[1]), (float)eps, Weights.Packed(packed, inputs[2], Slot.FirstWeight), new(Floats(y), outOf), Floats(inverse));
        extra?.Add(inverse);
        return y;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        var outOf = (nint)inputs[2].size(0);
        var (gradX, gradNorm, gradWeight) = (inputs[0].empty_like(), inputs[1].empty_like(), wants[2] ? inputs[2].empty_like() : null);
        NormLinear.Backward(
            rows, width, outOf, new(Floats(inputs[0]), width), Floats(inputs[1]), Floats(extra[0]), new(Floats(inputs[2]), width), new(Floats(grad), outOf),
            new(Floats(gradX), width), Floats(gradNorm), Weights.Room(gradWeight, width));
        return [gradX, gradNorm, gradWeight];
    }
}

/// <summary>The feed-forward half of a block. Inputs: x [rows, hidden], norm [hidden], gateUp [2 inner, hidden], down [hidden, inner].</summary>
internal sealed unsafe class MlpKernel(double eps, PackedWeights? packedGateUp, PackedWeights? packedDown) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        var wide = (nint)inputs[2].size(0);
        var (y, inverse) = (inputs[0].empty_like(), empty([rows], device: CPU));
        var kept = extra is null ? null : empty([rows, wide], device: CPU);
        Mlp.Forward(
            rows, new(Floats(inputs[0]), width), Floats(inputs[1]), (float)eps, Weights.Packed(packedGateUp, inputs[2], Slot.FirstWeight), Weights.Packed(packedDown, inputs[3], Slot.SecondWeight),
            new(Floats(y), width), kept is null ? default : new(Floats(kept), wide), Floats(inverse));
        extra?.AddRange([kept!, inverse]);
        return y;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (rows, width) = Weights.RowsAndWidth(inputs[0]);
        nint wide = (nint)inputs[2].size(0), inner = wide / 2;
        var matrices = wants[2] || wants[3];
        Tensor?[] grads = [.. inputs.Select((input, k) => k < 2 || matrices ? input.empty_like() : null)];
        Mlp.Backward(
            rows, width, inner, new(Floats(inputs[0]), width), Floats(inputs[1]), new(Floats(inputs[2]), width), new(Floats(inputs[3]), inner), new(Floats(extra[0]), wide), Floats(extra[1]),
            new(Floats(grad), width), new(Floats(grads[0]!), width), Floats(grads[1]!), Weights.Room(grads[2], width), Weights.Room(grads[3], inner));
        return grads;
    }
}

/// <summary>silu(gate) * up. Input: gate and up side by side, [rows, 2 inner].</summary>
internal sealed unsafe class GateKernel : Kernel
{
    public static readonly GateKernel Instance = new();

    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (rows, wide) = Weights.RowsAndWidth(inputs[0]);
        var activation = empty([rows, wide / 2], device: CPU);
        Mlp.Gate(rows, wide / 2, Floats(inputs[0]), Floats(activation));
        return activation;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (rows, wide) = Weights.RowsAndWidth(inputs[0]);
        var gradWide = inputs[0].empty_like();
        Mlp.GateBackward(rows, wide / 2, Floats(inputs[0]), Floats(grad), Floats(gradWide));
        return [gradWide];
    }
}

/// <summary>
/// x weight' + scaling * (x A') B', the second part block by block, or residual + that. Inputs: x [rows, in], weight [out, in], which is
/// frozen, A [blocks * r, in], B [sum of widths, r] and, where there is one, residual [rows, out]. One kernel and not two: the room of a
/// product that is thrown away at once is cut up by what comes next, and the heap grows by as much as all activations.
/// </summary>
/// <param name="packed">The weight in panels, or null: then it is packed for this call.</param>
/// <param name="delta">The blocks.</param>
internal sealed unsafe class LoraLinearKernel(PackedWeights? packed, LoraDelta delta) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (rows, into) = Weights.RowsAndWidth(inputs[0]);
        nint outOf = (nint)inputs[1].size(0), wide = (nint)delta.A.size(0), rank = delta.Rank;
        var (output, low) = (empty([rows, outOf], device: CPU), empty([rows, wide], device: CPU));
        var panels = Weights.Packed(packed, inputs[1], Slot.FirstWeight);
        if (inputs.Length > 4)
        {
            LinearAdd.Forward(rows, new(Floats(inputs[0]), into), panels, new Mat(Floats(inputs[4]), outOf), new Mat(Floats(output), outOf));
        }
        else
        {
            Gemm.Multiply(rows, new Mat(Floats(inputs[0]), into), panels, Floats(output), outOf);
        }
        Gemm.Multiply(rows, wide, into, new(Floats(inputs[0]), into), new Mat(Floats(inputs[2]), into).T, Floats(low), wide);
        low.MultiplyInPlace(delta.Scaling);
        var b = Floats(inputs[3]);
        for (var k = 0; k < delta.Blocks.Length; k++)
        {
            var (at, width) = ((nint)delta.Blocks[k].At, (nint)delta.Blocks[k].Width);
            Gemm.Multiply(rows, width, rank, new(Floats(low) + (k * rank), wide), new Mat(b, rank).T, Floats(output) + at, outOf, add: true);
            b += width * rank;
        }
        extra?.Add(low);
        return output;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (rows, outOf) = Weights.RowsAndWidth(grad);
        nint into = (nint)inputs[0].size(1), wide = (nint)delta.A.size(0), rank = delta.Rank;
        var (gradLow, gradA, gradB) = (empty([rows, wide], device: CPU), inputs[2].empty_like(), inputs[3].empty_like());
        float* b = Floats(inputs[3]), db = Floats(gradB);
        for (var k = 0; k < delta.Blocks.Length; k++)
        {
            var (at, width) = ((nint)delta.Blocks[k].At, (nint)delta.Blocks[k].Width);
            var g = new Mat(Floats(grad) + at, outOf);
            Gemm.Multiply(rows, rank, width, g, new(b, rank), Floats(gradLow) + (k * rank), wide);
            Gemm.Multiply(width, rank, rows, g.T, new(Floats(extra[0]) + (k * rank), wide), db, rank);
            b += width * rank;
            db += width * rank;
        }
        gradLow.MultiplyInPlace(delta.Scaling);
        var low = new Mat(Floats(gradLow), wide);
        Gemm.Multiply(wide, into, rows, low.T, new(Floats(inputs[0]), into), Floats(gradA), into);
        var gradX = wants[0] ? inputs[0].empty_like() : null;
        if (gradX is not null)
        {
            LinearAdd.Backward(rows, into, outOf, new(Floats(inputs[0]), into), new(Floats(inputs[1]), into), new(Floats(grad), outOf), Weights.Room(gradX, into), default);
            Gemm.Multiply(rows, into, wide, low, new(Floats(inputs[2]), into), Floats(gradX), into, add: true);
        }
        return inputs.Length > 4 ? [gradX, null, gradA, gradB, grad.alias()] : [gradX, null, gradA, gradB];
    }

    protected override bool Reads(int input, bool[] wants) => input < 4;
}

/// <summary>Weights and rows as the kernels take them.</summary>
internal static unsafe class Weights
{
    /// <summary>A weight [out, in] in panels: packed before, or now into this thread's scratch memory.</summary>
    public static Panels Packed(PackedWeights? packed, Tensor weight, Slot slot)
    {
        if (packed is not null)
        {
            return packed.Panels;
        }
        nint outOf = (nint)weight.size(0), into = (nint)weight.size(1);
        return Panels.Pack(into, outOf, new Mat(Floats(weight), into).T, Scratch.Floats(slot, Panels.Floats(into, outOf)));
    }

    /// <summary>Where a gradient goes; a null pointer where none is wanted.</summary>
    public static Mat Room(Tensor? gradient, nint pitch) => gradient is null ? default : new(Floats(gradient), pitch);

    /// <summary>All dimensions but the last as rows.</summary>
    public static (nint Rows, nint Width) RowsAndWidth(Tensor x)
    {
        var width = (nint)x.size(-1);
        return (width == 0 ? 0 : (nint)x.numel() / width, width);
    }
}

/// <summary>Some rows of a matrix. Inputs: x [rows, width], index [count], int64.</summary>
internal sealed unsafe class RowsKernel : Kernel
{
    public static readonly RowsKernel Instance = new();

    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var (x, index) = (inputs[0], inputs[1]);
        var y = empty([index.numel(), x.size(1)], device: CPU);
        Rows.Gather(Floats(x), (nint)x.size(0), (nint)x.size(1), Longs(index), (nint)index.numel(), Floats(y));
        return y;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var (x, index) = (inputs[0], inputs[1]);
        var gradX = x.zeros_like();
        Rows.ScatterAdd(Floats(grad), (nint)x.size(1), Longs(index), (nint)index.numel(), Floats(gradX));
        return [gradX, null];
    }
}

/// <summary>Rotary grouped-query attention over whole rows. Inputs: qkv [rows, width, ..], cos, sin, positions, ranges.</summary>
internal sealed unsafe class AttentionKernel(int heads, int kvHeads, int headDim) : Kernel
{
    protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra)
    {
        var shape = Shape(inputs[0]);
        var output = empty([shape.Batch, shape.Seq, (long)heads * headDim], device: CPU);
        var logSumExp = empty([shape.Batch, heads, shape.Seq], device: CPU);
        Attention.Forward(shape, Floats(inputs[0]), Angles(inputs), Ranges(inputs), Floats(output), Floats(logSumExp));
        extra?.AddRange([output.detach(), logSumExp]);
        return output;
    }

    protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants)
    {
        var gradQkv = inputs[0].empty_like();
        Attention.Backward(Shape(inputs[0]), Floats(inputs[0]), Angles(inputs), Ranges(inputs), Floats(extra[0]), Floats(extra[1]), Floats(grad), Floats(gradQkv));
        return [gradQkv, null, null, null, null];
    }

    private AttentionShape Shape(Tensor qkv) => new((int)qkv.size(0), (int)qkv.size(1), heads, kvHeads, headDim);

    private static Rotary Angles(Tensor[] inputs) => new(Floats(inputs[1]), Floats(inputs[2]), Longs(inputs[3]));

    private static TwoRanges* Ranges(Tensor[] inputs) => (TwoRanges*)Ints(inputs[4]);
}
