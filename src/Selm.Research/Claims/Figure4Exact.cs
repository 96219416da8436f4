using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 4 where everything can be counted: SELM's implicit reward minus DPO's on held-out pairs, as a curve over optimiser
/// steps. Whether SELM's rewards lie above or below DPO's is decided by how long one optimises. <see cref="Indiscriminate"/> asks
/// the same worlds what happens to responses that nobody compared. Derived in lesson 14.
/// </summary>
public static class Figure4Exact
{
    /// <summary>SELM's weight of optimism.</summary>
    public const double Alpha = 0.03;

    private static readonly int[] steps = [1, 2, 3, 5, 10, 30, 100, 150];

    private static readonly (string Name, Func<RewardGap, double> Of)[] groups =
    [
        ("chosen", gap => gap.Chosen), ("rejected", gap => gap.Rejected), ("greedy y", gap => gap.Query), ("all but y", gap => gap.Others),
    ];

    /// <summary>Takes the steps of one iteration, 150 in these worlds, in every one of them, with shared and with separate parameters.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds, seeds 1000, 1001, ....</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        Curve[] curves = [Measure(Sharing.LogLinear, "log-linear"), Measure(Sharing.Tabular, "tabular")];
        var unseen = Indiscriminate.Run(rules, worlds, jobs, progress);
        return new ExperimentResult(
            "figure4",
            [Table(curves), .. unseen.Tables],
            [Draw(curves, worlds), .. unseen.Figures],
            [.. curves.SelectMany(curve => Claims(curve, rules)), .. unseen.Claims]);

        Curve Measure(Sharing sharing, string name)
        {
            var settings = new ExplorationSettings { Sharing = sharing };
            var gaps = Worlds.Each($"figure4, {name}", worlds, jobs, progress, seed => ImplicitRewardGap.Of(new ExplorationWorld(seed, settings), Alpha, steps));
            double[][][] perWorld = [.. groups.Select(group => steps.Select((_, k) => gaps.Select(world => group.Of(world[k])).ToArray()).ToArray())];
            return new Curve(name, perWorld, [.. perWorld.Select(group => group.Select(Worlds.Mean).ToArray())]);
        }
    }

    /// <summary>[group][number of steps][world], and means over worlds.</summary>
    private sealed record Curve(string Sharing, double[][][] PerWorld, MeanInterval[][] Means)
    {
        /// <summary>The last number of steps up to which the means of chosen and of rejected are above 0; 0 where there is none.</summary>
        public int SmallSteps => steps.TakeWhile((_, k) => Means[0][k].Mean > 0 && Means[1][k].Mean > 0).LastOrDefault();
    }

    private static ResultTable Table(Curve[] curves) => new(
        "figure4", "r_SELM - r_DPO over optimiser steps in exact worlds, on held-out pairs",
        [new("policies", Format: ""), new("optimiser steps", Format: "0"), .. groups.Select(group => new Column(group.Name, Format: "+0.0000;-0.0000"))],
        [.. curves.SelectMany(curve => steps.Select((count, k) => (IReadOnlyList<Cell>)
            [Cell.Text(curve.Sharing), count, .. curve.Means.Select(means => means[k].ToCell())]))])
    {
        Notes =
        [
            $"alpha = {Shown.Plain(Alpha)}; means over worlds with 95 % intervals. 150 steps are the fit of the online study; by then nothing moves any more.",
            "y is the reference's greedy response, which the bonus pushes down; \"all but y\" weighs all 63 other responses equally.",
        ],
    };

    private static Figure Draw(Curve[] curves, int worlds) => new(
        "figure4-exact", "Figure 4 in exact worlds: the sign is one of the number of steps",
        [.. curves.SelectMany(curve => new[] { Small(curve), Whole(curve) })])
    {
        Columns = 2,
        Caption = $"Mean of r_SELM - r_DPO over {worlds} worlds with 95 % intervals, alpha = {Shown.Plain(Alpha)}, from the same reference; an iteration of these worlds is 150 steps. "
            + "Few steps (left, enlarged): what the bonus takes from the greedy y goes to everything else, as in the paper's Figure 4. "
            + "Optimised to the end (right), chosen and rejected responses both lose.",
    };

    private static Panel Small(Curve curve)
    {
        var last = Array.IndexOf(steps, 5) + 1;
        return Lines(curve, last) with
        {
            Title = $"{curve.Sharing}, few steps",
            Annotations = curve.SmallSteps == 0 ? [new Rule(0)] : [new Region(steps[0], curve.SmallSteps, "small-step regime", Vertical: true), new Rule(0)],
        };
    }

    private static Panel Whole(Curve curve) => Lines(curve, steps.Length) with
    {
        Title = $"{curve.Sharing}, all steps",
        Annotations = curve.SmallSteps == 0 ? [new Rule(0)] : [new Region(steps[0], curve.SmallSteps, Vertical: true), new Rule(0)],
    };

    private static Panel Lines(Curve curve, int count) => new(
        new Axis("optimiser steps") { Log = true }, new Axis("r_SELM - r_DPO"),
        [.. groups.Select((group, g) => new LineTrace(group.Name, Origin.Measured, [.. steps.Take(count).Select(k => (double)k)], [.. curve.Means[g].Take(count).Select(m => m.Mean)])
        {
            Band = new Band([.. curve.Means[g].Take(count).Select(m => m.Low)], [.. curve.Means[g].Take(count).Select(m => m.High)]),
        })]) { Height = 150 };

    private static IEnumerable<ClaimRow> Claims(Curve curve, ClaimRules rules)
    {
        foreach (var k in new[] { 0, steps.Length - 1 })
        {
            foreach (var group in new[] { 0, 1 })
            {
                yield return rules[$"figure4-{curve.Sharing}-{groups[group].Name}-{steps[k]}"].Paired(curve.PerWorld[group][k]);
            }
        }
    }
}
