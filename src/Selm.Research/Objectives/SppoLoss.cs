namespace Selm.Research.Objectives;

/// <summary>
/// Self-play preference optimisation (arXiv 2405.00675), on the two responses of a pair: each log-ratio is regressed to its own
/// win-probability target, (a - eta (P_w - 1/2))^2 + (b - eta (P_l - 1/2))^2 with eta = 1 / beta. Targets 1 and 0 are
/// TRL's <c>sppo_hard</c>. The reference is the previous iterate.
/// </summary>
/// <param name="Beta">1 / eta, above 0; the authors use eta = 1000.</param>
/// <param name="ChosenWinProbability">P(y_w beats the reference policy), estimated over its samples.</param>
/// <param name="RejectedWinProbability">P(y_l beats the reference policy).</param>
public sealed record SppoLoss(double Beta, double ChosenWinProbability = 1, double RejectedWinProbability = 0) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var (a, b) = (logps.ChosenLogRatio, logps.RejectedLogRatio);
        var chosen = a - (ChosenWinProbability - 0.5) / Beta;
        var rejected = b - (RejectedWinProbability - 0.5) / Beta;
        return new LossResult(chosen * chosen + rejected * rejected, Beta * a, Beta * b, 2 * chosen, 2 * rejected, 0);
    }
}
