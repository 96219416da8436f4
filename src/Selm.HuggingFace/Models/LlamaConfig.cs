using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>How rotary positions are stretched beyond the length a model was first trained with.</summary>
/// <param name="Type">"linear" (positions divided by the factor) or "llama3" (low frequencies divided, high ones kept).</param>
/// <param name="Factor">By how much.</param>
/// <param name="LowFreqFactor">llama3: wavelengths above OriginalMaxPositionEmbeddings / LowFreqFactor are divided in full.</param>
/// <param name="HighFreqFactor">llama3: wavelengths below OriginalMaxPositionEmbeddings / HighFreqFactor are kept.</param>
/// <param name="OriginalMaxPositionEmbeddings">llama3: the length first trained with, in tokens.</param>
public sealed record RopeScaling(
    string Type, double Factor, double LowFreqFactor = 1, double HighFreqFactor = 4, int OriginalMaxPositionEmbeddings = 8192);

/// <summary>
/// The shape of a Llama, Mistral or Phi-3 decoder. Properties have the names of config.json's fields; those that a
/// file leaves out have the values that Hugging Face's configuration classes give them.
/// </summary>
public sealed record LlamaConfig : HfConfig
{
    /// <summary>Rows of the embedding and of the head.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the gated feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads; each serves NumAttentionHeads / NumKeyValueHeads query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Width of one head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Longest sequence, in tokens.</summary>
    public int MaxPositionEmbeddings { get; init; } = 2048;

    /// <summary>Added to the mean square before the root in the RMS norms.</summary>
    public double RmsNormEps { get; init; } = 1e-6;

    /// <summary>Base of the rotary frequencies.</summary>
    public double RopeTheta { get; init; } = 10_000;

    /// <summary>Stretching of rotary positions, or null.</summary>
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>A token attends to this many tokens, itself included; null: to all before it.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>Whether the q, k, v and o projections have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the head is the embedding matrix.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Id of the first token of a text, or null.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Ids that end a response; any of them does. May be empty.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Id of padding, or null.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Element type of the stored weights.</summary>
    public ScalarType TorchDtype { get; init; } = ScalarType.Float32;

