using Selm.Research.Numerics;

namespace Selm.Research.Objectives;

/// <summary>
/// Simple preference optimisation (arXiv 2405.14734, equation 6): the reward is the mean log-probability of a response, there is
/// no reference, and the chosen response has to win by a margin gamma:
/// -log sigma(beta / |y_w| log pi_theta(y_w) - beta / |y_l| log pi_theta(y_l) - gamma).
/// </summary>
/// <remarks>The reported rewards are beta log pi_theta(y) / |y|.</remarks>
/// <param name="Beta">The scale of the reward, above 0; the authors use 2 to 2.5.</param>
/// <param name="Gamma">The target margin, at least 0; the authors use 0.3 to 1.6.</param>
public sealed record SimpoLoss(double Beta, double Gamma) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.Lengths;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">A length is below 1.</exception>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        logps.RequireLengths("simpo");
        var (chosen, rejected) = (Beta * logps.PolicyChosen / logps.ChosenLength, Beta * logps.PolicyRejected / logps.RejectedLength);
        var z = chosen - rejected - Gamma;
        // L = -log sigma(beta log pi(y_w) / |y_w| - beta log pi(y_l) / |y_l| - gamma) = -log sigma(z)
        var value = LogMath.Softplus(-z);
        // dL/dlog pi(y_w) = -beta sigma(-z) / |y_w|,  dL/dlog pi(y_l) = beta sigma(-z) / |y_l|
        var slope = -Beta * LogMath.Sigmoid(-z);
        return new LossResult(value, chosen, rejected, slope / logps.ChosenLength, -slope / logps.RejectedLength, 0);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>SimPO.</summary>
    public static Objective Simpo { get; } = Add(new(
        "simpo", "-log sigma(beta log pi(y_w) / |y_w| - beta log pi(y_l) / |y_l| - gamma)", "arXiv 2405.14734 (6)",
        [LossParameter.Positive("beta", 2, "scale of the mean log-prob"), LossParameter.FromZero("gamma", 1, "target margin")],
        p => new SimpoLoss(p["beta"], p["gamma"])));
}
