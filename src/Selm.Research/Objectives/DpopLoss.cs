namespace Selm.Research.Objectives;

/// <summary>
/// DPO-Positive (Smaug, arXiv 2402.13228): -log sigma(beta (h - lambda max(0, log pi_ref(y_w) - log pi_theta(y_w)))),
/// DPO that is punished when the chosen response falls below its reference probability.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0; the authors use 0.3.</param>
/// <param name="Lambda">The weight of the penalty, at least 0; the authors try 5, 50 and 500.</param>
public sealed record DpopLoss(double Beta, double Lambda = 50) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var fall = -logps.ChosenLogRatio;
        var logistic = DpoLoss.Logistic(logps, fall > 0 ? logps.Margin - Lambda * fall : logps.Margin, Beta);
        // Where the chosen response has fallen, its log-probability enters the argument 1 + lambda times.
        return fall > 0 ? logistic with { GradPolicyChosen = (1 + Lambda) * logistic.GradPolicyChosen } : logistic;
    }
}
