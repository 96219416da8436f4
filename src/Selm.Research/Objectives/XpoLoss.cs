namespace Selm.Research.Objectives;

/// <summary>
/// Exploratory preference optimisation (arXiv 2405.21046, Algorithm 1): -log sigma(beta h) + alpha log pi_theta(y),
/// y sampled from a reference that stays fixed. There is neither a beta nor a reference log-probability in the
/// optimism term, so its gradient is SELM's where alpha_XPO = alpha beta. Derived in lesson 16.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="Alpha">The weight of optimism; 0 is DPO, and y is then not needed.</param>
public sealed record XpoLoss(double Beta, double Alpha) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair | (Alpha == 0 ? 0 : LossInputs.PolicySample);

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps) =>
        DpoLoss.Logistic(logps, logps.Margin, Beta).PlusReferenceTerm(Alpha, logps.PolicySample);
}
