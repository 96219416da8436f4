// What `selm make-demo` writes. Weights are random: nothing in it has learned anything, which is the point of a demo of
// the machinery. The same seed gives the same bytes.
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Cli;

/// <summary>A folder to try the kit on: a small Llama, a PairRM-shaped ranker, judged pairs and a recipe that joins them.</summary>
internal static class DemoFolder
{
    private const int PolicyHidden = 64, PolicyLayers = 2, RankerHidden = 32, RankerLayers = 2, RankerBuckets = 16;

    // Large enough that ranks differ by more than rounding.
    private const double RankerSpread = 0.2;

    /// <summary>Writes model/, ranker/, pairs.jsonl and recipe.yaml.</summary>
    /// <param name="folder">Made if absent; files of an earlier demo are replaced.</param>
    /// <param name="pairs">How many judged pairs.</param>
    /// <param name="seed">Seed of weights and pairs.</param>
    public static void Write(string folder, int pairs, ulong seed)
    {
        WritePolicy(Path.Combine(folder, "model"), seed);
        WriteRanker(Path.Combine(folder, "ranker"), seed);
        PreferenceFile.Write(Path.Combine(folder, "pairs.jsonl"), MadeUpPairs.Create(pairs, seed));
        WriteRecipe(folder, seed);
    }

    private static void WritePolicy(string folder, ulong seed)
    {
        DemoTokenizer.Write(folder);
        var tokenizer = Tokenizer.Load(folder);
        using var model = new Llama(new LlamaConfig
        {
            ModelType = "llama",
            VocabSize = tokenizer.VocabularySize,
            HiddenSize = PolicyHidden,
            IntermediateSize = 176,
            NumHiddenLayers = PolicyLayers,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = PolicyHidden / 4,
            MaxPositionEmbeddings = 512,
            BosTokenId = tokenizer.BosId,
            EosTokenIds = [tokenizer.EosId!.Value],
            PadTokenId = tokenizer.PadId,
        });
        RandomWeights.Fill(model, seed);
        LlamaWeights.Save(model, folder);
    }

    private static void WriteRanker(string folder, ulong seed)
    {
        DemoTokenizer.WriteRanker(folder);
        var tokenizer = DebertaTokenizer.Load(folder);
        AtomicFile.WriteJson(Path.Combine(folder, "config.json"), RankerConfig(tokenizer));
        using var scope = NewDisposeScope();
        SafetensorsWriter.WriteFolder(folder, RankerShapes(tokenizer.VocabularySize).Select(weight => (weight.Name, RankerWeight(weight.Name, weight.Shape, seed))).ToList());
    }

    // Norms are ones and zeros, biases zeros, the rest normal.
    private static Tensor RankerWeight(string name, long[] shape, ulong seed)
    {
        var values = new float[shape.Aggregate((a, b) => a * b)];
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
        {
            Array.Fill(values, 1);
        }
        else if (!name.EndsWith(".bias", StringComparison.Ordinal))
        {
            new PhiloxStream(seed, name).FillGaussian(values);
            for (var k = 0; k < values.Length; k++)
            {
                values[k] *= (float)RankerSpread;
            }
        }
        return tensor(values, shape);
    }

    private static JsonObject RankerConfig(DebertaTokenizer tokenizer)
    {
        int Id(string token) => tokenizer.IdOf(token)!.Value;
        return new JsonObject
        {
            ["model_type"] = "deberta-v2",
            ["vocab_size"] = tokenizer.VocabularySize,
            ["hidden_size"] = RankerHidden,
            ["intermediate_size"] = 2 * RankerHidden,
            ["num_hidden_layers"] = RankerLayers,
            ["num_attention_heads"] = 2,
            ["hidden_act"] = "gelu",
            ["layer_norm_eps"] = 1e-7,
            ["max_position_embeddings"] = 512,
            ["max_relative_positions"] = -1,
            ["relative_attention"] = true,
            ["position_biased_input"] = false,
            ["position_buckets"] = RankerBuckets,
            ["pos_att_type"] = "p2c|c2p",
            ["norm_rel_ebd"] = "layer_norm",
            ["share_att_key"] = true,
            ["type_vocab_size"] = 0,
            ["pad_token_id"] = tokenizer.PadId,
            ["cls_token_id"] = tokenizer.ClsId,
            ["sep_token_id"] = tokenizer.SepId,
            ["n_tasks"] = 1,
            ["source_maxlength"] = 128,
            ["candidate_maxlength"] = 128,
            ["source_prefix"] = "<|source|>",
            ["source_prefix_id"] = Id("<|source|>"),
            ["cand_prefix"] = "<|candidate|>",
            ["cand_prefix_id"] = Id("<|candidate|>"),
            ["cand1_prefix"] = "<|candidate1|>",
            ["cand1_prefix_id"] = Id("<|candidate1|>"),
            ["cand2_prefix"] = "<|candidate2|>",
            ["cand2_prefix_id"] = Id("<|candidate2|>"),
        };
    }

    private static IEnumerable<(string Name, long[] Shape)> RankerShapes(long vocabulary)
    {
        const long Wide = 2 * RankerHidden;
        const string Encoder = "pretrained_model.";
        IEnumerable<(string, long[])> Affine(string name, long outputs, long inputs) => [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])];
        IEnumerable<(string, long[])> Norm(string name) => [(name + ".LayerNorm.weight", [RankerHidden]), (name + ".LayerNorm.bias", [RankerHidden])];
        IEnumerable<(string, long[])> Layer(string name) =>
        [
            .. Affine(name + ".attention.self.query_proj", RankerHidden, RankerHidden),
            .. Affine(name + ".attention.self.key_proj", RankerHidden, RankerHidden),
            .. Affine(name + ".attention.self.value_proj", RankerHidden, RankerHidden),
            .. Affine(name + ".attention.output.dense", RankerHidden, RankerHidden),
            .. Norm(name + ".attention.output"),
            .. Affine(name + ".intermediate.dense", Wide, RankerHidden),
            .. Affine(name + ".output.dense", RankerHidden, Wide),
            .. Norm(name + ".output"),
        ];
        return
        [
            (Encoder + "embeddings.word_embeddings.weight", [vocabulary, RankerHidden]),
            .. Norm(Encoder + "embeddings"),
            (Encoder + "encoder.rel_embeddings.weight", [2 * RankerBuckets, RankerHidden]),
            .. Norm(Encoder + "encoder"),
            .. Enumerable.Range(0, RankerLayers).SelectMany(k => Layer($"{Encoder}encoder.layer.{k}")),
            .. Affine("head_layer.1", RankerHidden, 2 * RankerHidden),
            .. Affine("head_layer.4", 1, RankerHidden),
        ];
    }

    // data/recipes/demo.yaml with the paths of this folder.
    private static void WriteRecipe(string folder, ulong seed)
    {
        using var source = typeof(DemoFolder).Assembly.GetManifestResourceStream("demo.yaml")!;
        using var reader = new StreamReader(source);
        var recipe = Recipe.Parse(reader.ReadToEnd(), "demo.yaml") with
        {
            Base = Path.Combine(folder, "model"),
            Ranker = $"pairrm:{Path.Combine(folder, "ranker")}",
            Datasets = [Path.Combine(folder, "pairs.jsonl")],
            Seed = seed,
        };
        AtomicFile.WriteText(Path.Combine(folder, "recipe.yaml"), recipe.ToYaml());
    }
}
