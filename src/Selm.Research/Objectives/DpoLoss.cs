using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// Direct preference optimisation (arXiv 2305.18290, equation 7): -log sigma(beta h), h the difference of the two
/// log-ratios. With label smoothing it is conservative DPO (Mitchell 2023, equation 3), the cross-entropy against
/// labels of which the fraction epsilon is flipped. Derived in lesson 03.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="LabelSmoothing">epsilon, at least 0 and below 1/2; 0 is plain DPO.</param>
/// <param name="ReferenceFree">
/// Whether the reference is taken as uniform: its log-probabilities leave the loss and the gradient. The reported
/// rewards still subtract them, as TRL v0.9.6 does; pass zeros where there is no reference.
/// </param>
public sealed record DpoLoss(double Beta, double LabelSmoothing = 0, bool ReferenceFree = false) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => ReferenceFree ? LossInputs.None : LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps) =>
        Logistic(logps, ReferenceFree ? logps.PolicyChosen - logps.PolicyRejected : logps.Margin, Beta, LabelSmoothing);

    /// <summary>-(1 - epsilon) log sigma(beta h) - epsilon log sigma(-beta h), the trunk of every logistic loss here.</summary>
    /// <param name="logps">The example.</param>
    /// <param name="margin">h.</param>
    /// <param name="beta">The scale.</param>
    /// <param name="epsilon">The share of flipped labels.</param>
    internal static LossResult Logistic(in SequenceLogps logps, double margin, double beta, double epsilon = 0)
    {
        var z = beta * margin;
        // Without the branch an infinite margin would make 0 * infinity of a smoothing that is not there.
        var (loss, slope) = epsilon == 0
            ? (LogMath.Softplus(-z), -LogMath.Sigmoid(-z))
            : ((1 - epsilon) * LogMath.Softplus(-z) + epsilon * LogMath.Softplus(z),
                epsilon * LogMath.Sigmoid(z) - (1 - epsilon) * LogMath.Sigmoid(-z));
        return LossResult.OfMargin(logps, beta, loss, beta * slope);
    }
}
