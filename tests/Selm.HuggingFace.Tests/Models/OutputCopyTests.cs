using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

[Collection(LiveTensors.Name)]
public class OutputCopyTests
{
    [Fact]
    public void a_node_of_the_graph_keeps_no_copy_of_its_output()
    {
        Libtorch.Install();
        var before = LiveTensors.Count();
        using (var x = randn(3, 32).requires_grad_())
        using (var weight = randn(48, 32))
        using (var y = Fast.Linear(x, weight, null))
        {
            Assert.True(y.requires_grad);
            Assert.Equal(3, LiveTensors.Count() - before); // x, weight and y
            using var ones = ones_like(y);
            Kernel.Backward(y, ones);
            using var expected = ones.matmul(weight);
            using var gradient = x.grad;
            Assert.True(gradient!.allclose(expected, 1e-4, 1e-4));
        }
    }
}
