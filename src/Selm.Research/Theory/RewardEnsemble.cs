using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>
/// Explicit reward models that disagree where there is little data: each has a random prior centre and counts every
/// comparison twice or not at all. A Thompson query is the best response of one of them, picked at random.
/// </summary>
internal sealed class RewardEnsemble
{
    private readonly ExplorationSettings settings;
    private readonly ResponseTables tables;
    private readonly double[] anchor;
    private readonly double[][] centres;
    private readonly double[][] rewards;
    private readonly List<(int Prompt, int Better, int Worse, uint Votes)> data = [];

    internal RewardEnsemble(ExplorationWorld world, ResponseTables tables, double[] anchor, int members)
    {
        (settings, this.tables, this.anchor) = (world.Settings, tables, anchor);
        var random = new PhiloxStream(world.Seed, "exploration/centres");
        var deviation = Math.Sqrt(settings.PriorVariance);
        centres = Tables.Of(members, tables.Length, (_, _) => deviation * random.NextGaussian());
        rewards = [.. centres];
    }

    /// <summary>The best response in the eyes of a random member.</summary>
    internal int Query(int prompt, PhiloxStream random) => tables.ArgMax(rewards[random.NextInt(rewards.Length)], prompt);

    /// <summary>A comparison, with one coin per member.</summary>
    internal void Add(int prompt, int better, int worse, PhiloxStream random) => data.Add((prompt, better, worse, random.NextUInt32()));

    /// <summary>Fits every member to all comparisons that it counts.</summary>
    internal void Fit()
    {
        for (var member = 0; member < rewards.Length; member++)
        {
            var fit = new RewardFit(settings, tables, anchor) { Centre = centres[member] };
            foreach (var (prompt, better, worse, votes) in data)
            {
                fit.AddComparison(prompt, better, worse, (votes >> member & 1) == 1 ? 2 : 0);
            }
            rewards[member] = fit.Solve();
        }
    }
}
