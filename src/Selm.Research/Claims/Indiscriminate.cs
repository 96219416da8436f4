using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>
/// "Indiscriminate favour of unseen extrapolations" (abstract, section 3.3) in exact worlds: after few optimiser steps the
/// change of log pi(y) of unseen responses is regressed on their true reward, for DPO and for SELM on the same comparisons. A
/// part of the experiment <c>figure4</c>. Derived in lesson 08.
/// </summary>
internal static class Indiscriminate
{
    /// <summary>SELM's weight of optimism: that of the other half of the experiment.</summary>
    internal const double Alpha = Figure4Exact.Alpha;

    /// <summary>The number of steps that the claims are about.</summary>
    internal const int FewSteps = 3;

    private const string LogLinear = "log-linear";
    private static readonly int[] steps = [1, 2, FewSteps, 5, 10, 30, 100, 150];

    /// <summary>Both methods in every world, with shared and with separate parameters.</summary>
    internal static ExperimentResult Run(ClaimRules rules, int worlds, int jobs, IProgress<StepProgress>? progress)
    {
        Curve[] curves = [Measure(Sharing.LogLinear, LogLinear), Measure(Sharing.Tabular, "tabular")];
        return new ExperimentResult("figure4", [Table(curves)], [Draw(curves[0], worlds)], [.. Claims(curves[0], curves[1], rules)]);

        Curve Measure(Sharing sharing, string name)
        {
            var settings = new ExplorationSettings { Sharing = sharing };
            var perWorld = Worlds.Each($"unseen responses, {name}", worlds, jobs, progress, seed =>
            {
                var world = new ExplorationWorld(seed, settings);
                return (Dpo: UnseenResponses.Of(world, 0, steps), Selm: UnseenResponses.Of(world, Alpha, steps));
            });
            return new Curve(name, [.. perWorld.Select(world => world.Dpo)], [.. perWorld.Select(world => world.Selm)]);
        }
    }

    /// <summary>[world][number of steps] of each method.</summary>
    private sealed record Curve(string Sharing, IReadOnlyList<UnseenChange>[] Dpo, IReadOnlyList<UnseenChange>[] Selm)
    {
        public double[] SlopesOfDpo(int k) => [.. Dpo.Select(world => world[k].Slope)];

        public double[] SlopesOfSelm(int k) => [.. Selm.Select(world => world[k].Slope)];

        public double[] MassesOfDpo(int k) => [.. Dpo.Select(world => world[k].Mass)];

        public double[] Differences(int k) => [.. SlopesOfSelm(k).Zip(SlopesOfDpo(k), (selm, dpo) => selm - dpo)];
    }

    private static ResultTable Table(Curve[] curves) => new(
        "figure4-unseen", "Unseen responses: does their change of log pi follow what they are worth?",
        [
            new("policies", Format: ""), new("optimiser steps", Format: "0"), new("slope on r*, DPO", Format: "+0.0000;-0.0000"), new("slope on r*, SELM", Format: "+0.0000;-0.0000"),
            new("SELM - DPO", Format: "+0.0000;-0.0000"), new("change of their mass, DPO", Format: "+0.000;-0.000"), new("SELM", Format: "+0.000;-0.000"),
        ],
        [.. curves.SelectMany(curve => steps.Select((count, k) => (IReadOnlyList<Cell>)
            [
                Cell.Text(curve.Sharing), count, Worlds.Mean(curve.SlopesOfDpo(k)).ToCell(), Worlds.Mean(curve.SlopesOfSelm(k)).ToCell(),
                Worlds.Mean(curve.Differences(k)).ToCell(), Worlds.Mean(curve.MassesOfDpo(k)).ToCell(),
                Worlds.Mean(curve.Selm.Select(world => world[k].Mass)).ToCell(),
            ]))])
    {
        Notes =
        [
            $"Unseen: neither y nor in a pair of its prompt. Slopes in nats per unit of r*, an intercept per prompt; 0 is indiscriminate. alpha = {Shown.Plain(Alpha)}; means over worlds with 95 % intervals.",
            "With separate parameters DPO moves an unseen response only through the normaliser, so all of a prompt move alike and its slope is 0; SELM's bonus raises each in proportion to its probability.",
        ],
    };

    private static Figure Draw(Curve curve, int worlds)
    {
        double[] places = [.. steps.Select(k => (double)k)];
        return new Figure("figure4-unseen", "Unseen responses: how far their change of log pi follows r*",
        [
            new Panel(
                new Axis("optimiser steps") { Log = true }, new Axis("slope on r*", "nats per unit of r*"),
                [Line("DPO", curve.SlopesOfDpo), Line("SELM", curve.SlopesOfSelm)]) { Height = 130, Annotations = [new Rule(0, "indiscriminate")] },
            new Panel(
                new Axis("optimiser steps") { Log = true }, new Axis("slope, SELM - DPO", "nats per unit of r*"),
                [Line("SELM - DPO", curve.Differences)]) { Height = 130, Annotations = [new Rule(0)] },
        ])
        {
            Columns = 2,
            Caption = $"Means over {worlds} {curve.Sharing} worlds with 95 % intervals, alpha = {Shown.Plain(Alpha)}, the same comparisons, from the same reference; an iteration of these worlds is 150 steps.",
        };

        LineTrace Line(string name, Func<int, double[]> perWorld)
        {
            MeanInterval[] means = [.. steps.Select((_, k) => Worlds.Mean(perWorld(k)))];
            return new LineTrace(name, Origin.Measured, places, [.. means.Select(mean => mean.Mean)]) { Band = new Band([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]) };
        }
    }

    private static IEnumerable<ClaimRow> Claims(Curve logLinear, Curve tabular, ClaimRules rules)
    {
        var (few, end) = (Array.IndexOf(steps, FewSteps), steps.Length - 1);
        yield return rules["indiscriminate-dpo"].Paired(logLinear.SlopesOfDpo(few), "0 in tabular worlds, by construction");
        yield return rules["indiscriminate-dpo-favours"].Paired(logLinear.MassesOfDpo(few));
        yield return rules["indiscriminate-selm-selects"].Paired(logLinear.SlopesOfSelm(few));
        yield return rules[$"indiscriminate-selm-less-{FewSteps}"].Paired(logLinear.Differences(few));
        yield return rules[$"indiscriminate-selm-less-{steps[end]}"].Paired(logLinear.Differences(end));
        yield return rules[$"indiscriminate-selm-less-tabular-{FewSteps}"].Paired(tabular.Differences(few));
    }
}
