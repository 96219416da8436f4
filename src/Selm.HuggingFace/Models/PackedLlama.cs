using Selm.HuggingFace.Kernels;
using static Selm.HuggingFace.Engine.TensorMemory;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>The four matrices of a block in panels.</summary>
/// <param name="Qkv">Queries, keys and values.</param>
/// <param name="Output">After attention.</param>
/// <param name="GateUp">First of the feed-forward layer.</param>
/// <param name="Down">Second of the feed-forward layer.</param>
internal sealed record PackedBlock(PackedWeights Qkv, PackedWeights Output, PackedWeights GateUp, PackedWeights Down);

/// <summary>
/// A copy of a decoder's matrices in the order in which products read them, made once per generation: a step of decoding
/// has few rows, and packing a weight for it would take as long as the product.
/// </summary>
internal sealed unsafe class PackedLlama : IDisposable
{
    private PackedLlama(Llama model)
    {
        Blocks = [.. model.layers.Select(block => new PackedBlock(Pack(block.qkv_proj), Pack(block.o_proj), Pack(block.gate_up_proj), Pack(block.down_proj)))];
        Head = Pack(model.Head);
    }

    /// <summary>The weights as they are now, or null where libtorch multiplies.</summary>
    public static PackedLlama? Of(Llama model) => Fast.Fused(model.embed_tokens) ? new(model) : null;

    /// <summary>By layer.</summary>
    public IReadOnlyList<PackedBlock> Blocks { get; }

    /// <summary>The head's matrix.</summary>
    public PackedWeights Head { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
        {
            block.Qkv.Dispose();
            block.Output.Dispose();
            block.GateUp.Dispose();
            block.Down.Dispose();
        }
        Head.Dispose();
    }

    private static PackedWeights Pack(Tensor weight) => new(Floats(weight), (nint)weight.size(0), (nint)weight.size(1), (nint)weight.size(1));
}
