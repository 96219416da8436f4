using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Engine;

/// <summary>The memory behind a contiguous CPU tensor, as the kernels read and write it. Keep the tensor alive meanwhile.</summary>
internal static unsafe partial class TensorMemory
{
    static TensorMemory() => NativeLibrary.SetDllImportResolver(typeof(TensorMemory).Assembly, static (name, _, _) => Libtorch.Handle(name));

    /// <summary>First float of a float32 tensor.</summary>
    public static float* Floats(Tensor x) => (float*)Of(x, ScalarType.Float32);

    /// <summary>First number of a bfloat16 tensor, as bits.</summary>
    public static ushort* Halves(Tensor x) => (ushort*)Of(x, ScalarType.BFloat16);

    /// <summary>First number of an int64 tensor.</summary>
    public static long* Longs(Tensor x) => (long*)Of(x, ScalarType.Int64);

    /// <summary>First number of an int32 tensor.</summary>
    public static int* Ints(Tensor x) => (int*)Of(x, ScalarType.Int32);

    private static void* Of(Tensor x, ScalarType type) =>
        x.dtype != type || !x.is_contiguous() || x.device_type != TorchSharp.DeviceType.CPU
            ? throw new ArgumentException($"A kernel needs a contiguous {type} tensor on the CPU, not {x.dtype} on {x.device}.")
            : x.numel() == 0 ? null : THSTensor_data(x.Handle);

    [LibraryImport("LibTorchSharp")]
    private static partial void* THSTensor_data(nint tensor);
}
