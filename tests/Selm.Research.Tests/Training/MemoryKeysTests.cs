using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>Each key that saves memory against the plain step.</summary>
public sealed class MemoryKeysTests : IDisposable
{
    private static readonly SelmLoss loss = new(0.1, 0.01);
    private static readonly OptimizerRecipe small = new() { MasterWeights = false, Moments = Precision.Bf16, MomentsOn = MomentsPlace.Host };
    private static readonly TrainerOptions options = new()
    {
        LearningRate = 1e-3, BatchSize = 6, GradientAccumulation = 1, Schedule = new() { Kind = ScheduleKind.Constant, WarmupRatio = 0 }, MaxGradNorm = 0, ActivationCheckpointing = true, Seed = 11,
    };

    private readonly string folder = Directory.CreateTempSubdirectory("selm-memory-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("llama-gqa-untied", ScalarType.Float32, false)]
    [InlineData("llama-mha-tied", ScalarType.Float32, false)]
    [InlineData("phi3", ScalarType.Float32, false)]
    [InlineData("llama-gqa-untied", ScalarType.Float32, true)]
    [InlineData("llama-gqa-untied", ScalarType.BFloat16, false)]
    public void an_update_within_the_backward_pass_has_the_bits_of_the_plain_step(string name, ScalarType dtype, bool adapter)
    {
        var plain = Train(name, options, dtype, adapter);
        var inBackward = Train(name, options with { Optimizer = options.Optimizer with { UpdateInBackward = true } }, dtype, adapter);
        Assert.Equal(plain.Weights, inBackward.Weights);
        Assert.Equal(plain.Rows.Select(row => (row.Loss, row.GradNorm)), inBackward.Rows.Select(row => (row.Loss, row.GradNorm)));
        using var start = Start(name, dtype, adapter);
        Assert.NotEqual(Weights(start), plain.Weights);
    }

    [Fact]
    public void no_whole_gradient_is_held_where_the_backward_pass_updates()
    {
        // Six blocks: a whole gradient is more than six times that of the largest stage.
        using var model = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = 40, HiddenSize = 32, IntermediateSize = 64, NumHiddenLayers = 6, NumAttentionHeads = 2, NumKeyValueHeads = 1, HeadDim = 16,
            MaxPositionEmbeddings = 64, BosTokenId = 1, EosTokenIds = [2], PadTokenId = 0,
        });
        RandomWeights.Fill(model, seed: 5, spread: 0.2);
        var stage = Enumerable.Range(0, model.Depth).Max(k => model.ParametersOf(k).Sum(p => p.numel()));
        var all = model.parameters().Sum(p => p.numel());
        Assert.Equal(all, Peak(plain: true));
        Assert.Equal(stage, Peak(plain: false));
        Assert.True(all > 6 * stage);

