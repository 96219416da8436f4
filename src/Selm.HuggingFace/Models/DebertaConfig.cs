using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The shape of a DeBERTa-v2 or -v3 encoder. Properties have the names of config.json's fields; those that a file
/// leaves out have the values that Hugging Face's configuration class gives them.
/// </summary>
public record DebertaConfig : HfConfig
{
    /// <summary>Rows of the embedding.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Number of layers.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Attention heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Added to the variance in the layer norms.</summary>
    public double LayerNormEps { get; init; } = 1e-7;

    /// <summary>Longest sequence of the first training; the reach of relative positions where MaxRelativePositions is not given.</summary>
    public int MaxPositionEmbeddings { get; init; } = 512;

    /// <summary>Reach of relative positions, in tokens; already replaced by MaxPositionEmbeddings where the file says -1.</summary>
    public int MaxRelativePositions { get; init; } = 512;

    /// <summary>Number of position buckets on each side, logarithmic beyond half of it; 0: no buckets.</summary>
    public int PositionBuckets { get; init; }

    /// <summary>Content-to-position term (a query looks at the position of a key).</summary>
    public bool ContentToPosition { get; init; }

    /// <summary>Position-to-content term (a key looks at the position of a query).</summary>
    public bool PositionToContent { get; init; }

    /// <summary>Whether positions go through the query and key projections of the content.</summary>
    public bool ShareAttKey { get; init; }

    /// <summary>Whether the relative embeddings pass a layer norm ("norm_rel_ebd" contains "layer_norm").</summary>
    public bool NormRelEbd { get; init; }

    /// <summary>Width of the convolution beside the first layer; 0: none.</summary>
    public int ConvKernelSize { get; init; }

    /// <summary>Groups of that convolution.</summary>
    public int ConvGroups { get; init; } = 1;

    /// <summary>Activation of that convolution: "tanh" or "gelu".</summary>
    public string ConvAct { get; init; } = "tanh";

    /// <summary>Id of padding.</summary>
    public int PadTokenId { get; init; }

    /// <summary>Rows on each side of the relative embedding table: the buckets, or the reach without buckets.</summary>
    public int PositionSpan => PositionBuckets > 0 ? PositionBuckets : MaxRelativePositions;

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="InputException">The file or a field is missing or wrong, or it is no DeBERTa-v2.</exception>
    public static new DebertaConfig Load(string folder) => HfConfig.Load(folder) as DebertaConfig
        ?? throw new InputException($"{Path.Combine(folder, FileName)} does not describe a DeBERTa-v2 encoder; give the folder of one.");

    /// <inheritdoc/>
    /// <remarks>The kit does not change encoders: the fields are those the configuration was read from.</remarks>
    public override JsonObject ToJson() => (JsonObject?)Source?.DeepClone() ?? throw new InvalidOperationException("this configuration was not read from a file");

    internal static DebertaConfig Read(ConfigFields fields)
    {
        var positions = PositionTerms(fields);
        var config = new DebertaConfig
        {
            Source = fields.Json,
            ModelType = TypeOf(fields),
            VocabSize = fields.Count("vocab_size"),
            HiddenSize = fields.Count("hidden_size"),
            IntermediateSize = fields.Count("intermediate_size"),
            NumHiddenLayers = fields.Count("num_hidden_layers"),
            NumAttentionHeads = fields.Count("num_attention_heads"),
            LayerNormEps = fields.Number("layer_norm_eps", 1e-7),
            MaxPositionEmbeddings = fields.Count("max_position_embeddings", 512, 1),
            MaxRelativePositions = fields.Count("max_relative_positions", -1, -1) is var reach and >= 1 ? reach : fields.Count("max_position_embeddings", 512, 1),
            PositionBuckets = Math.Max(0, fields.Count("position_buckets", -1, -1)),
            ContentToPosition = positions.Contains("c2p"),
            PositionToContent = positions.Contains("p2c"),
            ShareAttKey = fields.Flag("share_att_key", false),
            NormRelEbd = fields.Text("norm_rel_ebd")?.Contains("layer_norm", StringComparison.OrdinalIgnoreCase) == true,
            ConvKernelSize = fields.Count("conv_kernel_size", 0, 0),
            ConvGroups = fields.Count("conv_groups", 1, 1),
            ConvAct = fields.Text("conv_act") ?? "tanh",
            PadTokenId = fields.Id("pad_token_id", 0) ?? 0,
        };
        Check(fields, config);
        return config;
    }

    // "p2c|c2p", or a list, or null.
    private static string[] PositionTerms(ConfigFields fields) => fields.Json["pos_att_type"] switch
    {
        JsonArray list => [.. list.Select(node => node?.ToString() ?? "")],
        _ => fields.Text("pos_att_type")?.ToLowerInvariant().Split('|', StringSplitOptions.TrimEntries) ?? [],
    };

    private static void Check(ConfigFields fields, DebertaConfig config)
    {
        if (config.HiddenSize % config.NumAttentionHeads != 0)
        {
            throw fields.Error($"hidden_size {config.HiddenSize} is not a multiple of num_attention_heads {config.NumAttentionHeads}; correct one of them");
        }
        if (!fields.Flag("relative_attention", false) || fields.Flag("position_biased_input", true) || fields.Count("type_vocab_size", 0, 0) > 0)
        {
            throw fields.Error("an encoder with absolute positions or token types is not supported; use one with relative_attention true, position_biased_input false and type_vocab_size 0, as all published DeBERTa-v2 and v3 have");
        }
        if (fields.Text("hidden_act") is { } act and not "gelu")
        {
            throw fields.Error($"hidden_act \"{act}\" is not supported; the kit computes gelu");
        }
        if (config.ConvAct is not ("tanh" or "gelu"))
        {
            throw fields.Error($"conv_act \"{config.ConvAct}\" is not supported; the kit computes tanh and gelu");
        }
        if (fields.Count("embedding_size", config.HiddenSize, 1) != config.HiddenSize
            || fields.Count("attention_head_size", config.HiddenSize / config.NumAttentionHeads, 1) != config.HiddenSize / config.NumAttentionHeads)
        {
            throw fields.Error("an embedding_size or attention_head_size of its own is not supported; use a checkpoint in which both follow from hidden_size");
        }
    }
}
