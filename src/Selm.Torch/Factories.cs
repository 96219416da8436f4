using System.Runtime.InteropServices;
using TorchSharp.Interop;

namespace TorchSharp;

/// <summary>Making tensors, joining them, and the state of the library.</summary>
public static partial class torch
{
    private static readonly Op emptyOp = new("aten::empty.memory_format"), zerosOp = new("aten::zeros"), onesOp = new("aten::ones"), fullOp = new("aten::full");
    private static readonly Op arangeStop = new("aten::arange"), arangeStart = new("aten::arange.start"), arangeStep = new("aten::arange.start_step"), randOp = new("aten::rand"), randnOp = new("aten::randn");
    private static readonly Op catOp = new("aten::cat"), stackOp = new("aten::stack"), whereSelf = new("aten::where.self"), searchsortedOp = new("aten::searchsorted.Tensor"), eyeOp = new("aten::eye");
    private static ScalarType defaultDtype = ScalarType.Float32;

    public static string __version__ { get; } = Text(true);

    private static unsafe string Text(bool version) =>
        Marshal.PtrToStringUTF8((nint)(version ? Native.selm_version() : Native.selm_config())) ?? "";

    /// <summary>libtorch's own description of its build: BLAS, CPU capability, CUDA.</summary>
    internal static string BuildConfig => Text(false);

    public static ScalarType get_default_dtype() => defaultDtype;

    public static void set_default_dtype(ScalarType dtype) => defaultDtype = dtype;

    public static int get_num_threads() => Native.selm_get_num_threads();

    public static void set_num_threads(int num) => Native.selm_set_num_threads(num);

    public static int get_num_interop_threads() => Native.selm_get_num_interop_threads();

    public static void set_num_interop_threads(int num) => Native.Check(Native.selm_set_num_interop_threads(num));

    public static bool cuda_is_available() => cuda.is_available();

    /// <summary>Seeds libtorch's own generator; the kit draws its numbers from Numerics/Random.cs instead.</summary>
    public static Generator manual_seed(long seed)
    {
        Native.selm_manual_seed(seed);
        return Generator.Default;
    }

    public class Generator : IDisposable
    {
        internal Generator()
        {
        }

