using Selm.Research.Numerics;

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
        var z = Beta * (fall > 0 ? logps.Margin - Lambda * fall : logps.Margin);
        // L = -log sigma(z),  z = beta (h - lambda max(0, log pi_ref(y_w) - log pi(y_w)))
        var value = LogMath.Softplus(-z);
        // dL/dlog pi(y_w) = -beta sigma(-z) (1 + lambda where y_w has fallen),  dL/dlog pi(y_l) = beta sigma(-z)
        var slope = -Beta * LogMath.Sigmoid(-z);
        return LossResult.Of(logps, Beta, value, fall > 0 ? (1 + Lambda) * slope : slope, -slope);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>DPO-Positive.</summary>
    public static Objective Dpop { get; } = Add(new(
        "dpop", "-log sigma(beta (h - lambda max(0, log pi_ref(y_w) - log pi(y_w))))", "arXiv 2402.13228",
        [LossParameter.Positive("beta", 0.01, "strength of the KL term"), LossParameter.FromZero("lambda", 50, "weight of the penalty on a falling y_w")],
        p => new DpopLoss(p["beta"], p["lambda"])));
}
