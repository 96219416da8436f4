using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// SELM per token: every log-ratio is divided by the length of its response, so that a long response weighs as much as a
/// short one. Not published and not what the paper's numbers stand on; those are sums (<see cref="SelmLoss"/>).
/// </summary>
/// <remarks>At alpha 0 it is TRL's <c>sigmoid_norm</c>. On responses of n tokens beta pulls like beta / n on sums. The reported rewards are those of means.</remarks>
/// <param name="Beta">The KL coefficient per token, above 0.</param>
/// <param name="Alpha">The weight of optimism; at 0 neither y nor its length is needed.</param>
public sealed record SelmMeansLoss(double Beta, double Alpha) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair | LossInputs.Lengths
        | (Alpha == 0 ? 0 : LossInputs.PolicySample | LossInputs.RefSample | LossInputs.SampleLength);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A length that is needed is below 1.</exception>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        logps.RequireLengths("selm-means", alsoSample: Alpha != 0);
        var (chosen, rejected) = (Beta * logps.ChosenLogRatio / logps.ChosenLength, Beta * logps.RejectedLogRatio / logps.RejectedLength);
        var (z, weight) = (chosen - rejected, Alpha == 0 ? 0 : Alpha * Beta / logps.ReferenceLength); // beta m; m the margin of means
        // L = -log sigma(beta m) + alpha beta (log pi(y) - log pi_ref(y)) / |y|
        var value = LogMath.Softplus(-z) + (weight == 0 ? 0 : weight * logps.ReferenceLogRatio);
        // dL/dlog pi(y_w) = -beta sigma(-beta m) / |y_w|,  dL/dlog pi(y_l) = beta sigma(-beta m) / |y_l|;  dL/dlog pi(y) = alpha beta / |y|
        var slope = -Beta * LogMath.Sigmoid(-z);
        return new LossResult(value, chosen, rejected, slope / logps.ChosenLength, -slope / logps.RejectedLength, weight);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>SELM on means over tokens.</summary>
    public static Objective SelmMeans { get; } = Add(new(
        "selm-means", "SELM with each log-ratio divided by the length of its response", "the kit's own; at alpha 0 TRL's sigmoid_norm",
        [LossParameter.Positive("beta", 2, "strength of the KL term per token"), LossParameter.FromZero("alpha", 0.001, "strength of optimism")],
        p => new SelmMeansLoss(p["beta"], p["alpha"])));
}
