// Notable: the ranker reads what `rm:DIR` gives it, the user's words without the chat's markers, then the answer and its
// end. The two answers of a pair share their prompt in one row.
using MathNet.Numerics.Statistics;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Lab;

/// <summary>The numbers of the ranker's training.</summary>
public sealed record LabRankerOptions
{
    /// <summary>Labelled pairs.</summary>
    public int Pairs { get; init; } = 8000;

    /// <summary>Pairs on held-out prompts that it is measured on.</summary>
    public int HeldOut { get; init; } = 2000;

    /// <summary>Optimiser steps.</summary>
    public int Steps { get; init; } = 800;

    /// <summary>Pairs per step.</summary>
    public int BatchSize { get; init; } = 48;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;
}

/// <summary>How a ranker judges pairs that it was not trained on.</summary>
/// <param name="LabelAgreement">Share of noisy labels that it gives too.</param>
/// <param name="OracleLabelAgreement">The same of the true reward: what no ranker can beat.</param>
/// <param name="OrderAccuracy">Share of pairs of different worth that it orders as r* does.</param>
/// <param name="MarginCorrelation">Pearson correlation of its margins with those of r*.</param>
public sealed record LabRankerAccuracy(double LabelAgreement, double OracleLabelAgreement, double OrderAccuracy, double MarginCorrelation);

/// <summary>
/// Trains the lab's ranker, a scalar-head Bradley-Terry reward model that stands in for PairRM:
/// P(A better than B | x) = sigma(v(x, A) - v(x, B)), v a linear head on the last token of a copy of a base model.
/// </summary>
public static class LabRanker
{
    /// <summary>Trains a copy of a base model and writes it as a folder for <c>--ranker rm:DIR</c>.</summary>
    /// <param name="start">The base model; left as it is.</param>
    /// <param name="language">The language.</param>
    /// <param name="pairs">Labelled pairs.</param>
    /// <param name="seed">Seed of the head and the batches.</param>
    /// <param name="options">The numbers.</param>
    /// <param name="folder">Where the reward model goes.</param>
    /// <param name="progress">Is told about every step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>The loss of each step.</returns>
    /// <exception cref="InputException">The loss is not a finite number, or the folder cannot be written.</exception>
    public static double[] Train(
        Llama start, LabLanguage language, IReadOnlyList<LabJudgement> pairs, ulong seed, LabRankerOptions options, string folder,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var head = new float[start.Config.HiddenSize];
        LabPolicy.Uniform(head, new PhiloxStream(seed, LabStreams.Weights + "score.weight"), head.Length);
        using var trainer = new RewardTrainer(start, head);
        var rows = pairs.Select(pair => Row(language, pair)).ToArray();
        var losses = trainer.Fit(
            "the ranker", options.Steps,
            step =>
            {
                var random = new PhiloxStream(seed, LabStreams.RankerBatches, step);
                return [.. Enumerable.Range(0, options.BatchSize).Select(_ => rows[random.NextInt(rows.Length)])];
            },
            new OptimisticRewardLoss(0), SftTrainer.Optimizer with { LearningRate = options.LearningRate }, progress, cancellation);
        trainer.Save(folder);
        LabTokenizer.Write(folder, language);
        return losses;
    }

    /// <summary>Compares a reward model with labels and true rewards.</summary>
    /// <param name="score">Its scores of (prompt, response) pairs, such as those of a loaded <see cref="RewardModel"/>.</param>
    /// <param name="language">The language.</param>
    /// <param name="pairs">Pairs that it was not trained on.</param>
    public static LabRankerAccuracy Measure(
        Func<IReadOnlyList<(string Prompt, string Response)>, IReadOnlyList<double>> score, LabLanguage language, IReadOnlyList<LabJudgement> pairs)
    {
        var scores = score([.. pairs.SelectMany(pair => new[] { (pair.Prompt.Text(language), pair.A), (pair.Prompt.Text(language), pair.B) })]);
        var margins = pairs.Select((_, k) => scores[2 * k] - scores[(2 * k) + 1]).ToArray();
        double Agreement(Func<int, bool> agrees, Func<int, bool> counts) =>
            Enumerable.Range(0, pairs.Count).Where(counts).Average(k => agrees(k) ? 1.0 : 0);
        return new LabRankerAccuracy(
            Agreement(k => margins[k] > 0 == pairs[k].PrefersA, _ => true),
            Agreement(k => pairs[k].Margin > 0 == pairs[k].PrefersA, _ => true),
            Agreement(k => margins[k] > 0 == pairs[k].Margin > 0, k => Math.Abs(pairs[k].Margin) > 1e-9),
            Correlation.Pearson(margins, pairs.Select(pair => pair.Margin)));
    }

    // The preferred answer first.
    private static SharedRow Row(LabLanguage language, LabJudgement pair)
    {
        var (better, worse) = pair.PrefersA ? (pair.A, pair.B) : (pair.B, pair.A);
        return new SharedRow(language.Ids(pair.Prompt.Text(language)), [language.ResponseIds(better), language.ResponseIds(worse)]);
    }
}
