using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Interop;

/// <summary>One operator of libtorch, found by its schema name on first use ("aten::add.Tensor").</summary>
internal sealed class Op(string schema)
{
    private nint handle;

    /// <summary>Whether this libtorch has the operator (scaled_dot_product_attention, say, came with 2.0).</summary>
    internal bool Exists => Find() != 0;

    internal nint Handle => Find() is var found and not 0 ? found
        : throw new MissingMethodException($"this libtorch ({__version__}) has no operator {schema}");

    private nint Find()
    {
        if (handle == 0)
        {
            var dot = schema.IndexOf('.', StringComparison.Ordinal);
            handle = dot < 0 ? Native.selm_find(schema, "") : Native.selm_find(schema[..dot], schema[(dot + 1)..]);
        }
        return handle;
    }
}

/// <summary>An operator argument before it is laid out for the native call; converts from what call sites have at hand.</summary>
internal readonly struct Arg
{
    internal readonly object? Reference;
    internal readonly Tag Tag;
    internal readonly long Bits;

    private Arg(Tag tag, object? reference, long bits = 0) => (Tag, Reference, Bits) = (tag, reference, bits);

    internal static Arg None => default;

    public static implicit operator Arg(Tensor? value) => value is null ? default : new(Tag.Tensor, value);
    public static implicit operator Arg(long value) => new(Tag.Int, null, value);
    public static implicit operator Arg(long? value) => value is { } number ? new(Tag.Int, null, number) : default;
    public static implicit operator Arg(double value) => new(Tag.Double, null, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Arg(bool value) => new(Tag.Bool, null, value ? 1 : 0);
    public static implicit operator Arg(ScalarType value) => new(Tag.Int, null, (long)value);
    public static implicit operator Arg(ScalarType? value) => value is { } type ? new(Tag.Int, null, (long)type) : default;
    public static implicit operator Arg(Scalar? value) => value is null ? default : new(value.Tag, null, value.Bits);
    public static implicit operator Arg(long[]? value) => value is null ? default : new(Tag.IntList, value);
    public static implicit operator Arg(Tensor?[]? value) => value is null ? default : new(Tag.TensorList, value);
    public static implicit operator Arg(string? value) => value is null ? default : new(Tag.String, System.Text.Encoding.UTF8.GetBytes(value));
    public static implicit operator Arg(Device? value) =>
        value is null ? default : new(Tag.Device, null, ((long)value.type << 32) | (uint)value.index);
}

/// <summary>Calls operators. Arguments stay on the caller's stack, so tensors cannot be collected during the call.</summary>
internal static unsafe class Dispatch
{
    /// <summary>Calls an operator with one tensor result.</summary>
    internal static Tensor One(Op op, params ReadOnlySpan<Arg> args)
    {
        NativeArg result;
        Call(op, args, &result, 1);
        return Wrap(result.Pointer)!;
    }

    /// <summary>Calls an in-place operator and returns the tensor it changed (also the first of <paramref name="args"/>).</summary>
    internal static Tensor InPlace(Op op, Tensor target, params ReadOnlySpan<Arg> args)
    {
        NativeArg result;
        Call(op, args, &result, 1);
        Native.selm_free(result.Pointer);
        return target;
    }

    /// <summary>Calls an operator with several tensor results; undefined ones are null.</summary>
    internal static Tensor?[] Several(Op op, params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc NativeArg[8];
        var count = Call(op, args, results, 8);
        var tensors = new Tensor?[count];
        for (var k = 0; k < count; k++)
        {
            tensors[k] = Wrap(results[k].Pointer);
        }
        return tensors;
    }

    /// <summary>Calls an operator whose one result is a list of tensors.</summary>
    internal static Tensor[] List(Op op, params ReadOnlySpan<Arg> args)
    {
        NativeArg result;
        Call(op, args, &result, 1);
        var handles = (nint*)result.Pointer;
        var tensors = new Tensor[result.Count];
        for (var k = 0; k < result.Count; k++)
        {
            tensors[k] = Wrap(handles[k])!;
        }
        Native.selm_free_list(handles);
        return tensors;
    }

    /// <summary>Calls an operator that returns nothing (in-place foreach operators).</summary>
    internal static void Run(Op op, params ReadOnlySpan<Arg> args) => Call(op, args, null, 0);

    /// <summary>Calls an operator with one plain number or truth value as its result.</summary>
    internal static NativeArg Plain(Op op, params ReadOnlySpan<Arg> args)
    {
        NativeArg result;
        Call(op, args, &result, 1);
        return result;
    }

    internal static Tensor? Wrap(nint handle) => handle == 0 ? null : new Tensor(handle);

    private static int Call(Op op, ReadOnlySpan<Arg> args, NativeArg* results, int room)
    {
        var native = stackalloc NativeArg[args.Length];
        // Lists are copied to memory that the collector does not move; they are short, mostly sizes of a tensor.
        var room8 = 0;
        foreach (ref readonly var arg in args)
        {
            room8 += arg.Tag switch
            {
                Tag.TensorList => Unsafe.As<Tensor?[]>(arg.Reference!).Length,
                Tag.IntList => Unsafe.As<long[]>(arg.Reference!).Length,
                Tag.String => (Unsafe.As<byte[]>(arg.Reference!).Length + 7) / 8,
                _ => 0,
            };
        }
        var spare = room8 <= 256 ? null : (long*)NativeMemory.Alloc((nuint)room8, sizeof(long));
        var small = stackalloc long[room8 <= 256 ? room8 : 0];
        try
        {
            LayOut(args, native, spare is null ? small : spare);
            int returned;
            Native.Check(Native.selm_call(op.Handle, native, args.Length, results, room, &returned));
            return returned;
        }
        finally
        {
            NativeMemory.Free(spare);
        }
    }

    private static void LayOut(ReadOnlySpan<Arg> args, NativeArg* native, long* lists)
    {
        for (var k = 0; k < args.Length; k++)
        {
            ref readonly var arg = ref args[k];
            ref var slot = ref native[k];
            slot.Tag = arg.Tag;
            switch (arg.Tag)
            {
                case Tag.Tensor:
                    slot.Pointer = Unsafe.As<Tensor>(arg.Reference!).Handle;
                    break;
                case Tag.TensorList:
                    var tensors = Unsafe.As<Tensor?[]>(arg.Reference!);
                    slot.Count = tensors.Length;
                    slot.Pointer = (nint)lists;
                    foreach (var tensor in tensors)
                    {
                        *lists++ = tensor is null ? 0 : tensor.Handle;
                    }
                    break;
                case Tag.IntList:
                    var integers = Unsafe.As<long[]>(arg.Reference!);
                    slot.Count = integers.Length;
                    slot.Pointer = (nint)lists;
                    integers.CopyTo(new Span<long>(lists, integers.Length));
                    lists += integers.Length;
                    break;
                case Tag.String:
                    var bytes = Unsafe.As<byte[]>(arg.Reference!);
                    slot.Count = bytes.Length;
                    slot.Pointer = (nint)lists;
                    bytes.CopyTo(new Span<byte>(lists, bytes.Length));
                    lists += (bytes.Length + 7) / 8;
                    break;
                default:
                    slot.Integer = arg.Bits;
                    break;
            }
        }
    }
}
