namespace Selm.Research.Objectives;

/// <summary>
/// The contrastive step of direct Nash optimisation (arXiv 2404.03715): cross-entropy of sigma(eta h) against the
/// target p, -p log sigma(eta h) - (1 - p) log sigma(-eta h), the reference being the previous iterate. Its practical algorithm takes p = 1 on
/// large-margin pairs of the best and the worst of many samples; Algorithm 1 takes p = sigma(r_w - r_l) with r a
/// response's expected win rate against the previous iterate.
/// </summary>
/// <param name="Eta">The regularisation towards the previous iterate, above 0.</param>
/// <param name="Target">p, from 0 to 1.</param>
public sealed record DnoLoss(double Eta, double Target = 1) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair;

    /// <inheritdoc/>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        var z = Eta * logps.Margin; // eta h
        // L = -p log sigma(eta h) - (1 - p) log sigma(-eta h)
        var value = DpoLoss.Logistic(z, 1 - Target);
        // dL/dlog pi(y_w) = -eta (p sigma(-eta h) - (1 - p) sigma(eta h)) = -dL/dlog pi(y_l)
        var slope = Eta * DpoLoss.LogisticSlope(z, 1 - Target);
        return LossResult.Of(logps, Eta, value, slope, -slope);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>DNO.</summary>
    public static Objective Dno { get; } = Add(new(
        "dno", "-p log sigma(eta h) - (1 - p) log sigma(-eta h)", "arXiv 2404.03715",
        [LossParameter.Positive("beta", 0.01, "its eta"), LossParameter.Probability("target", 1, "its p, the probability that y_w wins")],
        p => new DnoLoss(p["beta"], p["target"])));
}
