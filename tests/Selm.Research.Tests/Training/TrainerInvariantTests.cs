using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>Ways of training that must not differ.</summary>
public sealed class TrainerInvariantTests : IDisposable
{
    private static readonly SelmLoss Loss = new(0.1, 0.01);
    private readonly string folder = Directory.CreateTempSubdirectory("selm-trainer-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void batch_1_accumulated_8_times_equals_batch_8()
    {
        var (wide, _) = Train(Options with { BatchSize = 8, GradientAccumulation = 1 });
        var (narrow, _) = Train(Options with { BatchSize = 1, GradientAccumulation = 8 });
        AssertClose(wide, narrow, 2e-5);
    }

    [Fact]
    public void activation_checkpointing_changes_nothing()
    {
        var (plain, _) = Train(Options);
        var (checkpointed, _) = Train(Options with { ActivationCheckpointing = true });
        AssertClose(plain, checkpointed, 2e-5);
    }

    [Fact]
    public void y_that_is_the_chosen_response_costs_no_third_sequence_and_has_the_same_gradient()
    {
        var example = Examples(1)[0];
        var reused = new TrainingExample(example.Tokens with { Reference = example.Tokens.Chosen }, -20, -30, -20);
        Assert.Equal(2, reused.Sequences);
        using var model = Start();
        var (losses, _) = PreferenceStep.Backward(model, Loss, [reused], 1);
        var gradient = Gradient(model);
        // The same as two separate backward passes: plain DPO, and the bonus on the chosen response alone.
        model.zero_grad();
        var dpo = new DpoLoss(0.1);
        var (_, logps) = PreferenceStep.Backward(model, dpo, [reused], 1);
        StagedBackward.Run(model, [new SharedRow(example.Tokens.PromptIds, [example.Tokens.Chosen.Response.ToArray()])], _ => [0.1 * 0.01]);
        Assert.All(Gradient(model).Zip(gradient), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Equal(dpo.Evaluate(logps[0]).Loss + (0.1 * 0.01 * (logps[0].PolicyChosen - logps[0].RefChosen)), losses[0].Loss, 1e-9);
    }

    [Fact]
    public void a_loss_that_does_not_read_y_trains_as_if_there_were_none()
    {
        using var with = Start();
        using var without = Start();
        var examples = Filled(8);
        var rows = Trainer.Run(with, examples, [], new DpoLoss(0.1), Options);
        Trainer.Run(without, [.. examples.Select(e => e.WithoutReference())], [], new DpoLoss(0.1), Options);
        Assert.Equal(Weights(without), Weights(with));
        Assert.True(double.IsNaN(rows[0].ReferenceLogp));
    }

    [Fact]
    public void a_training_that_was_interrupted_ends_with_the_same_bits()
    {
        foreach (var kind in new[] { OptimizerKind.Adamw, OptimizerKind.Rmsprop, OptimizerKind.Sgd })
        {
            var options = Options with { CheckpointEvery = 1, EvalEvery = 2, Optimizer = new() { Name = kind, LearningRate = 1e-3 } };
            var whole = Path.Combine(folder, $"whole-{kind}");
            var (expected, expectedRows) = Train(options, whole);
            for (var stop = 1; stop <= 3; stop++)
            {
                var broken = Path.Combine(folder, $"broken-{kind}-{stop}");
                var steps = 0;
                using var source = new CancellationTokenSource();
                Assert.ThrowsAny<OperationCanceledException>(() => Train(options, broken, new Progress(_ =>
                {
                    if (++steps == stop)
                    {
                        source.Cancel();
                    }
                }), source.Token));
                var (resumed, rows) = Train(options, broken);
                Assert.Equal(expected, resumed);
                Assert.Equal(File.ReadAllText(Path.Combine(whole, "metrics.jsonl")), File.ReadAllText(Path.Combine(broken, "metrics.jsonl")));
                Assert.True(rows.Count < expectedRows.Count);
            }
        }
    }

    [Fact]
    public void reference_log_probs_come_from_the_cache_in_a_second_run_with_the_same_bits()
    {
        using var model = Start();
        var examples = Examples(10);
        using var store = new NumberStore(Path.Combine(folder, "reference.bin"));
        var first = new ReferenceLogps(store, "model", "tokenizer");
        var computed = first.Fill(model, examples, 4);
        Assert.Equal(3, first.BatchesComputed);
        var second = new ReferenceLogps(store, "model", "tokenizer");
        var cached = second.Fill(model, examples, 4);
        Assert.Equal(0, second.BatchesComputed);
        Assert.Equal(computed.Select(e => (e.RefChosen, e.RefRejected, e.RefSample)), cached.Select(e => (e.RefChosen, e.RefRejected, e.RefSample)));
        var other = new ReferenceLogps(store, "another model", "tokenizer");
        other.Fill(model, examples, 4);
        Assert.Equal(3, other.BatchesComputed);
    }

    [Fact]
    public void a_kept_reference_log_prob_does_not_depend_on_what_it_was_computed_with()
    {
        // Wide enough for the last bits to show the batch.
        using var model = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = 100, HiddenSize = 96, IntermediateSize = 160, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 24,
            MaxPositionEmbeddings = 64, BosTokenId = 1, EosTokenIds = [2], PadTokenId = 0, TieWordEmbeddings = true,
        });
        RandomWeights.Fill(model, seed: 5, spread: 0.2);
        var examples = Examples(24);
        TrainingExample[] repeated = [.. examples, examples[3], examples[0], examples[17]];
        Assert.NotEqual(InBatchesOf(8), InBatchesOf(5));
        var (forward, backward) = (Fill("forward", repeated, 8), Fill("backward", [.. repeated.Reverse()], 5));
        Assert.Equal(forward, backward.Reverse());
        Assert.Equal((forward[3], forward[0], forward[17]), (forward[24], forward[25], forward[26]));
        // Half of it filled by another run, in another order.
        using (var store = new NumberStore(Path.Combine(folder, "half")))
        {
            new ReferenceLogps(store, "model", "tokenizer").Fill(model, [examples[20], examples[3], examples[9]], 2);
        }
        Assert.Equal(forward, Fill("half", repeated, 8));

        (double, double)[] InBatchesOf(int size) => [.. new ReferenceLogps(null, "", "").Fill(model, examples, size).Select(e => (e.RefChosen, e.RefRejected))];

        (double, double, double)[] Fill(string name, TrainingExample[] all, int batch)
        {
            using var store = new NumberStore(Path.Combine(folder, name));
            return [.. new ReferenceLogps(store, "model", "tokenizer").Fill(model, all, batch).Select(e => (e.RefChosen, e.RefRejected, e.RefSample))];
        }
    }

