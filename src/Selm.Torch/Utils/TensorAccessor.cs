using System.Runtime.InteropServices;

namespace TorchSharp.Utils;

/// <summary>Typed access to the elements of a CPU tensor, in row-major order whatever its strides.</summary>
public sealed class TensorAccessor<T> : IDisposable
    where T : unmanaged
{
    private readonly torch.Tensor tensor;

    internal TensorAccessor(torch.Tensor tensor)
    {
        if (tensor.dtype != ElementType)
        {
            throw new ArgumentException($"the tensor holds {tensor.dtype}, not {typeof(T).Name}");
        }
        this.tensor = tensor;
    }

    internal static torch.ScalarType ElementType { get; } = default(T) switch
    {
        byte => torch.ScalarType.Byte,
        sbyte => torch.ScalarType.Int8,
        short => torch.ScalarType.Int16,
        int => torch.ScalarType.Int32,
        long => torch.ScalarType.Int64,
        Half => torch.ScalarType.Float16,
        float => torch.ScalarType.Float32,
        double => torch.ScalarType.Float64,
        bool => torch.ScalarType.Bool,
        _ => throw new NotSupportedException($"tensors do not hold {typeof(T).Name}"),
    };

    public long Count => tensor.numel();

    public T this[params long[] indices]
    {
        get => Elements[Offset(indices)];
        set => Elements[Offset(indices)] = value;
    }

    public T[] ToArray()
    {
        if (tensor.is_contiguous())
        {
            return MemoryMarshal.Cast<byte, T>(tensor.bytes).ToArray();
        }
        using var dense = tensor.contiguous().DetachFromDisposeScope();
        return MemoryMarshal.Cast<byte, T>(dense.bytes).ToArray();
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0) =>
        Elements[(int)tensorIndex..].CopyTo(array[arrayIndex..]);

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) =>
        CopyFrom(array.AsSpan(), arrayIndex, tensorIndex);

    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0) =>
        array[arrayIndex..].CopyTo(Elements[(int)tensorIndex..]);

    public void Dispose()
    {
    }

    private Span<T> Elements => MemoryMarshal.Cast<byte, T>(tensor.bytes);

    private int Offset(long[] indices)
    {
        if (indices.Length == 1)
        {
            return (int)indices[0];
        }
        var sizes = tensor.shape;
        long offset = 0;
        for (var k = 0; k < sizes.Length; k++)
        {
            offset = (offset * sizes[k]) + indices[k];
        }
        return (int)offset;
    }
}
