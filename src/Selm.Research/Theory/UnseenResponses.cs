// "Indiscriminate favour of unseen extrapolations" (abstract, section 3.3) with numbers: what training does to responses that
// nobody compared, and whether it asks what they are worth.
namespace Selm.Research.Theory;

/// <summary>What a number of optimiser steps did to log pi(y) of unseen responses.</summary>
/// <param name="Steps">Heavy-ball steps taken from the reference.</param>
/// <param name="Slope">The slope of the change on r*, with an intercept per prompt; nats per unit of r*. 0: indiscriminate.</param>
/// <param name="Mean">The mean change, all unseen responses equally, in nats.</param>
/// <param name="Mass">The change of their total probability, averaged over prompts. Above 0: favoured.</param>
public readonly record struct UnseenChange(int Steps, double Slope, double Mean, double Mass);

/// <summary>
/// Unseen responses of an exact world in its first iteration: those that are neither y nor in a pair of their prompt. Derived in
/// lesson 08.
/// </summary>
public static class UnseenResponses
{
    /// <summary>The change from the reference after each number of steps.</summary>
    /// <param name="world">A world of the online study; its sharing is that of the policies.</param>
    /// <param name="alpha">SELM's weight of optimism; 0 for DPO on the same comparisons.</param>
    /// <param name="steps">Numbers of optimiser steps, each at least 0.</param>
    public static IReadOnlyList<UnseenChange> Of(ExplorationWorld world, double alpha, IReadOnlyList<int> steps)
    {
        var tables = new ResponseTables(world.Settings);
        var reference = tables.FromWords(world.SlotLogits);
        tables.LogSoftmax(reference, reference);
        int[][] unseen = Unseen(world, tables, reference);
        double[][] truth = [.. unseen.Select((responses, x) => responses.Select(y => world.Reward(x, y)).ToArray())];
        var fit = ImplicitRewardGap.FirstIteration(world, tables, reference, alpha);
        return [.. steps.Select(count =>
        {
            var reward = fit.ImplicitReward(fit.Solve(count, 1));
            double[][] change = [.. unseen.Select((responses, x) => responses.Select(y => tables.Value(reward, x, y) / world.Settings.Beta).ToArray())];
            var mass = unseen.SelectMany((responses, x) => responses.Select((y, k) => (Math.Exp(change[x][k]) - 1) * Math.Exp(tables.Value(reference, x, y)))).Sum();
            return new UnseenChange(count, BonusStep.Slope(truth, change), change.SelectMany(row => row).Average(), mass / unseen.Length);
        })];
    }

    private static int[][] Unseen(ExplorationWorld world, ResponseTables tables, double[] reference)
    {
        var round = world.Rounds[0];
        var seen = Enumerable.Range(0, round.Prompts.Length)
            .SelectMany(i => new[] { round.First[i], round.Second[i], tables.ArgMax(reference, round.Prompts[i]) }.Select(y => (round.Prompts[i], y))).ToHashSet();
        return [.. Enumerable.Range(0, world.Settings.Prompts).Select(x =>
            Enumerable.Range(0, ExplorationSettings.Responses).Where(y => !seen.Contains((x, y))).ToArray())];
    }
}
