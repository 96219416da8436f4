using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Reductions, matrix products, in-place updates.</summary>
    public partial class Tensor
    {
        private static readonly Op sumAll = new("aten::sum"), sumDims = new("aten::sum.dim_IntList"), meanAll = new("aten::mean"), meanDims = new("aten::mean.dim");
        private static readonly Op maxAll = new("aten::max"), maxDim = new("aten::max.dim"), minAll = new("aten::min"), minDim = new("aten::min.dim");
        private static readonly Op maximumOp = new("aten::maximum"), minimumOp = new("aten::minimum"), amaxOp = new("aten::amax");
        private static readonly Op argmaxOp = new("aten::argmax"), topkOp = new("aten::topk"), sortOp = new("aten::sort.stable"), argsortOp = new("aten::argsort");
        private static readonly Op cumsumOp = new("aten::cumsum"), normOp = new("aten::norm.Scalar"), anyAll = new("aten::any"), allAll = new("aten::all"), anyDim = new("aten::any.dim"), allDim = new("aten::all.dim");
        private static readonly Op softmaxOp = new("aten::softmax.int"), logSoftmaxOp = new("aten::log_softmax.int"), logsumexpOp = new("aten::logsumexp");
        private static readonly Op matmulOp = new("aten::matmul"), mmOp = new("aten::mm"), bmmOp = new("aten::bmm"), dotOp = new("aten::dot"), addmmOp = new("aten::addmm"), outerOp = new("aten::outer");
        private static readonly Op addcmulInPlace = new("aten::addcmul_"), addcdivInPlace = new("aten::addcdiv_"), lerpInPlace = new("aten::lerp_.Tensor"), sqrtInPlace = new("aten::sqrt_");
        private static readonly Op clampOp = new("aten::clamp"), clampInPlace = new("aten::clamp_"), allcloseOp = new("aten::allclose"), varOp = new("aten::var"), stdOp = new("aten::std"), iscloseOp = new("aten::isclose");
        private static readonly Op bitwiseAnd = new("aten::bitwise_and.Tensor"), bitwiseOr = new("aten::bitwise_or.Tensor"), logicalAnd = new("aten::logical_and"), logicalOr = new("aten::logical_or");
        private static readonly Op uniformInPlace = new("aten::uniform_"), normalInPlace = new("aten::normal_"), equalOp = new("aten::eq.Tensor"), softplusOp = new("aten::softplus");

        public Tensor sum(ScalarType? type = null) => Dispatch.One(sumAll, this, type);

        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum([dim], keepdim, type);

        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) => Dispatch.One(sumDims, this, dim, keepdim, type);

        public Tensor mean() => Dispatch.One(meanAll, this);

        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) => Dispatch.One(meanDims, this, dimensions, keepdim, type);

        public Tensor max() => Dispatch.One(maxAll, this);

        public (Tensor, Tensor) max(long dim, bool keepdim = false) => Two(Dispatch.Several(maxDim, this, dim, keepdim));

        public Tensor min() => Dispatch.One(minAll, this);

        public (Tensor, Tensor) min(long dim, bool keepdim = false) => Two(Dispatch.Several(minDim, this, dim, keepdim));

        public Tensor maximum(Tensor other) => Dispatch.One(maximumOp, this, other);

        public Tensor minimum(Tensor other) => Dispatch.One(minimumOp, this, other);

        public Tensor amax(params long[] dims) => Dispatch.One(amaxOp, this, dims);

        public Tensor amax(long[] dims, bool keepdim = false, Tensor? @out = null) => @out is null
            ? Dispatch.One(amaxOp, this, dims, keepdim)
            : throw new NotSupportedException("amax with an out tensor is not offered");

        public Tensor argmax() => Dispatch.One(argmaxOp, this);

        public Tensor argmax(long dim, bool keepdim = false) => Dispatch.One(argmaxOp, this, dim, keepdim);

        public (Tensor, Tensor) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Two(Dispatch.Several(topkOp, this, (long)k, (long)dim, largest, sorted));

        public (Tensor, Tensor) sort(long dim = -1, bool descending = false, bool stable = false) =>
            Two(Dispatch.Several(sortOp, this, stable, dim, descending));

        public Tensor argsort(long dim = -1, bool descending = false) => Dispatch.One(argsortOp, this, dim, descending);

        public Tensor cumsum(long dim, ScalarType? type = null) => Dispatch.One(cumsumOp, this, dim, type);

        public Tensor norm(float p = 2) => Dispatch.One(normOp, this, (double)p);

        public Tensor var(bool unbiased = true) => Dispatch.One(varOp, this, unbiased);

        public Tensor std(bool unbiased = true) => Dispatch.One(stdOp, this, unbiased);

        public Tensor any() => Dispatch.One(anyAll, this);

        public Tensor any(long dim, bool keepdim = false) => Dispatch.One(anyDim, this, dim, keepdim);

        public Tensor all() => Dispatch.One(allAll, this);

        public Tensor all(long dim, bool keepdim = false) => Dispatch.One(allDim, this, dim, keepdim);

        public Tensor softmax(long dim, ScalarType? dtype = null) => Dispatch.One(softmaxOp, this, dim, dtype);

        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Dispatch.One(logSoftmaxOp, this, dim, dtype);

        public Tensor logsumexp(long dim, bool keepdim = false) => Dispatch.One(logsumexpOp, this, new[] { dim }, keepdim);

        public Tensor softplus(double beta = 1, double threshold = 20) => Dispatch.One(softplusOp, this, beta, threshold);

        public Tensor matmul(Tensor target) => Dispatch.One(matmulOp, this, target);

        public Tensor mm(Tensor target) => Dispatch.One(mmOp, this, target);

        public Tensor bmm(Tensor batch2) => Dispatch.One(bmmOp, this, batch2);

        public Tensor dot(Tensor target) => Dispatch.One(dotOp, this, target);

        public Tensor outer(Tensor vec2) => Dispatch.One(outerOp, this, vec2);

        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Dispatch.One(addmmOp, this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Dispatch.InPlace(addcmulInPlace, this, this, tensor1, tensor2, value);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Dispatch.InPlace(addcdivInPlace, this, this, tensor1, tensor2, value);

        public Tensor lerp_(Tensor end, Tensor weight) => Dispatch.InPlace(lerpInPlace, this, this, end, weight);

        public Tensor sqrt_() => Dispatch.InPlace(sqrtInPlace, this, this);

        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Dispatch.One(clampOp, this, min, max);

        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Dispatch.InPlace(clampInPlace, this, this, min, max);

        public Tensor bitwise_and(Tensor other) => Dispatch.One(bitwiseAnd, this, other);

        public Tensor bitwise_or(Tensor other) => Dispatch.One(bitwiseOr, this, other);

        public Tensor logical_and(Tensor other) => Dispatch.One(logicalAnd, this, other);

        public Tensor logical_or(Tensor other) => Dispatch.One(logicalOr, this, other);

        public Tensor isclose(Tensor other, double rtol = 1E-05, double atol = 1E-08, bool nanEqual = false) =>
            Dispatch.One(iscloseOp, this, other, rtol, atol, nanEqual);

        public bool allclose(Tensor target, double rtol = 1E-05, double atol = 1E-08, bool equal_nan = false) =>
            Dispatch.Plain(allcloseOp, this, target, rtol, atol, equal_nan).Integer != 0;

        public Tensor uniform_(double from, double to, Generator? generator = null) => Dispatch.InPlace(uniformInPlace, this, this, from, to);

        public Tensor normal_(double mean = 0, double std = 1, Generator? generator = null) => Dispatch.InPlace(normalInPlace, this, this, mean, std);

        private static (Tensor, Tensor) Two(Tensor?[] results) => (results[0]!, results[1]!);
    }
}
