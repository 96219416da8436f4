using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

public class DebertaTests
{
    [Theory]
    [InlineData("deberta-v3-style")]
    [InlineData("deberta-c2p-only")]
    [InlineData("deberta-unshared-key")]
    [InlineData("deberta-v2-conv")]
    public void hidden_states_equal_the_golden_ones(string model)
    {
        using var scope = NewDisposeScope();
        var (cases, expected, encoder) = Open(model);
        using (encoder)
        using (expected)
        {
            var (ids, mask) = Inputs(cases.GetProperty("plain"));
            var states = encoder.HiddenStates(ids, mask);
            Assert.Equal(encoder.Config.NumHiddenLayers + 1, states.Count);
            for (var k = 0; k < states.Count; k++)
            {
                Near(expected.Read($"plain.hidden_states.{k}"), states[k], mask, 2e-5);
            }
            foreach (var name in new[] { "right_padded", "longer_than_max_position" })
            {
                (ids, mask) = Inputs(cases.GetProperty(name));
                Near(expected.Read($"{name}.last_hidden_state"), encoder.Forward(ids, mask), mask, 2e-5);
            }
        }
    }

    [Theory]
    [InlineData("deberta-v3-style")]
    [InlineData("deberta-v2-conv")]
    public void position_buckets_equal_the_golden_ones(string model)
    {
        var buckets = Golden.Json("hf-models", model, "expected.json").GetProperty("relative_position_buckets");
        var config = DebertaConfig.Load(Golden.Path("hf-models", model));
        var length = buckets.GetProperty("length").GetInt32();
        using var relative = DebertaPositions.Relative(length, config.PositionBuckets, config.MaxRelativePositions, CPU);
        var values = relative.data<long>().ToArray();
        Assert.Equal(Longs(buckets.GetProperty("first_row")), values[..length]);
        Assert.Equal(Longs(buckets.GetProperty("last_row")), values[^length..]);
    }

    [Fact]
    public void buckets_of_the_published_size_are_exact_near_and_monotonic_far_and_antisymmetric()
    {
        using var relative = DebertaPositions.Relative(2048, 256, 512, CPU);
        var column = relative.data<long>().ToArray().Where((_, k) => k % 2048 == 0).ToArray();
        Assert.Equal(Enumerable.Range(0, 129).Select(k => (long)k), column[..129]);
        Assert.All(Enumerable.Range(1, 2047), k => Assert.InRange(column[k] - column[k - 1], 0, 1));
        Assert.Equal(255, column[511]);
        using var sum = (relative + relative.t()).abs().max();
        Assert.Equal(0, sum.item<long>());
    }

    [Fact]
    public void without_buckets_positions_are_plain_differences()
    {
        using var relative = DebertaPositions.Relative(3, 0, 512, CPU);
        Assert.Equal([0, -1, -2, 1, 0, -1, 2, 1, 0], relative.data<long>().ToArray());
    }

    [Fact]
    public void bfloat16_follows_single_precision()
    {
        using var scope = NewDisposeScope();
        using var weights = SafetensorsFolder.Open(Golden.Path("hf-models", "deberta-v3-style"));
        var config = DebertaConfig.Load(Golden.Path("hf-models", "deberta-v3-style"));
        using var full = DebertaEncoder.Load(weights, config, "deberta.");
        using var half = DebertaEncoder.Load(weights, config, "deberta.", ScalarType.BFloat16);
        var (ids, mask) = Inputs(Golden.Json("hf-models", "deberta-v3-style", "expected.json").GetProperty("right_padded"));
        Near(full.Forward(ids, mask), half.Forward(ids, mask).to(ScalarType.Float32), mask, 0.1);
    }

    private static (JsonElement Cases, SafetensorsFile Expected, DebertaEncoder Encoder) Open(string model)
    {
        using var weights = SafetensorsFolder.Open(Golden.Path("hf-models", model));
        return (
            Golden.Json("hf-models", model, "expected.json"),
            SafetensorsFile.Open(Golden.Path("hf-models", model, "expected.safetensors")),
            DebertaEncoder.Load(weights, DebertaConfig.Load(Golden.Path("hf-models", model)), "deberta."));
    }

    private static (Tensor Ids, Tensor Mask) Inputs(JsonElement value)
    {
        var ids = Rows(value.GetProperty("input_ids"));
        return (ids, value.TryGetProperty("attention_mask", out var mask) ? Rows(mask) : ids.ones_like());
    }

    private static Tensor Rows(JsonElement rows) => stack([.. rows.EnumerateArray().Select(row => tensor(Longs(row)))]);

    private static long[] Longs(JsonElement row) => [.. row.EnumerateArray().Select(id => id.GetInt64())];

    private static void Near(Tensor expected, Tensor actual, Tensor mask, double tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        var worst = ((expected - actual).abs() * mask.unsqueeze(-1)).max().item<float>();
        Assert.True(worst <= tolerance, $"off by {worst}");
    }
}
