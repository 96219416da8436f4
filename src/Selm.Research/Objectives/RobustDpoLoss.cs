using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// Robust DPO (arXiv 2403.00409): the logistic loss made unbiased under labels of which the fraction
/// epsilon is flipped, ((1 - epsilon) l(h) - epsilon l(-h)) / (1 - 2 epsilon) with l(h) = -log sigma(beta h).
/// It is unbounded below where epsilon is above 0.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="LabelSmoothing">epsilon, at least 0 and below 1/2; 0 is plain DPO.</param>
public sealed record RobustDpoLoss(double Beta, double LabelSmoothing) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        if (LabelSmoothing == 0)
        {
            return new DpoLoss(Beta).Evaluate(logps); // an infinite margin would make 0 * infinity below
        }
        var (z, kept, flipped) = (Beta * logps.Margin, 1 - LabelSmoothing, LabelSmoothing); // beta h, 1 - epsilon, epsilon
        // L = (-(1 - epsilon) log sigma(beta h) + epsilon log sigma(-beta h)) / (1 - 2 epsilon)
        var value = (kept * LogMath.Softplus(-z) - flipped * LogMath.Softplus(z)) / (kept - flipped);
        // dL/dlog pi(y_w) = -beta ((1 - epsilon) sigma(-beta h) + epsilon sigma(beta h)) / (1 - 2 epsilon) = -dL/dlog pi(y_l)
        var slope = -Beta * (kept * LogMath.Sigmoid(-z) + flipped * LogMath.Sigmoid(z)) / (kept - flipped);
        return LossResult.Of(logps, Beta, value, slope, -slope);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>Robust DPO.</summary>
    public static Objective Robust { get; } = Add(new(
        "robust", "DPO's loss made unbiased under swapped labels", "arXiv 2403.00409",
        [LossParameter.Positive("beta", 0.01, "strength of the KL term"), LossParameter.BelowHalf("label_smoothing", 0, "share of swapped labels")],
        p => new RobustDpoLoss(p["beta"], p["label_smoothing"])));
}
