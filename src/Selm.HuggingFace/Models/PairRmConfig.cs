using System.Text.Json.Nodes;

namespace Selm.HuggingFace.Models;

/// <summary>The PairRM cross-compare ranker: a DeBERTa encoder, marker tokens and length limits.</summary>
public sealed record PairRmConfig : HfConfig
{
    /// <summary>The encoder.</summary>
    public required DebertaConfig Encoder { get; init; }

    /// <summary>Marker token in front of the source (the prompt).</summary>
    public required int SourcePrefixId { get; init; }

    /// <summary>Marker token in front of a candidate before it is paired.</summary>
    public required int CandPrefixId { get; init; }

    /// <summary>Marker token of the left candidate of a pair.</summary>
    public required int Cand1PrefixId { get; init; }

    /// <summary>Marker token of the right candidate of a pair.</summary>
    public required int Cand2PrefixId { get; init; }

    /// <summary>The token each part begins with.</summary>
    public required int ClsTokenId { get; init; }

    /// <summary>The token each part ends with.</summary>
    public required int SepTokenId { get; init; }

    /// <summary>Longest source, in tokens, with its [CLS], marker and [SEP].</summary>
    public int SourceMaxLength { get; init; } = 1224;

    /// <summary>Longest candidate, in tokens, likewise; sources that are shorter leave it more room.</summary>
    public int CandidateMaxLength { get; init; } = 412;

    /// <summary>Number of scores per candidate; a comparison takes their mean.</summary>
    public int Tasks { get; init; } = 1;

    /// <summary>Reads config.json of a model folder.</summary>
    /// <exception cref="InputException">The file or a field is missing or wrong, or it is no PairRM.</exception>
    public static new PairRmConfig Load(string folder) => HfConfig.Load(folder) as PairRmConfig
        ?? throw new InputException($"{Path.Combine(folder, FileName)} does not describe a PairRM ranker (it has no source_prefix_id); give the folder of one, or a reward model as rm:{folder}.");

    /// <inheritdoc/>
    public override JsonObject ToJson() => Encoder.ToJson();

    internal static bool Describes(ConfigFields fields) => fields.Has("source_prefix_id");

    internal static PairRmConfig Read(ConfigFields fields)
    {
        var config = new PairRmConfig
        {
            Source = fields.Json,
            ModelType = TypeOf(fields),
            Encoder = DebertaConfig.Read(fields),
            SourcePrefixId = fields.Count("source_prefix_id", 0),
            CandPrefixId = fields.Count("cand_prefix_id", 0),
            Cand1PrefixId = fields.Count("cand1_prefix_id", 0),
            Cand2PrefixId = fields.Count("cand2_prefix_id", 0),
            ClsTokenId = fields.Count("cls_token_id", 1, 0),
            SepTokenId = fields.Count("sep_token_id", 2, 0),
            SourceMaxLength = fields.Count("source_maxlength", 1224, 4),
            CandidateMaxLength = fields.Count("candidate_maxlength", 412, 4),
            Tasks = fields.Count("n_tasks", 1, 1),
        };
        var largest = new[] { config.SourcePrefixId, config.CandPrefixId, config.Cand1PrefixId, config.Cand2PrefixId, config.ClsTokenId, config.SepTokenId }.Max();
        return largest < config.Encoder.VocabSize
            ? config
            : throw fields.Error($"a special id is {largest}, but vocab_size is {config.Encoder.VocabSize}; correct one of them");
    }
}
