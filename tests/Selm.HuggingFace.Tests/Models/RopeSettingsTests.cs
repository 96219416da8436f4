using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>Rotary settings and element types as transformers 4 and 5 write them.</summary>
public class RopeSettingsTests
{
    private const string Llama3 = "\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":32";

    [Theory]
    [InlineData("""{"rope_theta":500000.0}""")]
    [InlineData("""{"rope_parameters":{"rope_theta":500000.0,"rope_type":"default"}}""")]
    [InlineData("""{"rope_parameters":{"rope_theta":500000.0},"rope_scaling":null}""")]
    [InlineData("""{"rope_scaling":{"rope_type":"default","rope_theta":500000.0}}""")]
    [InlineData("""{"rope_theta":500000,"rope_parameters":{"rope_theta":500000.0,"partial_rotary_factor":1.0},"rope_scaling":{"type":"default"}}""")]
    public void theta_is_read_wherever_it_is_written(string settings)
    {
        var config = Read(settings);
        Assert.Equal((500_000.0, (RopeScaling?)null), (config.RopeTheta, config.RopeScaling));
    }

    [Theory]
    [InlineData("{\"rope_theta\":500000.0,\"rope_scaling\":{\"rope_type\":\"llama3\"," + Llama3 + "}}")]
    [InlineData("{\"rope_parameters\":{\"rope_theta\":500000.0,\"rope_type\":\"llama3\"," + Llama3 + "}}")]
    [InlineData("{\"rope_scaling\":{\"type\":\"llama3\",\"rope_theta\":500000.0," + Llama3 + "}}")]
    [InlineData("{\"rope_parameters\":{\"rope_theta\":500000.0},\"rope_scaling\":{\"type\":\"llama3\",\"rope_type\":\"llama3\"," + Llama3 + "}}")]
    public void scaling_is_read_wherever_it_is_written(string settings)
    {
        var config = Read(settings);
        Assert.Equal((500_000.0, new RopeScaling("llama3", 8, 1, 4, 32)), (config.RopeTheta, config.RopeScaling));
    }

    [Theory]
    [InlineData("""{"rope_theta":10000.0,"rope_parameters":{"rope_theta":500000.0}}""", "rope_parameters.rope_theta is 500000 but rope_theta is 10000")]
    [InlineData("""{"rope_parameters":{"rope_type":"default"},"rope_scaling":{"type":"linear","factor":2}}""", "rope_parameters.rope_type is \"default\" but rope_scaling.type is \"linear\"")]
    [InlineData("""{"rope_scaling":{"type":"linear","rope_type":"llama3","factor":2}}""", "rope_scaling.rope_type is \"llama3\" but rope_scaling.type is \"linear\"")]
    [InlineData("""{"rope_parameters":{"rope_type":"linear","factor":2},"rope_scaling":{"factor":4}}""", "rope_parameters.factor is 2 but rope_scaling.factor is 4")]
    [InlineData("""{"rope_parameters":{"partial_rotary_factor":0.5}}""", "partial_rotary_factor 0.5 is not supported")]
    [InlineData("""{"rope_scaling":{"type":"default","partial_rotary_factor":0.5}}""", "partial_rotary_factor 0.5 is not supported")]
    [InlineData("""{"rope_scaling":{"factor":4}}""", "factor but no rope_type")]
    [InlineData("""{"rope_parameters":{"rope_type":"yarn","factor":4,"beta_fast":32}}""", "\"yarn\" is not supported")]
    [InlineData("""{"rope_parameters":{"rope_type":"dynamic","factor":4}}""", "\"dynamic\" is not supported")]
    [InlineData("""{"rope_parameters":{"rope_type":"longrope","long_factor":[1,2],"short_factor":[1,1]}}""", "\"longrope\" is not supported")]
    [InlineData("""{"rope_parameters":{"rope_theta":1e4,"mrope_section":[1,2]}}""", "rope_parameters.mrope_section")]
    [InlineData("""{"rope_parameters":{"full_attention":{"rope_theta":1e4},"sliding_attention":{"rope_theta":1e4}}}""", "rope_parameters.full_attention")]
    [InlineData("""{"rope_theta":-1}""", "rope_theta -1 is out of range")]
    public void contradictions_and_unknown_settings_are_refused_by_name(string settings, string expected) =>
        Assert.Contains(expected, Assert.Throws<InputException>(() => Read(settings)).Message, StringComparison.Ordinal);

    [Fact]
    public void a_changed_theta_is_written_where_the_file_had_it()
    {
        var five = (Read("""{"rope_parameters":{"rope_theta":500000.0,"rope_type":"default"}}""") with { RopeTheta = 1e6 }).ToJson();
        Assert.Equal(1e6, (double)five["rope_parameters"]!["rope_theta"]!);
        Assert.False(five.ContainsKey("rope_theta"));
        var four = (Read("""{"rope_theta":500000.0}""") with { RopeTheta = 1e6 }).ToJson();
        Assert.Equal(1e6, (double)four["rope_theta"]!);
        Assert.False(four.ContainsKey("rope_parameters"));
    }

    [Theory]
    [InlineData("""{"dtype":"bfloat16"}""", "dtype", "torch_dtype")]
    [InlineData("""{"torch_dtype":"bfloat16"}""", "torch_dtype", "dtype")]
    [InlineData("""{"dtype":"bfloat16","torch_dtype":"float32"}""", "dtype", "torch_dtype")]
    public void the_element_type_is_written_once_under_the_name_the_file_had(string settings, string kept, string gone)
    {
        var config = Read(settings);
        Assert.Equal(ScalarType.BFloat16, config.TorchDtype);
        var json = (config with { TorchDtype = ScalarType.Float32 }).ToJson();
        Assert.Equal("float32", (string?)json[kept]);
        Assert.False(json.ContainsKey(gone));
        Assert.False(config.ToJson().ContainsKey(gone));
    }

    private static LlamaConfig Read(string settings)
    {
        var json = JsonNode.Parse("""{"model_type":"llama","hidden_size":48,"intermediate_size":80,"num_attention_heads":6,"num_hidden_layers":2,"vocab_size":97}""")!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(settings)!.AsObject())
        {
            json[name] = value?.DeepClone();
        }
        using var folder = new TempFolder();
        folder.Write("config.json", json.ToJsonString());
        return LlamaConfig.Load(folder.Root);
    }
}
