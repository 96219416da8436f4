using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Evaluation;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Tests.Algorithm1;
using Selm.Research.Tests.Models;
using Selm.Research.Training;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Runs;

/// <summary>What is kept is named by content and by everything that a number depends on.</summary>
public sealed class IdentityTests : IDisposable
{
    private readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    private string Out => tiny.File("run");

    [Fact]
    public void every_part_of_a_model_counts_and_its_path_does_not()
    {
        using var checkpoint = new TinyCheckpoint();
        var seen = new Dictionary<string, string>();
        void Changed(string what, ScalarType? dtype = null, string? adapter = null)
        {
            using var model = ModelFolder.Load(checkpoint.Root, dtype, adapter: adapter);
            var identity = Identity.Of(model);
            Assert.False(seen.ContainsKey(identity), $"{what} is not part of the identity");
            seen.Add(identity, what);
        }

        Changed("the start");
        Changed("precision", ScalarType.BFloat16);
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 9]}""");
        Changed("generation_config.json");
        checkpoint.Write("chat_template.jinja", "{{ messages[0]['content'] }}");
        Changed("chat_template.jinja");
        checkpoint.Write("special_tokens_map.json", """{"pad_token": "<unk>"}""");
        Changed("the tokenizer");
        Changed("an adapter", adapter: Adapter(checkpoint, seed: 1));
        Changed("another adapter", adapter: Adapter(checkpoint, seed: 2));
        using (var random = new Llama(TinyCheckpoint.Config))
        {
            RandomWeights.Fill(random, seed: 6, spread: 0.3);
            LlamaWeights.Save(random, checkpoint.Root);
        }
        Changed("the weights");

        Directory.CreateSymbolicLink(tiny.File("link"), checkpoint.Root);
        using var linked = ModelFolder.Load(tiny.File("link"));
        Assert.Equal("the weights", seen[Identity.Of(linked)]);
        Assert.Equal(Identity.OfRanker($"rm:{checkpoint.Root}", "cpu"), Identity.OfRanker($"rm:{tiny.File("link")}", "cpu"));
        Assert.NotEqual(Identity.OfRanker($"rm:{checkpoint.Root}", "cpu"), Identity.OfRanker($"pairrm:{checkpoint.Root}", "cpu"));
    }

    [Fact]
    public void an_adapter_that_ranks_has_its_base_model_in_its_identity()
    {
        using var checkpoint = new TinyCheckpoint();
        var ranker = $"rm:{Adapter(checkpoint, seed: 1)}";
        var before = Identity.RankerParts(ranker);
        Assert.Equal(["adapter", "chat template", "kind", "tokenizer", "weights"], before.Keys);
        Assert.Equal(LoraFiles.Hash(checkpoint.Place("adapter-1")), before["adapter"]);
        using (var random = new Llama(TinyCheckpoint.Config))
        {
            RandomWeights.Fill(random, seed: 6, spread: 0.3);
            LlamaWeights.Save(random, checkpoint.Root);
        }
        var after = Identity.RankerParts(ranker);
        Assert.Equal(["weights"], before.Keys.Where(part => before[part] != after[part]));
    }

    [Fact]
    public void an_adapter_that_a_run_starts_from_counts_by_content_wherever_it_lies()
    {
        using (var model = ModelFolder.Load(tiny.Recipe.Base!))
        {
            model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe { Rank = 2 }, seed: 4));
            model.Save(tiny.File("first"));
        }
        Directory.Move(tiny.File("first"), tiny.File("moved"));
        Directory.CreateSymbolicLink(tiny.File("first"), tiny.File("moved"));
        Recipe With(string name) => tiny.Recipe with { Adapter = new() { Path = tiny.File(name) } };
        SelmRun.Open(new(With("first"), Out), _ => TinyRun.Oracle()).Dispose();

        SelmRun.Open(new(With("moved"), Out), _ => TinyRun.Oracle()).Dispose();

        File.WriteAllText(tiny.File("moved/adapter_model.safetensors"), "other weights");
        Assert.Contains("another input (adapter: ", Refused(With("moved")), StringComparison.Ordinal);
    }

    [Fact]
    public void another_spelling_of_the_same_paths_continues_the_run()
    {
        var recipe = WithRanker();
        var before = SelmRun.Run(new(recipe, Out), _ => TinyRun.Oracle());
        var metrics = File.ReadAllBytes(Path.Combine(Out, "metrics.jsonl"));

        Directory.CreateSymbolicLink(tiny.File("linked"), recipe.Base!);
        File.Copy(tiny.File("pairs.jsonl"), tiny.File("copied.jsonl"));
        var respelled = recipe with
        {
            Base = tiny.File("linked"),
            Datasets = [Path.Combine(tiny.File("."), "copied.jsonl")],
            Ranker = $"rm:{Path.GetRelativePath(Environment.CurrentDirectory, tiny.File("ranker"))}",
        };

        Assert.Equal(before, SelmRun.Run(new(respelled, Out), _ => TinyRun.Oracle()));
        Assert.Equal(metrics, File.ReadAllBytes(Path.Combine(Out, "metrics.jsonl")));
        Assert.Contains("another recipe (seed: 3 -> 4)", Refused(respelled with { Seed = 4 }), StringComparison.Ordinal);
        Assert.Contains("another input (ranker kind: rm -> pairrm)", Refused(recipe with { Ranker = $"pairrm:{tiny.File("ranker")}" }), StringComparison.Ordinal);
    }

    [Fact]
    public void a_run_whose_template_or_ranker_changed_is_refused_with_the_difference()
    {
        var recipe = WithRanker();
        SelmRun.Open(new(recipe, Out), _ => TinyRun.Oracle()).Dispose();

        void Differs(string path, string text, string part)
        {
            var before = File.ReadAllBytes(path);
            File.WriteAllText(path, text);
            Assert.Matches($@"^{Out} was started with another input \({part}: [0-9a-f]{{12}} -> [0-9a-f]{{12}}(; .*)?\); give the inputs it was started with", Refused(recipe));
            File.WriteAllBytes(path, before);
        }

        var settings = Path.Combine(recipe.Base!, "tokenizer_config.json");
        Differs(settings, File.ReadAllText(settings).Replace("content", "content  ", StringComparison.Ordinal), "base (chat template|tokenizer)");
        Differs(tiny.File("ranker/model.safetensors"), "other weights", "ranker weights");
        File.WriteAllText(tiny.File("ranker/chat_template.jinja"), "other");
        Assert.Contains("another input (ranker chat template: ", Refused(recipe), StringComparison.Ordinal);
        File.Delete(tiny.File("ranker/chat_template.jinja"));
        Differs(tiny.File("pairs.jsonl"), File.ReadAllText(tiny.File("pairs.jsonl")) + "\n", "dataset 1");
        using var same = SelmRun.Open(new(recipe, Out), _ => TinyRun.Oracle());
    }

    [Fact]
    public void runs_of_two_precisions_share_a_cache_and_each_begins_at_log_2()
    {
        var dpo = tiny.Recipe with { Loss = new() { Kind = "dpo", Beta = 0.1 } };
        var order = new[] { Precision.Fp32, Precision.Bf16, Precision.Fp32 };
        for (var k = 0; k < order.Length; k++)
        {
            var run = tiny.File($"run-{k}");
            SelmRun.Run(
                new(SelmRun.OneTraining(dpo with { Precision = order[k] }, dpo.Base!, tiny.File("pairs.jsonl")), run, CacheFolder: tiny.File("cache")), _ => TinyRun.Oracle());
            var first = Jsonl.Read(Path.Combine(run, "metrics.jsonl")).First(row => row.Text("phase") == "train");
            Assert.Equal(Math.Log(2), first.Number("loss"), 1e-6);
        }
        Assert.Equal(2, Directory.GetFiles(tiny.File("cache"), "*.bin").Length);
    }

    [Fact]
    public void kept_answers_are_asked_for_again_when_precision_or_stop_tokens_change()
    {
        using var checkpoint = new TinyCheckpoint();
        int[][] prompts = [[1, 5, 6], [1, 7]];
        int Files(ScalarType dtype)
        {
            using var model = ModelFolder.Load(checkpoint.Root, dtype);
            var answers = GeneratedAnswers.Of(model, prompts, new SamplingOptions(MaxNewTokens: 3), checkpoint.Place("kept"), batchSize: 2);
            Assert.Equal(JsonSerializer.Serialize(answers), JsonSerializer.Serialize(GeneratedAnswers.Of(model, prompts, new SamplingOptions(MaxNewTokens: 3), checkpoint.Place("kept"), batchSize: 2)));
            return Directory.GetFiles(checkpoint.Place("kept", "answers")).Length;
        }

        Assert.Equal(1, Files(ScalarType.Float32));
        Assert.Equal(2, Files(ScalarType.BFloat16));
        checkpoint.Write("generation_config.json", """{"eos_token_id": [2, 9]}""");
        Assert.Equal(3, Files(ScalarType.Float32));
    }

    private string Refused(Recipe recipe) => Assert.Throws<InputException>(() => SelmRun.Open(new(recipe, Out), _ => TinyRun.Oracle())).Message;

    private static string Adapter(TinyCheckpoint checkpoint, ulong seed)
    {
        using var model = ModelFolder.Load(checkpoint.Root);
        model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe(), seed));
        model.Save(checkpoint.Place($"adapter-{seed}"));
        return checkpoint.Place($"adapter-{seed}");
    }

    // A folder with a ranker's files; who ranks is the oracle all the same.
    private Recipe WithRanker()
    {
        var folder = Directory.CreateDirectory(tiny.File("ranker")).FullName;
        foreach (var file in Directory.GetFiles(tiny.Recipe.Base!))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        return tiny.Recipe with { Ranker = $"rm:{folder}" };
    }
}
