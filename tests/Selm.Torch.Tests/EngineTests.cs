using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Torch.Tests;

public class EngineTests
{
    [Fact]
    public void arithmetic_and_views_equal_hand_computed_numbers()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new float[] { 1, 2, 3, 4, 5, 6 }, [2, 3]);
        Assert.Equal([2f, 4, 6, 8, 10, 12], (a + a).data<float>().ToArray());
        Assert.Equal([0.5f, 1, 1.5f, 2, 2.5f, 3], (a / 2).data<float>().ToArray());
        Assert.Equal([0f, -1, -2, -3, -4, -5], (1 - a).data<float>().ToArray());
        Assert.Equal([1f, 4, 2, 5, 3, 6], a.transpose(0, 1).data<float>().ToArray());
        Assert.Equal([2f, 5], a[TensorIndex.Ellipsis, TensorIndex.Single(1)].data<float>().ToArray());
        Assert.Equal([4f, 5], a[TensorIndex.Single(1), TensorIndex.Slice(0, 2)].data<float>().ToArray());
        Assert.Equal(6f, a.max().item<float>());
        Assert.Equal([2L, 2], a.argmax(-1).data<long>().ToArray());
        Assert.Equal(14f, a.matmul(tensor(new float[] { 1, 2, 3 }))[0].item<float>());
    }

    [Fact]
    public void backward_gives_the_gradient_of_a_quadratic()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new double[] { 1, -2, 3 }, requires_grad: true);
        (x * x).sum().backward();
        Assert.Equal([2.0, -4, 6], x.grad!.data<double>().ToArray());
        using (no_grad())
        {
            Assert.False((x * 2).requires_grad);
        }
        Assert.True((x * 2).requires_grad);
    }

    [Fact]
    public void an_error_of_libtorch_becomes_an_exception_with_its_text()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<ExternalException>(() => zeros(2, 3).matmul(zeros(2, 3)));
        Assert.Contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", error.Message, StringComparison.Ordinal);
        Assert.Equal(4f, ones(2, 2).sum().item<float>());
    }

    [Fact]
    public void a_scope_disposes_what_was_made_in_it_and_keeps_what_was_moved_out()
    {
        using var outer = NewDisposeScope();
        var before = Tensor.TotalCount;
        Tensor kept;
        using (var inner = NewDisposeScope())
        {
            var a = ones(3, 3);
            var b = a + 1;
            kept = (a * b).MoveToOuterDisposeScope();
            Assert.Equal(3, Tensor.TotalCount - before);
        }
        Assert.Equal(1, Tensor.TotalCount - before);
        Assert.Equal(18f, kept.sum().item<float>());
    }

    [Fact]
    public void bfloat16_rounds_as_the_format_says()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(1.0078125f, tensor(new[] { 1.005f }).bfloat16().to_type(float32)[0].item<float>());
    }

    [Fact]
    public void attention_composed_or_native_is_the_softmax_average()
    {
        using var scope = NewDisposeScope();
        var q = randn([2, 3, 5, 4], float64);
        var k = randn([2, 3, 5, 4], float64);
        var v = randn([2, 3, 5, 4], float64);
        var plain = (q.matmul(k.transpose(-2, -1)) / 2).softmax(-1).matmul(v);
        Assert.True(nn.functional.scaled_dot_product_attention(q, k, v).allclose(plain, 1e-12, 1e-12));
    }
}
