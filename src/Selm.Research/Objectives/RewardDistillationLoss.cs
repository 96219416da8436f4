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
        // L = (beta h - (r(y_w) - r(y_l)))^2,  dL/dlog pi(y_w) = 2 beta (beta h - (r(y_w) - r(y_l))) = -dL/dlog pi(y_l)
        return LossResult.Of(logps, Beta, residual * residual, 2 * Beta * residual, -(2 * Beta * residual));
    }
}

public static partial class PreferenceLosses
{
    /// <summary>The policy of an explicit reward.</summary>
    public static Objective RewardDistillation { get; } = Add(new(
        "reward-distillation", "(beta h - (r(y_w) - r(y_l)))^2", "the policy of a reward model, by regression",
        [
            LossParameter.Positive("beta", 0.01, "strength of the KL term"),
            new("reward_margin", 0, "a finite number", static _ => true, "r(y_w) - r(y_l); in training each example brings its own"),
        ],
        p => new RewardDistillationLoss(p["beta"], p["reward_margin"])));
}
