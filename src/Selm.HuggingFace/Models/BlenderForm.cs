// llm-blender/PairRM as LLM-Blender itself publishes and loads it. The tensors have the names of its port to Hugging Face's
// classes (pretrained_model.*, head_layer.1 and .4); what its config.json lacks is the encoder, which it fetches by name.
using System.Text.Json.Nodes;
using Selm.HuggingFace.Tokenizers;

namespace Selm.HuggingFace.Models;

/// <summary>The config.json of a ranker in LLM-Blender's own form, completed to that of Hugging Face's form.</summary>
internal static class BlenderForm
{
    private const string Encoder = "microsoft/deberta-v3-";
    private const int HeadWidth = 64; // of every published DeBERTa-v3

    internal static bool Describes(JsonObject config) => config["ranker_type"] is not null;

    /// <summary>Sizes come from the weights, the rest is what all sizes of DeBERTa-v3 have in common.</summary>
    /// <exception cref="InputException">It is another ranker of LLM-Blender's, or a file of it is missing.</exception>
    internal static ConfigFields Complete(string folder, ConfigFields fields)
    {
        if (fields.Text("ranker_type") != "pairranker" || fields.Text("model_name")?.StartsWith(Encoder, StringComparison.Ordinal) != true)
        {
            throw fields.Error(
                $"ranker_type {fields.Json["ranker_type"]!.ToJsonString()} on {fields.Json["model_name"]?.ToJsonString() ?? "an unnamed encoder"} is not supported; the kit reads pairranker on {Encoder}*, such as llm-blender/PairRM, and llm-blender/PairRM-hf");
        }
        var spm = Path.Combine(folder, "spm.model");
        if (!File.Exists(spm) || !File.Exists(Path.Combine(folder, SafetensorsFolder.SingleName)))
        {
            throw new InputException(
                $"{folder} is a ranker in LLM-Blender's own form, of which the kit needs {SafetensorsFolder.SingleName} and the spm.model of {fields.Text("model_name")} in the same folder; copy them there, or use llm-blender/PairRM-hf, which has everything.");
        }
        using var weights = SafetensorsFolder.Open(folder);
        var words = weights.Shape("pretrained_model.embeddings.word_embeddings.weight");
        var json = new JsonObject
        {
            ["model_type"] = "deberta-v2",
            ["vocab_size"] = words[0],
            ["hidden_size"] = words[1],
            ["intermediate_size"] = weights.Shape("pretrained_model.encoder.layer.0.intermediate.dense.weight")[0],
            ["num_hidden_layers"] = weights.Names.Count(name => name.EndsWith(".intermediate.dense.weight", StringComparison.Ordinal)),
            ["num_attention_heads"] = Math.Max(1, words[1] / HeadWidth),
            ["max_position_embeddings"] = 512,
            ["position_buckets"] = 256,
            ["pos_att_type"] = "p2c|c2p",
            ["norm_rel_ebd"] = "layer_norm",
            ["share_att_key"] = true,
            ["relative_attention"] = true,
            ["position_biased_input"] = false,
            ["type_vocab_size"] = 0,
            ["source_maxlength"] = fields.Count("source_maxlength", 128, 4),
            ["candidate_maxlength"] = fields.Count("candidate_maxlength", 128, 4),
            ["n_tasks"] = fields.Count("n_tasks", 1, 1),
        };
        var first = DebertaTokenizer.FirstMarker(SentencePieceFile.Read(spm));
        foreach (var (k, (field, token)) in DebertaTokenizer.BlenderMarkers.Index())
        {
            json[field] = token;
            json[field + "_id"] = first + k;
        }
        return new ConfigFields(Path.Combine(folder, HfConfig.FileName), JsonNode.Parse(json.ToJsonString())!.AsObject()); // numbers as a file has them
    }
}
