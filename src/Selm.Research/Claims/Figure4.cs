using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 4 in the lab language, joined with <see cref="Figure4Exact"/>: SELM's implicit rewards minus DPO's over optimiser
/// steps from the same reference, at the usual learning rate and at a tenth of it. An iteration is one pass over its pairs, as
/// everywhere (32 steps here); the curve goes over them four times. Derived in lesson 14.
/// </summary>
public static class Figure4
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure4";

    /// <summary>The alpha of figures and claims, on the paper's scale: the winning one.</summary>
    public const double Alpha = LabStudy.Alpha;

    /// <summary>Steps are small as long as mean sigma(-margin) of DPO is at least this; it starts at 0.5.</summary>
    public const double SmallSteps = 0.45;

    private const int Early = 3;
    private const int Iteration = 30; // the point of the curve nearest to the 32 steps of an iteration
    private const int FewSteps = 10;
    private const int Epochs = 4;
    private static readonly int[] steps = [1, Early, 10, Iteration, 100];
    private static readonly (string Name, Func<LabStudy, LabCellSpec> Cell)[] weights =
    [
        (Shown.Plain(Alpha), study => study.Selm(Alpha, LabJudge.Oracle)), (Shown.Plain(LabStudy.Large), study => study.Selm(LabStudy.Large, LabJudge.Oracle)),
        ("far: 0.03", study => study.FarBeyond(0.03, LabJudge.Oracle)), // the first recording's
    ];
    private static readonly (string Name, double Factor)[] rates = [("usual rate", 1), ("a tenth of it", 0.1)];

    private static readonly (string Name, Func<LabImplicitRewards, double[]> Of)[] groups =
        [("chosen", rewards => rewards.Chosen), ("rejected", rewards => rewards.Rejected), ("reference's answer", rewards => rewards.Own)];

    /// <summary>The cells, without seeds.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. rates.SelectMany(rate => weights.Select(weight => weight.Cell(study)).Prepend(study.IterativeDpo).Select(cell => CellOf(cell, rate.Factor)))];

    /// <summary>Tables, figures and claims of both halves.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="exact">What <see cref="Figure4Exact"/> came to.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules, ExperimentResult exact)
    {
        Curve[] curves = [.. rates.SelectMany(rate => weights.Select(weight => new Curve(records, rate.Name, rate.Factor, weight.Name, weight.Cell(records.Study))))];
        Curve[] Drawn(int weight) => [.. curves.Where(curve => curve.Weight == weights[weight].Name && curve.Pairs.Count > 0)];
        var (drawn, far) = (Drawn(0), Drawn(weights.Length - 1));
        return new ExperimentResult(
            Name,
            [.. exact.Tables, Table(records, curves), Favours(records, curves)],
            [
                .. exact.Figures, .. drawn.Length == 0 ? [] : new[] { Draw("figure4-lab", drawn), Sorted(drawn[0]) },
                .. far.Length == 0 ? [] : new[] { Draw("figure4-far", far) },
            ],
            [.. exact.Claims, .. Claims(records, curves[0], rules)]);
    }

    private static LabCellSpec CellOf(LabCellSpec cell, double factor)
    {
        cell = cell with { Ranker = LabJudge.Oracle, Iterations = 2, Epochs = Epochs };
        var (rate, counts) = (cell.Resolved().LearningRate!.Value, StepsOf(cell));
        return cell with { CurveSteps = counts, CurveLearningRate = factor == 1 ? null : factor * rate };
    }

    /// <summary>The numbers of steps that are looked at; the last is the end of all passes.</summary>
    internal static int[] StepsOf(LabCellSpec cell)
    {
        var last = Epochs * StepsOfIteration(cell);
        return [.. steps.Where(count => count < last), last];
    }

    private static int StepsOfIteration(LabCellSpec cell)
    {
        var resolved = cell.Resolved();
        return (resolved.PairsPerIteration!.Value + resolved.BatchSize!.Value - 1) / resolved.BatchSize.Value;
    }

    /// <summary>SELM and DPO on their way from the same reference, for the seeds that both finished.</summary>
    private sealed class Curve
    {
        private readonly LabRecords records;

        public Curve(LabRecords records, string rate, double factor, string weight, LabCellSpec selm)
        {
            (this.records, Rate, Weight) = (records, rate, weight);
            (Selm, Dpo) = (CellOf(selm, factor), CellOf(records.Study.IterativeDpo, factor));
            (Pairs, Steps) = (records.Pairs(Selm, Dpo), StepsOf(Selm));
        }

        public string Rate { get; }

        public string Weight { get; }

        public LabCellSpec Selm { get; }

        public LabCellSpec Dpo { get; }

        public IReadOnlyList<(LabCellResult One, LabCellResult Other)> Pairs { get; }

        public int[] Steps { get; }

        /// <summary>r_SELM - r_DPO, [seeds, prompts].</summary>
        public double[,] Gap(int count, Func<LabImplicitRewards, double[]> of) =>
            records.DifferencesByPrompt(Selm, Dpo, result => of(Point(result, count).Implicit));

        /// <summary>Implicit rewards of the reference's greedy answers under plain DPO, [seeds, prompts].</summary>
        public double[,] DpoOnReference(int count, double sign) =>
            LabRecords.Matrix([.. records.Of(Dpo).Select(result => Point(result, count).Implicit.Own.Select(reward => sign * reward).ToArray())]);

        public MeanInterval SigmaNegativeMargin(int count) => LabMeasures.Mean(Pairs.Select(pair => Point(pair.Other, count).SigmaNegativeMargin));

        /// <summary>What the favour of short responses is of SELM's minus DPO's, one number per seed.</summary>
        public double[] Favour(int count, Func<LabFavour, double> of) => [.. Pairs.Select(pair => of(Point(pair.One, count).Favour!) - of(Point(pair.Other, count).Favour!))];

        public MeanInterval DpoFavour(int count) => LabMeasures.Mean(Pairs.Select(pair => Point(pair.Other, count).Favour!.Slope));

        public MeanInterval Reward(int count) => LabMeasures.Mean(Pairs.Select(pair => Point(pair.One, count).MeanReward - Point(pair.Other, count).MeanReward));

        /// <summary>The last number of steps that are small; 0 where there is none.</summary>
        public int LastSmall => Steps.TakeWhile(count => SigmaNegativeMargin(count).Mean >= SmallSteps).LastOrDefault();
    }

    private static LabCurvePoint Point(LabCellResult result, int count) => result.Iterations[^1].Curve!.Single(point => point.Steps == count);

    private static IReadOnlyList<string> RanAway(LabRecords records) => LabCharts.RanAway(records, rates.SelectMany(rate =>
        weights.Select(weight => (weight.Name, Cell: weight.Cell(records.Study))).Prepend(("0", records.Study.IterativeDpo))
            .Select(weight => ($"alpha {weight.Item1}, {rate.Name}", CellOf(weight.Item2, rate.Factor)))));

    private static ResultTable Table(LabRecords records, Curve[] curves) => new(
        "figure4-lab", "r_SELM - r_DPO over optimiser steps, lab language, labels by the true reward",
        [
            new("rate"), new("alpha"), new("optimiser steps", Format: "0"), .. groups.Select(group => new Column(group.Name, Format: "+0.0000;-0.0000")),
            new("chosen above 0"), new("DPO: reference's answer", Format: "+0.0000;-0.0000"), new("sigma(-margin)", Format: "0.000"), new("r*, SELM minus DPO", Format: "+0.000;-0.000"),
        ],
        [.. curves.Where(curve => curve.Pairs.Count > 0).SelectMany(curve => curve.Steps.Select(count => (IReadOnlyList<Cell>)
            [
                Cell.Text(curve.Rate), Cell.Text(curve.Weight), count, .. groups.Select(group => LabMeasures.Mean(curve.Gap(count, group.Of)).ToCell()),
                curve.Gap(count, groups[0].Of).Cast<double>().Average(gap => gap > 0 ? 1.0 : 0), LabMeasures.Mean(curve.DpoOnReference(count, 1)).ToCell(),
                curve.SigmaNegativeMargin(count).ToCell(), curve.Reward(count).ToCell(),
            ]))])
    {
        Notes =
        [
            $"{Epochs} passes over the pairs of iteration 1, where an iteration elsewhere is one pass ({StepsOfIteration(curves[0].Selm)} steps), at a constant learning rate, so that a point does not depend on how many follow; implicit rewards of test prompts against the policy that the iteration began with. Means over {records.Study.Seeds} seeds and the prompts inside each, with 95 % intervals over seeds.",
            "The reference's answer is its greedy one, the same for every alpha and step. sigma(-margin): DPO's, on the training pairs of that step; near 0.5 steps are small.",
            $"{LabAlpha.Note([Alpha, LabStudy.Large], "oracle")} \"far\" is 0.03 of the lab's own scale, far beyond the paper's grid.",
            .. RanAway(records),
        ],
    };

    private static ResultTable Favours(LabRecords records, Curve[] curves) => new(
        "figure4-favour", "Whom a step favours: change of log pi(y) of short responses, regressed on r*",
        [
            new("rate"), new("alpha"), new("optimiser steps", Format: "0"), new("slope, DPO", Format: "0.0000"), new("slope, SELM minus DPO", Format: "+0.0000;-0.0000"),
            new("mean change, SELM minus DPO", Format: "+0.0000;-0.0000"), new("seeds", Format: "0"),
        ],
        [.. curves.Where(curve => curve.Pairs.Count > 0).SelectMany(curve => curve.Steps.Select(count => (IReadOnlyList<Cell>)
            [
                Cell.Text(curve.Rate), Cell.Text(curve.Weight), count, curve.DpoFavour(count).ToCell(), LabMeasures.Mean(curve.Favour(count, favour => favour.Slope)).ToCell(),
                LabMeasures.Mean(curve.Favour(count, favour => favour.Mean)).ToCell(), curve.Pairs.Count,
            ]))])
    {
        Notes =
        [
            "\"the T is W .\" with every W, to 24 test prompts: nearly all of it unseen. Slope: change of log pi(y) since the iteration began per unit of r*, within prompts; 0 favours all alike, above 0 the better gain more. SELM would favour less indiscriminately where its slope is above DPO's.",
            .. RanAway(records),
        ],
    };

    private static Figure Draw(string id, Curve[] curves) => new(
        id, $"Figure 4 in the lab language: SELM {curves[0].Weight} minus DPO over optimiser steps",
        [.. curves.SelectMany(curve => new[] { Lines(curve, FewSteps, "few steps"), Lines(curve, curve.Steps[^1], "all steps") })])
    {
        Columns = 2,
        Caption = $"Means over {curves[0].Pairs.Count} seeds and the test prompts with 95 % intervals; few steps are enlarged on the left. An iteration elsewhere is {StepsOfIteration(curves[0].Selm)} steps. Shaded: small steps, where DPO's mean sigma(-margin) is at least {Shown.Plain(SmallSteps)}.",
    };

    private static Panel Lines(Curve curve, int last, string title)
    {
        int[] counts = [.. curve.Steps.Where(count => count <= last)];
        var small = Math.Min(curve.LastSmall, last);
        return new Panel(
            new Axis("optimiser steps") { Log = true }, new Axis("r_SELM - r_DPO"),
            [.. groups.Select(group => LabCharts.Line(group.Name, [.. counts.Select(count => (double)count)], [.. counts.Select(count => LabMeasures.Mean(curve.Gap(count, group.Of)))]))])
        {
            Title = $"{curve.Rate}, {title}",
            Height = 130,
            Annotations = small <= counts[0] ? [new Rule(0)] : [new Region(counts[0], small, last == FewSteps ? "" : "small steps", Vertical: true), new Rule(0)],
        };
    }

    private static Figure Sorted(Curve curve) => new(
        "figure4-sorted", $"Figure 4 as the paper draws it: SELM {Shown.Plain(Alpha)} minus DPO, prompts sorted",
        [.. new[] { Math.Min(Early, curve.Steps[^1]), curve.Steps[^1] }.Select(count => new Panel(
            new Axis("prompts, sorted", "%"), new Axis("r_SELM - r_DPO"),
            [.. groups.Take(2).Select(group => Figure5V3.Ranked(group.Name, Rows(curve.Gap(count, group.Of))))])
        {
            Title = $"after {count} steps",
            Annotations = [new Rule(0)],
        })])
    {
        Columns = 2,
        Caption = $"Held-out pairs at the usual learning rate. Sorted within every seed, then averaged over {curve.Pairs.Count} seeds, with 95 % intervals. The two panels differ in scale.",
    };

    private static double[][] Rows(double[,] matrix) =>
        [.. Enumerable.Range(0, matrix.GetLength(0)).Select(row => Enumerable.Range(0, matrix.GetLength(1)).Select(column => matrix[row, column]).ToArray())];

    private static IEnumerable<ClaimRow> Claims(LabRecords records, Curve curve, ClaimRules rules)
    {
        var lost = LabCharts.Lost(records, ($"alpha {Shown.Plain(Alpha)}", curve.Selm), ("alpha 0", curve.Dpo));
        foreach (var (when, asked) in new[] { ("3", Early), ("30", Iteration), ("full", curve.Steps[^1]) })
        {
            var count = curve.Steps.Last(step => step <= asked);
            foreach (var group in groups.Take(2))
            {
                yield return rules[$"figure4-lab-{group.Name}-{when}"].Paired(curve.Gap(count, group.Of), count == asked ? lost : $"After {count} steps, the nearest of this budget. {lost}".Trim());
            }
        }
        foreach (var asked in new[] { Early, Iteration })
        {
            var count = curve.Steps.Last(step => step <= asked);
            yield return rules[$"figure4-lab-favouring-{asked}"].Paired(curve.Favour(count, favour => favour.Slope), lost);
        }
        yield return rules["figure4-reference-samples-fall"].Paired(curve.DpoOnReference(curve.Steps[^1], -1), LabCharts.Lost(records, ("alpha 0", curve.Dpo)));
    }
}
