using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// Self-play fine-tuning (arXiv 2401.01335, with the logistic l(t) = log(1 + exp(-t))): l(lambda h), where the chosen response is the
/// demonstration, the rejected one is the previous iterate's own sample, and the reference is that iterate. As a
/// function of log-probabilities it is DPO with beta = lambda; what differs is where the pair comes from.
/// </summary>
/// <param name="Lambda">The regularisation towards the previous iterate, above 0; the authors use 0.1.</param>
public sealed record SpinLoss(double Lambda) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        // L = log(1 + exp(-lambda h))
        var value = LogMath.Softplus(-(Lambda * logps.Margin));
        // dL/dlog pi(y_w) = -lambda sigma(-lambda h) = -dL/dlog pi(y_l)
        var slope = -Lambda * LogMath.Sigmoid(-(Lambda * logps.Margin));
        return LossResult.Of(logps, Lambda, value, slope, -slope);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>SPIN.</summary>
    public static Objective Spin { get; } = Add(new(
        "spin", "log(1 + exp(-lambda h)), y_l the previous policy's own sample", "arXiv 2401.01335",
        [LossParameter.Positive("beta", 0.01, "its lambda")],
        p => new SpinLoss(p["beta"])));
}
