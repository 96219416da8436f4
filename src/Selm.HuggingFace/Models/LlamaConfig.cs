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
/// The shape of a Llama, Mistral, Phi-3 or Qwen decoder. Properties have the names of config.json's fields; those that a
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

    /// <summary>Whether the q, k, v and o projections have biases; Qwen2 has them on q, k, v alone and does not say so.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the q, k and v projections have biases.</summary>
    internal bool QkvBias => AttentionBias || ModelType == "qwen2";

    /// <summary>Whether each head of q and k passes an RMS norm before it is rotated.</summary>
    internal bool HeadNorms => ModelType == "qwen3";

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
    /// <exception cref="InputException">The file or a field is missing or wrong, or it is no Llama, Mistral, Phi-3 or Qwen.</exception>
    public static new LlamaConfig Load(string folder) => HfConfig.Load(folder) as LlamaConfig
        ?? throw new InputException($"{Path.Combine(folder, FileName)} does not describe a Llama, Mistral, Phi-3 or Qwen decoder; give the folder of one (a PairRM folder is a ranker: pairrm:{folder}).");

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
        if (!fields.Has("head_dim") && type != "qwen3" && hidden % heads != 0)
        {
            throw fields.Error($"hidden_size {hidden} is not a multiple of num_attention_heads {heads}; correct one of them or give head_dim");
        }
        ConfigRules.Check(fields);
        var rope = RopeSettings.Read(fields);
        var config = new LlamaConfig
        {
            Source = fields.Json,
            ModelType = type,
            VocabSize = fields.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Count("intermediate_size"),
            NumHiddenLayers = fields.Count("num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = fields.Count("num_key_value_heads", fields.Contains("num_key_value_heads") ? heads : type switch { "mistral" => 8, _ when IsQwen(type) => 32, _ => heads }, 1),
            HeadDim = fields.Count("head_dim", type == "qwen3" ? 128 : hidden / heads, 2),
            MaxPositionEmbeddings = fields.Count("max_position_embeddings", type switch { "mistral" => 131_072, "phi3" => 4096, _ when IsQwen(type) => 32_768, _ => 2048 }, 1),
            RmsNormEps = fields.Number("rms_norm_eps", type == "phi3" ? 1e-5 : 1e-6),
            RopeTheta = rope.Theta,
            RopeScaling = rope.Scaling,
            SlidingWindow = WindowOf(fields, type),
            AttentionBias = type != "qwen2" && fields.Flag("attention_bias", false),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", false),
            BosTokenId = fields.Id("bos_token_id", IsQwen(type) ? null : 1),
            EosTokenIds = fields.Ids("eos_token_id", IsQwen(type) ? [] : [type == "phi3" ? 32_000 : 2]),
            PadTokenId = fields.Id("pad_token_id", type == "phi3" ? 32_000 : null),
            TorchDtype = DtypeOf(fields),
        };
        Check(fields, config);
        return config;
    }

    private static bool IsQwen(string type) => type is "qwen2" or "qwen3";

    // Mistral's class has a window of 4,096 unless the file says otherwise. Llama has none, and Qwen's counts only where
    // it is switched on; there it would begin at layer max_window_layers, which the kit does not compute.
    private static int? WindowOf(ConfigFields fields, string type)
    {
        if (type is "mistral" or "phi3")
        {
            return fields.Has("sliding_window") ? fields.Count("sliding_window") : type == "mistral" && !fields.Contains("sliding_window") ? 4096 : null;
        }
        if (IsQwen(type) && !fields.Flag("use_sliding_window", false))
        {
            return null;
        }
        var slides = fields.Has("sliding_window") && fields.Count("sliding_window", 0) < fields.Count("max_position_embeddings", int.MaxValue, 1)
            && !(IsQwen(type) && fields.Count("max_window_layers", 28, 0) >= fields.Count("num_hidden_layers"));
        return !slides ? null : throw fields.Error(IsQwen(type)
            ? $"use_sliding_window true with a sliding_window of {fields.Count("sliding_window", 0)} is not supported for {type}; use a checkpoint that has it false"
            : $"a sliding_window of {fields.Count("sliding_window", 0)} does not belong to a {type} model; remove it, or name the model_type that has it");
    }

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
        if (config.AttentionBias && config.ModelType is ("mistral" or "phi3"))
        {
            throw fields.Error($"attention_bias true does not belong to a {config.ModelType} model; remove it, or name the model_type that has it");
        }
        if (!(config.RmsNormEps >= 0))
        {
            throw fields.Error($"rms_norm_eps {config.RmsNormEps} is out of range; correct it");
        }
    }

    // transformers 5 says dtype, transformers 4 torch_dtype; where a file has both, the newer name counts there and here.
    private static ScalarType DtypeOf(ConfigFields fields)
    {
        var name = fields.Has("dtype") ? "dtype" : "torch_dtype";
        return fields.Text(name)?.Replace("torch.", "", StringComparison.Ordinal) switch
        {
            null or "float32" => ScalarType.Float32,
            "bfloat16" => ScalarType.BFloat16,
            "float16" => ScalarType.Float16,
            "float64" => ScalarType.Float64,
            var other => throw fields.Error($"{name} \"{other}\" is not supported; the kit reads float32, bfloat16, float16 and float64"),
        };
    }

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

        if (before is null)
        {
            json["architectures"] = new JsonArray($"{ClassOf(ModelType)}ForCausalLM");
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
        if (before is null || RopeTheta != before.RopeTheta || RopeScaling != before.RopeScaling)
        {
            new RopeSettings(RopeTheta, RopeScaling).Write(json);
        }
        if (ModelType is "mistral" or "phi3")
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
        // One name only: the one that the source had.
        var dtype = json.ContainsKey("dtype") ? "dtype" : "torch_dtype";
        Set(dtype, TorchDtype, before?.TorchDtype, TorchDtype.ToString().ToLowerInvariant());
        json.Remove(dtype == "dtype" ? "torch_dtype" : "dtype");
        return json;
    }
}