    /// <summary>Whether q, k, v and gate, up are stored as one matrix each (qkv_proj, gate_up_proj), as Phi-3 does.</summary>
    public bool FusedProjections => ModelType == "phi3";

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="InputException">The file or a field is missing or wrong, or it is no Llama, Mistral or Phi-3.</exception>
    public static new LlamaConfig Load(string folder) => HfConfig.Load(folder) as LlamaConfig
        ?? throw new InputException($"{Path.Combine(folder, FileName)} does not describe a Llama, Mistral or Phi-3 decoder; give the folder of one.");

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        if (Source is null)
        {
            return Write([], null);
        }
        return Write((JsonObject)Source.DeepClone(), Read(new ConfigFields(FileName, Source)));
    }

    internal static LlamaConfig Read(ConfigFields fields)
    {
        var type = TypeOf(fields);
        var heads = fields.Count("num_attention_heads");
        var hidden = fields.Count("hidden_size");
        if (!fields.Has("head_dim") && hidden % heads != 0)
        {
            throw fields.Error($"hidden_size {hidden} is not a multiple of num_attention_heads {heads}; correct one of them or give head_dim");
        }
        // Later versions of the format keep theta and scaling together in rope_parameters.
        var rope = fields.Object("rope_parameters");
        var config = new LlamaConfig
        {
            Source = fields.Json,
            ModelType = type,
            VocabSize = fields.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Count("intermediate_size"),
            NumHiddenLayers = fields.Count("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Count("num_key_value_heads", type == "mistral" ? 8 : heads, 1),
            HeadDim = fields.Count("head_dim", hidden / heads, 2),
            MaxPositionEmbeddings = fields.Count("max_position_embeddings", type switch { "mistral" => 131_072, "phi3" => 4096, _ => 2048 }, 1),
            RmsNormEps = fields.Number("rms_norm_eps", type == "phi3" ? 1e-5 : 1e-6),
            RopeTheta = (rope?.Has("rope_theta") == true ? rope : fields).Number("rope_theta", 10_000),
            RopeScaling = Scaling(fields.Object("rope_scaling") ?? rope),
            SlidingWindow = WindowOf(fields, type),
            AttentionBias = fields.Flag("attention_bias", false),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", false),
            BosTokenId = fields.Id("bos_token_id", 1),
            EosTokenIds = fields.Ids("eos_token_id", [type == "phi3" ? 32_000 : 2]),
            PadTokenId = fields.Id("pad_token_id", type == "phi3" ? 32_000 : null),
            TorchDtype = DtypeOf(fields),
        };
        Check(fields, config);
        return config;
    }

    // Llama has no window; Mistral's class has one of 4,096 unless the file says otherwise.
    private static int? WindowOf(ConfigFields fields, string type) =>
        type == "llama" ? null
        : fields.Has("sliding_window") ? fields.Count("sliding_window")
        : type == "mistral" && !fields.Contains("sliding_window") ? 4096 : null;

    private static void Check(ConfigFields fields, LlamaConfig config)
    {
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
        {
            throw fields.Error($"num_attention_heads {config.NumAttentionHeads} is not a multiple of num_key_value_heads {config.NumKeyValueHeads}; correct one of them");
        }
        if (config.HeadDim % 2 != 0)
        {
            throw fields.Error($"the head width {config.HeadDim} is odd, but rotary positions need pairs; correct head_dim");
        }
        if (fields.Text("hidden_act") is { } act and not "silu")
        {
            throw fields.Error($"hidden_act \"{act}\" is not supported; the kit computes silu");
        }
        if (fields.Flag("mlp_bias", false))
        {
            throw fields.Error("mlp_bias true is not supported; use a checkpoint without biases in the feed-forward layers");
        }
        if (fields.Number("partial_rotary_factor", 1) != 1)
        {
            throw fields.Error("partial_rotary_factor other than 1 is not supported; use a checkpoint that rotates whole heads");
        }
        if (!(config.RmsNormEps >= 0) || !(config.RopeTheta > 0))
        {
            throw fields.Error($"rms_norm_eps {config.RmsNormEps} or rope_theta {config.RopeTheta} is out of range; correct it");
        }
    }

    private static RopeScaling? Scaling(ConfigFields? scaling)
    {
        if (scaling is null)
        {
            return null;
        }
        var type = scaling.Text("rope_type") ?? scaling.Text("type") ?? "default";
        var result = type switch
        {
            "default" => null,
            "linear" => new RopeScaling(type, scaling.Number("factor")),
            "llama3" => new RopeScaling(
                type, scaling.Number("factor"), scaling.Number("low_freq_factor"), scaling.Number("high_freq_factor"), scaling.Count("original_max_position_embeddings")),
            _ => throw scaling.Error($"rope scaling of type \"{type}\" is not supported; the kit computes linear and llama3"),
        };
        if (result is { Factor: not > 0 } || (result is { Type: "llama3" } && !(result.HighFreqFactor > result.LowFreqFactor && result.LowFreqFactor > 0)))
        {
            throw scaling.Error("the numbers of rope_scaling are out of range: factor must be positive and high_freq_factor above low_freq_factor above 0; correct them");
        }
        return result;
    }

    private static ScalarType DtypeOf(ConfigFields fields) => (fields.Text("torch_dtype") ?? fields.Text("dtype")) switch
    {
        null or "float32" => ScalarType.Float32,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        "float64" => ScalarType.Float64,
        var other => throw fields.Error($"torch_dtype \"{other}\" is not supported; the kit reads float32, bfloat16, float16 and float64"),
    };

    private JsonObject Write(JsonObject json, LlamaConfig? before)
    {
        void Set<T>(string name, T value, T? old, JsonNode? node)
        {
            if (before is null || !EqualityComparer<T>.Default.Equals(value, old))
            {
                json[name] = node;
            }
        }

        void Number(string name, int? value, int? old) => Set(name, value, old, value is { } number ? JsonValue.Create(number) : null);

        var architecture = ModelType switch { "phi3" => "Phi3ForCausalLM", "mistral" => "MistralForCausalLM", _ => "LlamaForCausalLM" };
        if (before is null)
        {
            json["architectures"] = new JsonArray(architecture);
            json["hidden_act"] = "silu";
        }
        Set("model_type", ModelType, before?.ModelType, ModelType);
        Number("vocab_size", VocabSize, before?.VocabSize);
        Number("hidden_size", HiddenSize, before?.HiddenSize);
        Number("intermediate_size", IntermediateSize, before?.IntermediateSize);
        Number("num_hidden_layers", NumHiddenLayers, before?.NumHiddenLayers);
        Number("num_attention_heads", NumAttentionHeads, before?.NumAttentionHeads);
        Number("num_key_value_heads", NumKeyValueHeads, before?.NumKeyValueHeads);
        Number("head_dim", HeadDim, before?.HeadDim);
        Number("max_position_embeddings", MaxPositionEmbeddings, before?.MaxPositionEmbeddings);
        Set("rms_norm_eps", RmsNormEps, before?.RmsNormEps, RmsNormEps);
        Set("rope_theta", RopeTheta, before?.RopeTheta, RopeTheta);
        Set("rope_scaling", RopeScaling, before?.RopeScaling, ScalingNode());
        if (ModelType != "llama")
        {
            Number("sliding_window", SlidingWindow, before?.SlidingWindow);
        }
        Set("attention_bias", AttentionBias, before?.AttentionBias, AttentionBias);
        Set("tie_word_embeddings", TieWordEmbeddings, before?.TieWordEmbeddings, TieWordEmbeddings);
        Number("bos_token_id", BosTokenId, before?.BosTokenId);
        if (before is null || !EosTokenIds.SequenceEqual(before.EosTokenIds))
        {
            json["eos_token_id"] = EosTokenIds.Count == 1 ? EosTokenIds[0] : new JsonArray([.. EosTokenIds.Select(id => JsonValue.Create(id))]);
        }
        Number("pad_token_id", PadTokenId, before?.PadTokenId);
        Set("torch_dtype", TorchDtype, before?.TorchDtype, TorchDtype.ToString().ToLowerInvariant());
        return json;
    }

    private JsonObject? ScalingNode() => RopeScaling switch
    {
        null => null,
        { Type: "linear" } => new JsonObject { ["rope_type"] = "linear", ["factor"] = RopeScaling.Factor },
        _ => new JsonObject
        {
            ["rope_type"] = RopeScaling.Type,
            ["factor"] = RopeScaling.Factor,
            ["low_freq_factor"] = RopeScaling.LowFreqFactor,
            ["high_freq_factor"] = RopeScaling.HighFreqFactor,
            ["original_max_position_embeddings"] = RopeScaling.OriginalMaxPositionEmbeddings,
        },
    };
}
