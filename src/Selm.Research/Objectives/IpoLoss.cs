namespace Selm.Research.Objectives;

/// <summary>The two published conventions of IPO's log-ratios.</summary>
public enum IpoConvention
{
    /// <summary>Sums over tokens, as in the paper; TRL up to v0.24.0 applies the same formula to whatever it is given.</summary>
    Sums,

    /// <summary>Each log-ratio divided by the length of its response, as TRL's commit f2cd577 does.</summary>
    LengthMeans,
}

/// <summary>
/// Identity preference optimisation (arXiv 2310.12036, equation 17): (h - 1 / (2 beta))^2, which regresses the margin
/// of the log-ratios to a finite target. The paper's tau is beta here.
/// </summary>
/// <remarks>
/// TRL v0.8.6 to v0.24.0 expect log-probabilities that are already means, so on sums their formula is the paper's;
/// from f2cd577 on the division happens inside the loss. The rewards are those of sums in both conventions.
/// </remarks>
/// <param name="Beta">tau, above 0.</param>
/// <param name="Convention">Sums, or means per token; means need both lengths above 0.</param>
public sealed record IpoLoss(double Beta, IpoConvention Convention = IpoConvention.Sums) : IPreferenceLoss
{
    /// <inheritdoc/>
    public LossInputs Needs => LossInputs.ReferencePair | (Convention == IpoConvention.LengthMeans ? LossInputs.Lengths : 0);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Means are asked for and a length is below 1.</exception>
    public LossResult Evaluate(in SequenceLogps logps)
    {
        if (Convention == IpoConvention.Sums)
        {
            var residual = logps.Margin - 1 / (2 * Beta);
            // L = (h - 1 / (2 beta))^2,  dL/dlog pi(y_w) = 2 (h - 1 / (2 beta)) = -dL/dlog pi(y_l)
            return LossResult.Of(logps, Beta, residual * residual, 2 * residual, -(2 * residual));
        }
        logps.RequireLengths("ipo-means");
        var mean = logps.ChosenLogRatio / logps.ChosenLength - logps.RejectedLogRatio / logps.RejectedLength;
        var slope = 2 * (mean - 1 / (2 * Beta));
        // L = (m - 1 / (2 beta))^2, m the margin of means;  dL/dlog pi(y_w) = 2 (m - 1 / (2 beta)) / |y_w|, and so with - for y_l
        return LossResult.Of(logps, Beta, slope * slope / 4, slope / logps.ChosenLength, -slope / logps.RejectedLength);
    }
}

public static partial class PreferenceLosses
{
    /// <summary>IPO on sums.</summary>
    public static Objective Ipo { get; } = Add(new(
        "ipo", "(h - 1 / (2 beta))^2", "arXiv 2310.12036 (17)", IpoParameters, p => new IpoLoss(p["beta"])));

    /// <summary>IPO on means over tokens.</summary>
    public static Objective IpoMeans { get; } = Add(new(
        "ipo-means", "(m - 1 / (2 beta))^2, m the margin of log-ratios over lengths", "TRL, commit f2cd577", IpoParameters,
        p => new IpoLoss(p["beta"], IpoConvention.LengthMeans)));

    private static LossParameter[] IpoParameters => [LossParameter.Positive("beta", 0.01, "its tau")];
}
