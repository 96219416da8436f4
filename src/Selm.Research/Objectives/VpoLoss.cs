using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>Which way value-incentivised preference optimisation leans.</summary>
public enum VpoSetting
{
    /// <summary>Optimism, for policies that gather their own data: the calibration response is pushed down.</summary>
    Online,

    /// <summary>Pessimism, for a fixed data set: the calibration response is pulled up.</summary>
    Offline,
}

/// <summary>
/// Value-incentivised preference optimisation (arXiv 2405.19320): -log sigma(beta h) + sign alpha beta
/// (log pi_theta(y) - log pi_ref(y)), sign +1 online and -1 offline, y from a calibration policy that is chosen by the user
/// (the chosen responses of the data, for instance). Online and on the same triple it is SELM. Derived in lesson 16.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="Alpha">The weight of the value incentive; 0 is DPO, and y is then not needed.</param>
/// <param name="Setting">Optimism or pessimism.</param>
public sealed record VpoLoss(double Beta, double Alpha, VpoSetting Setting = VpoSetting.Online) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => Alpha == 0
        ? LossInputs.ReferencePair
        : LossInputs.ReferencePair | LossInputs.PolicySample | LossInputs.RefSample;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var (z, weight) = (Beta * logps.Margin, (Setting == VpoSetting.Online ? Alpha : -Alpha) * Beta); // beta h, +-alpha beta
        // L = -log sigma(beta h) +- alpha beta (log pi(y) - log pi_ref(y))
        var value = LogMath.Softplus(-z) + (weight == 0 ? 0 : weight * logps.ReferenceLogRatio);
        // dL/dlog pi(y_w) = -beta sigma(-beta h) = -dL/dlog pi(y_l);  dL/dlog pi(y) = +-alpha beta
        var slope = -Beta * LogMath.Sigmoid(-z);
        return LossResult.Of(logps, Beta, value, slope, -slope, weight == 0 ? 0 : weight);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>VPO online.</summary>
    public static Objective Vpo { get; } = Add(new(
        "vpo", "-log sigma(beta h) + alpha beta (log pi(y) - log pi_ref(y)), y from a calibration policy", "arXiv 2405.19320", VpoParameters,
        p => new VpoLoss(p["beta"], p["alpha"])));

    /// <summary>VPO offline.</summary>
    public static Objective VpoOffline { get; } = Add(new(
        "vpo-offline", "-log sigma(beta h) - alpha beta (log pi(y) - log pi_ref(y))", "arXiv 2405.19320", VpoParameters,
        p => new VpoLoss(p["beta"], p["alpha"], VpoSetting.Offline)));

    private static LossParameter[] VpoParameters =>
    [
        LossParameter.Positive("beta", 0.01, "strength of the KL term"),
        LossParameter.FromZero("alpha", 0.001, "weight of the value incentive; 0 is DPO"),
    ];
}
