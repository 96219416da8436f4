using System.Text.Json.Nodes;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Ranking;

/// <summary>PairRM in LLM-Blender's own form and in Hugging Face's: the same weights give the same scores.</summary>
public class BlenderFormTests
{
    private const int Width = 64, Inner = 96, Layers = 2, Words = 517;

    [Fact]
    public void both_forms_of_the_same_ranker_give_the_same_scores()
    {
        using var own = new TempFolder();
        using var port = new TempFolder();
        own.Write("config.json", """{"ranker_type":"pairranker","model_type":"deberta","model_name":"microsoft/deberta-v3-large","source_maxlength":40,"candidate_maxlength":20,"n_tasks":1,"fp16":true,"loss_type":"instructgpt","reduce_type":"linear"}""");
        // The golden ranker's config with the sizes and constants of a DeBERTa-v3.
        var config = JsonNode.Parse(File.ReadAllText(Golden.Path("hf-models", "pairrm", "config.json")))!.AsObject();
        foreach (var (name, value) in new Dictionary<string, int>
        {
            ["hidden_size"] = Width, ["intermediate_size"] = Inner, ["num_attention_heads"] = 1, ["num_hidden_layers"] = Layers, ["position_buckets"] = 256,
            ["max_position_embeddings"] = 512, ["source_maxlength"] = 40, ["candidate_maxlength"] = 20,
        })
        {
            config[name] = value;
        }
        port.Write("config.json", config.ToJsonString());
        foreach (var folder in new[] { own, port })
        {
            File.Copy(Golden.Path("hf-models", "pairrm", "spm.model"), folder.File("spm.model"));
            Write(folder.Root);
        }
        string[] candidates = ["Salt keeps food from spoiling.", "No idea.", "A much longer answer that is cut where the limits of the ranker say so, and not before."];
        using var one = PairRmRanker.Load(own.Root);
        using var other = PairRmRanker.Load(port.Root);
        var scores = ((IRanker)one).Rank("Name a use of salt.", candidates).Scores;
        Assert.Equal(((IRanker)other).Rank("Name a use of salt.", candidates).Scores, scores);
        Assert.Equal(3, scores.Distinct().Count());
    }

    [Fact]
    public void a_tensor_that_the_ranker_does_not_use_is_refused_by_name()
    {
        using var folder = new TempFolder();
        foreach (var name in new[] { "config.json", "spm.model" })
        {
            File.Copy(Golden.Path("hf-models", "pairrm", name), folder.File(name));
        }
        using var scope = NewDisposeScope();
        using var source = SafetensorsFolder.Open(Golden.Path("hf-models", "pairrm"));
        SafetensorsWriter.WriteFolder(folder.Root, [.. source.Names.Select(name => (name, source.Read(name))), ("head_layer.6.weight", zeros(2))]);
        Assert.Contains("\"head_layer.6.weight\"", Assert.Throws<InputException>(() => PairRm.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    private static void Write(string folder)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.WriteFolder(folder, [.. Shapes().Select(entry =>
        {
            var values = new float[entry.Shape.Aggregate(1L, (product, size) => product * size)];
            new PhiloxStream(3, entry.Name).FillGaussian(values);
            var spread = entry.Name.Contains("LayerNorm.weight", StringComparison.Ordinal) ? 1f : 0.2f;
            return (entry.Name, tensor(Array.ConvertAll(values, value => value * spread), entry.Shape));
        })]);
    }

    private static IEnumerable<(string Name, long[] Shape)> Shapes()
    {
        const string encoder = "pretrained_model.encoder.";
        (string, long[])[] Affine(string name, long outputs, long inputs) => [($"{name}.weight", [outputs, inputs]), ($"{name}.bias", [outputs])];
        (string, long[])[] Norm(string name) => [($"{name}.weight", [Width]), ($"{name}.bias", [Width])];
        return
        [
            ("pretrained_model.embeddings.word_embeddings.weight", [Words, Width]), .. Norm("pretrained_model.embeddings.LayerNorm"),
            ($"{encoder}rel_embeddings.weight", [512, Width]), .. Norm($"{encoder}LayerNorm"),
            .. Enumerable.Range(0, Layers).Select(k => $"{encoder}layer.{k}.").SelectMany(layer => (IEnumerable<(string, long[])>)
            [
                .. new[] { "query_proj", "key_proj", "value_proj" }.SelectMany(part => Affine($"{layer}attention.self.{part}", Width, Width)),
                .. Affine($"{layer}attention.output.dense", Width, Width), .. Norm($"{layer}attention.output.LayerNorm"),
                .. Affine($"{layer}intermediate.dense", Inner, Width), .. Affine($"{layer}output.dense", Width, Inner), .. Norm($"{layer}output.LayerNorm"),
            ]),
            .. Affine("head_layer.1", Width, 2 * Width), .. Affine("head_layer.4", 1, Width),
        ];
    }
}
