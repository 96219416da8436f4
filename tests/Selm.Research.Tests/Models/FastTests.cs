using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Models;

/// <summary>Every fused kernel against the composition of plain operators beside it: values and all gradients, at sizes that fill no vector and span several chunks.</summary>
public class FastTests
{
    public static TheoryData<int, int, int> Sizes() => new() { { 1, 8, 5 }, { 7, 17, 33 }, { 600, 24, 50 }, { 300, 64, 176 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void norms_products_and_feed_forward_equal_their_compositions(int rows, int hidden, int wide)
    {
        using var scope = NewDisposeScope();
        Tensor[] leaves = [Noise("x", rows, hidden), Noise("norm", hidden), Noise("gate up", 2 * wide, hidden), Noise("down", hidden, wide), Noise("mixed", rows, wide)];
        Agree(leaves, l => Fast.RmsNorm(l[0], l[1], 1e-5));
        Agree(leaves, l => Fast.NormLinear(l[0], l[1], l[2], 1e-5));
        Agree(leaves, l => Fast.Mlp(l[0], l[1], l[2], l[3], 1e-5));
        Agree(leaves, l => Fast.Linear(l[0], l[2]));
        Agree(leaves, l => Fast.LinearAdd(l[0], l[4], l[3]));
    }

    [Fact]
    public void a_row_taken_twice_gets_both_gradients()
    {
        using var scope = NewDisposeScope();
        var index = tensor(new long[] { 4, 0, 4, 2 }, [4]);
        Agree([Noise("x", 5, 9)], l => Fast.Rows(l[0], index));
        Assert.ThrowsAny<Exception>(() => Fast.Rows(Noise("x", 4, 9), index));
    }

    [Theory]
    [InlineData(3, 8, 19)]
    [InlineData(2000, 24, 1100)] // several chunks
    public void token_log_probs_and_their_gradient_equal_autograds(int count, int hidden, int vocabulary)
    {
        using var scope = NewDisposeScope();
        var (states, head) = (Noise("states", count, hidden).requires_grad_(), Noise("head", vocabulary, hidden).requires_grad_());
        var ids = tensor(Enumerable.Range(0, count).Select(k => k * 7919L % vocabulary).ToArray(), [count]);
        var weights = Noise("weights", count);
        var naive = nn.functional.linear(states, head).log_softmax(1).gather(1, ids.unsqueeze(1)).squeeze(1);
        autograd.backward(naive, weights);
        foreach (var fused in new[] { true, false })
        {
            Fast.Disabled = !fused;
            try
            {
                using var noGrad = no_grad();
                var logps = Fast.TokenLogps(states, head, ids);
                var gradHead = head.zeros_like();
                var gradStates = Fast.TokenLogpsBackward(states, head, ids, logps, weights, gradHead);
                Close("log-probs", naive.detach(), logps);
                Close("states", states.grad!, gradStates);
                Close("head", head.grad!, gradHead);
                Close("from logits", naive.detach(), Fast.ChosenLogps(nn.functional.linear(states, head), ids));
            }
            finally
            {
                Fast.Disabled = false;
            }
        }
    }

    [Fact]
    public void nan_in_the_states_is_never_hidden()
    {
        using var scope = NewDisposeScope();
        var states = Noise("states", 2, 8);
        states.narrow(0, 0, 1).narrow(1, 3, 1).fill_(float.NaN);
        var logps = Fast.TokenLogps(states, Noise("head", 40, 8), tensor(new long[] { 1, 1 }, [2])).data<float>().ToArray();
        Assert.True(float.IsNaN(logps[0]) && float.IsFinite(logps[1]));
    }

    private static void Agree(Tensor[] leaves, Func<Tensor[], Tensor> compute)
    {
        var (fused, plain) = (Run(disabled: false), Run(disabled: true));
        for (var k = 0; k < fused.Length; k++)
        {
            Assert.Equal(plain[k] is null, fused[k] is null);
            if (plain[k] is { } expected)
            {
                Close($"part {k}", expected, fused[k]!);
            }
        }

        Tensor?[] Run(bool disabled)
        {
            Fast.Disabled = disabled;
            try
            {
                Tensor[] own = [.. leaves.Select(leaf => leaf.detach().clone().requires_grad_())];
                var y = compute(own);
                autograd.backward(y, Noise("gradient", y.shape));
                using var noGrad = no_grad();
                Close("without a graph", y.detach(), compute(own));
                return [y.detach(), .. own.Select(leaf => leaf.grad)];
            }
            finally
            {
                Fast.Disabled = false;
            }
        }
    }

    private static void Close(string what, Tensor expected, Tensor actual)
    {
        var (gap, scale) = ((expected - actual).abs().max().item<float>(), expected.abs().max().item<float>());
        Assert.True(gap <= 2e-5 * Math.Max(1, scale), $"{what}: largest gap {gap}, largest element {scale}");
    }

    private static Tensor Noise(string name, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        new PhiloxStream(7, name).FillGaussian(values);
        return tensor(values, shape);
    }
}
