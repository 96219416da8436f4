// The objectives of the paper over finite worlds, as plain sums, with their gradients in the policy's logits.
// All gradients are of the loss that is minimised; (3.3) of the paper is about its negative.

namespace Selm.Research.Theory;

/// <summary>The inner objective F, the DPO loss and the SELM loss of tabular policies, exactly, with gradients in logits. Derived in lessons 05 and 06.</summary>
public static class ExactObjectives
{
    /// <summary>
    /// F(pi; r) = E_{y ~ pi, y' ~ pi_ref}[r(x, y) - r(x, y')] - beta KL(pi || pi_ref), the inner objective of (3.1)
    /// (4.1 in version 3), over equally likely prompts.
    /// </summary>
    /// <param name="policy">pi.</param>
    /// <param name="reward">r as one row per prompt.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static double Inner(TabularPolicy policy, double[][] reward, TabularPolicy reference, double beta) =>
        policy.Expect(reward) - reference.Expect(reward) - beta * policy.Kl(reference);

    /// <summary>E_{x, y ~ pi_ref}[log pi(y|x)], the expectation in the optimism term of (3.2); in nats.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    public static double ReferenceLogLikelihood(TabularPolicy policy, TabularPolicy reference) =>
        reference.Expect(policy.ToLogits());

    /// <summary>L_DPO(pi; D) = -mean log sigma(beta [log(pi/pi_ref)(y_w) - log(pi/pi_ref)(y_l)]), in nats.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons, at least one.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static double Dpo(TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta) =>
        BradleyTerry.Loss(policy.ImplicitReward(reference, beta), data);

    /// <summary>The gradient of <see cref="Dpo"/> in the logits: -beta mean sigma(r(y_l) - r(y_w)) (e_w - e_l), one row per prompt.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons, at least one.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    public static double[][] DpoGradient(
        TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta)
    {
        var reward = policy.ImplicitReward(reference, beta);
        var gradient = Tables.Of(policy.Prompts, policy.Responses, (_, _) => 0);
        foreach (var (x, chosen, rejected, _) in data)
        {
            var weight = beta / data.Count * BradleyTerry.Probability(reward[x], rejected, chosen);
            gradient[x][chosen] -= weight;
            gradient[x][rejected] += weight;
        }
        return gradient;
    }

    /// <summary>The SELM loss with the exact expectation of (3.2): L_DPO + alpha beta E_{x, y ~ pi_ref}[log(pi/pi_ref)(y|x)].</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons, at least one; their <see cref="Comparison.Response"/> is not used.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <param name="alpha">The weight of optimism.</param>
    public static double SelmExact(
        TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta, double alpha) =>
        Dpo(policy, reference, data, beta) - alpha * beta * reference.Kl(policy);

    /// <summary>The gradient of <see cref="SelmExact"/> in the logits; the optimism term adds alpha beta (pi_ref - pi)/X.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons, at least one.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <param name="alpha">The weight of optimism.</param>
    public static double[][] SelmExactGradient(
        TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta, double alpha)
    {
        var dpo = DpoGradient(policy, reference, data, beta);
        return Tables.Of(policy.Prompts, policy.Responses, (x, y) =>
            dpo[x][y] + alpha * beta / policy.Prompts * (reference.Prob(x, y) - policy.Prob(x, y)));
    }

    /// <summary>The SELM loss as Algorithm 1 runs it, one response y per comparison: L_DPO + alpha beta mean log(pi/pi_ref)(y).</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons with their y, at least one.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <param name="alpha">The weight of optimism.</param>
    public static double Selm(
        TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta, double alpha) =>
        Dpo(policy, reference, data, beta) + alpha * beta * Tables.Mean(data.Count, i =>
            policy.LogProb(data[i].Prompt, data[i].Response) - reference.LogProb(data[i].Prompt, data[i].Response));

    /// <summary>The gradient of <see cref="Selm"/> in the logits; each y adds alpha beta (e_y - pi)/n.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref.</param>
    /// <param name="data">The comparisons with their y, at least one.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <param name="alpha">The weight of optimism.</param>
    public static double[][] SelmGradient(
        TabularPolicy policy, TabularPolicy reference, IReadOnlyList<Comparison> data, double beta, double alpha)
    {
        var gradient = DpoGradient(policy, reference, data, beta);
        var weight = alpha * beta / data.Count;
        foreach (var (x, _, _, response) in data)
        {
            for (var y = 0; y < policy.Responses; y++)
            {
                gradient[x][y] -= weight * policy.Prob(x, y);
            }
            gradient[x][response] += weight;
        }
        return gradient;
    }
}
