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
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var z = Beta * (ReferenceFree ? logps.PolicyChosen - logps.PolicyRejected : logps.Margin); // beta h
        // L = -(1 - epsilon) log sigma(beta h) - epsilon log sigma(-beta h)
        var value = Logistic(z, LabelSmoothing);
        // dL/dlog pi(y_w) = -beta ((1 - epsilon) sigma(-beta h) - epsilon sigma(beta h)) = -dL/dlog pi(y_l)
        var slope = Beta * LogisticSlope(z, LabelSmoothing);
        return LossResult.Of(logps, Beta, value, slope, -slope);
    }

    // Without the branch an infinite margin would make 0 * infinity of a smoothing that is not there.
    internal static double Logistic(double z, double epsilon) =>
        epsilon == 0 ? LogMath.Softplus(-z) : (1 - epsilon) * LogMath.Softplus(-z) + epsilon * LogMath.Softplus(z);

    internal static double LogisticSlope(double z, double epsilon) =>
        epsilon == 0 ? -LogMath.Sigmoid(-z) : epsilon * LogMath.Sigmoid(z) - (1 - epsilon) * LogMath.Sigmoid(-z);
}

public static partial class PreferenceLosses
{
    /// <summary>DPO.</summary>
    public static Objective Dpo { get; } = Add(new(
        "dpo", "-log sigma(beta h)", "arXiv 2305.18290 (7); label smoothing: Mitchell 2023", DpoParameters,
        p => new DpoLoss(p["beta"], p["label_smoothing"])));

    /// <summary>DPO whose reference is uniform.</summary>
    public static Objective DpoReferenceFree { get; } = Add(new(
        "dpo-reference-free", "-log sigma(beta (log pi(y_w) - log pi(y_l)))", "TRL v0.9.6", DpoParameters,
        p => new DpoLoss(p["beta"], p["label_smoothing"], ReferenceFree: true)));

    private static LossParameter[] DpoParameters =>
    [
        LossParameter.Positive("beta", 0.01, "strength of the KL term"),
        LossParameter.BelowHalf("label_smoothing", 0, "assumed share of swapped labels"),
    ];
}
