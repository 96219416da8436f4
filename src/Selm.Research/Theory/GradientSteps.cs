// (3.3): the gradient of the SELM objective, its signs, and what the optimism term does to each response.
// Gradients are divided by beta (first line) or alpha beta (second line), so that a residual of 1 is as large as the term.
using System.Numerics;

namespace Selm.Research.Theory;

internal static class GradientSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        FitTerm(steps, world);
        OptimismTerm(steps, world);
        Whole(steps, world);
        AtTheStart(steps, world);
        FallingRewards(steps, world);
    }

    private static void FitTerm(StepList steps, FiniteWorld world)
    {
        // What (3.2) maximises is -L_DPO; its derivative by complex steps.
        var ascent = Scaled(ComplexStep.LogitGradient(logps => -Dpo(world, logps), world.Policy), 1 / world.Beta);
        var byHand = Scaled(ExactObjectives.DpoGradient(world.Policy, world.Reference, world.Data, world.Beta), -1 / world.Beta);
        steps.Add("sign of the fit term", Equations.Gradient, 6,
            "(3.2) maximises -L_DPO, so its gradient raises log pi(y_w)", "erratum 2",
            ("grad(3.2)/beta, first line = -E[sigma(r(y_l) - r(y_w)) (grad log pi(y_w) - grad log pi(y_l))]", ascent, [.. byHand.Select(g => -g)]),
            ("grad(3.2)/beta, first line = +E[sigma(r(y_l) - r(y_w)) (grad log pi(y_w) - grad log pi(y_l))]", ascent, byHand));
    }

    private static void OptimismTerm(StepList steps, FiniteWorld world)
    {
        var (reference, policy) = (world.Reference, world.Policy);
        var derivative = Tables.Flat(ComplexStep.LogitGradient(logps => ReferenceMean(world, logps), policy));
        var softmax = Tables.Flat(Tables.Of(world.Prompts, world.Responses, (x, y) => (reference.Prob(x, y) - policy.Prob(x, y)) / world.Prompts));
        steps.Add("importance weights", Equations.Gradient, 6,
            "grad E_ref[log pi] = E_theta[exp(-r_theta/beta) grad log pi]", "exp(-r_theta/beta) = pi_ref/pi_theta",
            derivative, Tables.Flat(ImportanceWeighted(world)));
        steps.Add("softmax form", Equations.Gradient, 6,
            "grad E_ref[log pi] = pi_ref - pi_theta in the logits", "grad log pi(y) = e_y - pi_theta",
            derivative, softmax);
        var weights = Tables.Flat(Tables.Map(world.ImplicitReward, r => Math.Exp(-r / world.Beta)));
        var pushes = softmax.Select(g => -g).ToArray();
        steps.Add("who is pushed down", Equations.Gradient, 6,
            "the optimism term lowers y where pi_ref/pi_theta is high, that is where the implicit reward is low", "erratum 3",
            ("sign of the push on y = +1 where exp(-r/beta) > 1, -1 where it is low", Signs(pushes), Signs(weights.Select(w => w - 1))),
            ("sign of the push on y = -1 where exp(-r/beta) > 1, +1 where it is low", Signs(pushes), Signs(weights.Select(w => 1 - w))));
    }

    private static void Whole(StepList steps, FiniteWorld world)
    {
        var byHand = Scaled(
            ExactObjectives.SelmExactGradient(world.Policy, world.Reference, world.Data, world.Beta, world.Alpha), 1 / world.Beta);
        steps.Add("the whole gradient", Equations.Gradient, 6,
            "grad L_SELM / beta = -E[sigma (e_w - e_l)] + alpha (pi_ref - pi_theta)", "both lines together",
            Scaled(ComplexStep.LogitGradient(
                logps => Dpo(world, logps) + world.Alpha * world.Beta * ReferenceMean(world, logps), world.Policy), 1 / world.Beta),
            byHand);
        steps.Add("the whole gradient, by central differences", Equations.Gradient, 6,
            "[L(z + h) - L(z - h)]/(2h beta) = grad L_SELM / beta, h = 1e-6", "Taylor",
            Scaled(CentralDifferences(world, 1e-6), 1 / world.Beta), byHand, Step.FiniteDifference);
        steps.Add("the gradient with one y per comparison", Equations.Algorithm1, 6,
            "grad / beta = -mean sigma (e_w - e_l) + alpha mean (e_y - pi_theta)", "as Algorithm 1 runs it",
            Scaled(ComplexStep.LogitGradient(logps => Dpo(world, logps) + world.Alpha * world.Beta * ResponseMean(world, logps), world.Policy), 1 / world.Beta),
            Scaled(ExactObjectives.SelmGradient(world.Policy, world.Reference, world.Data, world.Beta, world.Alpha), 1 / world.Beta));
    }

    private static void AtTheStart(StepList steps, FiniteWorld world)
    {
        var reference = world.Reference;
        steps.Add("the exact bonus starts with no gradient", Equations.Gradient, 6,
            "grad E_ref[log pi] = 0 at pi_theta = pi_ref", "pi_ref - pi_ref",
            Tables.Flat(ComplexStep.LogitGradient(logps => ReferenceMean(world, logps), reference)),
            new double[world.Prompts * world.Responses]);
        steps.Add("one greedy y pushes from the start", Equations.Gradient, 6,
            "grad log pi(y) = e_y - pi_theta at pi_theta = pi_ref", "a first-order push away from the mode: greedy decoding changes the method",
            Tables.Flat(ComplexStep.LogitGradient(
                logps => logps.Select((row, x) => row[reference.Greedy(x)]).Aggregate(Complex.Zero, (sum, z) => sum + z), reference)),
            Tables.Flat(Tables.Of(world.Prompts, world.Responses, (x, y) => (y == reference.Greedy(x) ? 1 : 0) - reference.Prob(x, y))));
    }

    private static void FallingRewards(StepList steps, FiniteWorld world)
    {
        var reward = world.ImplicitReward;
        steps.Add("reference samples lose reward", Equations.Section33, 7,
            "E_ref[r_theta/beta] = -KL(pi_ref || pi_theta) < 0 for any moved policy", "DPO lowers it by itself",
            world.Reference.Expect(reward) / world.Beta, -world.Reference.Kl(world.Policy));
        steps.Add("own samples gain it", Equations.Section33, 7,
            "E_theta[r_theta/beta] = KL(pi_theta || pi_ref) > 0", "the same line with the roles exchanged",
            world.Policy.Expect(reward) / world.Beta, world.Policy.Kl(world.Reference));
    }

    // E_theta[w grad log pi] as the sum over y of pi(y) w(y) (e_y - pi).
    private static double[][] ImportanceWeighted(FiniteWorld world)
    {
        var (policy, reward) = (world.Policy, world.ImplicitReward);
        return Tables.Of(world.Prompts, world.Responses, (x, k) =>
        {
            var sum = 0.0;
            for (var y = 0; y < world.Responses; y++)
            {
                sum += policy.Prob(x, y) * Math.Exp(-reward[x][y] / world.Beta) * ((y == k ? 1 : 0) - policy.Prob(x, k));
            }
            return sum / world.Prompts;
        });
    }

    private static double[][] CentralDifferences(FiniteWorld world, double h)
    {
        var logits = world.Policy.ToLogits();
        return Tables.Of(world.Prompts, world.Responses, (x, y) => (Moved(x, y, h) - Moved(x, y, -h)) / (2 * h));

        double Moved(int x, int y, double by)
        {
            var plain = logits[x][y];
            logits[x][y] = plain + by;
            var loss = ExactObjectives.SelmExact(new TabularPolicy(logits), world.Reference, world.Data, world.Beta, world.Alpha);
            logits[x][y] = plain;
            return loss;
        }
    }

    /// <summary>L_DPO of complex log-probabilities.</summary>
    private static Complex Dpo(FiniteWorld world, Complex[][] logps) =>
        world.Data.Aggregate(Complex.Zero, (sum, d) => sum - ComplexStep.LogSigmoid(world.Beta * (
            logps[d.Prompt][d.Chosen] - world.Reference.LogProb(d.Prompt, d.Chosen)
            - logps[d.Prompt][d.Rejected] + world.Reference.LogProb(d.Prompt, d.Rejected)))) / world.Data.Count;

    /// <summary>E_{x, y ~ pi_ref}[log pi(y|x)] of complex log-probabilities.</summary>
    private static Complex ReferenceMean(FiniteWorld world, Complex[][] logps) =>
        logps.SelectMany((row, x) => row.Select((logp, y) => world.Reference.Prob(x, y) * logp))
            .Aggregate(Complex.Zero, (sum, z) => sum + z) / world.Prompts;

    private static Complex ResponseMean(FiniteWorld world, Complex[][] logps) =>
        world.Data.Aggregate(Complex.Zero, (sum, d) => sum + logps[d.Prompt][d.Response]) / world.Data.Count;

    private static double[] Scaled(double[][] gradient, double by) => Tables.Flat(Tables.Map(gradient, g => by * g));

    private static double[] Signs(IEnumerable<double> values) => [.. values.Select(v => (double)Math.Sign(v))];
}
