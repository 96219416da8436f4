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
    public LossResult Evaluate(in SequenceLogps logps) =>
        DpoLoss.Logistic(logps, logps.Margin, Beta)
            .PlusReferenceTerm((Setting == VpoSetting.Online ? Alpha : -Alpha) * Beta, logps.ReferenceLogRatio);
}
