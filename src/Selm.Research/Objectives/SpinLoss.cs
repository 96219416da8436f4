namespace Selm.Research.Objectives;

/// <summary>
/// Self-play fine-tuning (arXiv 2401.01335, with the logistic l(t) = log(1 + exp(-t))): l(lambda h), where the chosen response is the
/// demonstration, the rejected one is the previous iterate's own sample, and the reference is that iterate. As a
/// function of log-probabilities it is DPO with beta = lambda; what differs is where the pair comes from.
/// </summary>
/// <param name="Lambda">The regularisation towards the previous iterate, above 0; the authors use 0.1.</param>
public sealed record SpinLoss(double Lambda) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps) => DpoLoss.Logistic(logps, logps.Margin, Lambda);
}
