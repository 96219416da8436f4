using Selm.HuggingFace.Kernels;
using Selm.HuggingFace.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>The kernels as nodes of libtorch's graph, against compositions of its own operators.</summary>
public class KernelTests
{
    private const double Eps = 1e-5;

    [SkippableFact]
    public void kernels_and_their_gradients_equal_the_composition()
    {
        Skip.IfNot(Gemm.IsFast, "this processor runs composed");
        long rows = 37, hidden = 24, inner = 20, outOf = 19;
        var (x, norm, residual) = (Noise(1, rows, hidden), Noise(2, hidden), Noise(3, rows, outOf));
        var (weight, gateUp, down) = (Noise(4, outOf, hidden), Noise(5, 2 * inner, hidden), Noise(6, hidden, inner));

        Agree([x, weight], l => new LinearKernel(null).Run(l), l => nn.functional.linear(l[0], l[1]));
        Agree([x, weight, residual], l => new LinearKernel(null).Run(l), l => l[2] + nn.functional.linear(l[0], l[1]));
        Agree([x, norm], l => new RmsNormKernel(Eps).Run(l), l => Norm(l[0], l[1]));
        Agree([x, norm, weight], l => new NormLinearKernel(Eps, null).Run(l), l => nn.functional.linear(Norm(l[0], l[1]), l[2]));
        Agree([x, norm, gateUp, down], l => new MlpKernel(Eps, null, null).Run(l), l =>
        {
            var halves = nn.functional.linear(Norm(l[0], l[1]), l[2]).chunk(2, -1);
            return l[0] + nn.functional.linear(nn.functional.silu(halves[0]) * halves[1], l[3]);
        });
        var index = tensor(new long[] { 3, 0, 3, 36 });
        Agree([x], l => RowsKernel.Instance.Run(l[0], index), l => l[0].index_select(0, index));
    }

    [SkippableFact]
    public void attention_and_its_gradient_equal_the_composition()
    {
        Skip.IfNot(Gemm.IsFast, "this processor runs composed");
        int batch = 2, seq = 9, heads = 4, kvHeads = 2, d = 8;
        var qkv = Noise(7, batch, seq, (heads + (2 * kvHeads)) * d);
        // No rotation (cosine 1, sine 0); every token sees itself and all before it.
        var (cos, sin, positions) = (ones(seq, d / 2), zeros(seq, d / 2), arange(seq).repeat(batch, 1));
        var ranges = tensor(Enumerable.Range(0, batch * seq).SelectMany(k => new[] { 0, 0, 0, (k % seq) + 1 }).ToArray(), [batch, seq, 4], dtype: ScalarType.Int32);

        Agree([qkv], l => new AttentionKernel(heads, kvHeads, d).Run(l[0], cos, sin, positions, ranges), l =>
        {
            var parts = l[0].view(batch, seq, heads + (2 * kvHeads), d).transpose(1, 2).split([heads, kvHeads, kvHeads], 1);
            Tensor Repeat(Tensor t) => t.repeat_interleave(heads / kvHeads, 1);
            return nn.functional.scaled_dot_product_attention(parts[0], Repeat(parts[1]), Repeat(parts[2]), is_casual: true).transpose(1, 2).reshape(batch, seq, heads * d);
        });
    }

    [SkippableFact]
    public void what_goes_wrong_in_a_backward_pass_reaches_its_caller_and_not_libtorch()
    {
        Skip.IfNot(Gemm.IsFast, "this processor runs composed");
        using var scope = NewDisposeScope();
        var x = ones(2, 2).requires_grad_(true);

        var y = new Broken().Run(x);

        Assert.Contains("on purpose", Assert.Throws<InvalidOperationException>(() => Kernel.Backward(y, ones(2, 2))).Message, StringComparison.Ordinal);
        Kernel.Backward(new LinearKernel(null).Run(x, ones(2, 2)), ones(2, 2)); // and the next one works
    }

    [SkippableFact]
    public void gradients_are_released_where_libtorch_refuses_them()
    {
        Skip.IfNot(Gemm.IsFast, "this processor runs composed");
        using var scope = NewDisposeScope();
        var x = ones(2, 2).requires_grad_(true);
        var (y, grad) = (new Misshapen().Run(x), ones(2, 2));

        Assert.ThrowsAny<Exception>(() => Kernel.Backward(y, grad));

        Assert.NotNull(Misshapen.Handed);
        Assert.True(Misshapen.Handed.IsInvalid, "the gradient is still there");
    }

    [SkippableFact]
    public void a_thousand_passes_leave_no_tensor_behind()
    {
        Skip.IfNot(Gemm.IsFast, "this processor runs composed");
        using var outer = NewDisposeScope();
        var (x, weight, norm) = (Noise(1, 8, 16).requires_grad_(true), Noise(2, 16, 16).requires_grad_(true), Noise(3, 16).requires_grad_(true));
        void Pass()
        {
            using var scope = NewDisposeScope();
            Kernel.Backward(new NormLinearKernel(Eps, null).Run(x, norm, weight), ones(8, 16));
        }
        Pass();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;

        for (var k = 0; k < 1000; k++)
        {
            Pass();
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.InRange(Tensor.TotalCount - before, long.MinValue, 0);
    }

    private sealed class Broken : Kernel
    {
        protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra) => inputs[0].clone();

        protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants) => throw new ArithmeticException("on purpose");
    }

    // Its gradient has another shape than its input, which libtorch finds out when it has it.
    private sealed class Misshapen : Kernel
    {
        public static Tensor? Handed { get; private set; }

        protected override Tensor Forward(Tensor[] inputs, List<Tensor>? extra) => inputs[0].clone();

        protected override Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants) => [Handed = zeros(3)];
    }

    private static Tensor Norm(Tensor x, Tensor weight) => weight * (x * (x.pow(2).mean([-1], keepdim: true) + Eps).rsqrt());

    private static Tensor Noise(int seed, params long[] shape)
    {
        var random = new Random(seed);
        return tensor([.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)((2 * random.NextDouble()) - 1))], shape);
    }

    private static void Agree(Tensor[] leaves, Func<Tensor[], Tensor> kernel, Func<Tensor[], Tensor> composed)
    {
        using var scope = NewDisposeScope();
        var (got, expected) = (Values(leaves, kernel), Values(leaves, composed));
        for (var k = 0; k < got.Length; k++)
        {
            var error = (got[k] - expected[k]).abs().max().item<float>() / (1 + expected[k].abs().max().item<float>());
            Assert.True(error < 1e-5, $"{(k == 0 ? "value" : $"gradient {k - 1}")} differs by {error}");
        }
    }

    // The value and the gradients of a weighted sum of it.
    private static Tensor[] Values(Tensor[] leaves, Func<Tensor[], Tensor> function)
    {
        Tensor[] own = [.. leaves.Select(leaf => leaf.clone().requires_grad_(true))];
        var value = function(own);
        Kernel.Backward(value, Noise(99, value.shape));
        return [value.detach(), .. own.Select(leaf => leaf.grad!)];
    }
}
