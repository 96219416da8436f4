using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>One labelled example of a finite world: two compared responses and the response y that the starting policy gave.</summary>
/// <param name="Prompt">x.</param>
/// <param name="Chosen">y_w, the preferred response.</param>
/// <param name="Rejected">y_l, the other one.</param>
/// <param name="Response">y, the response of the iteration's starting policy; it may be one of the two.</param>
public readonly record struct Comparison(int Prompt, int Chosen, int Rejected, int Response);

/// <summary>The Bradley-Terry model (2.1) and its negative log-likelihood (2.2). Derived in lesson 02.</summary>
public static class BradleyTerry
{
    /// <summary>P(first beats second | x) = sigma(r(x, first) - r(x, second)), equation (2.1).</summary>
    /// <param name="reward">r(x, .) of the prompt.</param>
    /// <param name="first">The response that wins.</param>
    /// <param name="second">The response that loses.</param>
    public static double Probability(ReadOnlySpan<double> reward, int first, int second) =>
        LogMath.Sigmoid(reward[first] - reward[second]);

    /// <summary>L_lr(r; D) = -mean log sigma(r(x, y_w) - r(x, y_l)), equation (2.2), in nats.</summary>
    /// <param name="reward">r as one row per prompt.</param>
    /// <param name="data">The comparisons, at least one.</param>
    public static double Loss(double[][] reward, IReadOnlyList<Comparison> data) =>
        Tables.Mean(data.Count, i => -LogMath.LogSigmoid(
            reward[data[i].Prompt][data[i].Chosen] - reward[data[i].Prompt][data[i].Rejected]));
}
