using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

/// <summary>A checkpoint is used whole or refused with the name of what is not used.</summary>
public class WholeCheckpointTests
{
    private const string Query = "model.layers.0.self_attn.q_proj";

    [Theory]
    [InlineData("""{"quant_method":"gptq","bits":4}""", "gptq", "4 bits")]
    [InlineData("""{"quant_method":"awq","bits":4}""", "awq", "4 bits")]
    [InlineData("""{"quant_method":"bitsandbytes","load_in_4bit":true,"bnb_4bit_quant_type":"nf4"}""", "bitsandbytes", "nf4")]
    [InlineData("""{"quant_method":"bitsandbytes","_load_in_8bit":true,"load_in_8bit":true}""", "bitsandbytes", "8 bits")]
    [InlineData("""{"quant_method":"fp8"}""", "fp8", "quantised")]
    public void a_quantised_checkpoint_is_refused_with_its_method(string settings, string method, string detail)
    {
        using var files = new TinyFiles(config: json => json["quantization_config"] = JsonNode.Parse(settings));
        var message = files.Refusal();
        Assert.Contains("quantization_config", message, StringComparison.Ordinal);
        Assert.Contains(method, message, StringComparison.Ordinal);
        Assert.Contains(detail, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScalarType.Int8, "I8")]
    [InlineData(ScalarType.Byte, "U8")]
    [InlineData(ScalarType.Int64, "I64")]
    public void whole_numbers_as_weights_are_refused_with_the_tensors_name(ScalarType type, string name)
    {
        using var files = new TinyFiles(weights: tensors => tensors[Query + ".weight"] = tensors[Query + ".weight"].to_type(type));
        var message = files.Refusal();
        Assert.Contains($"\"{Query}.weight\"", message, StringComparison.Ordinal);
        Assert.Contains(name, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Query + ".bias", "attention_bias")]
    [InlineData("model.layers.1.mlp.up_proj.bias", "config.json")]
    [InlineData("model.layers.2.mlp.up_proj.weight", "num_hidden_layers is 2")]
    [InlineData(Query + ".lora_A.default.weight", "LoRA")]
    [InlineData(Query + ".SCB", "bitsandbytes")]
    [InlineData(Query + ".qweight", "GPTQ")]
    [InlineData(Query + ".weight_scale_inv", "FP8")]
    [InlineData("score.weight", "rm:")]
    [InlineData("v_head.summary.weight", "without that tensor")]
    public void a_tensor_that_the_model_does_not_use_is_refused_by_name(string name, string hint)
    {
        using var files = new TinyFiles(weights: tensors => tensors[name] = zeros(48));
        var message = files.Refusal();
        Assert.Contains($"\"{name}\"", message, StringComparison.Ordinal);
        Assert.Contains(hint, message, StringComparison.Ordinal);
    }

    [Fact]
    public void rotary_frequencies_of_old_checkpoints_are_no_weights()
    {
        using var plain = new TinyFiles();
        using var old = new TinyFiles(weights: tensors => tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ones(4));
        Assert.Equal(plain.Logits(), old.Logits());
    }

