using System.Diagnostics;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>Comparisons of PairRM with random weights in the published shape.</summary>
internal static class RankingBench
{
    /// <summary>Ranks pairs of 512 + 2 x 256 tokens, or of a few.</summary>
    /// <returns>Pairs per second, the work of one batch and its seconds.</returns>
    internal static (double Speed, Floor Work, double Seconds) Run(string what, Device device, bool large)
    {
        var (vocab, hidden, ff, layers, heads, buckets, source, candidate, count) = large ? (128_011, 1024, 4096, 24, 16, 256, 512, 256, 32) : (40, 16, 32, 2, 2, 8, 6, 5, 2);
        var folder = Directory.CreateTempSubdirectory("selm-bench-");
        try
        {
            Write(folder.FullName, vocab, hidden, ff, layers, heads, buckets);
            using var model = PairRm.Load(folder.FullName, ScalarType.Float32, device);
            PackedPair[] pairs = [.. Enumerable.Range(0, count).Select(k =>
                new PackedPair(BenchWork.Ids(new PhiloxStream(0, what, k), source + (2 * candidate), vocab), source + 1, source + candidate + 1))];
            model.Compare(pairs);
            var start = Stopwatch.GetTimestamp();
            model.Compare(pairs);
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            double width = source + (2.0 * candidate), block = (4.0 * hidden * hidden) + (2.0 * hidden * ff);
            var flops = count * 2 * layers * ((block * width) + (2 * width * width * hidden) + (4.0 * width * buckets * hidden));
            return (count / seconds, new Floor(flops, 4 * layers * block), seconds);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static readonly string[] square = ["self.query_proj", "self.key_proj", "self.value_proj", "output.dense"];

    private static void Write(string folder, long vocab, long hidden, long ff, int layers, int heads, int buckets)
    {
        IEnumerable<(string, long[])> Affine(string name, long outputs, long inputs) => [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])];
        IEnumerable<(string, long[])> Norm(string name) => [(name + ".LayerNorm.weight", [hidden]), (name + ".LayerNorm.bias", [hidden])];
        const string encoder = "pretrained_model.";
        IEnumerable<(string, long[])> Layer(string name) =>
        [
            .. square.SelectMany(part => Affine($"{name}.attention.{part}", hidden, hidden)),
            .. Norm($"{name}.attention.output"), .. Affine($"{name}.intermediate.dense", ff, hidden), .. Affine($"{name}.output.dense", hidden, ff), .. Norm($"{name}.output"),
        ];
        (string Name, long[] Shape)[] shapes =
        [
            ($"{encoder}embeddings.word_embeddings.weight", [vocab, hidden]), .. Norm($"{encoder}embeddings"), ($"{encoder}encoder.rel_embeddings.weight", [2L * buckets, hidden]), .. Norm($"{encoder}encoder"),
            .. Enumerable.Range(0, layers).SelectMany(k => Layer($"{encoder}encoder.layer.{k}")), .. Affine("head_layer.1", hidden, 2 * hidden), .. Affine("head_layer.4", 1, hidden),
        ];
        AtomicFile.WriteText(Path.Combine(folder, HfConfig.FileName), new JsonObject
        {
            ["model_type"] = "deberta-v2", ["vocab_size"] = vocab, ["hidden_size"] = hidden, ["intermediate_size"] = ff, ["num_hidden_layers"] = layers, ["num_attention_heads"] = heads,
            ["hidden_act"] = "gelu", ["max_position_embeddings"] = 512, ["max_relative_positions"] = -1, ["relative_attention"] = true, ["position_biased_input"] = false,
            ["position_buckets"] = buckets, ["pos_att_type"] = "p2c|c2p", ["norm_rel_ebd"] = "layer_norm", ["share_att_key"] = true, ["type_vocab_size"] = 0,
            ["source_prefix_id"] = 3, ["cand_prefix_id"] = 4, ["cand1_prefix_id"] = 5, ["cand2_prefix_id"] = 6,
        }.ToJsonString());
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Path.Combine(folder, SafetensorsFolder.SingleName), shapes.Select(shape =>
        {
            var weight = zeros(shape.Shape, ScalarType.BFloat16);
            TiledWeights.Fill(weight);
            return (shape.Name, weight);
        }));
    }
}
