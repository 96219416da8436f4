using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Lab;

/// <summary>A policy on its way through an iteration: Figure 4 over optimiser steps.</summary>
/// <param name="Steps">Optimiser steps of the iteration so far.</param>
/// <param name="SigmaNegativeMargin">Mean sigma(-(r_w - r_l)) on the training pairs of the last of them, before it.</param>
/// <param name="MeanReward">Mean r* of the greedy answers.</param>
/// <param name="Implicit">
/// Implicit rewards on held-out prompts against the policy that the iteration began with; own is that policy's greedy
/// answer, the same for every alpha and step.
/// </param>
public sealed record LabCurvePoint(int Steps, double SigmaNegativeMargin, double MeanReward, LabImplicitRewards Implicit)
{
    /// <summary>What became of short responses, or null in records that do not have it.</summary>
    public LabFavour? Favour { get; init; }
}

/// <summary>Looks at a policy while it is trained. The trainer tells about a step when it is done, before the next begins.</summary>
/// <param name="measure">What is measured, on which prompts.</param>
/// <param name="policy">The policy, as the iteration begins.</param>
/// <param name="steps">After which optimiser steps.</param>
internal sealed class LabCellCurve(LabCellMeasure measure, Llama policy, int[] steps) : IProgress<StepProgress>, IDisposable
{
    private readonly Llama reference = LlamaWeights.Clone(policy);
    private readonly int[][] own = measure.Answers(policy);
    private readonly double[] shortLogps = measure.Short.Logps(policy);
    private readonly List<LabCurvePoint> points = [];

    /// <inheritdoc/>
    public void Report(StepProgress value)
    {
        if (Array.Exists(steps, step => step == value.Done))
        {
            points.Add(measure.Point((int)value.Done, policy, reference, own) with { Favour = measure.Short.Change(policy, shortLogps) });
        }
    }

    /// <summary>The points, with what the training itself saw at them.</summary>
    /// <param name="training">One row per optimiser step.</param>
    public LabCurvePoint[] Points(IReadOnlyList<TrainingRow> training) =>
        [.. points.Select(point => point with { SigmaNegativeMargin = training[point.Steps - 1].SigmaNegativeMargin })];

    /// <inheritdoc/>
    public void Dispose() => reference.Dispose();
}
