using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Tests.Models;
using Selm.Research.Training;
using TorchSharp;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Algorithm 1 with an adapter in place of the weights.</summary>
public sealed class LoraRunTests : IDisposable
{
    private static readonly string[] results =
    [
        "metrics.jsonl", "answers.jsonl", "iteration-0/preferences.jsonl", "iteration-0/model/adapter_model.safetensors", "iteration-1/preferences.jsonl",
        "iteration-1/model/adapter_model.safetensors", "iteration-1/model/adapter_config.json",
    ];

    private readonly TinyRun tiny = new();
    private readonly Recipe recipe;

    public LoraRunTests() => recipe = tiny.Recipe with { Adapter = new AdapterRecipe { Rank = 4 }, Optimizer = new() { LearningRate = 1e-2 } };

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void an_iteration_leaves_an_adapter_that_loads_and_the_next_ones_reference_is_the_base_under_it()
    {
        var run = tiny.File("run");
        SelmRun.Run(new(recipe, run), _ => TinyRun.Oracle());
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(run, "iteration-0", "model"), "model*.safetensors"));
        foreach (var (iteration, reference) in new[] { (0, recipe.Base!), (1, Path.Combine(run, "iteration-0", "model")) })
        {
            using var model = ModelFolder.Load(reference);
            Assert.Equal(iteration == 1, model.Model.Adapter is not null);
            foreach (var row in Jsonl.Read(Path.Combine(run, $"iteration-{iteration}", "responses.jsonl")))
            {
                var prompt = model.Encoding.Prompt([new ChatMessage("user", row.Text("prompt"))], new(96, 64));
                Assert.Equal(TokenLogps.Of(model.Model, [new SharedRow(prompt, [row.WholeNumbers("output_ids")])]).Sums[0], row.Number("logprob"), 1e-4);
            }
            // The first step of an iteration starts at its reference.
            var first = Jsonl.Read(Path.Combine(run, "metrics.jsonl")).First(row => row.Text("phase") == "train" && row.WholeNumber("iteration") == iteration);
            Assert.Equal(Math.Log(2), first.Number("loss"), 1e-4);
        }
        using var policy = ModelFolder.Load(Path.Combine(run, SelmRun.ResultName)); // a link; the base is found by what the adapter names
        Assert.Equal(4, policy.Model.Adapter!.Config.Rank);
        Assert.Contains("peft", File.ReadAllText(Path.Combine(run, "iteration-1", "model", "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void a_run_with_an_adapter_that_is_stopped_anywhere_ends_with_the_same_bytes()
    {
        SelmRun.Run(new(recipe, tiny.File("whole")), _ => TinyRun.Oracle());
        var reports = 0;
        SelmRun.Run(new(recipe, tiny.File("count")), _ => TinyRun.Oracle(), new Reporter(() => reports++));
        for (var stop = 2; stop < reports; stop += 3)
        {
            var (broken, seen) = (tiny.File($"broken-{stop}"), 0);
            Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, broken), _ => TinyRun.Oracle(), new Reporter(() =>
            {
                if (++seen == stop)
                {
                    throw new OperationCanceledException();
                }
            })));
            SelmRun.Run(new(recipe, broken, Resume: true), _ => TinyRun.Oracle());
            foreach (var name in results)
            {
                Assert.True(
                    File.ReadAllBytes(Path.Combine(tiny.File("whole"), name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(broken, name))), $"{name} differs after a stop at report {stop}");
            }
        }
    }

    [Fact]
    public void a_run_may_start_from_an_adapter_whose_files_say_its_rank()
    {
        SelmRun.Run(new(recipe, tiny.File("first")), _ => TinyRun.Oracle());
        var start = Path.Combine(tiny.File("first"), "iteration-1", "model");
        var next = recipe with { Adapter = new() { Path = start }, Reference = ReferencePolicy.Fixed };
        SelmRun.Run(new(next, tiny.File("second")), _ => TinyRun.Oracle());
        foreach (var iteration in new[] { 0, 1 })
        {
            // A fixed reference is what the run started from, the adapter included.
            using var model = ModelFolder.Load(start);
            foreach (var record in PreferenceFile.Read(Path.Combine(tiny.File("second"), $"iteration-{iteration}", "preferences.jsonl")).Records.Take(3))
            {
                var rows = CleanPipeline.Rows(record, model.Encoding, new(96, 64));
                var (sums, _) = TokenLogps.Of(model.Model, [new SharedRow(rows.PromptIds, [rows.Chosen.Response.ToArray()])]);
                if (rows.Chosen.Response.Length == record.Lengths!.Chosen) // its text gives the same tokens again
                {
                    Assert.Equal(sums[0], record.ReferenceLogps!.Chosen, 1e-3);
                }
            }
        }
        using var policy = ModelFolder.Load(Path.Combine(tiny.File("second"), SelmRun.ResultName));
        Assert.Equal(4, policy.Model.Adapter!.Config.Rank);
    }

    [Fact]
    public void wrong_adapters_are_said_before_the_folder_exists()
    {
        var run = tiny.File("run");
        string Refusal(Recipe wrong) => Assert.Throws<InputException>(() => SelmRun.Run(new(wrong, run), _ => TinyRun.Oracle())).Message;
        Assert.Contains("names no linear layer", Refusal(recipe with { Adapter = new() { TargetModules = ["c_attn"] } }), StringComparison.Ordinal);
        Assert.Contains("adapter_config.json", Refusal(recipe with { Adapter = new() { Path = recipe.Base } }), StringComparison.Ordinal);
        Assert.False(Directory.Exists(run));
    }

    [Fact]
    public void an_adapter_over_a_reward_model_ranks_as_the_merged_reward_model_does()
    {
        using var checkpoint = new TinyCheckpoint();
        var reward = checkpoint.Place("reward");
        using (var model = ModelFolder.Load(checkpoint.Root))
        using (var trainer = new RewardTrainer(model.Model, [.. Enumerable.Range(0, 16).Select(k => 0.1f * (k - 7))]))
        {
            trainer.Save(reward);
            model.CopyTextFiles(reward);
            model.Model.Attach(NewAdapter.Of(model.Model, new AdapterRecipe { Alpha = 64 }, seed: 4));
            using var noGrad = torch.no_grad();
            foreach (var (name, weight) in model.Model.Adapter!.Named)
            {
                if (name.Contains("lora_B", StringComparison.Ordinal))
                {
                    weight.Fill(0.05);
                }
            }
            LoraFiles.Save(model.Model.Adapter, checkpoint.Place("adapter"), baseModel: "../reward");
            model.CopyTextFiles(checkpoint.Place("adapter"));
        }
        (string, string)[] pairs = [("What is tea?", "A drink."), ("What is tea?", "I do not know.")];
        using var plain = RewardModel.Load(reward);
        using var adapted = RewardModel.Load(checkpoint.Place("adapter"));
        Assert.All(plain.Score(pairs).Zip(adapted.Score(pairs)), pair => Assert.True(Math.Abs(pair.First - pair.Second) > 1e-3));
        using var both = RewardModel.Load(reward, adapter: checkpoint.Place("adapter"));
        Assert.Equal(adapted.Score(pairs), both.Score(pairs));
        Assert.Contains("is an adapter itself", Assert.Throws<InputException>(() => RewardModel.Load(checkpoint.Place("adapter"), adapter: checkpoint.Place("adapter"))).Message, StringComparison.Ordinal);
        Assert.Contains("holds no adapter_config.json", Assert.Throws<InputException>(() => RewardModel.Load(reward, adapter: reward)).Message, StringComparison.Ordinal);
    }

    private sealed class Reporter(Action report) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => report();
    }
}
