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
        StepSizes(steps, world);
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
        var differences = Scaled(CentralDifferences(world, 1e-6), -1 / world.Beta);
        steps.Add("the whole gradient, by central differences", Equations.Gradient, 6,
            "differences of (3.2) with h = 1e-6 know nothing of derivatives; the tolerance is 1e-5", "erratum 2",
            ("[O(z + h) - O(z - h)]/(2h beta) = -E[sigma (e_w - e_l)] - alpha (pi_ref - pi_theta), O = (3.2)", differences, AsPrinted(world)),
            ("[O(z + h) - O(z - h)]/(2h beta) = +E[sigma (e_w - e_l)] - alpha (pi_ref - pi_theta), O = (3.2)", differences, [.. byHand.Select(g => -g)]),
            Step.FiniteDifference);
        steps.Add("the gradient with one y per comparison", Equations.Algorithm1, 6,
            "grad / beta = -mean sigma (e_w - e_l) + alpha mean (e_y - pi_theta)", "as Algorithm 1 runs it",
            Scaled(ComplexStep.LogitGradient(logps => Dpo(world, logps) + world.Alpha * world.Beta * ResponseMean(world, logps), world.Policy), 1 / world.Beta),
            Scaled(ExactObjectives.SelmGradient(world.Policy, world.Reference, world.Data, world.Beta, world.Alpha), 1 / world.Beta));
    }

    // The last paragraph of section 3.1. Only pi_ref changes here, pi_theta stays: that is a deviation of another degree.
    private static void StepSizes(StepList steps, FiniteWorld world)
    {
        TabularPolicy[] references = [world.Reference, world.Other];
        var pairs = world.Data.DistinctBy(d => (d.Prompt, d.Chosen, d.Rejected)).ToArray();
        double[][] gradients = [.. references.SelectMany(reference => pairs.Select(pair =>
            Scaled(ComplexStep.LogitGradient(logps => Dpo(world.Beta, reference, pair, logps), world.Policy), -1 / world.Beta)))];
        double[][] directions = [.. references.SelectMany(_ => pairs.Select(pair => Tables.Flat(ComplexStep.LogitGradient(
            logps => logps[pair.Prompt][pair.Chosen] - logps[pair.Prompt][pair.Rejected], world.Policy))))];
        steps.Add("a pair's direction", Equations.Section31, 6,
            "grad l / |grad l| is that of grad log pi(y_w) - grad log pi(y_l), whatever pi_ref is", "pi_ref enters through a scalar alone",
            [.. gradients.SelectMany(Unit)], [.. directions.SelectMany(Unit)]);
        steps.Add("a pair's step size", Equations.Section31, 6,
            "|grad l| / |grad log pi(y_w) - grad log pi(y_l)| = beta sigma(r(y_l) - r(y_w)), pi_ref and another one", "the deviation of pi_theta from pi_ref sets the length",
            [.. gradients.Select((g, i) => Length(g) / Length(directions[i]))],
            [.. references.SelectMany(reference => pairs.Select(pair => BradleyTerry.Probability(
                world.Policy.ImplicitReward(reference, world.Beta)[pair.Prompt], pair.Rejected, pair.Chosen)))]);
        steps.Add("the bonus sets a direction", Equations.Section31, 6,
            "grad E_ref[log pi] - grad E_ref'[log pi] = pi_ref - pi_ref' in the logits", "another reference turns the bonus: it is no scalar times one direction",
            Difference(references.Select(reference => ComplexStep.LogitGradient(logps => ReferenceMean(reference, logps), world.Policy))),
            Tables.Flat(Tables.Of(world.Prompts, world.Responses, (x, y) => (world.Reference.Prob(x, y) - world.Other.Prob(x, y)) / world.Prompts)));
    }

    private static double[] Difference(IEnumerable<double[][]> two) => [.. Tables.Flat(two.First()).Zip(Tables.Flat(two.Last()), (a, b) => a - b)];

    private static double Length(double[] vector) => Math.Sqrt(vector.Sum(v => v * v));

    private static double[] Unit(double[] vector) => [.. vector.Select(v => v / Length(vector))];

    // (3.3) over beta with both of its printed signs, in the logits.
    private static double[] AsPrinted(FiniteWorld world)
    {
        var dpo = ExactObjectives.DpoGradient(world.Policy, world.Reference, world.Data, world.Beta);
        return Tables.Flat(Tables.Of(world.Prompts, world.Responses, (x, y) =>
            dpo[x][y] / world.Beta - world.Alpha * (world.Reference.Prob(x, y) - world.Policy.Prob(x, y)) / world.Prompts));
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
        world.Data.Aggregate(Complex.Zero, (sum, d) => sum + Dpo(world.Beta, world.Reference, d, logps)) / world.Data.Count;

    private static Complex Dpo(double beta, TabularPolicy reference, Comparison d, Complex[][] logps) => -ComplexStep.LogSigmoid(beta * (
        logps[d.Prompt][d.Chosen] - reference.LogProb(d.Prompt, d.Chosen)
        - logps[d.Prompt][d.Rejected] + reference.LogProb(d.Prompt, d.Rejected)));

    /// <summary>E_{x, y ~ pi_ref}[log pi(y|x)] of complex log-probabilities.</summary>
    private static Complex ReferenceMean(FiniteWorld world, Complex[][] logps) => ReferenceMean(world.Reference, logps);

    private static Complex ReferenceMean(TabularPolicy reference, Complex[][] logps) =>
        logps.SelectMany((row, x) => row.Select((logp, y) => reference.Prob(x, y) * logp))
            .Aggregate(Complex.Zero, (sum, z) => sum + z) / reference.Prompts;

    private static Complex ResponseMean(FiniteWorld world, Complex[][] logps) =>
        world.Data.Aggregate(Complex.Zero, (sum, d) => sum + logps[d.Prompt][d.Response]) / world.Data.Count;

    private static double[] Scaled(double[][] gradient, double by) => Tables.Flat(Tables.Map(gradient, g => by * g));

    private static double[] Signs(IEnumerable<double> values) => [.. values.Select(v => (double)Math.Sign(v))];
}
