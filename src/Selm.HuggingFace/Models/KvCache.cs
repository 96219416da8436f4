using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Keys and values of the tokens already read, allocated once for the whole generation. Rows are padded on the left,
/// so all rows grow at the same index.
/// </summary>
public sealed class KvCache : IDisposable
{
    /// <summary>Allocates room.</summary>
    /// <param name="model">The model whose keys and values are kept.</param>
    /// <param name="leftPadding">Padding tokens at the start of each row.</param>
    /// <param name="capacity">Most tokens a row may reach, padding included.</param>
    /// <param name="packed">The model's weights in panels, where several caches read them; the caller's. Null packs them at each product.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no row, or a row's padding is negative or beyond the capacity.</exception>
    internal KvCache(Llama model, IReadOnlyList<int> leftPadding, int capacity, PackedLlama? packed = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(leftPadding.Count, nameof(leftPadding));
        ArgumentOutOfRangeException.ThrowIfLessThan(leftPadding.Min(), 0, nameof(leftPadding));
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Math.Max(1, leftPadding.Max()));
        Packed = packed;
        var config = model.Config;
        Transposed = Fast.WantsTransposedCache(model.embed_tokens, config);
        Capacity = (capacity + 15) / 16 * 16;
        long[] keyShape = Transposed
            ? [leftPadding.Count, config.NumKeyValueHeads, config.HeadDim, Capacity]
            : [leftPadding.Count, config.NumKeyValueHeads, Capacity, config.HeadDim];
        long[] valueShape = [leftPadding.Count, config.NumKeyValueHeads, Capacity, config.HeadDim];
        Tensor Room(long[] shape) => zeros(shape, model.Dtype, model.Device).DetachFromDisposeScope();
        Keys = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Room(keyShape))];
        Values = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => Room(valueShape))];
        First = tensor(leftPadding.ToArray(), [leftPadding.Count], device: model.Device).DetachFromDisposeScope();
    }

    /// <summary>Tokens read so far, padding included: the index at which the next token goes.</summary>
    public int Length { get; internal set; }

    /// <summary>Most tokens a row may reach.</summary>
    public int Capacity { get; }

    /// <summary>Index of the first token of each row that is not padding, [rows], int32.</summary>
    internal Tensor First { get; }

    internal Tensor[] Keys { get; }

    internal Tensor[] Values { get; }

    /// <summary>Whether keys are kept as [rows, kvHeads, headDim, capacity] for the fused kernel.</summary>
    internal bool Transposed { get; }

    /// <summary>The model's weights as the products of decoding read them, or null where libtorch multiplies.</summary>
    internal PackedLlama? Packed { get; }

    /// <summary>Which keys the next <paramref name="count"/> tokens see, [rows, 1, count, Length + count]; true is seen.</summary>
    /// <param name="count">Number of new tokens.</param>
    /// <param name="window">A token sees this many tokens, itself included; 0 means all.</param>
    internal Tensor Mask(long count, int window)
    {
        using var scope = NewDisposeScope();
        var key = Numbers.Range(0, Length + count, ScalarType.Int32, First.device).view(1, 1, -1);
        var last = Numbers.Range(Length, Length + count, ScalarType.Int32, First.device).view(1, -1, 1);
        var seen = key.le(last) & key.ge(First.view(-1, 1, 1));
        if (window > 0)
        {
            seen = seen & key.gt(last.Plus(-window));
        }
        // A padding token sees itself, so that no softmax runs over nothing; nobody reads its result.
        return (seen | key.eq(last)).unsqueeze(1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Keys.Concat(Values))
        {
            tensor.Dispose();
        }
        First.Dispose();
    }
}
