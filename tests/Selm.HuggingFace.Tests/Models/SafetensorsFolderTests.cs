using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

public class SafetensorsFolderTests
{
    private const string Sharded = "llama-sharded";

    [Fact]
    public void shards_read_as_one_model()
    {
        using var scope = NewDisposeScope();
        using var weights = SafetensorsFolder.Open(Golden.Path("hf-models", Sharded));
        var config = LlamaConfig.Load(Golden.Path("hf-models", Sharded));
        Assert.Equal([config.VocabSize, config.HiddenSize], weights.Shape("lm_head.weight"));
        Assert.Equal(3 + (9 * config.NumHiddenLayers), weights.Names.Count);
        Assert.All(weights.Names, name => Assert.Equal(weights.Shape(name), weights.Read(name).shape));
    }

    [Fact]
    public void a_model_written_in_shards_reads_back_and_replaces_what_was_there()
    {
        using var folder = new TempFolder();
        using var scope = NewDisposeScope();
        using var source = SafetensorsFolder.Open(Golden.Path("hf-models", Sharded));
        var tensors = source.Names.Select(name => (name, source.Read(name))).ToList();
        SafetensorsWriter.WriteFolder(folder.Root, tensors);
        Assert.Equal(["model.safetensors"], folder.Names());
        SafetensorsWriter.WriteFolder(folder.Root, tensors, shardBytes: 60_000);
        Assert.Contains("model.safetensors.index.json", folder.Names());
        Assert.DoesNotContain("model.safetensors", folder.Names());
        Assert.True(folder.Names().Length > 3);
        using (var read = SafetensorsFolder.Open(folder.Root))
        {
            Assert.Equal(source.Names, read.Names);
            Assert.All(tensors, t => Assert.True(read.Read(t.name).bytes.SequenceEqual(t.Item2.bytes)));
        }
        SafetensorsWriter.WriteFolder(folder.Root, tensors);
        Assert.Equal(["model.safetensors"], folder.Names());
    }

    [Fact]
    public void a_missing_shard_is_named()
    {
        using var folder = Copy(Sharded);
        File.Delete(folder.File("model-00002-of-00003.safetensors"));
        Refused(folder, folder.File("model-00002-of-00003.safetensors") + " is missing");
    }

    [Fact]
    public void a_shard_without_its_tensor_is_named()
    {
        using var folder = Copy(Sharded);
        File.Copy(folder.File("model-00001-of-00003.safetensors"), folder.File("model-00002-of-00003.safetensors"), overwrite: true);
        Refused(folder, "is also in");
        using var one = zeros([1]);
        SafetensorsWriter.Write(folder.File("model-00002-of-00003.safetensors"), [("other", one)]);
        Refused(folder, "though model.safetensors.index.json says so");
    }

    [Theory]
    [InlineData("{}", "\"weight_map\" is missing")]
    [InlineData("""{"weight_map":{"a":"../a.safetensors"}}""", "must be a file name but is \"../a.safetensors\"")]
    [InlineData("""{"weight_map":{"a":1}}""", "must be a file name but is 1")]
    [InlineData("{\"weight_map\"", "not valid JSON")]
    public void a_broken_index_is_named(string text, string expected)
    {
        using var folder = new TempFolder();
        folder.Write("model.safetensors.index.json", text);
        Refused(folder, expected);
    }

    [Fact]
    public void a_folder_without_weights_is_named()
    {
        using var folder = new TempFolder();
        Refused(folder, folder.Root + " holds neither model.safetensors nor model.safetensors.index.json");
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float64)]
    public void numbers_that_are_not_finite_are_refused_with_the_tensors_name(ScalarType type)
    {
        using var folder = new TempFolder();
        using var scope = NewDisposeScope();
        foreach (var (name, value) in new[] { ("good", 1e4), ("nan", double.NaN), ("up", double.PositiveInfinity), ("down", double.NegativeInfinity) })
        {
            var values = ones([3, 5], type);
            values[1, 2] = full([], value, type);
            SafetensorsWriter.Write(folder.File("model.safetensors"), [("layer.weight", values)]);
            using var weights = SafetensorsFolder.Open(folder.Root);
            if (name == "good")
            {
                Assert.Equal([3, 5], weights.ReadWeight("layer.weight", [3, 5]).shape);
                continue;
            }
            var message = Assert.Throws<InputException>(() => weights.ReadWeight("layer.weight", [3, 5], ScalarType.Float32)).Message;
            Assert.Contains("\"layer.weight\" holds NaN or infinite numbers", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void a_wrong_shape_or_name_is_refused_with_both_shapes()
    {
        using var weights = SafetensorsFolder.Open(Golden.Path("hf-models", "llama-bf16"));
        var shape = Assert.Throws<InputException>(() => weights.ReadWeight("model.norm.weight", [47])).Message;
        Assert.Contains("\"model.norm.weight\" has the shape [48], but config.json asks for [47]", shape, StringComparison.Ordinal);
        Assert.Contains("has no tensor \"model.none\"", Assert.Throws<InputException>(() => weights.Read("model.none")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void the_weight_hash_follows_config_and_weights_but_not_the_place()
    {
        using var first = Copy(Sharded);
        using var second = Copy(Sharded);
        var hash = SafetensorsFolder.WeightHash(first.Root);
        File.Delete(second.File("expected.json"));
        Assert.Equal(hash, SafetensorsFolder.WeightHash(second.Root));
        File.AppendAllText(second.File("config.json"), " ");
        Assert.NotEqual(hash, SafetensorsFolder.WeightHash(second.Root));
        using var third = Copy(Sharded);
        var path = third.File("model-00003-of-00003.safetensors");
        var bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.NotEqual(hash, SafetensorsFolder.WeightHash(third.Root));
    }

    private static void Refused(TempFolder folder, string expected) =>
        Assert.Contains(expected, Assert.Throws<InputException>(() => SafetensorsFolder.Open(folder.Root)).Message, StringComparison.Ordinal);

    private static TempFolder Copy(string model)
    {
        var folder = new TempFolder();
        foreach (var file in Directory.GetFiles(Golden.Path("hf-models", model)))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }
        return folder;
    }
}
