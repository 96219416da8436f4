using System.Text.Json.Serialization;
using Selm.Research.Numerics;
using Selm.Research.Objectives;

namespace Selm.Research.Training;

/// <summary>What one optimiser step (or one evaluation) saw, as means over its examples.</summary>
public record StepMetrics
{
    /// <summary>The loss.</summary>
    public required double Loss { get; init; }

    /// <summary>beta (log pi_theta - log pi_ref) of the chosen responses.</summary>
    public required double ChosenReward { get; init; }

    /// <summary>beta (log pi_theta - log pi_ref) of the rejected responses.</summary>
    public required double RejectedReward { get; init; }

    /// <summary>Share of examples whose chosen reward is the larger.</summary>
    public required double Accuracy { get; init; }

    /// <summary>Mean of sigma(-(chosen reward - rejected reward)): .5 at the start; the bonus takes over where it reaches alpha.</summary>
    public required double SigmaNegativeMargin { get; init; }

    /// <summary>log pi_theta of the chosen responses.</summary>
    public required double ChosenLogp { get; init; }

    /// <summary>log pi_theta of the rejected responses.</summary>
    public required double RejectedLogp { get; init; }

    /// <summary>log pi_theta of the reference model's responses; NaN where there are none.</summary>
    public required double ReferenceLogp { get; init; }

    /// <summary>log pi_theta - log pi_ref of the reference model's responses: minus a one-sample KL(ref, policy); NaN where there are none.</summary>
    public required double ReferenceLogRatio { get; init; }

    /// <summary>Means over examples.</summary>
    /// <param name="losses">What the loss returned for each.</param>
    /// <param name="logps">The log-probs of each.</param>
    /// <param name="hasReference">Whether each has a y.</param>
    internal static StepMetrics Of(IReadOnlyList<LossResult> losses, IReadOnlyList<SequenceLogps> logps, IReadOnlyList<bool> hasReference)
    {
        var withY = logps.Where((_, k) => hasReference[k]).ToArray();
        return new StepMetrics
        {
            Loss = losses.Average(l => l.Loss),
            ChosenReward = losses.Average(l => l.ChosenReward),
            RejectedReward = losses.Average(l => l.RejectedReward),
            Accuracy = losses.Average(l => l.ChosenReward > l.RejectedReward ? 1.0 : 0.0),
            SigmaNegativeMargin = losses.Average(l => LogMath.Sigmoid(l.RejectedReward - l.ChosenReward)),
            ChosenLogp = logps.Average(l => l.PolicyChosen),
            RejectedLogp = logps.Average(l => l.PolicyRejected),
            ReferenceLogp = withY.Length == 0 ? double.NaN : withY.Average(l => l.PolicySample),
            ReferenceLogRatio = withY.Length == 0 ? double.NaN : withY.Average(l => l.ReferenceLogRatio),
        };
    }
}

/// <summary>One row of metrics.jsonl: the means of a step with its place in the run. Holds no times, so that equal runs write equal bytes.</summary>
public sealed record TrainingRow : StepMetrics
{
    /// <summary>"train" or "eval".</summary>
    [JsonPropertyOrder(-2)]
    public required string Phase { get; init; }

    /// <summary>Iteration of Algorithm 1, from 0.</summary>
    [JsonPropertyOrder(-1)]
    public required int Iteration { get; init; }

    /// <summary>Learning rate of the step; null in an evaluation.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LearningRate { get; init; }

    /// <summary>Norm of the gradient before clipping; null in an evaluation.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? GradNorm { get; init; }

    internal static TrainingRow Of(string phase, int iteration, StepMetrics means) => new(means) { Phase = phase, Iteration = iteration };

    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    private TrainingRow(StepMetrics means)
        : base(means)
    {
        Phase = "";
    }
}
