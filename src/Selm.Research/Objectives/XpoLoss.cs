using Selm.Research.Numerics;

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
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var z = Beta * logps.Margin; // beta h
        // L = -log sigma(beta h) + alpha log pi(y)
        var value = LogMath.Softplus(-z) + (Alpha == 0 ? 0 : Alpha * logps.PolicySample);
        // dL/dlog pi(y_w) = -beta sigma(-beta h) = -dL/dlog pi(y_l);  dL/dlog pi(y) = alpha
        var slope = -Beta * LogMath.Sigmoid(-z);
        return LossResult.Of(logps, Beta, value, slope, -slope, Alpha);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>XPO.</summary>
    public static Objective Xpo { get; } = Add(new(
        "xpo", "-log sigma(beta h) + alpha log pi(y), y from a fixed reference", "arXiv 2405.21046, Algorithm 1",
        [LossParameter.Positive("beta", 0.01, "strength of the KL term"), LossParameter.FromZero("alpha", 0.001, "strength of optimism, without beta; 0 is DPO")],
        p => new XpoLoss(p["beta"], p["alpha"])));
}
