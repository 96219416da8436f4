using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

public class HfConfigTests
{
    private const string Minimal = """{"model_type":"llama","hidden_size":48,"intermediate_size":80,"num_attention_heads":6,"num_hidden_layers":2,"vocab_size":97}""";

    [Fact]
    public void every_golden_config_is_read_and_written_back_unchanged()
    {
        var folders = Directory.GetDirectories(Golden.Path("hf-models"));
        Assert.Equal(20, folders.Length);
        foreach (var folder in folders)
        {
            var config = HfConfig.Load(folder);
            var source = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
            Assert.True(JsonNode.DeepEquals(source, config.ToJson()), folder);
            Assert.Equal((string?)source!["model_type"], config.ModelType);
        }
    }

    [Fact]
    public void fields_of_llama_mistral_and_phi3_arrive()
    {
        var llama31 = LlamaConfig.Load(Golden.Path("hf-models", "llama31-rope"));
        Assert.Equal(new RopeScaling("llama3", 8, 1, 4, 32), llama31.RopeScaling);
        Assert.Equal((500_000.0, 3, 1, 16), (llama31.RopeTheta, llama31.NumAttentionHeads, llama31.NumKeyValueHeads, llama31.HeadDim));
        var biased = LlamaConfig.Load(Golden.Path("hf-models", "llama-attention-bias"));
        Assert.True(biased.AttentionBias);
        Assert.Equal(("linear", 2.0), (biased.RopeScaling!.Type, biased.RopeScaling.Factor));
        Assert.True(LlamaConfig.Load(Golden.Path("hf-models", "llama-mha-tied")).TieWordEmbeddings);
        Assert.Equal(ScalarType.BFloat16, LlamaConfig.Load(Golden.Path("hf-models", "llama-bf16")).TorchDtype);
        Assert.Equal(6, LlamaConfig.Load(Golden.Path("hf-models", "mistral-sliding")).SlidingWindow);
        Assert.Null(LlamaConfig.Load(Golden.Path("hf-models", "mistral-nowindow")).SlidingWindow);
        Assert.True(LlamaConfig.Load(Golden.Path("hf-models", "phi3")).FusedProjections);
    }

    [Fact]
    public void position_terms_are_read_from_text_and_from_lists()
    {
        var shared = DebertaConfig.Load(Golden.Path("hf-models", "deberta-v3-style"));
        var unshared = DebertaConfig.Load(Golden.Path("hf-models", "deberta-unshared-key"));
        var one = DebertaConfig.Load(Golden.Path("hf-models", "deberta-c2p-only"));
        Assert.Equal((true, true, true), (shared.ContentToPosition, shared.PositionToContent, shared.ShareAttKey));
        Assert.Equal((true, true, false), (unshared.ContentToPosition, unshared.PositionToContent, unshared.ShareAttKey));
        Assert.Equal((true, false), (one.ContentToPosition, one.PositionToContent));
        Assert.Equal((8, 64), (shared.PositionBuckets, shared.MaxRelativePositions));
    }

    [Fact]
    public void pairrm_is_told_from_a_plain_encoder()
    {
        var config = PairRmConfig.Load(Golden.Path("hf-models", "pairrm-truncation"));
        Assert.Equal((513, 516, 514, 515, 1, 2), (config.SourcePrefixId, config.CandPrefixId, config.Cand1PrefixId, config.Cand2PrefixId, config.ClsTokenId, config.SepTokenId));
        Assert.Equal((14, 8, 1, 517), (config.SourceMaxLength, config.CandidateMaxLength, config.Tasks, config.Encoder.VocabSize));
        Assert.Throws<InputException>(() => PairRmConfig.Load(Golden.Path("hf-models", "deberta-v3-style")));
        Assert.Throws<InputException>(() => LlamaConfig.Load(Golden.Path("hf-models", "pairrm")));
    }

    [Fact]
    public void fields_left_out_have_the_values_of_the_familys_configuration_class()
    {
        var llama = Parse(Minimal);
        Assert.Equal((6, 8, 2048, 1e-6, 10_000.0), (llama.NumKeyValueHeads, llama.HeadDim, llama.MaxPositionEmbeddings, llama.RmsNormEps, llama.RopeTheta));
        Assert.Equal((1, 2, (int?)null), (llama.BosTokenId, llama.EosTokenIds.Single(), llama.PadTokenId));
        Assert.Equal(4096, Parse(With(Minimal, "model_type", "\"mistral\"").Replace("\"num_attention_heads\":6", "\"num_attention_heads\":8", StringComparison.Ordinal)).SlidingWindow);
        Assert.Equal(128, Parse(With(Minimal, "head_dim", "128")).HeadDim);
        Assert.Equal([2, 7], Parse(With(Minimal, "eos_token_id", "[2,7]")).EosTokenIds);
        Assert.Equal(5e5, Parse(With(Minimal, "rope_parameters", """{"rope_theta":5e5,"rope_type":"default"}""")).RopeTheta);
    }