    [Fact]
    public void a_kept_reference_log_prob_is_that_of_its_own_row_also_where_y_was_told()
    {
        using var model = Start();
        using var store = new NumberStore(Path.Combine(folder, "told"));
        var examples = Examples(12);
        var told = examples.Select((e, k) => e with { RefSample = -100 - k }).ToArray();
        var (kept, plain) = (new ReferenceLogps(store, "model", "tokenizer").Fill(model, told), new ReferenceLogps(null, "", "").Fill(model, examples));
        Assert.All(kept.Zip(plain, (k, p) => (k, p)), pair =>
        {
            var slot = pair.k.SampleSlot;
            Assert.Equal(slot == 0 ? pair.k.RefSample : pair.p.RefChosen, pair.k.RefChosen, 1e-4);
            Assert.Equal(slot == 1 ? pair.k.RefSample : pair.p.RefRejected, pair.k.RefRejected, 1e-4);
            Assert.InRange(pair.k.RefSample, -112, -100);
        });
    }

    [Fact]
    public void the_last_incomplete_batch_of_every_epoch_trains()
    {
        var options = Options with { BatchSize = 4, GradientAccumulation = 2, Epochs = 2 };
        Assert.Equal((8, 2, 2, 2), (options.TotalSteps(30), options.TotalSteps(8), options.TotalSteps(1), (Options with { BatchSize = int.MaxValue, GradientAccumulation = 2, Epochs = 2 }).TotalSteps(30)));
        using var model = Start();
        // Of these two steps only that of the ninth example has a rate.
        var before = Weights(model);
        var rows = Trainer.Run(model, Filled(9), [], Loss, Options with { Schedule = new() { Kind = ScheduleKind.Constant, WarmupRatio = 1 } });
        Assert.Equal([0.0, 0.0005], rows.Select(row => row.LearningRate!.Value));
        Assert.NotEqual(before, Weights(model));
    }

