namespace Selm.Research.Theory;

/// <summary>r_SELM - r_DPO of implicit rewards on held-out offline pairs after a number of optimiser steps; in reward units (nats times beta).</summary>
/// <param name="Steps">Heavy-ball steps taken from the reference.</param>
/// <param name="Chosen">The mean over the chosen responses.</param>
/// <param name="Rejected">The mean over the rejected ones.</param>
/// <param name="Query">The mean over the greedy responses y that the bonus pushes down.</param>
/// <param name="Others">The mean over responses to these prompts other than y, all 63 equally.</param>
public readonly record struct RewardGap(int Steps, double Chosen, double Rejected, double Query, double Others);

/// <summary>
/// Figure 4 of the paper in an exact world: after one iteration from the same reference and on the same comparisons, is the
/// implicit reward of SELM above or below DPO's? To first order the greedy bonus moves logits by -eta (e_y - pi): log Z
/// falls and every other response gains; optimised further, the freed mass goes to few responses and the rest drops. The
/// sign is one of the number of steps. Derived in lesson 14.
/// </summary>
public static class ImplicitRewardGap
{
    /// <summary>The gap after each number of steps, averaged over held-out pairs drawn from pi_0 like the data's.</summary>
    /// <param name="world">A world of the online study; its sharing is that of the policies.</param>
    /// <param name="alpha">SELM's weight of optimism.</param>
    /// <param name="steps">Numbers of optimiser steps, each at least 0.</param>
    /// <param name="stepScale">The step length over <see cref="ExplorationSettings.StepLength"/>.</param>
    public static IReadOnlyList<RewardGap> Of(ExplorationWorld world, double alpha, IReadOnlyList<int> steps, double stepScale = 1)
    {
        var tables = new ResponseTables(world.Settings);
        var reference = tables.FromWords(world.SlotLogits);
        tables.LogSoftmax(reference, reference);
        var heldOut = HeldOut(world);
        return [.. steps.Select(count =>
        {
            var selm = Reward(alpha);
            var dpo = Reward(0);
            var gap = selm.Zip(dpo, (one, other) => one - other).ToArray();
            return Measure(count, gap);

            double[] Reward(double weight)
            {
                var fit = FirstIteration(world, tables, reference, weight);
                return fit.ImplicitReward(fit.Solve(count, stepScale));
            }
        })];

        RewardGap Measure(int count, double[] gap)
        {
            var (chosen, rejected, query, others) = (0.0, 0.0, 0.0, 0.0);
            foreach (var (x, better, worse) in heldOut)
            {
                var y = tables.ArgMax(reference, x);
                var onQuery = tables.Value(gap, x, y);
                chosen += tables.Value(gap, x, better);
                rejected += tables.Value(gap, x, worse);
                query += onQuery;
                var all = Enumerable.Range(0, ExplorationSettings.Responses).Sum(response => tables.Value(gap, x, response));
                others += (all - onQuery) / (ExplorationSettings.Responses - 1);
            }
            var n = heldOut.Length;
            return new RewardGap(count, chosen / n, rejected / n, query / n, others / n);
        }
    }

    /// <summary>The fit of the first iteration: best and worst of the reference's greedy y and a pair, and the bonus on y.</summary>
    internal static RewardFit FirstIteration(ExplorationWorld world, ResponseTables tables, double[] reference, double alpha)
    {
        var round = world.Rounds[0];
        var fit = new RewardFit(world.Settings, tables, reference);
        for (var i = 0; i < round.Prompts.Length; i++)
        {
            var x = round.Prompts[i];
            var y = tables.ArgMax(reference, x);
            int[] candidates = [y, round.First[i], round.Second[i]];
            var (best, worst) = round.BestAndWorst(world, i, candidates);
            fit.AddComparison(x, best, worst);
            if (alpha != 0)
            {
                fit.AddOptimism(x, y, alpha);
            }
        }
        return fit;
    }

    // Four portions of pairs that no iteration sees: rounds numbered from 1,000,000.
    private static (int Prompt, int Better, int Worse)[] HeldOut(ExplorationWorld world) =>
        [.. Enumerable.Range(1_000_000, 4).SelectMany(t =>
        {
            var round = new ExplorationRound(world, t);
            return Enumerable.Range(0, round.Prompts.Length).Select(i =>
            {
                var (better, worse) = round.OrderedPair(world, i);
                return (round.Prompts[i], better, worse);
            });
        })];
}
