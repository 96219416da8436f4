using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Lab;

/// <summary>The numbers of supervised fine-tuning in the lab.</summary>
public sealed record SftOptions
{
    /// <summary>Optimiser steps.</summary>
    public int Steps { get; init; } = 800;

    /// <summary>Rows per step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Single-turn demonstrations; three steps in four.</summary>
    public int SingleTurn { get; init; } = 6000;

    /// <summary>Two-turn demonstrations; 15 % of the steps.</summary>
    public int TwoTurn { get; init; } = 1500;

    /// <summary>Quiz documents; 10 % of the steps.</summary>
    public int Quiz { get; init; } = 1800;
}

/// <summary>
/// Supervised fine-tuning of the lab's policy from random weights: the kit's stand-in for a pre-trained and
/// instruction-tuned model. The loss of a step is the mean cross-entropy over the response tokens of its batch.
/// </summary>
/// <remarks>
/// What the base model answers greedily hangs on a near tie: asked for a kind or formal way, the weak writer begins with
/// the matching opener in .325 of its answers and with "the" in .319. So base models differ from seed to seed in how
/// often they find the tone, and in little else.
/// </remarks>
public static class SftTrainer
{
    /// <summary>AdamW's constants besides the learning rate, also for the ranker.</summary>
    internal static OptimizerRecipe Optimizer { get; } = new() { Betas = [0.9, 0.99], WeightDecay = 0.01 };

    /// <summary>The rows that a base model is trained on: single-turn, two-turn, quiz.</summary>
    /// <param name="language">The language.</param>
    /// <param name="preset">Whose demonstrator writes.</param>
    /// <param name="seed">Seed of the base model.</param>
    /// <param name="options">How many of each.</param>
    public static IReadOnlyList<SharedRow[]> Data(LabLanguage language, LabPreset preset, ulong seed, SftOptions options) =>
    [
        LabDemonstrations.SingleTurn(language, preset, seed, options.SingleTurn),
        LabDemonstrations.TwoTurn(language, preset, seed, options.TwoTurn),
        LabQuiz.Documents(language, seed, options.Quiz),
    ];

    /// <summary>Trains in place.</summary>
    /// <param name="model">The model; its weights are the start.</param>
    /// <param name="data">Single-turn rows, two-turn rows, quiz documents.</param>
    /// <param name="seed">Seed of the batches.</param>
    /// <param name="options">The numbers.</param>
    /// <param name="progress">Is told about every step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>The loss of each step, in nats per token.</returns>
    /// <exception cref="InputException">The loss is not a finite number.</exception>
    public static double[] Run(
        Llama model, IReadOnlyList<SharedRow[]> data, ulong seed, SftOptions options, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var update = new ParameterUpdate(model, Optimizer);
        var schedule = Schedule.Of(new ScheduleRecipe(), options.Steps);
        var losses = new double[options.Steps];
        for (var step = 0; step < options.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            losses[step] = Backward(model, Batch(data, seed, step, options.BatchSize));
            var norm = update.Step(options.LearningRate * schedule.Factor(step), maxNorm: 1);
            if (!double.IsFinite(losses[step]) || !double.IsFinite(norm))
            {
                throw new InputException(string.Create(CultureInfo.InvariantCulture,
                    $"Step {step + 1} of {options.Steps} of supervised training: the loss is {losses[step]} and the gradient norm {norm}; lower the learning rate ({options.LearningRate})."));
            }
            progress?.Report(new StepProgress("supervised training", step + 1, options.Steps, string.Create(CultureInfo.InvariantCulture, $"loss {losses[step]:F3}")));
        }
        return losses;
    }

    // A step belongs to one set, so that its rows have similar lengths.
    private static SharedRow[] Batch(IReadOnlyList<SharedRow[]> data, ulong seed, int step, int size)
    {
        var random = new PhiloxStream(seed, LabStreams.SftBatches, step);
        var rows = random.NextDouble() switch { < .75 => data[0], < .90 => data[1], _ => data[2] };
        return [.. Enumerable.Range(0, size).Select(_ => rows[random.NextInt(rows.Length)])];
    }

    // -1/n sum over tokens of log pi(y_t | x, y_<t): every sequence has the weight -1/n.
    private static double Backward(Llama model, SharedRow[] rows)
    {
        double tokens = rows.Sum(row => row.Responses.Sum(response => response.Length));
        var logps = StagedBackward.Run(model, rows, sums => [.. sums.Select(_ => -1 / tokens)]);
        return -logps.Sum() / tokens;
    }
}
