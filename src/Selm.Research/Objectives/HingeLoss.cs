namespace Selm.Research.Objectives;

/// <summary>
/// The hinge of sequence likelihood calibration (SLiC-HF, arXiv 2305.10425) on reference-normalised likelihoods (RSO,
/// arXiv 2309.06657): max(0, 1 - beta h). SLiC-HF's own loss has no reference and a margin delta; here delta is 1 / beta.
/// </summary>
/// <param name="Beta">The scale, above 0; pairs whose margin exceeds 1 / beta have no gradient.</param>
public sealed record HingeLoss(double Beta) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        // L = max(0, 1 - beta h)
        var value = Math.Max(0, 1 - Beta * logps.Margin);
        // dL/dlog pi(y_w) = -beta [beta h < 1] = -dL/dlog pi(y_l); at the kink 0, and NaN is not <= 0 and keeps its slope
        var slope = value <= 0 ? 0 : double.IsNaN(value) ? value : -Beta;
        return LossResult.Of(logps, Beta, value, slope, -slope);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>The hinge of SLiC.</summary>
    public static Objective Hinge { get; } = Add(new(
        "hinge", "max(0, 1 - beta h)", "arXiv 2305.10425; with a reference: arXiv 2309.06657",
        [LossParameter.Positive("beta", 0.01, "the inverse of the margin")],
        p => new HingeLoss(p["beta"])));
}
