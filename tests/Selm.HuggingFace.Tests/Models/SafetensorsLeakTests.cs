using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

[Collection(LiveTensors.Name)]
public class SafetensorsLeakTests
{
    [Fact]
    public void reading_leaves_only_the_tensors_that_were_asked_for()
    {
        using var file = SafetensorsFile.Open(Golden.Path("hf-models", "llama-bf16", "model.safetensors"));
        var before = LiveTensors.Count();
        var read = file.Names.Select(name => file.Read(name, ScalarType.Float32)).ToList();
        Assert.Equal(before + read.Count, Tensor.TotalCount);
        read.ForEach(t => t.Dispose());
        using var folder = new TempFolder();
        using var one = ones([3]);
        SafetensorsWriter.Write(folder.File("f"), [("one", one)]);
        Assert.Equal(before + 1, Tensor.TotalCount);
        using var weights = SafetensorsFolder.Open(Golden.Path("hf-models", "llama-bf16"));
        Assert.Throws<InputException>(() => weights.ReadWeight("model.norm.weight", [47]));
        Assert.Equal(before + 1, Tensor.TotalCount);
        using (weights.ReadWeight("model.norm.weight", [48]))
        {
            Assert.Equal(before + 2, Tensor.TotalCount);
        }
        Assert.Equal(before + 1, Tensor.TotalCount);
    }
}
