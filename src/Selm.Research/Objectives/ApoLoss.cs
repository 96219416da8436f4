using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>Which way anchored preference optimisation moves the chosen response.</summary>
public enum ApoAnchor
{
    /// <summary>APO-zero: the chosen response up, the rejected one down; for chosen responses better than the model's own.</summary>
    Zero,

    /// <summary>APO-down: both down, the rejected one further; for chosen responses worse than the model's own.</summary>
    Down,
}

/// <summary>
/// Anchored preference optimisation (arXiv 2408.06266), with a and b the log-ratios of y_w and y_l:
/// (1 - sigma(beta a)) + sigma(beta b) for zero, sigma(beta a) + (1 - sigma(beta (a - b))) for down.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="Anchor">Zero or down.</param>
public sealed record ApoLoss(double Beta, ApoAnchor Anchor) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var (a, b) = (Beta * logps.ChosenLogRatio, Beta * logps.RejectedLogRatio);
        if (Anchor == ApoAnchor.Zero)
        {
            // L = 1 - sigma(beta a) + sigma(beta b)
            var zero = LogMath.Sigmoid(-a) + LogMath.Sigmoid(b);
            // dL/dlog pi(y_w) = -beta sigma'(beta a),  dL/dlog pi(y_l) = beta sigma'(beta b)
            return LossResult.Of(logps, Beta, zero, -Beta * SigmoidSlope(a), Beta * SigmoidSlope(b));
        }
        // L = sigma(beta a) + 1 - sigma(beta (a - b))
        var down = LogMath.Sigmoid(a) + LogMath.Sigmoid(b - a);
        // dL/dlog pi(y_w) = beta (sigma'(beta a) - sigma'(beta (a - b))),  dL/dlog pi(y_l) = beta sigma'(beta (a - b))
        return LossResult.Of(logps, Beta, down, Beta * (SigmoidSlope(a) - SigmoidSlope(a - b)), Beta * SigmoidSlope(a - b));
    }

    // sigma'(x) = sigma(x) sigma(-x)
    internal static double SigmoidSlope(double x) => LogMath.Sigmoid(x) * LogMath.Sigmoid(-x);
}

public static partial class PreferenceLosses
{
    /// <summary>APO-zero.</summary>
    public static Objective ApoZero { get; } = Add(new(
        "apo-zero", "1 - sigma(beta a) + sigma(beta b), a and b the log-ratios of y_w and y_l", "arXiv 2408.06266", ApoParameters,
        p => new ApoLoss(p["beta"], ApoAnchor.Zero)));

    /// <summary>APO-down.</summary>
    public static Objective ApoDown { get; } = Add(new(
        "apo-down", "sigma(beta a) + 1 - sigma(beta (a - b))", "arXiv 2408.06266", ApoParameters,
        p => new ApoLoss(p["beta"], ApoAnchor.Down)));

    private static LossParameter[] ApoParameters => [LossParameter.Positive("beta", 0.1, "strength of the KL term")];
}
