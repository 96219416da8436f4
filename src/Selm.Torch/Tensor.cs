using System.Runtime.InteropServices;
using TorchSharp.Interop;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// A tensor of libtorch. This file holds its lifetime, facts and data; Tensor.Operators.cs the arithmetic,
    /// Tensor.Shape.cs views and indexing.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        private static long totalCount;
        private static long peakCount;
        private nint handle;
        private DisposeScope? scope;
        private int slot;

        internal Tensor(nint handle)
        {
            this.handle = handle;
            scope = DisposeScope.Current;
            slot = scope?.Add(this) ?? 0;
            var count = Interlocked.Increment(ref totalCount);
            if (count > peakCount)
            {
                peakCount = count;
            }
        }

        /// <summary>Takes over what another tensor object holds, and its dispose scope; that object is spent afterwards.</summary>
        private protected Tensor(Tensor source)
        {
            handle = source.Handle;
            source.handle = 0;
            source.scope?.Forget(source.slot);
            scope = source.scope;
            slot = scope?.Add(this) ?? 0;
            source.scope = null;
            GC.SuppressFinalize(source);
        }

        ~Tensor() => Dispose(false);

        /// <summary>Tensors that are alive now; a step that leaks nothing leaves it as it was.</summary>
        public static long TotalCount => Interlocked.Read(ref totalCount);

        /// <summary>The largest <see cref="TotalCount"/> so far.</summary>
        public static long PeakCount => peakCount;

        public nint Handle => handle != 0 ? handle : throw new ObjectDisposedException(nameof(Tensor), "the tensor has been disposed; a DisposeScope that ended may have owned it");

        public bool IsInvalid => handle == 0;

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            var freed = Interlocked.Exchange(ref handle, 0);
            if (freed == 0)
            {
                return;
            }
            if (disposing)
            {
                scope?.Forget(slot);
            }
            scope = null;
            Native.selm_free(freed);
            Interlocked.Decrement(ref totalCount);
        }

        public Tensor MoveToOuterDisposeScope()
        {
            scope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            MoveTo(null);
            return this;
        }

        internal void MoveTo(DisposeScope? target)
        {
            scope?.Forget(slot);
            scope = target;
            slot = target?.Add(this) ?? 0;
        }

        private unsafe TensorInfo Info
        {
            get
            {
                TensorInfo info;
                Native.Check(Native.selm_info(Handle, &info));
                GC.KeepAlive(this);
                return info;
            }
        }

        public ScalarType dtype => (ScalarType)Info.ScalarType;

        public Device device => Info is var info && info.DeviceType == 0 ? CPU : new Device((DeviceType)info.DeviceType, info.DeviceIndex);

        public DeviceType device_type => (DeviceType)Info.DeviceType;

        public int device_index => Info.DeviceIndex;

        public bool is_cuda => device_type == DeviceType.CUDA;

        public long ndim => Info.Rank;

        public long Dimensions => Info.Rank;

        public long dim() => Info.Rank;

        public long NumberOfElements => Info.Numel;

        public long numel() => Info.Numel;

        public long ElementSize => Info.ElementSize;

        public long element_size() => Info.ElementSize;

        public bool is_contiguous() => Info.IsContiguous != 0;

        public bool is_leaf => Info.IsLeaf != 0;

        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[Info.Rank];
                fixed (long* p = sizes)
                {
                    Native.selm_sizes(Handle, p, null);
                }
                return sizes;
            }
        }

        public long[] size() => shape;

        public long size(int dim) => shape is var sizes && dim < 0 ? sizes[sizes.Length + dim] : sizes[dim];

        public unsafe long[] stride()
        {
            var sizes = new long[Info.Rank];
            var strides = new long[sizes.Length];
            fixed (long* p = sizes, q = strides)
            {
                Native.selm_sizes(Handle, p, q);
            }
            return strides;
        }

        public long stride(int dim) => stride() is var strides && dim < 0 ? strides[strides.Length + dim] : strides[dim];

        public bool requires_grad
        {
            get => Info.RequiresGrad != 0;
            set => Native.Check(Native.selm_set_requires_grad(Handle, value ? 1 : 0));
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>The gradient that backward has left here, or null.</summary>
        public Tensor? grad
        {
            get => Dispatch.Wrap(Native.selm_grad(Handle));
            set => Native.Check(Native.selm_set_grad(Handle, value?.Handle ?? 0));
        }

        public void backward() => backward(null);

        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);

        /// <summary>The elements of a contiguous CPU tensor as raw bytes, without a copy.</summary>
        /// <exception cref="InvalidOperationException">The tensor is on another device or not contiguous.</exception>
        public unsafe Span<byte> bytes
        {
            get
            {
                var info = Info;
                if (info.DeviceType != 0 || info.IsContiguous == 0)
                {
                    throw new InvalidOperationException("bytes of a tensor can be read only on the CPU and when it is contiguous; call cpu().contiguous() first");
                }
                return new Span<byte>((void*)info.Data, checked((int)(info.Numel * info.ElementSize)));
            }
            set
            {
                var target = bytes;
                if (target.Length != value.Length)
                {
                    throw new ArgumentException($"the tensor holds {target.Length} bytes, not {value.Length}", nameof(value));
                }
                value.CopyTo(target);
            }
        }

        /// <summary>Typed access to the elements of a CPU tensor.</summary>
        public TensorAccessor<T> data<T>()
            where T : unmanaged => new(this);

        /// <summary>The one element of the tensor.</summary>
        /// <exception cref="ArgumentException">The tensor has more than one element or another element type.</exception>
        public T item<T>()
            where T : unmanaged
        {
            var info = Info;
            if (info.Numel != 1)
            {
                throw new ArgumentException($"item() needs a tensor of one element; this one has {info.Numel}");
            }
            if (TensorAccessor<T>.ElementType != (ScalarType)info.ScalarType)
            {
                throw new ArgumentException($"the tensor holds {(ScalarType)info.ScalarType}, not {typeof(T).Name}");
            }
            if (info.DeviceType == 0)
            {
                return MemoryMarshal.Cast<byte, T>(bytes)[0];
            }
            using var local = cpu().DetachFromDisposeScope();
            return MemoryMarshal.Cast<byte, T>(local.bytes)[0];
        }

        public float ReadCpuSingle(long i) => data<float>()[i];

        public double ReadCpuDouble(long i) => data<double>()[i];

        public override string ToString() => $"[{string.Join("x", shape)}], type = {dtype}, device = {device}";

        public static explicit operator float(Tensor value) => (float)value.ToDouble();
        public static explicit operator double(Tensor value) => value.ToDouble();
        public static explicit operator int(Tensor value) => (int)value.ToInt64();
        public static explicit operator long(Tensor value) => value.ToInt64();
        public static explicit operator bool(Tensor value) => value.ToBoolean();
    }
}

public static partial class TensorExtensionMethods
{
    private static T As<T>(torch.Tensor value, torch.ScalarType type)
        where T : unmanaged
    {
        using var scope = torch.NewDisposeScope();
        return value.detach().to(torch.CPU).to_type(type).item<T>();
    }

    public static double ToDouble(this torch.Tensor value) => As<double>(value, torch.ScalarType.Float64);
    public static float ToSingle(this torch.Tensor value) => As<float>(value, torch.ScalarType.Float32);
    public static long ToInt64(this torch.Tensor value) => As<long>(value, torch.ScalarType.Int64);
    public static int ToInt32(this torch.Tensor value) => As<int>(value, torch.ScalarType.Int32);
    public static bool ToBoolean(this torch.Tensor value) => As<bool>(value, torch.ScalarType.Bool);
}
