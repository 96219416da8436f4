using Selm.Tests;
using Selm.Research.Lessons;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Lessons;

[Collection(LiveTensors.Name)]
public class TensorSummaryTests
{
    [Fact]
    public void statistics_are_those_of_the_finite_elements()
    {
        using var tensor = torch.tensor(new[] { 1.0, 2.0, 3.0, double.NaN, double.PositiveInfinity, 6.0 }).reshape(2, 3);

        var summary = TensorSummary.Of(tensor, "x");

        Assert.Equal([2L, 3L], summary.Shape);
        Assert.Equal((2L, 6L), (summary.NotFinite, summary.Count));
        Assert.Equal((1.0, 3.0, 6.0), (summary.Min, summary.Mean, summary.Max));
        Assert.Equal(Math.Sqrt(3.5), summary.Deviation, 1e-12); // of 1, 2, 3, 6
        Assert.Contains("[2, 3]", summary.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Int64)]
    public void every_type_is_read_and_no_tensor_is_left_behind(ScalarType type)
    {
        using var tensor = torch.tensor(new[] { -2.0, 0.0, 4.0 }).to_type(type);
        var before = LiveTensors.Count();

        var summary = TensorSummary.Of(tensor);

        Assert.Equal(before, LiveTensors.Count());
        Assert.Equal((type, -2.0, 4.0), (summary.Type, summary.Min, summary.Max));
    }

    [Fact]
    public void a_tensor_without_elements_has_no_statistics()
    {
        using var tensor = torch.zeros(0, 4);
        Assert.True(double.IsNaN(TensorSummary.Of(tensor).Mean));
    }
}
