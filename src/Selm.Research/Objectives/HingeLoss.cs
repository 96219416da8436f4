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
        var loss = Math.Max(0, 1 - Beta * logps.Margin);
        // At the kink the subgradient 0 is taken; NaN is not <= 0 and keeps its slope.
        return LossResult.OfMargin(logps, Beta, loss, loss <= 0 ? 0 : double.IsNaN(loss) ? loss : -Beta);
    }
}
