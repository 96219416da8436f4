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
            return DpoLoss.Logistic(logps, logps.Margin, Beta);
        }
        var z = Beta * logps.Margin;
        var (kept, flipped) = (1 - LabelSmoothing, LabelSmoothing);
        var loss = (kept * LogMath.Softplus(-z) - flipped * LogMath.Softplus(z)) / (kept - flipped);
        var slope = -Beta * (kept * LogMath.Sigmoid(-z) + flipped * LogMath.Sigmoid(z)) / (kept - flipped);
        return LossResult.OfMargin(logps, Beta, loss, slope);
    }
}
