using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>One argument or result of an operator as native/bridge.cpp lays it out: 16 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct NativeArg
{
    [FieldOffset(0)] public Tag Tag;
    [FieldOffset(4)] public int Count;
    [FieldOffset(8)] public long Integer;
    [FieldOffset(8)] public double Number;
    [FieldOffset(8)] public nint Pointer;
}

internal enum Tag
{
    None, Tensor, Int, Double, Bool, IntList, DoubleList, TensorList, String, Device,
}

[StructLayout(LayoutKind.Sequential)]
internal struct TensorInfo
{
    public long Numel;
    public nint Data;
    public int Rank, ScalarType, DeviceType, DeviceIndex, RequiresGrad, IsLeaf, IsContiguous, ElementSize;
}

/// <summary>The C entries of libselm_torch.so. A non-zero return means failure; the text is in <see cref="LastError"/>.</summary>
internal static unsafe partial class Native
{
    private const string Library = "selm_torch";

#pragma warning disable CA2255 // the resolver must be there before the first tensor call, whoever makes it
    [ModuleInitializer]
    internal static void Initialize() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, Resolve);
#pragma warning restore CA2255

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Library)
        {
            return 0;
        }
        var chosen = Environment.GetEnvironmentVariable("SELM_TORCH_NATIVE")
            ?? Path.Combine(Path.GetDirectoryName(assembly.Location)!, "libselm_torch.so");
        if (!File.Exists(chosen))
        {
            throw new DllNotFoundException(
                $"{chosen} is missing because no libtorch was found when the kit was built; install libtorch-dev and g++ "
                + "(Debian, Ubuntu) and build again, or set SELM_LIBTORCH to a PyTorch folder with include/ and lib/.");
        }
        return NativeLibrary.Load(chosen);
    }

    internal static string LastError => Marshal.PtrToStringUTF8((nint)selm_last_error()) ?? "unknown error";

    /// <exception cref="ExternalException">libtorch refused the call; the message is its own text.</exception>
    internal static void Check(int code)
    {
        if (code != 0)
        {
            throw new ExternalException(LastError);
        }
    }

    [LibraryImport(Library)] private static partial byte* selm_last_error();
    [LibraryImport(Library)] internal static partial byte* selm_version();
    [LibraryImport(Library)] internal static partial byte* selm_config();
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint selm_find(string name, string overload);
    [LibraryImport(Library)] internal static partial int selm_call(nint op, NativeArg* args, int count, NativeArg* results, int room, int* returned);
    [LibraryImport(Library)] internal static partial void selm_free(nint tensor);
    [LibraryImport(Library)] internal static partial void selm_free_list(nint* handles);
    [LibraryImport(Library)] internal static partial int selm_info(nint tensor, TensorInfo* info);
    [LibraryImport(Library)] internal static partial void selm_sizes(nint tensor, long* sizes, long* strides);
    [LibraryImport(Library)] internal static partial int selm_set_requires_grad(nint tensor, int value);
    [LibraryImport(Library)] internal static partial nint selm_grad(nint tensor);
    [LibraryImport(Library)] internal static partial int selm_set_grad(nint tensor, nint grad);
    [LibraryImport(Library)] internal static partial int selm_set_data(nint tensor, nint source);
    [LibraryImport(Library)] internal static partial int selm_backward(nint* tensors, nint* grads, int count, int retainGraph, int createGraph, nint* inputs, int inputCount);
    [LibraryImport(Library)] internal static partial int selm_autograd(nint* outputs, nint* grads, int count, nint* inputs, int inputCount, int retainGraph, int createGraph, int allowUnused, nint* results);
    [LibraryImport(Library)] internal static partial int selm_grad_enabled();
    [LibraryImport(Library)] internal static partial void selm_set_grad_enabled(int value);
    [LibraryImport(Library)] internal static partial int selm_inference_enabled();
    [LibraryImport(Library)] internal static partial nint selm_inference_enter(int mode);
    [LibraryImport(Library)] internal static partial void selm_inference_leave(nint guard);
    [LibraryImport(Library)] internal static partial void selm_manual_seed(long seed);
    [LibraryImport(Library)] internal static partial int selm_get_num_threads();
    [LibraryImport(Library)] internal static partial void selm_set_num_threads(int n);
    [LibraryImport(Library)] internal static partial int selm_get_num_interop_threads();
    [LibraryImport(Library)] internal static partial int selm_set_num_interop_threads(int n);
    [LibraryImport(Library)] internal static partial int selm_cuda_count();
    [LibraryImport(Library)] internal static partial int selm_cuda_synchronize(long index);
}
