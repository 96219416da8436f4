// (1.1), (2.1), (2.2): what comparisons can and cannot say about a reward.
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

internal static class PreferenceSteps
{
    internal static void AddTo(StepList steps, FiniteWorld world)
    {
        Optimism(steps, world);
        BradleyTerryModel(steps, world);
        Likelihood(steps, world);
    }

    private static void Optimism(StepList steps, FiniteWorld world)
    {
        // A bump on the response that nobody compared, three above everything else: Figure 1's green reward model.
        var unseen = world.Responses - 1;
        var bumped = Tables.Of(world.Prompts, world.Responses, (x, y) => y == unseen ? world.Reward[x].Max() + 3 : world.Reward[x][y]);
        steps.Add("equal fit", Equations.Optimism, 4,
            "L_lr(r; D) = L_lr(r + bump at unseen y; D)", "no comparison names the unseen response",
            BradleyTerry.Loss(world.Reward, world.Data), BradleyTerry.Loss(bumped, world.Data));
        steps.Add("optimism picks the bump", Equations.Optimism, 4,
            "[L_lr(r) - alpha max_y r] - [L_lr(r') - alpha max_y r'] = alpha E_x[max_y r' - max_y r] = 3 alpha", "equal fit, so only the maximum decides",
            BradleyTerry.Loss(world.Reward, world.Data) - BradleyTerry.Loss(bumped, world.Data) - world.Alpha * (MeanMax(world.Reward) - MeanMax(bumped)),
            3 * world.Alpha);
        OverPolicies(steps, world);
        var tilted = world.Reference.Tilt(world.Reward, world.Beta);
        var shifted = world.Reference.Tilt(world.ShiftedReward, world.Beta);
        steps.Add("(1.1) pays for c(x)", Equations.Optimism, 5,
            "E_x max_y [r + c] - E_x max_y r = E_x[c]", "comparisons leave c(x) free, so a bonus that c(x) can raise is no bonus",
            MeanMax(world.ShiftedReward) - MeanMax(world.Reward), world.Shift.Average(), remark: 10);
        steps.Add("gauge", Equations.Section31, 5,
            "F(pi_{r + c}; r + c) = F(pi_r; r)", "(3.1) is centred by pi_ref, and a tilt does not see c(x)",
            ExactObjectives.Inner(shifted, world.ShiftedReward, world.Reference, world.Beta),
            ExactObjectives.Inner(tilted, world.Reward, world.Reference, world.Beta), remark: 10);
    }

    // Section 3.1's first sentence. Without a KL term the tilt's beta goes to 0; at 1e-15 no second response is left.
    private static void OverPolicies(StepList steps, FiniteWorld world)
    {
        var best = world.Reference.Tilt(world.Reward, 1e-15);
        TabularPolicy[] others = [world.Reference, world.Policy, world.Other];
        steps.Add("(1.1) over policies", Equations.Section31, 5,
            "max_y r = max_pi E_pi[r]", "E_pi[r] is a mean of r: the tilt reaches its largest value as beta -> 0, no other policy of the world does",
            [best.Expect(world.Reward), .. others.Select(pi => (double)Math.Sign(MeanMax(world.Reward) - pi.Expect(world.Reward)))],
            [MeanMax(world.Reward), .. others.Select(_ => 1.0)]);
        steps.Add("the inner policy is deterministic", Equations.Section31, 5,
            "max_y pi(y|x) = 1 for pi = argmax E_pi[r]", "all mass on the largest reward; the KL term of (3.1) ends that",
            [.. Enumerable.Range(0, world.Prompts).Select(x => best.Prob(x, best.Greedy(x)))], [.. world.Shift.Select(_ => 1.0)]);
    }

    private static void BradleyTerryModel(StepList steps, FiniteWorld world)
    {
        steps.Add("two forms", Equations.BradleyTerry, 2,
            "exp r(y_w) / (exp r(y_w) + exp r(y_l)) = sigma(r(y_w) - r(y_l))", "divide by exp r(y_w)",
            Each(world, (r, w, l) => Math.Exp(r[w]) / (Math.Exp(r[w]) + Math.Exp(r[l]))),
            Each(world, (r, w, l) => BradleyTerry.Probability(r, w, l)));
        steps.Add("one of them wins", Equations.BradleyTerry, 2,
            "P(y_w > y_l) + P(y_l > y_w) = 1", "sigma(z) + sigma(-z) = 1",
            Each(world, (r, w, l) => BradleyTerry.Probability(r, w, l) + BradleyTerry.Probability(r, l, w)), Each(world, (_, _, _) => 1));
        var shifted = world.ShiftedReward;
        steps.Add("c(x) is free", Equations.BradleyTerry, 2,
            "P(y_w > y_l; r + c(x)) = P(y_w > y_l; r)", "only differences within a prompt are seen",
            [.. world.Data.Select(d => BradleyTerry.Probability(shifted[d.Prompt], d.Chosen, d.Rejected))],
            Each(world, (r, w, l) => BradleyTerry.Probability(r, w, l)));
        steps.Add("centring", Equations.BradleyTerry, 2,
            "(r + c) - E_ref[r + c] = r - E_ref[r]", "y' ~ pi_ref takes the freedom away",
            Centred(world, shifted), Centred(world, world.Reward));
    }

    private static void Likelihood(StepList steps, FiniteWorld world)
    {
        steps.Add("likelihood", Equations.Likelihood, 2,
            "-log prod_D P(y_w > y_l) = n L_lr(r; D)", "labels are independent",
            -Math.Log(Each(world, (r, w, l) => BradleyTerry.Probability(r, w, l)).Aggregate(1.0, (product, p) => product * p)),
            world.Data.Count * BradleyTerry.Loss(world.Reward, world.Data));
        steps.Add("likelihood is blind to c(x)", Equations.Likelihood, 2,
            "L_lr(r + c; D) = L_lr(r; D)", "(2.1) is",
            BradleyTerry.Loss(world.ShiftedReward, world.Data), BradleyTerry.Loss(world.Reward, world.Data));
        steps.Add("slope of the likelihood", Equations.Likelihood, 2,
            "d/dm [-log sigma(m)] = -sigma(-m)", "the pull of a pair is the probability of the wrong answer",
            ComplexStep.Gradient(margins => margins.Aggregate(System.Numerics.Complex.Zero, (sum, m) => sum - ComplexStep.LogSigmoid(m)),
                Each(world, (r, w, l) => r[w] - r[l])),
            Each(world, (r, w, l) => -LogMath.Sigmoid(r[l] - r[w])));
    }

    private static double MeanMax(double[][] reward) => reward.Average(row => row.Max());

    private static double[] Centred(FiniteWorld world, double[][] reward) => Tables.Flat(Tables.Of(
        world.Prompts, world.Responses, (x, y) => reward[x][y] - world.Reference.Expect(x, reward[x])));

    private static double[] Each(FiniteWorld world, Func<double[], int, int, double> f) =>
        [.. world.Data.Select(d => f(world.Reward[d.Prompt], d.Chosen, d.Rejected))];
}
