using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;

namespace Selm.Research.Training;

/// <summary>The numbers of one training: those of a recipe for one iteration.</summary>
public sealed record TrainerOptions
{
    /// <summary>Optimiser and its constants.</summary>
    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>Shape of the learning rate over steps.</summary>
    public ScheduleRecipe Schedule { get; init; } = new();

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 5e-7;

    /// <summary>Examples whose activations are held at once.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Micro-batches per optimiser step.</summary>
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>Passes over the data.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Gradients of a larger norm are scaled down to it; 0 leaves them alone.</summary>
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Recompute activations in the backward pass.</summary>
    public bool ActivationCheckpointing { get; init; }

    /// <summary>Optimiser steps between checkpoints; 0 writes none.</summary>
    public int CheckpointEvery { get; init; }

    /// <summary>Optimiser steps between evaluations on the validation split; 0 makes none.</summary>
    public int EvalEvery { get; init; }

    /// <summary>Seed of the batch order.</summary>
    public ulong Seed { get; init; }

    /// <summary>The iteration, part of the name of the batch order's random stream.</summary>
    public int Iteration { get; init; }

    /// <summary>The numbers of a recipe for one of its iterations.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="iteration">From 0.</param>
    public static TrainerOptions Of(Recipe recipe, int iteration) => new()
    {
        Optimizer = recipe.Optimizer,
        Schedule = recipe.Schedule,
        LearningRate = recipe.LearningRateOf(iteration),
        BatchSize = recipe.BatchSize,
        GradientAccumulation = recipe.GradientAccumulation,
        Epochs = recipe.Epochs,
        MaxGradNorm = recipe.MaxGradNorm ?? 0,
        ActivationCheckpointing = recipe.ActivationCheckpointing,
        CheckpointEvery = recipe.CheckpointEvery,
        EvalEvery = recipe.EvalEvery,
        Seed = recipe.Seed,
        Iteration = iteration,
    };

    /// <summary>Optimiser steps of a training over that many examples; the last of an epoch may be a smaller batch.</summary>
    /// <param name="examples">Number of examples.</param>
    public int TotalSteps(int examples) => checked(Epochs * StepsPerEpoch(examples));

    internal long PairsPerStep => (long)BatchSize * GradientAccumulation;

    internal int StepsPerEpoch(int examples) => (int)((examples + PairsPerStep - 1) / PairsPerStep);
}

/// <summary>
/// Trains a policy on preference examples (line 4 of Algorithm 1): shuffled batches, accumulated gradients, checkpoints.
/// A training that was killed and started again ends with the same bits as one that was not.
/// </summary>
public static class Trainer
{
    /// <summary>Trains in place.</summary>
    /// <param name="policy">The policy; starts as it is, or as the last checkpoint says.</param>
    /// <param name="examples">Training examples with reference log-probs.</param>
    /// <param name="validation">Examples to evaluate on; may be empty.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="options">The numbers.</param>
    /// <param name="metrics">Receives one row per step and evaluation, or null.</param>
    /// <param name="checkpoints">Folder of the checkpoints, or null for none.</param>
    /// <param name="firstStep">Optimiser steps of the run before this training: the number of its first row of metrics.</param>
    /// <param name="progress">Is told about every step.</param>
    /// <param name="cancellation">Stops between micro-batches.</param>
    /// <returns>The metrics of the steps done now (not those before a resume).</returns>
    /// <exception cref="DivergenceException">Loss or gradient is not a finite number; the sentence names step, pairs and cure.</exception>
    /// <exception cref="InputException">The loss divides by lengths and an example has an empty response, or memory did not suffice, also not for half a micro-batch.</exception>
    /// <exception cref="ArgumentException">A step within the backward pass is asked for beside what needs the whole gradient.</exception>
    public static IReadOnlyList<TrainingRow> Run(
        Llama policy, IReadOnlyList<TrainingExample> examples, IReadOnlyList<TrainingExample> validation, IPreferenceLoss loss, TrainerOptions options,
        MetricsLog? metrics = null, string? checkpoints = null, long firstStep = 0, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (options.Optimizer.UpdateInBackward && (options.MaxGradNorm > 0 || options.GradientAccumulation > 1 || !options.ActivationCheckpointing))
        {
            throw new ArgumentException("a step within the backward pass goes with activation checkpointing, without accumulation and without clipping", nameof(options));
        }
        if (!loss.Needs.HasFlag(LossInputs.PolicySample))
        {
            (examples, validation) = ([.. examples.Select(e => e.WithoutReference())], [.. validation.Select(e => e.WithoutReference())]);
        }
        RequireLengths(loss, [.. examples, .. validation]);
        using var update = new ParameterUpdate(policy, options.Optimizer, options.Seed, options.Iteration);
        var checkpoint = checkpoints is null ? null : new Checkpoint(checkpoints);
        var done = checkpoint?.Restore(update) ?? 0;
        var pairs = checkpoint?.PairsPerPass ?? options.BatchSize; // fewer once a step has run out of memory
        metrics?.TruncateAfter(firstStep + done);
        var (total, perEpoch) = (options.TotalSteps(examples.Count), options.StepsPerEpoch(examples.Count));
        var schedule = Schedule.Of(options.Schedule, total);
        var rows = new List<TrainingRow>();
        int[] order = [];
        for (var step = done; step < total; step++)
        {
            if (order.Length == 0 || step % perEpoch == 0)
            {
                order = Order(examples.Count, options, step / perEpoch);
            }
            var size = (int)Math.Min(options.PairsPerStep, examples.Count);
            var batch = order.Skip(step % perEpoch * size).Take(size).Select(k => examples[k]).ToArray();
            var rate = options.LearningRate * schedule.Factor(step);
            var (row, broken) = StepThatFits();
            if (!double.IsFinite(row.Loss) || !double.IsFinite(row.GradNorm!.Value))
            {
                throw new DivergenceException(string.Create(CultureInfo.InvariantCulture,
                    $"{Name()}: the loss is {row.Loss} and the gradient norm {row.GradNorm} for {Names(broken.Length > 0 ? broken : batch)}; lower the learning rate ({options.LearningRate}) or alpha; {Kept()}."));
            }
            Add(row);
            if (options.EvalEvery > 0 && validation.Count > 0 && ((step + 1) % options.EvalEvery == 0 || step + 1 == total))
            {
                Add(TrainingRow.Of("eval", options.Iteration, PreferenceStep.Evaluate(policy, loss, validation, pairs)));
            }
            if (checkpoint is not null && options.CheckpointEvery > 0 && (step + 1) % options.CheckpointEvery == 0)
            {
                checkpoint.Save(update, step + 1, pairs < options.BatchSize ? pairs : null);
            }
            progress?.Report(new StepProgress($"iteration {options.Iteration}: training", step + 1, total, string.Create(CultureInfo.InvariantCulture, $"loss {row.Loss:F4}")));

            // A step that runs out of memory is done again with half the pairs per forward pass, once in a training.
            (TrainingRow Row, TrainingExample[] Broken) StepThatFits()
            {
                while (true)
                {
                    try
                    {
                        return Step(policy, update, batch, pairs, loss, options, rate, cancellation);
                    }
                    catch (Exception e) when (MemoryShortage.Is(e))
                    {
                        update.Forget();
                        var smaller = MemoryShortage.Halved(Name(), options, pairs, Kept());
                        metrics?.Append(firstStep + step + 1, smaller);
                        progress?.Report(new StepProgress(smaller.Note.TrimEnd('.'), 0, 0));
                        pairs = smaller.PairsPerPass;
                    }
                }
            }

            string Name() => string.Create(CultureInfo.InvariantCulture, $"Step {step + 1} of {total} (iteration {options.Iteration})");

            string Kept() => checkpoint?.Last() ?? "no checkpoint was written";

            void Add(TrainingRow entry)
            {
                metrics?.Append(firstStep + step + 1, entry);
                rows.Add(entry);
            }
        }
        return rows;
    }

