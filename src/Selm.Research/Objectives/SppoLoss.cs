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
        var chosen = logps.ChosenLogRatio - (ChosenWinProbability - 0.5) / Beta; // a - eta (P_w - 1/2)
        var rejected = logps.RejectedLogRatio - (RejectedWinProbability - 0.5) / Beta; // b - eta (P_l - 1/2)
        // L = (a - eta (P_w - 1/2))^2 + (b - eta (P_l - 1/2))^2
        var value = chosen * chosen + rejected * rejected;
        // dL/dlog pi(y_w) = 2 (a - eta (P_w - 1/2)),  dL/dlog pi(y_l) = 2 (b - eta (P_l - 1/2))
        return LossResult.Of(logps, Beta, value, 2 * chosen, 2 * rejected);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>SPPO.</summary>
    public static Objective Sppo { get; } = Add(new(
        "sppo", "(a - eta (P_w - 1/2))^2 + (b - eta (P_l - 1/2))^2, eta = 1 / beta", "arXiv 2405.00675",
        [
            LossParameter.Positive("beta", 0.01, "1 / eta"),
            LossParameter.Probability("chosen_win_probability", 1, "P_w; in training each example brings its own"),
            LossParameter.Probability("rejected_win_probability", 0, "P_l, likewise"),
        ],
        p => new SppoLoss(p["beta"], p["chosen_win_probability"], p["rejected_win_probability"])));
}
