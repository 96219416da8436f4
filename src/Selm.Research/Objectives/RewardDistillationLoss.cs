namespace Selm.Research.Objectives;

/// <summary>
/// The policy of an explicit reward, by regression: (beta h - (r(y_w) - r(y_l)))^2, h the margin of the log-ratios. Zero on
/// all pairs of a prompt only for pi_ref exp(r / beta) / Z, the maximiser of E_pi[r] - beta KL(pi || pi_ref).
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="RewardMargin">r(x, y_w) - r(x, y_l) of the explicit reward model.</param>
public sealed record RewardDistillationLoss(double Beta, double RewardMargin) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var residual = (Beta * logps.Margin) - RewardMargin;
        return LossResult.OfMargin(logps, Beta, residual * residual, 2 * Beta * residual);
    }
}