        // The most numbers in gradients at any time that a stage is complete.
        long Peak(bool plain)
        {
            using var update = new ParameterUpdate(model, new OptimizerRecipe());
            var most = 0L;
            update.Begin(1e-4);
            StagedBackward.Run(model, [new([5, 6, 7], [[8, 9, 2], [10, 2]]), new([11, 12], [[13, 14, 15, 2]])], sums => [1, -1, 1], checkpointing: true, complete: parameters =>
            {
                using var scope = NewDisposeScope();
                most = Math.Max(most, model.parameters().Sum(p => p.grad?.numel() ?? 0));
                if (!plain)
                {
                    update.Apply(parameters);
                }
            });
            update.Forget();
            return most;
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, Precision.Fp32, true)]
    [InlineData(ScalarType.Float32, Precision.Bf16, true)]
    [InlineData(ScalarType.BFloat16, Precision.Fp32, true)]
    [InlineData(ScalarType.BFloat16, Precision.Bf16, false)]
    public void moments_on_the_host_give_the_bits_of_resident_ones(ScalarType dtype, Precision moments, bool masters)
    {
        var optimizer = new OptimizerRecipe { Moments = moments, MasterWeights = masters };
        var resident = Train("llama-gqa-untied", options with { Optimizer = optimizer }, dtype);
        Assert.Equal(resident.Weights, Train("llama-gqa-untied", options with { Optimizer = optimizer with { MomentsOn = MomentsPlace.Host } }, dtype).Weights);
    }

    [Fact]
    public void without_masters_and_with_short_moments_a_training_follows_the_one_with_them()
    {
        var (masters, without) = (Train("llama-gqa-untied", options with { Epochs = 4 }, ScalarType.BFloat16), Train("llama-gqa-untied", options with { Epochs = 4, Optimizer = small }, ScalarType.BFloat16));
        using var start = Start("llama-gqa-untied", ScalarType.BFloat16);
        double[] Moved((float[] Weights, IReadOnlyList<TrainingRow> Rows) to) => [.. to.Weights.Zip(Weights(start), (a, b) => (double)a - b)];
        var (a, b) = (Moved(masters), Moved(without));
        var cosine = a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(x => x * x));
        Assert.True(cosine > 0.8, $"the two trainings move by vectors of cosine {cosine}");
        Assert.Equal(masters.Rows[^1].Loss, without.Rows[^1].Loss, 0.05);
        Assert.NotEqual(without.Weights, Train("llama-gqa-untied", options with { Epochs = 4, Optimizer = small, Seed = 12 }, ScalarType.BFloat16).Weights);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void a_training_of_bfloat16_with_stochastic_rounding_that_was_interrupted_ends_with_the_same_bits(bool inBackward)
    {
        var resumable = options with { CheckpointEvery = 1, Optimizer = small with { UpdateInBackward = inBackward }, GradientAccumulation = inBackward ? 1 : 2, BatchSize = inBackward ? 6 : 3 };
        var (whole, rows) = Train("llama-gqa-untied", resumable, ScalarType.BFloat16, run: Path.Combine(folder, "whole"));
        for (var stop = 1; stop < rows.Count; stop++)
        {
            var broken = Path.Combine(folder, $"broken-{stop}");
            using var source = new CancellationTokenSource();
            var steps = 0;
            Assert.ThrowsAny<OperationCanceledException>(() => Train("llama-gqa-untied", resumable, ScalarType.BFloat16, run: broken, cancellation: source.Token, progress: new Progress(_ =>
            {
                if (++steps == stop)
                {
                    source.Cancel();
                }
            })));
            Assert.Equal(whole, Train("llama-gqa-untied", resumable, ScalarType.BFloat16, run: broken).Weights);
            Assert.Equal(File.ReadAllText(Path.Combine(folder, "whole", "metrics.jsonl")), File.ReadAllText(Path.Combine(broken, "metrics.jsonl")));
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void a_step_without_memory_is_done_again_with_half_the_pairs_and_the_same_gradient(ScalarType dtype)
    {
        // The second pass of the second step fails, when gradients of the first are there already.
        var plain = options with { BatchSize = 4, GradientAccumulation = 2, MaxGradNorm = 1, CheckpointEvery = 1 };
        var sentences = new List<string>();
        var expected = Train("llama-gqa-untied", plain, dtype);
        var failing = Train("llama-gqa-untied", plain, dtype, of: new Hungry([4]), run: Path.Combine(folder, "hungry"), progress: new Progress(p => sentences.Add(p.Stage)));
        Assert.Equal(expected.Rows.Count, failing.Rows.Count);
        Assert.All(expected.Rows.Zip(failing.Rows), pair => Assert.Equal(pair.First.GradNorm!.Value, pair.Second.GradNorm!.Value, (dtype == ScalarType.Float32 ? 1e-4 : 0.05) * pair.First.GradNorm.Value));
        if (dtype == ScalarType.Float32)
        {
            Assert.True(expected.Weights.Zip(failing.Weights, (a, b) => Math.Abs(a - b)).Max() < 2e-5);
        }
        const string note = "Step 2 of 3 (iteration 0): there was not enough memory for 4 pairs per forward pass; from this step on it is 2, which changes no gradient beyond rounding";
        Assert.Single(sentences, note);
        var metrics = MetricsLog.Read(Path.Combine(folder, "hungry", "metrics.jsonl"));
        Assert.Equal(["train", "memory", "train", "train"], metrics.Select(row => row.GetProperty("phase").GetString()));
        Assert.Equal((2, 2, note + "."), (metrics[1].GetProperty("step").GetInt32(), metrics[1].GetProperty("pairs_per_pass").GetInt32(), metrics[1].GetProperty("note").GetString()));
    }

    [Fact]
    public void a_training_that_went_on_with_smaller_passes_does_so_after_a_kill()
    {
        var plain = options with { BatchSize = 4, GradientAccumulation = 2, CheckpointEvery = 1 };
        var whole = Train("llama-gqa-untied", plain, of: new Hungry([4]), run: Path.Combine(folder, "whole"));
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Train("llama-gqa-untied", plain, of: new Hungry([4]), run: Path.Combine(folder, "broken"), cancellation: source.Token, progress: new Progress(p =>
        {
            if (p.Done == 2)
            {
                source.Cancel();
            }
        })));
        Assert.Equal(whole.Weights, Train("llama-gqa-untied", plain, run: Path.Combine(folder, "broken")).Weights);
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "whole", "metrics.jsonl")), File.ReadAllText(Path.Combine(folder, "broken", "metrics.jsonl")));
    }

    [Fact]
    public void where_smaller_passes_do_not_help_the_sentence_names_the_key_to_lower()
    {
        string Message(TrainerOptions of, params int[] failsAt) =>
            Assert.Throws<InputException>(() => Train("llama-gqa-untied", of, of: new Hungry(failsAt), run: Path.Combine(folder, Guid.NewGuid().ToString()))).Message;
        Assert.Equal(
            "Step 1 of 4 (iteration 0): there was not enough memory for 3 pairs per forward pass, half of batch_size 6; lower batch_size (and raise gradient_accumulation as much) or max_length and start in a new folder; no checkpoint was written.",
            Message(options, 1, 2));
        Assert.StartsWith(
            "Step 1 of 20 (iteration 0): there was not enough memory for 1 pair per forward pass; lower max_length, or set activation_checkpointing: true, and start in a new folder;",
            Message(options with { BatchSize = 1, ActivationCheckpointing = false }, 1), StringComparison.Ordinal);
        Assert.StartsWith(
            "Step 2 of 4 (iteration 0): there was not enough memory for 6 pairs, and with optimizer.update_in_backward a step has one forward pass; lower batch_size and start in a new folder; the checkpoint after step 1 is kept in ",
            Message(options with { CheckpointEvery = 1, Optimizer = options.Optimizer with { UpdateInBackward = true } }, 2), StringComparison.Ordinal);
    }

    [Fact]
    public void what_stands_for_a_lack_of_memory_is_recognised_and_nothing_else()
    {
#pragma warning disable CA2201 // made as the runtime and libtorch make them
        Assert.True(MemoryShortage.Is(new System.Runtime.InteropServices.ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB")));
        Assert.True(MemoryShortage.Is(new InvalidOperationException("The backward pass failed", new OutOfMemoryException())));
        Assert.True(MemoryShortage.Is(Assert.ThrowsAny<Exception>(() => empty(1L << 50))));
        Assert.False(MemoryShortage.Is(new System.Runtime.InteropServices.ExternalException("CUDA error: device-side assert triggered")));
#pragma warning restore CA2201
        Assert.False(MemoryShortage.Is(new IOException("out of memory")));
    }

    [Fact]
    public void a_loss_that_is_no_number_names_its_pairs_and_keeps_the_checkpoint()
    {
        var examples = Filled(20).Select((e, k) => e with { Place = $"iteration-0/preferences.jsonl line {k + 1}", RefChosen = k == 13 ? double.NaN : e.RefChosen }).ToArray();
        foreach (var inBackward in new[] { false, true })
        {
            var checkpoints = Path.Combine(folder, $"nan-{inBackward}");
            using var model = Start("llama-gqa-untied");
            var message = Assert.Throws<DivergenceException>(() =>
                Trainer.Run(model, examples, [], loss, options with { CheckpointEvery = 1, Optimizer = options.Optimizer with { UpdateInBackward = inBackward } }, checkpoints: checkpoints)).Message;
            Assert.Contains(" the loss is NaN and the gradient norm NaN for iteration-0/preferences.jsonl line 14; lower ", message, StringComparison.Ordinal);
            var failed = int.Parse(message.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
            Assert.EndsWith(failed == 1 ? "no checkpoint was written." : $"the checkpoint after step {failed - 1} is kept in {checkpoints}.", message, StringComparison.Ordinal);
            Assert.Equal(failed > 1 ? [$"step-{failed - 1}.safetensors"] : Array.Empty<string>(), Directory.Exists(checkpoints) ? Directory.GetFiles(checkpoints, "*.safetensors").Select(Path.GetFileName) : []);
            Assert.All(Weights(model), weight => Assert.True(float.IsFinite(weight)));
        }
    }

    [Fact]
    public void a_step_within_the_backward_pass_is_refused_beside_what_needs_the_whole_gradient()
    {
        var inBackward = options with { Optimizer = options.Optimizer with { UpdateInBackward = true } };
        foreach (var wrong in new[] { inBackward with { MaxGradNorm = 1 }, inBackward with { GradientAccumulation = 2 }, inBackward with { ActivationCheckpointing = false } })
        {
            Assert.Throws<ArgumentException>(() => Train("llama-gqa-untied", wrong));
        }
    }

    private sealed class Progress(Action<StepProgress> report) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => report(value);
    }

    /// <summary>The loss of these tests, in whose first calls of the given numbers libtorch finds no memory.</summary>
    private sealed class Hungry(int[] failsAt) : IPreferenceLoss
    {
        private int calls;

        public LossInputs Needs => loss.Needs;

        public LossResult Evaluate(in SequenceLogps logps) => loss.Evaluate(logps);

        public void EvaluateBatch(ReadOnlySpan<SequenceLogps> batch, Span<LossResult> results)
        {
            if (failsAt.Contains(++calls))
            {
                empty(1L << 50).Dispose(); // a petabyte
            }
            ((IPreferenceLoss)loss).EvaluateBatch(batch, results);
        }
    }

    private static Llama Start(string name, ScalarType dtype = ScalarType.Float32, bool adapter = false)
    {
        var model = LlamaWeights.Load(Golden.Path("hf-models", name), dtype);
        if (adapter)
        {
            model.Attach(NewAdapter.Of(model, new AdapterRecipe { Rank = 4 }, seed: 1));
        }
        return model;
    }

    private static (float[] Weights, IReadOnlyList<TrainingRow> Rows) Train(
        string name, TrainerOptions options, ScalarType dtype = ScalarType.Float32, bool adapter = false, string? run = null, IPreferenceLoss? of = null,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var model = Start(name, dtype, adapter);
        using var metrics = run is null ? null : RunFolder.Open(run, "{}", new Dictionary<string, string>(), new Dictionary<string, string>());
        var rows = Trainer.Run(model, Filled(20), [], of ?? loss, options, metrics?.Metrics, run is null ? null : Path.Combine(run, "checkpoints"), 0, progress, cancellation);
        return (Weights(model), rows);
    }

    // Prompts and responses of made-up ids; every third y is the chosen response. Lengths differ enough for several groups in a pass.
    private static TrainingExample[] Filled(int count)
    {
        var random = new PhiloxStream(3, "examples");
        int[] Ids(int from, int to) => [.. Enumerable.Range(0, from + random.NextInt(to - from)).Select(_ => 3 + random.NextInt(60))];
        TrainingExample[] examples =
        [
            .. Enumerable.Range(0, count).Select(k =>
            {
                var prompt = Ids(3, 9);
                TokenRow Row() => new([.. prompt, .. Ids(2, 12)], prompt.Length);
                var (chosen, rejected) = (Row(), Row());
                return new TrainingExample(new TokenTriple(prompt, chosen, rejected, k % 3 == 0 ? chosen : Row()));
            }),
        ];
        using var reference = Start("llama-gqa-untied");
        return new ReferenceLogps(null, "", "").Fill(reference, examples);
    }

    private static float[] Weights(Llama model)
    {
        using var scope = NewDisposeScope();
        return [.. model.Trained.SelectMany(p => p.detach().to_type(ScalarType.Float32).contiguous().data<float>().ToArray())];
    }
}