    [Fact]
    public void only_changed_fields_change_in_the_file()
    {
        var before = Parse(With(With(Minimal, "of_no_use", "{\"a\":[1]}"), "torch_dtype", "\"bfloat16\""));
        var after = before with { VocabSize = 99, TorchDtype = ScalarType.Float32, EosTokenIds = [3, 4] };
        var expected = before.ToJson();
        expected["vocab_size"] = 99;
        expected["torch_dtype"] = "float32";
        expected["eos_token_id"] = new JsonArray(3, 4);
        Assert.True(JsonNode.DeepEquals(expected, after.ToJson()), after.ToJson().ToJsonString());
    }

    [Fact]
    public void a_config_made_in_code_reads_back_equal()
    {
        var made = new LlamaConfig
        {
            ModelType = "mistral", VocabSize = 11, HiddenSize = 8, IntermediateSize = 16, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 4,
            SlidingWindow = 5, RopeScaling = new RopeScaling("llama3", 8, 1, 4, 64), PadTokenId = 0, EosTokenIds = [2],
        };
        var read = Parse(made.ToJson().ToJsonString());
        Assert.Equal(made.ToJson().ToJsonString(), (read with { Source = null }).ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("model_type", "\"gpt2\"", "\"gpt2\" is not known; the kit reads llama, mistral, phi3, qwen2, qwen3, deberta-v2")]
    [InlineData("hidden_size", "null", "\"hidden_size\" is missing")]
    [InlineData("hidden_size", "\"48\"", "\"hidden_size\" must be a whole number of at least 1 but is \"48\"")]
    [InlineData("hidden_size", "47", "hidden_size 47 is not a multiple of num_attention_heads 6")]
    [InlineData("vocab_size", "0", "\"vocab_size\" must be a whole number of at least 1 but is 0")]
    [InlineData("vocab_size", "1.5", "\"vocab_size\"")]
    [InlineData("num_key_value_heads", "4", "not a multiple of num_key_value_heads 4")]
    [InlineData("head_dim", "7", "the head width 7 is odd")]
    [InlineData("rope_scaling", "{\"type\":\"yarn\",\"factor\":2}", "rope scaling of type \"yarn\" is not supported; the kit computes linear and llama3")]
    [InlineData("rope_scaling", "{\"type\":\"linear\"}", "\"factor\" is missing")]
    [InlineData("rope_scaling", "[]", "\"rope_scaling\" must be an object")]
    [InlineData("hidden_act", "\"relu\"", "hidden_act \"relu\" is not supported")]
    [InlineData("attention_bias", "1", "\"attention_bias\" must be true or false")]
    [InlineData("eos_token_id", "[1,null]", "\"eos_token_id\"")]
    [InlineData("torch_dtype", "\"int4\"", "torch_dtype \"int4\" is not supported")]
    [InlineData("partial_rotary_factor", "0.5", "partial_rotary_factor")]
    public void a_field_that_is_wrong_is_named_in_one_sentence(string name, string value, string expected)
    {
        var message = Assert.Throws<InputException>(() => Parse(With(Minimal, name, value))).Message;
        Assert.Contains("config.json: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n\"model_type\":\n", "line ")]
    [InlineData("[1]", "is not a JSON object")]
    [InlineData("{\"model_type\":\"llama\",\"model_type\":\"mistral\"}", "not valid JSON")]
    [InlineData("", "not valid JSON")]
    [InlineData("{}", "\"(none)\" is not known")]
    public void a_broken_file_is_named(string text, string expected)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", text);
        var message = Assert.Throws<InputException>(() => HfConfig.Load(folder.Root)).Message;
        Assert.StartsWith(folder.File("config.json"), message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_folder_without_config_is_named() =>
        Assert.Contains("config.json does not exist", Assert.Throws<InputException>(() => HfConfig.Load(Golden.Path("chat-templates"))).Message, StringComparison.Ordinal);

    private static LlamaConfig Parse(string json)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", json);
        return LlamaConfig.Load(folder.Root);
    }

    private static string With(string json, string name, string value)
    {
        var node = JsonNode.Parse(json)!.AsObject();
        node[name] = JsonNode.Parse(value);
        return node.ToJsonString();
    }
}
