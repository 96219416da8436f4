using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Fields of config.json that would change what a decoder computes and that the kit does not compute. Each is refused by
/// its name unless its value switches it off; other fields that the kit does not read only describe or steer training.
/// </summary>
internal static class ConfigRules
{
    // Caught by an ending below, but read by LlamaConfig and RopeSettings, or of no effect on the function.
    private static readonly string[] harmless =
    [
        "attention_bias", "rope_scaling", "sliding_window", "use_sliding_window", "rescale_layer_norm",
    ];

    // Switches that the kit has only in the off position; their endings say nothing.
    private static readonly string[] switches =
    [
        "clip_qkv", "alibi", "parallel_attn", "parallel_residual", "use_parallel_residual", "add_cross_attention", "is_encoder_decoder", "pruned_heads", "use_mrope",
        "sliding_window_pattern", "no_rope_layers", "nope_layer_interval", "attention_chunk_size", "use_bidirectional_attention", "moe_layers", "hidden_activation",
        "use_attention_sinks", "attn_temperature_tuning", "rope_interleaved", "scale_emb", "scale_depth", "dim_model_base", "use_alibi", "bias", "linear_attn_config", "layernorm_type",
        "num_nextn_predict_layers",
    ];

    private static readonly string[] endings =
        ["_scaling", "_multiplier", "softcapping", "softcap", "logit_cap", "_scale", "_scalar", "_window", "_window_size", "_bias", "_norm", "_layernorm", "rotary_pct", "rotary_dim", "rope_pct", "_experts"];

    /// <exception cref="InputException">A field asks for what the kit does not compute.</exception>
    internal static void Check(ConfigFields fields)
    {
        RefuseMixedLayers(fields);
        foreach (var (name, value) in fields.Json)
        {
            var matters = !harmless.Contains(name) && (switches.Contains(name) || endings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal)) || name.StartsWith("mup_", StringComparison.Ordinal));
            if (matters && !IsOff(name, value))
            {
                throw fields.Error($"the field \"{name}\" is {value!.ToJsonString()}, which changes what the model computes and is not supported; use a checkpoint without it");
            }
        }
    }

    /// <exception cref="InputException">The weights are quantised; the method is named.</exception>
    internal static void RefuseQuantised(ConfigFields fields)
    {
        foreach (var name in (string[])["quantization_config", "quantization", "compression_config"])
        {
            if (fields.Json[name] is not { } value || value is JsonObject { Count: 0 })
            {
                continue;
            }
            var settings = value as JsonObject;
            var method = settings?["quant_method"]?.ToString() ?? settings?["quant_algo"]?.ToString() ?? "an unnamed method";
            var bits = settings?["bits"] is { } count ? $" to {count} bits"
                : settings?["load_in_8bit"]?.ToString() == "true" ? " to 8 bits"
                : settings?["load_in_4bit"]?.ToString() == "true" ? $" to 4 bits ({settings["bnb_4bit_quant_type"]?.ToString() ?? "fp4"})" : "";
            throw fields.Error(
                $"{name} says that the weights are quantised{bits} by {method}, which the kit does not read; use the unquantised checkpoint, or dequantise this one first (model.dequantize() and save_pretrained in transformers)");
        }
    }

    // transformers 5 names the attention of each layer.
    private static void RefuseMixedLayers(ConfigFields fields)
    {
        if (fields.Json["layer_types"] is JsonArray types && types.FirstOrDefault(type => type?.ToString() != "full_attention") is { } other
            && !(fields.Text("model_type") == "mistral" && types.All(type => type?.ToString() == "sliding_attention")))
        {
            throw fields.Error($"layer_types names {other.ToJsonString()}; the kit computes the same full attention in every layer, so use a checkpoint that has it");
        }
    }

    private static bool IsOff(string name, JsonNode? value) => value switch
    {
        null or JsonArray { Count: 0 } or JsonObject { Count: 0 } => true,
        JsonValue one => one.GetValueKind() switch
        {
            JsonValueKind.False => true,
            JsonValueKind.Number => one.GetValue<double>() is var number && (number == 0 || (number == 1 && !name.EndsWith("_window", StringComparison.Ordinal))),
            JsonValueKind.String => one.GetValue<string>() is "" or "none" || (name == "hidden_activation" && one.GetValue<string>() == "silu"),
            _ => false,
        },
        _ => false,
    };
}
