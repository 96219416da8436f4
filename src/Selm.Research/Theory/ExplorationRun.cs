using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>What a method reached in one world. Gaps are in units of r*, averaged over the prompts; index t is after t iterations.</summary>
/// <param name="GreedyGap">max r* - r*(greedy response), T + 1 numbers.</param>
/// <param name="ExpectedGap">max r* - E_pi[r*], T + 1 numbers.</param>
/// <param name="BestFound">The share of prompts for which a response within 0.5 of the best was labelled.</param>
/// <param name="Coverage">The share of all prompts' responses that were labelled.</param>
/// <param name="ReferenceReward">E_ref[r_hat] of the last fit, in reward units; never positive (section 3.3).</param>
public sealed record ExplorationResult(
    double[] GreedyGap, double[] ExpectedGap, double BestFound, double Coverage, double ReferenceReward)
{
    /// <summary>
    /// Mean sigma(-margin) over the comparisons half way through each fit, the weight of DPO's gradient that alpha stands against; NaN
    /// where the loss has a bonus.
    /// </summary>
    public double ComparisonWeight { get; init; } = double.NaN;

    /// <summary>The sum over the iterations of the expected gap of the policy that started each.</summary>
    public double Regret => ExpectedGap.SkipLast(1).Sum();
}

/// <summary>
/// The online loop in worlds of words, exact but for the labels: draw prompts and pairs, ask, label, fit, move the reference.
/// Derived in lesson 16.
/// </summary>
public sealed class ExplorationRun
{
    private const double Near = 0.5;

    private readonly ExplorationWorld world;
    private readonly ExplorationMethod method;
    private readonly ExplorationSettings settings;
    private readonly ResponseTables tables;
    private readonly double[] rewards;
    private readonly double[] start;
    private readonly RewardEnsemble? ensemble;
    private readonly int[][]? twin;
    private readonly List<Labelled> data = [];
    private readonly HashSet<(int Prompt, int Response)> seen = [];
    private readonly int[][] queries;

    // log pi_t, log pi_ref of the last fit, and its explicit reward where the query uses one.
    private double[] policy;
    private double[] anchor;
    private double[] explicitReward;
    private double referenceReward;
    private double comparisonWeight;

    private ExplorationRun(ExplorationWorld world, ExplorationMethod method)
    {
        (this.world, this.method, settings) = (world, method, world.Settings);
        tables = new ResponseTables(settings);
        rewards = tables.FromWords(world.SlotRewards);
        start = tables.FromWords(world.SlotLogits);
        tables.LogSoftmax(start, start);
        (policy, anchor, explicitReward) = (start, start, start);
        ensemble = method.Query == QuerySource.Thompson ? new RewardEnsemble(world, tables, start, method.Members) : null;
        twin = method.Query == QuerySource.Twin ? Queries(world, method with { Alpha = 0, Query = QuerySource.Greedy }) : null;
        queries = new int[settings.Iterations][];
    }

    /// <summary>One labelled comparison and what the bonus may be taken over.</summary>
    private readonly record struct Labelled(int Prompt, int Chosen, int Rejected, int Response, int ReferenceSample, int[] Samples);

    /// <summary>Runs a method in a world. The same world and method give the same numbers.</summary>
    /// <param name="world">The world.</param>
    /// <param name="method">The method.</param>
    public static ExplorationResult Of(ExplorationWorld world, ExplorationMethod method) => new ExplorationRun(world, method).Run();

    private static int[][] Queries(ExplorationWorld world, ExplorationMethod method)
    {
        var run = new ExplorationRun(world, method);
        run.Run();
        return run.queries;
    }

    private ExplorationResult Run()
    {
        var greedy = new double[settings.Iterations + 1];
        var expected = new double[settings.Iterations + 1];
        for (var t = 0; t < settings.Iterations; t++)
        {
            (greedy[t], expected[t]) = Gaps();
            Label(t);
            Learn();
        }
        (greedy[^1], expected[^1]) = Gaps();
        return new ExplorationResult(
            greedy, expected, Tables.Mean(settings.Prompts, x => IsFound(x) ? 1 : 0),
            (double)seen.Count / (settings.Prompts * ExplorationSettings.Responses), referenceReward)
        {
            ComparisonWeight = method.Alpha == 0 ? comparisonWeight : double.NaN,
        };
    }

    private (double Greedy, double Expected) Gaps() => (
        Tables.Mean(settings.Prompts, x => world.BestReward(x) - world.Reward(x, tables.ArgMax(policy, x))),
        Tables.Mean(settings.Prompts, x => world.BestReward(x) - tables.Expect(policy, rewards, x)));

    private bool IsFound(int prompt) =>
        seen.Any(s => s.Prompt == prompt && world.Reward(prompt, s.Response) >= world.BestReward(prompt) - Near);