    /// <summary>Deletes the checkpoints of a training whose result has been saved.</summary>
    /// <param name="checkpoints">Their folder.</param>
    public static void DeleteCheckpoints(string checkpoints) => new Checkpoint(checkpoints).Delete();

    // One optimiser step: its row of metrics, and the pairs whose loss is not finite.
    private static (TrainingRow Row, TrainingExample[] Broken) Step(
        Llama policy, ParameterUpdate update, TrainingExample[] batch, int pairs, IPreferenceLoss loss, TrainerOptions options, double rate, CancellationToken cancellation)
    {
        var (losses, logps) = (new List<LossResult>(batch.Length), new List<SequenceLogps>(batch.Length));
        var inBackward = options.Optimizer.UpdateInBackward;
        if (inBackward)
        {
            update.Begin(rate);
        }
        foreach (var micro in batch.Chunk(pairs))
        {
            cancellation.ThrowIfCancellationRequested();
            var (l, p) = PreferenceStep.Backward(
                policy, loss, micro, batch.Length, options.ActivationCheckpointing, complete: inBackward ? update.Apply : update.Accumulate);
            losses.AddRange(l);
            logps.AddRange(p);
        }
        var means = StepMetrics.Of(losses, logps, [.. batch.Select(e => e.SampleSlot >= 0)]);
        var row = TrainingRow.Of("train", options.Iteration, means) with { LearningRate = rate, GradNorm = inBackward ? update.End() : update.Step(rate, options.MaxGradNorm) };
        return (row, [.. batch.Where((_, k) => !double.IsFinite(losses[k].Loss))]);
    }

    // Pairs of a batch in words: the first three.
    private static string Names(TrainingExample[] batch)
    {
        const int most = 3;
        var known = batch.Select(example => example.Place).OfType<string>().ToArray();
        return known.Length < batch.Length ? $"a batch of {batch.Length}"
            : string.Join(", ", known.Take(most)) + (known.Length > most ? $" and {known.Length - most} others" : "");
    }

    private static int[] Order(int count, TrainerOptions options, int epoch)
    {
        var order = Enumerable.Range(0, count).ToArray();
        new PhiloxStream(options.Seed, string.Create(CultureInfo.InvariantCulture, $"batches.iteration-{options.Iteration}.epoch-{epoch}")).Shuffle(order.AsSpan());
        return order;
    }

    private static void RequireLengths(IPreferenceLoss loss, TrainingExample[] examples)
    {
        bool Lacks(TrainingExample e) =>
            (loss.Needs.HasFlag(LossInputs.Lengths) && (e.Tokens.Chosen.Response.IsEmpty || e.Tokens.Rejected.Response.IsEmpty))
            || (loss.Needs.HasFlag(LossInputs.SampleLength) && e.Tokens.Reference is { Response.IsEmpty: true });
        if (Array.FindIndex(examples, Lacks) is var at && at >= 0)
        {
            throw new InputException($"Pair {at + 1} of {examples.Length} has a response without a token, and the loss divides by lengths; remove that pair or take a loss of sums.");
        }
    }
}
