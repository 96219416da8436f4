using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Views, copies, indexing, moving between dtypes and devices.</summary>
    public partial class Tensor
    {
        private static readonly Op viewOp = new("aten::view"), reshapeOp = new("aten::reshape"), permuteOp = new("aten::permute"), transposeOp = new("aten::transpose.int");
        private static readonly Op expandOp = new("aten::expand"), unsqueezeOp = new("aten::unsqueeze"), squeezeAll = new("aten::squeeze"), squeezeDim = new("aten::squeeze.dim"), flattenOp = new("aten::flatten.using_ints");
        private static readonly Op selectOp = new("aten::select.int"), narrowOp = new("aten::narrow"), sliceOp = new("aten::slice.Tensor"), contiguousOp = new("aten::contiguous");
        private static readonly Op splitSize = new("aten::split.Tensor"), splitSizes = new("aten::split_with_sizes"), chunkOp = new("aten::chunk"), unbindOp = new("aten::unbind.int");
        private static readonly Op repeatOp = new("aten::repeat"), repeatInterleave = new("aten::repeat_interleave.self_int"), flipOp = new("aten::flip");
        private static readonly Op indexSelectOp = new("aten::index_select"), gatherOp = new("aten::gather"), scatterOp = new("aten::scatter.src"), scatterInPlace = new("aten::scatter_.src"), scatterAddInPlace = new("aten::scatter_add_"), indexOp = new("aten::index.Tensor"), indexPut = new("aten::index_put_");
        private static readonly Op indexAddInPlace = new("aten::index_add_"), indexCopyInPlace = new("aten::index_copy_"), maskedFillOp = new("aten::masked_fill.Scalar"), maskedFillInPlace = new("aten::masked_fill_.Scalar"), whereOp = new("aten::where.self");
        private static readonly Op trilOp = new("aten::tril"), triuOp = new("aten::triu"), toDtype = new("aten::to.dtype"), toDevice = new("aten::to.device");
        private static readonly Op cloneOp = new("aten::clone"), detachOp = new("aten::detach"), detachInPlace = new("aten::detach_"), aliasOp = new("aten::alias"), copyInPlace = new("aten::copy_"), zeroInPlace = new("aten::zero_"), fillInPlace = new("aten::fill_.Scalar");
        private static readonly Op zerosLike = new("aten::zeros_like"), onesLike = new("aten::ones_like"), emptyLike = new("aten::empty_like");

        public Tensor view(params long[] shape) => Dispatch.One(viewOp, this, shape);

        public Tensor reshape(params long[] shape) => Dispatch.One(reshapeOp, this, shape);

        public Tensor permute(params long[] permutation) => Dispatch.One(permuteOp, this, permutation);

        public Tensor transpose(long dim0, long dim1) => Dispatch.One(transposeOp, this, dim0, dim1);

        public Tensor mT => transpose(-2, -1);

        public Tensor expand(params long[] sizes) => Dispatch.One(expandOp, this, sizes);

        public Tensor expand_as(Tensor other) => expand(other.shape);

        public Tensor unsqueeze(long dim) => Dispatch.One(unsqueezeOp, this, dim);

        public Tensor squeeze(long? dim = null) => dim is { } d ? Dispatch.One(squeezeDim, this, d) : Dispatch.One(squeezeAll, this);

        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Dispatch.One(flattenOp, this, start_dim, end_dim);

        public Tensor select(long dim, long index) => Dispatch.One(selectOp, this, dim, index);

        public Tensor narrow(long dim, long start, long length) => Dispatch.One(narrowOp, this, dim, start, length);

        public Tensor slice(long dim, long start, long finish, long step) => Dispatch.One(sliceOp, this, dim, start, finish, step);

        public Tensor contiguous() => Dispatch.One(contiguousOp, this);

        public Tensor[] split(long size, int dim = 0) => Dispatch.List(splitSize, this, size, (long)dim);

        public Tensor[] split(long[] sizes, long dim = 0) => Dispatch.List(splitSizes, this, sizes, dim);

        public Tensor[] chunk(long chunks, long dim = 0) => Dispatch.List(chunkOp, this, chunks, dim);

        public Tensor[] unbind(long dimension = 0) => Dispatch.List(unbindOp, this, dimension);

        public Tensor repeat(params long[] sizes) => Dispatch.One(repeatOp, this, sizes);

        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) => Dispatch.One(repeatInterleave, this, repeats, dim, output_size);

        public Tensor flip(params long[] dims) => Dispatch.One(flipOp, this, dims);

        public Tensor index_select(long dim, Tensor index) => Dispatch.One(indexSelectOp, this, dim, index);

        public Tensor gather(long dim, Tensor index) => Dispatch.One(gatherOp, this, dim, index);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Dispatch.One(scatterOp, this, dim, index, src);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => Dispatch.InPlace(scatterInPlace, this, this, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Dispatch.InPlace(scatterAddInPlace, this, this, dim, index, src);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => Dispatch.InPlace(indexAddInPlace, this, this, dim, index, source, alpha);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Dispatch.InPlace(indexCopyInPlace, this, this, dim, index, source);

        public Tensor index(params Tensor?[] indices) => Dispatch.One(indexOp, this, indices);

        public Tensor index_put_(Tensor value, params Tensor?[] indices) => Dispatch.InPlace(indexPut, this, this, indices, value);

        public Tensor masked_fill(Tensor mask, Scalar value) => Dispatch.One(maskedFillOp, this, mask, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => Dispatch.InPlace(maskedFillInPlace, this, this, mask, value);

        public Tensor where(Tensor condition, Tensor y) => Dispatch.One(whereOp, condition, this, y);

        public Tensor tril(long diagonal = 0) => Dispatch.One(trilOp, this, diagonal);

        public Tensor triu(long diagonal = 0) => Dispatch.One(triuOp, this, diagonal);

        public Tensor clone() => Dispatch.One(cloneOp, this);

        public Tensor detach() => Dispatch.One(detachOp, this);

        public Tensor detach_() => Dispatch.InPlace(detachInPlace, this, this);

        public Tensor alias() => Dispatch.One(aliasOp, this);

        public Tensor copy_(Tensor source, bool nonBlocking = false) => Dispatch.InPlace(copyInPlace, this, this, source, nonBlocking);

        public Tensor zero_() => Dispatch.InPlace(zeroInPlace, this, this);

        public Tensor fill_(Scalar value) => Dispatch.InPlace(fillInPlace, this, this, value);

        public Tensor zeros_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Dispatch.One(zerosLike, this, dtype, Arg.None, device).requires_grad_(requires_grad);

        public Tensor ones_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Dispatch.One(onesLike, this, dtype, Arg.None, device).requires_grad_(requires_grad);

        public Tensor empty_like(ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
            Dispatch.One(emptyLike, this, dtype, Arg.None, device).requires_grad_(requires_grad);

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            After(Dispatch.One(toDtype, this, type, non_blocking, copy), disposeAfter);

        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to_type(type, copy, disposeAfter, non_blocking);

        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            After(Dispatch.One(toDevice, this, device, dtype, non_blocking, copy), disposeAfter);

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            After(Dispatch.One(toDevice, this, device, type, non_blocking, copy), disposeAfter);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        public Tensor type_as(Tensor tensor) => to_type(tensor.dtype);

        public Tensor cpu() => to(CPU);

        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);

        public Tensor @float() => to_type(ScalarType.Float32);

        public Tensor @double() => to_type(ScalarType.Float64);

        public Tensor bfloat16() => to_type(ScalarType.BFloat16);

        public Tensor @long() => to_type(ScalarType.Int64);

        public Tensor @bool() => to_type(ScalarType.Bool);

        public Tensor this[long i1]
        {
            get => select(0, i1);
            set => Assign(this[i1], value);
        }

        public Tensor this[long i1, long i2]
        {
            get => this[TensorIndex.Single(i1), TensorIndex.Single(i2)];
            set => Assign(this[i1, i2], value);
        }

        public Tensor this[params TensorIndex[] indices]
        {
            get => View(indices);
            set => Assign(View(indices), value);
        }

        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        private static void Assign(Tensor view, Tensor value)
        {
            using (view)
            {
                view.copy_(value);
            }
        }

        // One view operator per index; a tensor index ends as one call of aten::index.
        private Tensor View(TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var result = alias();
            long dim = 0;
            var consumed = indices.Count(i => i.Kind is not (TensorIndex.Form.Null or TensorIndex.Form.Ellipsis));
            Tensor?[]? gathered = null;
            foreach (var index in indices)
            {
                switch (index.Kind)
                {
                    case TensorIndex.Form.Ellipsis:
                        dim += ndim - consumed;
                        break;
                    case TensorIndex.Form.Null:
                        result = result.unsqueeze(dim++);
                        break;
                    case TensorIndex.Form.Single:
                        result = result.select(dim, index.Start!.Value);
                        break;
                    case TensorIndex.Form.Slice:
                        result = Dispatch.One(sliceOp, result, dim++, index.Start, index.Stop, index.Step ?? 1);
                        break;
                    default:
                        gathered ??= new Tensor?[ndim + 8];
                        gathered[dim++] = index.Gather;
                        break;
                }
            }
            if (gathered is not null)
            {
                result = result.index(gathered[..(int)result.ndim]);
            }
            return result.MoveToOuterDisposeScope();
        }

        private Tensor After(Tensor result, bool disposeAfter)
        {
            if (disposeAfter)
            {
                Dispose();
            }
            return result;
        }
    }

    /// <summary>One position of an index expression: a number, a slice, a new axis, "...", or a tensor of positions.</summary>
    public struct TensorIndex
    {
        internal enum Form
        {
            Slice, Single, Null, Ellipsis, Tensor,
        }

        internal Form Kind;
        internal long? Start, Stop, Step;
        internal Tensor? Gather;

        public static TensorIndex Colon = default;

        public static TensorIndex Ellipsis = new() { Kind = Form.Ellipsis };

        public static TensorIndex None = new() { Kind = Form.Null };

        public static TensorIndex Null = new() { Kind = Form.Null };

        public static TensorIndex Single(long? index) => new() { Kind = Form.Single, Start = index };

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new() { Kind = Form.Slice, Start = start, Stop = stop, Step = step };

        public static TensorIndex Slice(Range range) => Slice(
            range.Start.IsFromEnd ? -range.Start.Value : range.Start.Value,
            range.End.IsFromEnd ? (range.End.Value == 0 ? null : -range.End.Value) : range.End.Value);

        public static TensorIndex Tensor(Tensor tensor) => new() { Kind = Form.Tensor, Gather = tensor };

        public static implicit operator TensorIndex(long value) => Single(value);

        public static implicit operator TensorIndex(Range range) => Slice(range);
    }
}