    [Theory]
    [InlineData(ScheduleKind.Cosine)]
    [InlineData(ScheduleKind.Linear)]
    [InlineData(ScheduleKind.Constant)]
    public void the_only_step_of_a_training_has_the_full_rate_and_two_steps_keep_their_warm_up(ScheduleKind kind)
    {
        var recipe = new ScheduleRecipe { Kind = kind };
        Assert.Equal(1, Schedule.Of(recipe, 1).Factor(0));
        Assert.Equal([0.0, 1.0], Enumerable.Range(0, 2).Select(Schedule.Of(recipe, 2).Factor));
    }

    [Fact]
    public void a_loss_that_is_not_a_number_stops_with_a_cure_and_leaves_the_weights()
    {
        using var model = Start();
        var before = Weights(model);
        var broken = Examples(8).Select(e => e with { RefChosen = double.NaN }).ToArray();
        var error = Assert.Throws<DivergenceException>(() => Trainer.Run(model, broken, [], Loss, Options));
        Assert.Contains("the loss is NaN", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("no checkpoint was written.", error.Message, StringComparison.Ordinal);
        Assert.Contains("learning rate", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Weights(model));
    }

    [Fact]
    public void bfloat16_training_moves_by_steps_that_bfloat16_alone_would_lose()
    {
        using var model = LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"), ScalarType.BFloat16);
        using var update = new ParameterUpdate(model, new OptimizerRecipe { LearningRate = 1e-5 });
        var examples = Filled(4);
        double first = 0, last = 0;
        for (var step = 0; step < 40; step++)
        {
            var (losses, _) = PreferenceStep.Backward(model, Loss, examples, examples.Length);
            update.Accumulate();
            update.Step(1e-5, 1);
            last = losses.Average(l => l.Loss);
            first = step == 0 ? last : first;
        }
        Assert.True(last < first - 0.01, $"the loss went from {first} to {last}");
    }

    private static TrainerOptions Options => new() { Optimizer = new() { LearningRate = 1e-3 }, LearningRate = 1e-3, BatchSize = 8, Seed = 7 };

    private sealed class Progress(Action<StepProgress> report) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => report(value);
    }

    private static Llama Start() => LlamaWeights.Load(Golden.Path("hf-models", "llama-gqa-untied"));

    private static (float[] Weights, IReadOnlyList<TrainingRow> Rows) Train(TrainerOptions options, string? run = null, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var model = Start();
        using var metrics = run is null ? null : RunFolder.Open(run, "{}", new Dictionary<string, string>(), new Dictionary<string, string>());
        var rows = Trainer.Run(model, Filled(30), Filled(4), Loss, options, metrics?.Metrics, run is null ? null : Path.Combine(run, "checkpoints"), 0, progress, cancellation);
        return (Weights(model), rows);
    }

    private static TrainingExample[] Filled(int count)
    {
        using var reference = Start();
        return new ReferenceLogps(null, "", "").Fill(reference, Examples(count));
    }

    // Prompts and responses of made-up ids; every third y is the chosen response, every fourth the rejected one.
    private static TrainingExample[] Examples(int count)
    {
        var random = new PhiloxStream(3, "examples");
        int[] Ids(int from, int to) => [.. Enumerable.Range(0, from + random.NextInt(to - from)).Select(_ => 3 + random.NextInt(90))];
        return [.. Enumerable.Range(0, count).Select(k =>
        {
            var prompt = Ids(3, 9);
            TokenRow Row() => new([.. prompt, .. Ids(2, 12)], prompt.Length);
            var (chosen, rejected) = (Row(), Row());
            return new TrainingExample(new TokenTriple(prompt, chosen, rejected, k % 3 == 0 ? chosen : k % 4 == 1 ? rejected : Row()));
        })];
    }

    private static float[] Weights(Llama model)
    {
        using var scope = NewDisposeScope();
        return [.. model.parameters().SelectMany(p => p.detach().contiguous().data<float>().ToArray())];
    }

    private static float[] Gradient(Llama model)
    {
        using var scope = NewDisposeScope();
        return [.. LlamaWeights.NamedGradients(model).SelectMany(g => g.Gradient.contiguous().data<float>().ToArray())];
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance) =>
        Assert.True(expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max() <= tolerance, $"largest gap {expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max()}");
}