        public static Generator Default { get; } = new();

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
        }
    }

    public static class cuda
    {
        public static bool is_available() => Native.selm_cuda_count() > 0;

        public static int device_count() => Native.selm_cuda_count();

        public static void synchronize(Device? device = null) => Native.Check(Native.selm_cuda_synchronize(device?.index ?? -1));
    }

    private static Tensor Make(Op op, long[] size, ScalarType? dtype, Device? device, bool requires_grad) =>
        Finish(Dispatch.One(op, size, dtype ?? defaultDtype, Arg.None, device), requires_grad);

    private static Tensor Finish(Tensor tensor, bool requires_grad) => requires_grad ? tensor.requires_grad_() : tensor;

    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(emptyOp, size, dtype, device, requires_grad);

    public static Tensor empty(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(emptyOp, size.ToArray(), dtype, device, requires_grad);

    public static Tensor empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(emptyOp, [size], dtype, device, requires_grad);

    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(zerosOp, size, dtype, device, requires_grad);

    public static Tensor zeros(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(zerosOp, size.ToArray(), dtype, device, requires_grad);

    public static Tensor zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(zerosOp, [size], dtype, device, requires_grad);

    public static Tensor zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(zerosOp, [rows, columns], dtype, device, requires_grad);

    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(onesOp, size, dtype, device, requires_grad);

    public static Tensor ones(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(onesOp, size.ToArray(), dtype, device, requires_grad);

    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(onesOp, [size], dtype, device, requires_grad);

    public static Tensor ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => Make(onesOp, [rows, columns], dtype, device, requires_grad);

    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Finish(Dispatch.One(fullOp, size, value, dtype ?? value.Type, Arg.None, device), requires_grad);

    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Make(randOp, size, dtype, device, requires_grad);

    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Make(randnOp, size, dtype, device, requires_grad);

    public static Tensor randn(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Make(randnOp, [size], dtype, device, requires_grad);

    public static Tensor randn(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Make(randnOp, [rows, columns], dtype, device, requires_grad);

    public static Tensor randn(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) => Make(randnOp, [dim0, dim1, dim2], dtype, device, requires_grad);

    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Finish(Dispatch.One(arangeStop, stop, dtype ?? Range(stop), Arg.None, device), requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Finish(Dispatch.One(arangeStart, start, stop, dtype ?? Range(start, stop), Arg.None, device), requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Finish(Dispatch.One(arangeStep, start, stop, step, dtype ?? Range(start, stop, step), Arg.None, device), requires_grad);

    private static ScalarType Range(params ReadOnlySpan<Scalar> bounds)
    {
        foreach (var bound in bounds)
        {
            if (bound.Tag == Tag.Double)
            {
                return ScalarType.Float32;
            }
        }
        return ScalarType.Int64;
    }

    public static Tensor eye(long rows, long columns = -1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        using var scope = NewDisposeScope();
        var square = Dispatch.One(eyeOp, Math.Max(rows, columns), dtype ?? defaultDtype, Arg.None, device);
        var result = columns < 0 ? square : square.narrow(0, 0, rows).narrow(1, 0, columns).contiguous();
        return Finish(result.MoveToOuterDisposeScope(), requires_grad);
    }

    private static Tensor FromData<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> dimensions, ScalarType? dtype, Device? device, bool requires_grad)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        var result = empty(dimensions, Utils.TensorAccessor<T>.ElementType);
        if (result.numel() != values.Length)
        {
            throw new ArgumentException($"{values.Length} values do not fill a tensor of shape [{string.Join(", ", dimensions.ToArray())}]");
        }
        MemoryMarshal.AsBytes(values).CopyTo(result.bytes);
        if (dtype is { } type)
        {
            result = result.to_type(type);
        }
        if (device is not null)
        {
            result = result.to(device);
        }
        return Finish(result.MoveToOuterDisposeScope(), requires_grad);
    }

    public static Tensor tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<float>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    public static Tensor tensor(float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<float>(rawArray, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<double>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    public static Tensor tensor(double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<double>(rawArray, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<long>(dataArray, [dataArray.Length], dtype, device, requires_grad);

    public static Tensor tensor(long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<long>(dataArray, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<int>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    public static Tensor tensor(int[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<int>(rawArray, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<bool>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    public static Tensor tensor(bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => FromData<bool>(rawArray, dimensions, dtype, device, requires_grad);

    public static Tensor tensor(float scalar, Device? device = null, bool requires_grad = false) => FromData<float>([scalar], [], null, device, requires_grad);

    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => FromData<double>([scalar], [], dtype, device, requires_grad);

    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) => FromData<long>([scalar], [], dtype, device, requires_grad);

    public static Tensor cat(Tensor[] tensors, long dim = 0) => Dispatch.One(catOp, tensors, dim);

    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Dispatch.One(catOp, tensors.ToArray(), dim);

    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Dispatch.One(stackOp, tensors.ToArray(), dim);

    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Dispatch.One(whereSelf, condition, x, y);

    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);

    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);

    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.zeros_like(dtype, device, requires_grad);

    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.ones_like(dtype, device, requires_grad);

    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) => input.empty_like(dtype, device, requires_grad);

    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1E-05, double atol = 1E-08, bool equal_nan = false) => tensor.allclose(target, rtol, atol, equal_nan);

    public static Tensor searchsorted(Tensor sorted_sequence, Tensor values, bool out_int32 = false, bool right = false, Tensor? sorter = null) =>
        Dispatch.One(searchsortedOp, sorted_sequence, values, out_int32, right, Arg.None, sorter);
}
