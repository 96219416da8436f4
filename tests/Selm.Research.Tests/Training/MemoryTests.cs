using Selm.HuggingFace.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Training;

/// <summary>Memory of whole processes, see <see cref="MemoryProbe"/>.</summary>
[Collection(LiveTensors.Name)]
public class MemoryTests
{
    /// <summary>
    /// The naive formula needs memory in proportion to positions, so a quarter of them is enough to know it:
    /// [4, 1024] staged against 4 times [1, 1024] naive, at a vocabulary of 128,256.
    /// </summary>
    [Fact]
    [Trait("Duration", "long")]
    public void the_staged_head_takes_at_most_a_twentieth_of_the_memory_of_the_naive_formula()
    {
        var naive = 4 * MemoryProbe.Run("naive-head", "1024")[0];
        Assert.True(naive > 4L << 20, $"{naive} kB: three times the logits at least");
        foreach (var way in new[] { "staged-head", "composed-head" })
        {
            // The least of three processes: on a busy machine the collector comes late and a peak has garbage in it.
            var staged = Enumerable.Range(0, 3).Select(_ => MemoryProbe.Run(way, "4096")[0]).Min();
            Assert.True(staged <= naive / 20, $"{way}: {staged} kB, naive: {naive} kB");
        }
    }

    /// <summary>libtorch's oneDNN keeps what it has compiled for each shape of a bfloat16 product; without a limit this grows by 100 MB and more.</summary>
    [Fact]
    public void a_training_in_bfloat16_whose_batches_have_ever_new_lengths_does_not_grow()
    {
        var memory = MemoryProbe.Run("lengths", "60");
        Assert.True(memory[1] - memory[0] < 40 << 10, $"{memory[0]} kB after a third of the steps, {memory[1]} kB after all");
    }

    /// <summary>A small batch (48 tokens): weights of the base once, activations, and nothing in the size of the weights beside them.</summary>
    [Fact]
    [Trait("Duration", "long")]
    public void a_step_of_an_adapter_on_half_a_billion_weights_takes_at_most_1_3_times_weights_and_activations()
    {
        var result = MemoryProbe.Run("lora", "16", "17");
        Assert.True(result[0] <= 1.3 * (result[1] + result[2]), $"{result[0]} kB: weights {result[1]}, activations {result[2]}");
    }

    /// <summary>Shards of 40 MB stored in float32: a tensor is converted in pieces of at most 64 MB, straight to where it stays.</summary>
    [Theory]
    [InlineData("bf16")]
    [InlineData("fp32")]
    [Trait("Duration", "long")]
    public void loading_shards_takes_the_model_once_and_some_tensors_more(string dtype)
    {
        using var folder = new TempFolder();
        using (var model = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = 8_000, HiddenSize = 640, IntermediateSize = 1_600, NumHiddenLayers = 12, NumAttentionHeads = 10, NumKeyValueHeads = 5, HeadDim = 64, MaxPositionEmbeddings = 64,
        }))
        {
            LlamaWeights.Save(model, folder.Root);
            SafetensorsWriter.WriteFolder(folder.Root, LlamaWeights.Named(model).Select(w => (w.Name, w.Weight.detach().contiguous())), shardBytes: 40_000_000);
        }
        Assert.True(Directory.GetFiles(folder.Root, "model-*.safetensors").Length > 4);
        var result = MemoryProbe.Run("load", folder.Root, dtype);
        var (peak, whole, largest) = (result[0], result[1], result[2]);
        Assert.InRange(peak, whole, whole + (5 * largest) + (16 << 10)); // what the allocator has freed and not given back counts
        Assert.True(5 * largest + (16 << 10) < whole, "a second copy would not show");
    }

    [Fact]
    [Trait("Duration", "long")]
    public void a_thousand_training_steps_leave_memory_and_tensors_as_they_were()
    {
        var result = MemoryProbe.Run("training");
        Assert.True(result[0] < 5 << 10, $"resident memory grew by {result[0]} kB over 900 steps");
        Assert.Equal(0, result[1]);
    }
}