    [Fact]
    public void a_head_beside_tied_embeddings_must_be_the_embedding()
    {
        using var tied = new TinyFiles("llama-mha-tied");
        using var equal = new TinyFiles("llama-mha-tied", weights: tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone());
        Assert.Equal(tied.Logits(), equal.Logits());
        using var own = new TinyFiles("llama-mha-tied", weights: tensors => tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] * tensors["model.embed_tokens.weight"]);
        Assert.Contains("tie_word_embeddings true", own.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void a_missing_head_is_said_with_both_cures()
    {
        using var files = new TinyFiles(weights: tensors => tensors.Remove("lm_head.weight"));
        var message = files.Refusal();
        Assert.Contains("lm_head.weight", message, StringComparison.Ordinal);
        Assert.Contains("tie_word_embeddings", message, StringComparison.Ordinal);
        Assert.Contains("AutoModelForCausalLM", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_orig_mod.")]
    [InlineData("module._orig_mod.")]
    public void prefixes_of_wrappers_are_left_out(string prefix)
    {
        using var plain = new TinyFiles();
        using var wrapped = new TinyFiles(weights: tensors => Rename(tensors, name => prefix + name));
        Assert.Equal(plain.Logits(), wrapped.Logits());
    }

    [Fact]
    public void names_of_the_base_class_are_found()
    {
        using var plain = new TinyFiles("llama-mha-tied");
        using var bare = new TinyFiles("llama-mha-tied", weights: tensors => Rename(tensors, name => name["model.".Length..]));
        Assert.Equal(plain.Logits(), bare.Logits());
        using var saved = new TempFolder();
        using var model = LlamaWeights.Load(bare.Root);
        LlamaWeights.Save(model, saved.Root);
        using var written = SafetensorsFolder.Open(saved.Root);
        Assert.Contains("model.embed_tokens.weight", written.Names);
    }

    [Fact]
    public void prefixes_of_some_names_only_are_not_guessed_at()
    {
        using var files = new TinyFiles(weights: tensors => tensors["module.model.norm.weight"] = tensors["model.norm.weight"]);
        Assert.Contains("\"module.model.norm.weight\"", files.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("final_logit_softcapping", "30.0")]
    [InlineData("embedding_multiplier", "12")]
    [InlineData("logits_scaling", "8")]
    [InlineData("use_qk_norm", "true")]
    [InlineData("mlp_bias", "true")]
    [InlineData("clip_qkv", "6")]
    [InlineData("rotary_pct", "0.25")]
    [InlineData("sliding_window", "6")]
    [InlineData("num_local_experts", "8")]
    [InlineData("layer_types", """["full_attention","sliding_attention"]""")]
    [InlineData("partial_rotary_factor", "0.5")]
    public void a_field_that_changes_the_function_is_refused_by_name(string name, string value)
    {
        using var files = new TinyFiles(config: json => json[name] = JsonNode.Parse(value));
        Assert.Contains(name, files.Refusal(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("final_logit_softcapping", "null")]
    [InlineData("embedding_multiplier", "1.0")]
    [InlineData("use_qk_norm", "false")]
    [InlineData("mlp_bias", "false")]
    [InlineData("sliding_window", "null")]
    [InlineData("sliding_window", "4096")]
    [InlineData("layer_types", """["full_attention","full_attention"]""")]
    [InlineData("pretraining_tp", "1")]
    [InlineData("_name_or_path", "\"x/y\"")]
    [InlineData("unsloth_version", "\"2026.1\"")]
    [InlineData("quantization_config", "null")]
    public void a_field_that_is_off_or_only_describes_changes_nothing(string name, string value)
    {
        using var plain = new TinyFiles();
        using var files = new TinyFiles(config: json => json[name] = JsonNode.Parse(value));
        Assert.Equal(plain.Logits(), files.Logits());
    }

    [Theory]
    [InlineData("qwen2", false)]
    [InlineData("qwen2", true)]
    [InlineData("qwen3", true)]
    public void a_window_of_qwen_counts_only_where_it_is_switched_on(string type, bool on)
    {
        using var files = new TinyFiles(type == "qwen2" ? "qwen2-untied" : "qwen3-tied", json => (json["use_sliding_window"], json["sliding_window"], json["max_window_layers"]) = (on, 6, 1));
        if (on)
        {
            Assert.Contains("use_sliding_window", files.Refusal(), StringComparison.Ordinal);
            return;
        }
        Assert.Equal(TinyFiles.Logits(Golden.Path("hf-models", "qwen2-untied")), files.Logits());
    }

    [Fact]
    public void a_window_of_qwen_that_no_layer_and_no_sequence_reaches_is_none()
    {
        using var layers = new TinyFiles("qwen2-untied", json => (json["use_sliding_window"], json["max_window_layers"]) = (true, 2));
        using var wide = new TinyFiles("qwen2-untied", json => (json["use_sliding_window"], json["sliding_window"]) = (true, 128));
        var plain = TinyFiles.Logits(Golden.Path("hf-models", "qwen2-untied"));
        Assert.Equal(plain, layers.Logits());
        Assert.Equal(plain, wide.Logits());
    }

    private static void Rename(Dictionary<string, Tensor> tensors, Func<string, string> change)
    {
        foreach (var (name, tensor) in tensors.ToList())
        {
            tensors.Remove(name);
            tensors.Add(change(name), tensor);
        }
    }
}
