using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// Kahneman-Tversky optimisation (arXiv 2402.01306, equation 7) on pairs, as TRL v0.8.6's <c>kto_pair</c>: a response is measured
/// against the batch's mean log-ratio of the other side, an estimate of the KL divergence cut off at 0. With a and b the
/// log-ratios of y_w and y_l: (1 - sigma(beta (a - max(0, mean b)))) + (1 - sigma(beta (max(0, mean a) - b))).
/// </summary>
/// <remarks>
/// The gradient goes through the two means, as TRL's does. The loss of a pair is the sum of its two terms; TRL averages over the
/// 2n terms of n pairs, which is half of the kit's mean over pairs. In training the batch is one forward pass (batch_size pairs).
/// </remarks>
/// <param name="Beta">The KL coefficient, above 0.</param>
public sealed record KtoPairLoss(double Beta) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair | LossInputs.Batch;

    /// <summary>A batch of one.</summary>
    /// <param name="logps">The example.</param>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        LossResult[] result = [default];
        EvaluateBatch([logps], result);
        return result[0];
    }

    /// <inheritdoc/>
    public void EvaluateBatch(ReadOnlySpan<SequenceLogps> batch, Span<LossResult> results)
    {
        double meanA = 0, meanB = 0, pullA = 0, pullB = 0;
        foreach (var p in batch)
        {
            (meanA, meanB) = (meanA + p.ChosenLogRatio / batch.Length, meanB + p.RejectedLogRatio / batch.Length);
        }
        var (klA, klB) = (meanA < 0 ? 0 : meanA, meanB < 0 ? 0 : meanB); // NaN stays
        foreach (var p in batch)
        {
            pullA -= meanA < 0 ? 0 : Beta * ApoLoss.SigmoidSlope(Beta * (klA - p.RejectedLogRatio)) / batch.Length;
            pullB += meanB < 0 ? 0 : Beta * ApoLoss.SigmoidSlope(Beta * (p.ChosenLogRatio - klB)) / batch.Length;
        }
        for (var k = 0; k < batch.Length; k++)
        {
            var (a, b) = (Beta * (batch[k].ChosenLogRatio - klB), Beta * (klA - batch[k].RejectedLogRatio));
            // L = (1 - sigma(beta (a - kl_b))) + (1 - sigma(beta (kl_a - b))),  kl = max(0, mean)
            var value = LogMath.Sigmoid(-a) + LogMath.Sigmoid(-b);
            // d sum L/dlog pi(y_w) = -beta sigma'(beta (a - kl_b)) - [mean a >= 0] mean beta sigma'(beta (kl_a - b)), and so for y_l
            var (gradChosen, gradRejected) = (-Beta * ApoLoss.SigmoidSlope(a) + pullA, Beta * ApoLoss.SigmoidSlope(b) + pullB);
            results[k] = LossResult.Of(batch[k], Beta, value, gradChosen, gradRejected);
        }
    }
}

public static partial class PreferenceLosses
{
    /// <summary>KTO on pairs.</summary>
    public static Objective KtoPair { get; } = Add(new(
        "kto-pair", "(1 - sigma(beta (a - max(0, mean b)))) + (1 - sigma(beta (max(0, mean a) - b))), means over the batch", "arXiv 2402.01306 (7); TRL v0.8.6",
        [LossParameter.Positive("beta", 0.1, "strength of the KL term")],
        p => new KtoPairLoss(p["beta"])));
}
