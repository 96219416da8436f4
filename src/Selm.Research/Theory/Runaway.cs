using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>One policy on the way down: the loss parts and the log-probabilities behind them.</summary>
/// <param name="Time">t of the path, or the step of the descent.</param>
/// <param name="Margin">The implicit margin beta [log(pi/pi_ref)(y_w) - log(pi/pi_ref)(y_l)].</param>
/// <param name="Dpo">-log sigma(margin).</param>
/// <param name="Bonus">alpha beta log(pi/pi_ref)(y), the optimism term of the minimised loss.</param>
/// <param name="LogProb">log pi(y).</param>
/// <param name="Ratio">The optimism term's pull on log pi(y) over the fit term's pull on the margin: alpha / sigma(-margin).</param>
public readonly record struct RunawayPoint(double Time, double Margin, double Dpo, double Bonus, double LogProb, double Ratio)
{
    /// <summary>The SELM loss.</summary>
    public double Loss => Dpo + Bonus;
}

/// <summary>
/// Remark 9 of the kit: on a fixed batch the SELM loss has no minimum over unrestricted policies, for any alpha above 0, so the
/// DPO loss does not dominate there; the paper's sentence is about feedback that accumulates. One prompt with four responses: y_w, y_l, y and one that nobody named. Derived in lesson 06.
/// </summary>
/// <param name="Beta">The KL coefficient, above 0.</param>
/// <param name="Alpha">The weight of optimism, above 0.</param>
public sealed record Runaway(double Beta, double Alpha)
{
    private const int Responses = 4;
    private const double ReferenceLogProb = -1.3862943611198906;

    /// <summary>The margin at which optimism takes over, ln(1/alpha - 1): there sigma(-margin) = alpha. In nats; neither beta nor a length matters.</summary>
    public double TakeOver => Math.Log(1 / Alpha - 1);

    /// <summary>The path of the proof: log pi(y_w) = -t, log pi(y_l) = -2t, log pi(y) = -3t, the rest on the fourth response; pi_ref is uniform.</summary>
    /// <param name="t">At least ln 2, so that the three probabilities sum to less than 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="t"/> is below ln 2.</exception>
    public RunawayPoint At(double t)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(t, Math.Log(2));
        return Point(t, [-t, -2 * t, -3 * t, Math.Log(1 - Math.Exp(-t) - Math.Exp(-2 * t) - Math.Exp(-3 * t))]);
    }

    /// <summary>Plain gradient descent on the logits from the uniform reference, and what stops it: few steps, a small rate, a prior or a bounded class.</summary>
    /// <param name="steps">How many steps.</param>
    /// <param name="rate">The learning rate, above 0.</param>
    /// <param name="prior">The weight of |logits|^2/2 added to the loss; 0 for none.</param>
    /// <param name="bound">Logits are kept within [-bound, bound]; infinity for an unrestricted class.</param>
    /// <returns>The starting point and one point per step.</returns>
    public IReadOnlyList<RunawayPoint> Descend(int steps, double rate, double prior = 0, double bound = double.PositiveInfinity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(rate, 0);
        var logits = new double[Responses];
        var logps = new double[Responses];
        LogMath.LogSoftmax(logits, logps);
        var points = new List<RunawayPoint>(steps + 1) { Point(0, logps) };
        for (var step = 1; step <= steps; step++)
        {
            // d loss / d logits = -beta sigma(-margin) (e_w - e_l) + alpha beta (e_y - pi) + prior logits
            var pull = Beta * LogMath.Sigmoid(-points[^1].Margin);
            for (var y = 0; y < Responses; y++)
            {
                var gradient = (y == 0 ? -pull : y == 1 ? pull : 0)
                    + Alpha * Beta * ((y == 2 ? 1 : 0) - Math.Exp(logps[y])) + prior * logits[y];
                logits[y] = Math.Clamp(logits[y] - rate * gradient, -bound, bound);
            }
            LogMath.LogSoftmax(logits, logps);
            points.Add(Point(step, logps));
        }
        return points;
    }

    private RunawayPoint Point(double time, double[] logps)
    {
        var margin = Beta * (logps[0] - logps[1]);
        return new RunawayPoint(
            time, margin, -LogMath.LogSigmoid(margin), Alpha * Beta * (logps[2] - ReferenceLogProb), logps[2],
            Alpha / LogMath.Sigmoid(-margin));
    }
}
