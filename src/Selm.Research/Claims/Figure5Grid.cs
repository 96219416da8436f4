using Selm.Research.Algorithm1;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 5 of the first edition (the later edition's Figure 6) in the lab language: iterative DPO alone under other numbers of
/// iterations at equal data, batch sizes, learning-rate cycles and update rules, with stepwise DPO; SELM stands beside the
/// default as the kit's own row. Derived in lesson 15.
/// </summary>
public static class Figure5Grid
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure5-grid";

    private const string Iterations = "iterations at equal data", Batch = "batch size", Cycle = "learning-rate cycle", Update = "update rule";
    private const string Selm = "SELM 0.001";
    private static readonly int[] iterations = [2, 3, 4, 6, 8];
    private static readonly int[] batches = [16, 32, 64, 128];

    /// <summary>One bar of the paper's figure; the default stands in every group.</summary>
    private sealed record Setting(string Group, string Name, LabCellSpec Cell);

    /// <summary>The cells, without seeds: 12 beside those that other experiments share.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) =>
    [
        .. Settings(study).Select(setting => setting.Cell), study.Selm(LabStudy.Large), Swap(study), Sampled(study),
    ];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        var study = records.Study;
        Row[] rows = [.. Settings(study).Select(setting => Row.Of(records, setting))];
        (string Id, Difference Difference)[] kit =
        [
            ("figure5-grid-queries", Difference.Of(records, "SELM 0.01 - its swap", study.Selm(LabStudy.Large), Swap(study))),
            ("figure5-grid-sampling", Difference.Of(records, "DPO, y sampled - SELM 0.001, greedy", Sampled(study), study.Selm(LabStudy.Alpha))),
        ];
        return new ExperimentResult(
            Name,
            [Table(records, rows), Kit([.. kit.Select(row => row.Difference)])],
            LabCharts.Drawable(Draw(rows, study.Seeds)),
            [.. Claims(records, rows, rules), .. kit.Select(row => rules[row.Id].Paired(row.Difference.ByPrompt, row.Difference.Lost))]);
    }

    /// <summary>Pairs of an iteration so that all iterations together have as many as the default's four, up to rounding.</summary>
    internal static int PairsPerIteration(LabCellSpec usual, int iterations) =>
        (int)Math.Round(usual.Resolved().PairsPerIteration!.Value * usual.Resolved().Iterations!.Value / (double)iterations);

    private static Setting[] Settings(LabStudy study)
    {
        var dpo = study.IterativeDpo;
        var usual = dpo.Resolved();
        return
        [
            .. iterations.Select(count => new Setting(Iterations, Shown.Plain(count),
                count == usual.Iterations ? dpo : dpo with { Iterations = count, PairsPerIteration = PairsPerIteration(dpo, count) })),
            .. batches.Select(size => new Setting(Batch, Shown.Plain(size), size == usual.BatchSize ? dpo : dpo with { BatchSize = size })),
            new(Cycle, "constant", dpo with { Cycle = LabCycle.Constant }), new(Cycle, "linear", dpo with { Cycle = LabCycle.Linear }), new(Cycle, "last", dpo),
            new(Update, "best/worst", dpo), new(Update, "replace", dpo with { UpdateRule = UpdateRule.Replace }), new(Update, "stepwise", study.Cell(LoopMethod.StepwiseDpo)),
            new(Update, Selm, study.Selm(LabStudy.Alpha)),
        ];
    }

    private static LabCellSpec Sampled(LabStudy study) => study.IterativeDpo with { Sampled = true };

    private static LabCellSpec Swap(LabStudy study) => study.Selm(LabStudy.Large) with { Swap = true };

    /// <summary>Two cells and the exact win rate of one minus the other's, by seed and prompt.</summary>
    private sealed record Difference(string Name, IReadOnlyList<LabCellResult> One, IReadOnlyList<LabCellResult> Other, double[,] ByPrompt, double[] PerSeed, string Lost)
    {
        public MeanInterval Mean { get; } = LabMeasures.Mean(ByPrompt);

        public static Difference Of(LabRecords records, string name, LabCellSpec one, LabCellSpec other) => new(
            name, records.Of(one), records.Of(other), records.DifferencesByPrompt(one, other, result => LabMeasures.ExactWinRates(result.Last!)),
            records.Differences(one, other, WinRate), LabCharts.Lost(records, ($"{name}, first", one), ($"{name}, second", other)));
    }

    /// <summary>A setting, its finished seeds, and its differences from the default.</summary>
    private sealed record Row(Setting Setting, IReadOnlyList<LabCellResult> Results, Difference FromDefault)
    {
        public bool IsDefault { get; private init; }

        public static Row Of(LabRecords records, Setting setting) => new(
            setting, records.Of(setting.Cell), Difference.Of(records, $"{setting.Group} {setting.Name}", setting.Cell, records.Study.IterativeDpo))
        {
            IsDefault = setting.Cell == records.Study.IterativeDpo,
        };
    }

    private static double WinRate(LabCellResult result) => result.Last!.ExactWinRate;

    private static double Reward(LabCellResult result) => result.Last!.MeanReward;

    private static ResultTable Table(LabRecords records, Row[] rows) => new(
        Name, "Iterative DPO under other training settings, after the last iteration",
        [
            new("varied"), new("setting"), new("pairs of an iteration", Format: "0"), new("optimiser steps", Format: "0"), new("exact win rate", Format: "0.000"), new("r*"),
            new("minus default", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("seeds", Format: "0"),
        ],
        [.. rows.Select(row => (IReadOnlyList<Cell>)
            [
                Cell.Text(row.Setting.Group), Cell.Text(row.Setting.Name), row.Setting.Cell.Resolved().PairsPerIteration!.Value, Steps(row.Setting.Cell.Resolved()),
                row.Results.Share(WinRate).ToShareCell(), row.Results.Mean(Reward).ToCell(),
                .. row.IsDefault ? [Cell.Empty, Cell.Empty, Cell.Empty] : Paired(row.FromDefault).Take(3), row.Results.Count,
            ])])
    {
        Notes =
        [
            "Default: 4 iterations, of which the first is DPO on the offline pairs, batches of 64, the last iteration at a fifth of the learning rate, best/worst. Every other row changes one thing. Exact win rates; differences are paired by seed and prompt.",
            "Iterations: the same number of pairs in all, up to rounding, split into as many portions. Cycles: the learning rate's peak is the same in every iteration (constant), falls along a line to a fifth (linear), or is a fifth in the last iteration (last); within an iteration it warms up and falls along a cosine.",
            "Replace: y is compared with y_w alone and takes its place where it wins, else that of y_l. Stepwise DPO moves the reference but asks for no new responses. SELM 0.001 is the kit's own row: the paper's figure is of iterative DPO.",
            LabAlpha.Note([LabStudy.Alpha], "model"),
            .. LabCharts.RanAway(records, rows.Where(row => !row.IsDefault).Select(row => ($"{row.Setting.Group} {row.Setting.Name}", row.Setting.Cell)).Append(("default", records.Study.IterativeDpo))),
        ],
    };

    private static double Steps(LabCellSpec cell) => cell.Iterations!.Value * Math.Ceiling(cell.PairsPerIteration!.Value / (double)cell.BatchSize!.Value);

    private static ResultTable Kit(Difference[] differences) => new(
        "figure5-grid-kit", "The kit's own comparisons: queries and sampling",
        [
            new("comparison"), new("first", Format: "0.000"), new("second", Format: "0.000"),
            new("difference", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("seeds", Format: "0"),
        ],
        [.. differences.Select(row => (IReadOnlyList<Cell>)[Cell.Text(row.Name), row.One.Share(WinRate).ToShareCell(), row.Other.Share(WinRate).ToShareCell(), .. Paired(row)])])
    {
        Notes =
        [
            "Exact win rates of the first minus the second. The swap has SELM's loss and the queries of its alpha = 0 twin; y is greedy but where it is called sampled.",
            LabAlpha.Note([LabStudy.Alpha, LabStudy.Large], "model"),
            .. differences.Select(row => row.Lost).Where(lost => lost.Length > 0),
        ],
    };

    private static IEnumerable<Cell> Paired(Difference row) =>
        [row.Mean.ToCell(), LabCharts.Median(row.PerSeed), LabMeasures.Detectable(row.Mean, row.PerSeed.Length), row.PerSeed.Length];

    private static Figure Draw(Row[] rows, int seeds) => new(
        Name, "Figure 5: iterative DPO under other training settings",
        [.. rows.GroupBy(row => row.Setting.Group).Select(group => Panel(group.Key, [.. group.Where(row => row.Results.Count > 0)])).Where(panel => panel.Traces[0] is ScatterTrace { X.Count: > 0 })])
    {
        Columns = 2,
        Legend = false,
        Caption = $"Exact win rates after the last iteration, means over {seeds} seeds (more of the default) with 95 % intervals; small dots are seeds. Each panel changes one thing of the default, which is in every panel: 4 iterations, batches of 64, last, best/worst."
            + (rows.Any(row => row.Setting.Name == Selm && row.Results.Count > 0) ? $" {Selm} is the kit's own." : ""),
    };

    private static Panel Panel(string group, Row[] rows)
    {
        MeanInterval[] means = [.. rows.Select(row => row.Results.Share(WinRate))];
        return new Panel(
            new Axis(group) { Categories = [.. rows.Select(row => row.Setting.Name)] }, new Axis("exact win rate") { Bounds = AxisRange.Share },
            [
                new ScatterTrace("exact win rate", Origin.Measured, [.. rows.Select((_, k) => (double)k)], [.. means.Select(mean => mean.Mean)])
                {
                    Errors = LabCharts.Ends(means),
                    Seeds = [.. rows.Select(row => row.Results.Select(WinRate).ToArray())],
                },
            ]) { Height = 120 };
    }

    private static IEnumerable<ClaimRow> Claims(LabRecords records, Row[] rows, ClaimRules rules)
    {
        var study = records.Study;
        var dpo = study.IterativeDpo;
        LabCellSpec At(string group, string name) => rows.Single(row => row.Setting.Group == group && row.Setting.Name == name).Setting.Cell;
        ClaimRow Over(string id, string group, string name)
        {
            var difference = Difference.Of(records, $"default - {name}", dpo, At(group, name));
            return rules[id].Paired(difference.ByPrompt, difference.Lost);
        }

        yield return Over("figure5-grid-too-many-iterations", Iterations, "8");
        LabCellSpec[] sizes = [.. batches.Select(size => At(Batch, Shown.Plain(size)))];
        yield return rules["figure5-grid-batch-size"].Paired(ByOthers([.. Rates(records, sizes)]), LabCharts.Lost(records, sizes.Select((cell, k) => ($"batches of {batches[k]}", cell))));
        LabCellSpec[] cycles = [At(Cycle, "constant"), At(Cycle, "linear"), dpo];
        yield return rules["figure5-grid-decaying-cycle"].Paired(
            [.. Rates(records, cycles).Select(seed => ((seed[1] + seed[2]) / 2) - seed[0])], LabCharts.Lost(records, ("constant", cycles[0]), ("linear", cycles[1]), ("last", dpo)));
        yield return Over("figure5-grid-best-worst-over-replace", Update, "replace");
        yield return Over("figure5-grid-online-over-stepwise", Update, "stepwise");
    }

    // Final win rates [seed][cell] of the seeds that all cells finished.
    private static IEnumerable<double[]> Rates(LabRecords records, LabCellSpec[] cells)
    {
        var finished = cells.Select(cell => records.Of(cell).ToDictionary(result => result.Spec.Seed, WinRate)).ToArray();
        return finished[0].Keys.Order().Where(seed => finished.All(cell => cell.ContainsKey(seed))).Select(seed => finished.Select(cell => cell[seed]).ToArray());
    }

    /// <summary>
    /// What the best setting has more than the worst, seed by seed, where the other seeds say which they are: without an effect it
    /// is 0 on average, which the largest minus the smallest of a seed is not.
    /// </summary>
    /// <param name="rates">[seed][setting].</param>
    internal static double[] ByOthers(double[][] rates) =>
    [
        .. rates.Select((own, s) =>
        {
            double Others(int setting) => rates.Where((_, k) => k != s || rates.Length == 1).Average(seed => seed[setting]);
            int[] order = [.. Enumerable.Range(0, own.Length).OrderBy(Others)];
            return own[order[^1]] - own[order[0]];
        }),
    ];
}
