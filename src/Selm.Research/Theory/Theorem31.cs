namespace Selm.Research.Theory;

/// <summary>
/// (3.4) and Theorem 3.1 (5.1 in version 3): pi_rho^min = argmin_pi E_pi[r_rho] + beta KL(pi || pi_rho) for the implicit
/// reward r_rho of any policy pi_rho. It is pi_ref, always; so the theorem's two minimisations over theta, of
/// E_ref[log pi_theta] and of E_{pi_rho^min}[log pi_theta], are one. Derived in lesson 08.
/// </summary>
public static class Theorem31
{
    /// <summary>pi_rho exp(-r_rho/beta)/Z.</summary>
    /// <param name="rho">pi_rho.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static TabularPolicy ClosedForm(TabularPolicy rho, TabularPolicy reference, double beta) =>
        rho.Tilt(rho.ImplicitReward(reference, beta), -beta);

    /// <summary>The same minimiser by <see cref="SimplexMinimizer"/>, without the closed form: probabilities, one row per prompt.</summary>
    /// <param name="rho">pi_rho.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static double[][] Numerical(TabularPolicy rho, TabularPolicy reference, double beta)
    {
        var reward = rho.ImplicitReward(reference, beta);
        return [.. Enumerable.Range(0, rho.Prompts).Select(x => SimplexMinimizer.Minimize(reward[x], rho.LogProbs(x), beta))];
    }

    /// <summary>E_p[r_rho] + beta KL(p || pi_rho), one number per prompt.</summary>
    /// <param name="probabilities">p, one row per prompt; all above 0.</param>
    /// <param name="rho">pi_rho.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static double[] Regularised(double[][] probabilities, TabularPolicy rho, TabularPolicy reference, double beta) =>
        [.. probabilities.Select((row, x) => row.Select((p, y) =>
            p * (beta * (rho.LogProb(x, y) - reference.LogProb(x, y)) + beta * (Math.Log(p) - rho.LogProb(x, y)))).Sum())];

    /// <summary>E_{x, y ~ p}[log pi_theta(y|x)], either side of the theorem's display before its minimum is taken; in nats.</summary>
    /// <param name="probabilities">p, one row per prompt: those of pi_rho^min or of pi_ref.</param>
    /// <param name="theta">pi_theta.</param>
    public static double LogLikelihood(double[][] probabilities, TabularPolicy theta) =>
        Tables.Mean(probabilities.Length, x => probabilities[x].Select((p, y) => p * theta.LogProb(x, y)).Sum());

    /// <summary>
    /// min_theta E_p[log pi_theta] over all policies whose logits lie within [-bound, bound], one number per prompt in nats.
    /// E_p[log pi_theta] is concave in the logits, so its minimum is at a corner; of the corners with n logits at +bound, which
    /// share one normaliser, the one that raises the n least probable responses is the lowest.
    /// </summary>
    /// <param name="probabilities">p, one row per prompt.</param>
    /// <param name="bound">The largest size of a logit, in nats.</param>
    public static double[] LowestLogLikelihood(double[][] probabilities, double bound) => [.. probabilities.Select(row =>
    {
        var ascending = row.Order().ToArray();
        return Enumerable.Range(0, row.Length + 1).Min(raised =>
        {
            var logZ = Math.Log(raised * Math.Exp(bound) + (row.Length - raised) * Math.Exp(-bound));
            return ascending.Select((p, k) => p * ((k < raised ? bound : -bound) - logZ)).Sum();
        });
    })];

    /// <summary>The reference with the log-odds of its greedy responses lowered by t nats: E_ref[log pi] then falls about as -t pi_ref(y), without end.</summary>
    /// <param name="reference">pi_ref.</param>
    /// <param name="t">How far, in nats.</param>
    public static TabularPolicy Escape(TabularPolicy reference, double t) => new(Tables.Of(
        reference.Prompts, reference.Responses, (x, y) => reference.LogProb(x, y) - (y == reference.Greedy(x) ? t : 0)));
}
