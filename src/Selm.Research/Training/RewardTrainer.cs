// The explicit twin of Trainer: a scalar reward model is fitted to preferences. A forward gives one reward per response,
// the pure loss turns them into one number per response, and one backward takes those in.
using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>A scalar reward model r(x, y) in training: a copy of a decoder with a linear head on the response's last token.</summary>
public sealed class RewardTrainer : IDisposable
{
    private readonly Llama trunk;
    private readonly Parameter score; // [1, hidden]

    /// <summary>Copies a decoder and gives it a head, on its device.</summary>
    /// <param name="start">The decoder; left as it is.</param>
    /// <param name="head">Weights of the head, one per hidden unit; zeros start from r = 0.</param>
    public RewardTrainer(Llama start, float[] head)
    {
        trunk = LlamaWeights.Clone(start);
        using var scope = NewDisposeScope();
        score = new Parameter(tensor(head, [1, head.Length], device: start.Device));
        score.DetachFromDisposeScope();
    }

    private RewardTrainer(Llama trunk, Parameter score) => (this.trunk, this.score) = (trunk, score);

    /// <summary>Copies a decoder and starts from r = 0: a head of zeros needs no seed.</summary>
    /// <param name="start">The decoder; left as it is.</param>
    public static RewardTrainer FromZero(Llama start) => new(start, new float[start.Config.HiddenSize]);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="device">Where the model lives; null is the CPU.</param>
    /// <exception cref="InputException">A file is missing or broken.</exception>
    public static RewardTrainer Load(string folder, Device? device = null)
    {
        using var files = SafetensorsFolder.Open(folder);
        var config = LlamaConfig.Load(folder);
        var score = new Parameter(files.ReadWeight(RewardModel.ScoreName, [1, config.HiddenSize], ScalarType.Float32, device));
        score.DetachFromDisposeScope();
        return new RewardTrainer(LlamaWeights.Load(files, config with { TieWordEmbeddings = true }, null, device, others: RewardModel.ScoreName), score);
    }

    /// <summary>Rewards without a gradient.</summary>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <param name="batchSize">Rows scored together.</param>
    /// <returns>One per response, row by row.</returns>
    public double[] Score(IReadOnlyList<SharedRow> rows, int batchSize)
    {
        using var noGrad = no_grad();
        return [.. rows.Chunk(batchSize).SelectMany(batch =>
        {
            using var scope = NewDisposeScope();
            return Read(RewardModel.Rewards(trunk, score, batch));
        })];
    }

    /// <summary>Trains with a new AdamW, 10 % warm-up and a cosine, gradients clipped to norm 1.</summary>
    /// <param name="what">Its name in messages, such as "the ranker".</param>
    /// <param name="steps">Optimiser steps.</param>
    /// <param name="batch">Rows of a step: a prompt with y_w, y_l and, where the loss is to be optimistic about them, y and y'.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="optimizer">Constants of AdamW with the peak learning rate.</param>
    /// <param name="progress">Is told about every step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>The mean loss of each step.</returns>
    /// <exception cref="DivergenceException">Loss or gradient is not a finite number.</exception>
    public double[] Fit(
        string what, int steps, Func<int, SharedRow[]> batch, OptimisticRewardLoss loss, OptimizerRecipe optimizer,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        Parameter[] parameters = [.. trunk.parameters(), score];
        var rate = optimizer.LearningRate;
        using var update = new ParameterUpdate(parameters, optimizer with { Name = OptimizerKind.Adamw });
        var schedule = Schedule.Of(new ScheduleRecipe(), steps);
        var losses = new double[steps];
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            losses[step] = Backward(batch(step), loss);
            update.Accumulate();
            var norm = update.Step(rate * schedule.Factor(step), maxNorm: 1);
            if (!double.IsFinite(losses[step]) || !double.IsFinite(norm))
            {
                throw new DivergenceException(string.Create(CultureInfo.InvariantCulture,
                    $"Step {step + 1} of {steps} of {what}: the loss is {losses[step]} and the gradient norm {norm}; lower the learning rate ({rate})."));
            }
            progress?.Report(new StepProgress(what, step + 1, steps, string.Create(CultureInfo.InvariantCulture, $"loss {losses[step]:F3}")));
        }
        return losses;
    }

    /// <summary>Writes config.json and weights under the names that <see cref="RewardModel.Load"/> reads; the tokenizer is the caller's.</summary>
    /// <param name="folder">Where to; made if absent.</param>
    /// <exception cref="InputException">The folder cannot be written.</exception>
    public void Save(string folder) => RewardModel.Write(trunk, score, trunk.Config, folder);

    /// <inheritdoc/>
    public void Dispose()
    {
        trunk.Dispose();
        score.Dispose();
    }

    // Adds the gradient of the mean loss and returns the mean.
    private double Backward(SharedRow[] rows, OptimisticRewardLoss loss)
    {
        using var scope = NewDisposeScope();
        var rewards = RewardModel.Rewards(trunk, score, rows); // [sequences]
        var r = Read(rewards.detach());
        var (mean, gradient, at) = (0.0, new float[r.Length], 0);
        foreach (var row in rows)
        {
            var optimistic = row.Responses.Count == 4;
            var result = optimistic
                ? loss.Evaluate(new ExampleRewards(r[at], r[at + 1], r[at + 2], r[at + 3]))
                : (loss with { Alpha = 0 }).Evaluate(new ExampleRewards(r[at], r[at + 1]));
            mean += result.Loss / rows.Length;
            (gradient[at], gradient[at + 1]) = ((float)(result.GradChosen / rows.Length), (float)(result.GradRejected / rows.Length));
            if (optimistic)
            {
                (gradient[at + 2], gradient[at + 3]) = ((float)(result.GradOwn / rows.Length), (float)(result.GradReference / rows.Length));
            }
            at += row.Responses.Count;
        }
        Kernel.Backward(rewards, tensor(gradient, [gradient.Length], device: trunk.Device));
        return mean;
    }

    private static double[] Read(Tensor rewards) => [.. rewards.to_type(ScalarType.Float32).cpu().data<float>().ToArray().Select(r => (double)r)];
}