    private void Label(int t)
    {
        if (!method.KeepData)
        {
            data.Clear();
        }
        var round = world.Rounds[t];
        var random = new PhiloxStream(world.Seed, "exploration/samples", t);
        var thompson = new PhiloxStream(world.Seed, "exploration/thompson", t);
        queries[t] = new int[round.Prompts.Length];
        for (var i = 0; i < round.Prompts.Length; i++)
        {
            var x = round.Prompts[i];
            var sample = tables.Sample(policy, x, random);
            var further = tables.Sample(policy, x, random);
            var query = queries[t][i] = method.Query switch
            {
                QuerySource.Sample => sample,
                QuerySource.Twin => twin![t][i],
                QuerySource.LargestReward => tables.ArgMax(explicitReward, x),
                QuerySource.Thompson => ensemble!.Query(x, thompson),
                _ => tables.ArgMax(policy, x),
            };
            var response = method.Bonus == BonusSource.Greedy ? tables.ArgMax(policy, x) : query;
            var (better, worse) = Compare(round, i, query, further);
            data.Add(new Labelled(x, better, worse, response, round.First[i], MoreSamples(x, random)));
            ensemble?.Add(x, better, worse, thompson);
        }
    }

    private int[] MoreSamples(int prompt, PhiloxStream random)
    {
        var samples = new int[method.Bonus == BonusSource.Samples ? method.Samples : 0];
        for (var k = 0; k < samples.Length; k++)
        {
            samples[k] = tables.Sample(policy, prompt, random);
        }
        return samples;
    }

    private (int Better, int Worse) Compare(ExplorationRound round, int i, int query, int further)
    {
        var (x, a, b) = (round.Prompts[i], round.First[i], round.Second[i]);
        ReadOnlySpan<int> candidates = (method.Query, method.Labelling) switch
        {
            (QuerySource.None, _) => [a, b],
            (_, Labelling.AgainstReference) => [query, a],
            (_, Labelling.AgainstSample) => [query, further],
            _ => [query, a, b],
        };
        foreach (var candidate in candidates)
        {
            seen.Add((x, candidate));
        }
        return method.Query == QuerySource.None ? round.OrderedPair(world, i) : round.BestAndWorst(world, i, candidates);
    }

    private void Learn()
    {
        anchor = method.FixedReference ? start : policy;
        var isExplicit = method.Query is QuerySource.LargestReward or QuerySource.Thompson;
        var fit = Fit(isExplicit ? 0 : method.Alpha);
        var weights = fit.Solve();
        if (method.Alpha == 0)
        {
            comparisonWeight += fit.MeanWeight(fit.Solve(settings.Steps / 2, 1)) / settings.Iterations;
        }
        if (method.Query == QuerySource.LargestReward)
        {
            explicitReward = Fit(method.Alpha).Solve();
        }
        ensemble?.Fit();
        var logits = new double[tables.Length];
        for (var i = 0; i < logits.Length; i++)
        {
            logits[i] = anchor[i] + weights[i] / settings.Beta;
        }
        tables.LogSoftmax(logits, logits);
        policy = logits;
        referenceReward = Tables.Mean(settings.Prompts, x => tables.Expect(anchor, ImplicitReward(), x));
    }

    private double[] ImplicitReward()
    {
        var reward = new double[tables.Length];
        for (var i = 0; i < reward.Length; i++)
        {
            reward[i] = settings.Beta * (policy[i] - anchor[i]);
        }
        return reward;
    }

    private RewardFit Fit(double alpha)
    {
        var fit = new RewardFit(settings, tables, anchor) { ChosenPenalty = method.ChosenPenalty };
        foreach (var labelled in data)
        {
            fit.AddComparison(labelled.Prompt, labelled.Chosen, labelled.Rejected);
            if (alpha != 0)
            {
                AddBonus(fit, labelled, alpha);
            }
        }
        return fit;
    }

    private void AddBonus(RewardFit fit, in Labelled labelled, double alpha)
    {
        var x = labelled.Prompt;
        switch (method.Bonus)
        {
            case BonusSource.Query or BonusSource.Greedy:
                fit.AddOptimism(x, labelled.Response, alpha);
                break;
            case BonusSource.Exact:
                fit.AddExpectedOptimism(x, anchor, alpha);
                break;
            case BonusSource.Samples:
                foreach (var sample in labelled.Samples)
                {
                    fit.AddOptimism(x, sample, alpha / labelled.Samples.Length);
                }
                break;
            case BonusSource.ReferenceSample:
                fit.AddOptimism(x, labelled.ReferenceSample, alpha);
                break;
            case BonusSource.Calibration:
                fit.AddExpectedOptimism(x, start, alpha);
                break;
            case BonusSource.Chosen:
                fit.AddOptimism(x, labelled.Chosen, -alpha);
                break;
            case BonusSource.Maximum:
                fit.AddMaximum(x, alpha);
                break;
        }
    }
}
