using Selm.Research.Algorithm1;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 5 (the later edition's Figure 6) in the lab language: training settings around the lab's own, each for iterative DPO
/// and for SELM. Derived in lesson 15.
/// </summary>
public static class Figure5Grid
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure5-grid";

    private const double Bold = 0.01; // SELM's alpha where its queries are taken apart
    private const string Default = "as in the tables";
    private const string Replace = "compare and replace";
    private const string Sampled = "y sampled";

    private static readonly (string Name, Func<LabCellSpec, LabCellSpec> Change)[] settings =
    [
        (Default, cell => cell),
        ("6 iterations", cell => cell with { Iterations = 6 }),
        ("batches of 32", cell => cell with { BatchSize = 32 }),
        ("constant rate", cell => cell with { Schedule = ScheduleKind.Constant }),
        (Replace, cell => cell with { UpdateRule = UpdateRule.Replace }),
        (Sampled, cell => cell with { Sampled = true }),
        ("all data kept", cell => cell with { KeepData = true }),
        ("reference fixed", cell => cell with { FixedReference = true }),
    ];

    /// <summary>The cells, without seeds: 16 beside those that all experiments share.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) =>
    [
        .. settings.SelectMany(setting => new[] { study.IterativeDpo, study.Selm(LabStudy.Alpha) }.Select(setting.Change)),
        Stepwise(study), study.Selm(Bold), Swap(study),
    ];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        var study = records.Study;
        Difference[] bySetting = [.. settings.Select(setting => Compare(records, setting.Name, setting.Change(study.Selm(LabStudy.Alpha)), setting.Change(study.IterativeDpo)))];
        var (dpo, selm) = (study.IterativeDpo, study.Selm(LabStudy.Alpha));
        (string Id, Difference Difference)[] others =
        [
            ("figure5-grid-online-over-stepwise", Compare(records, "iterative DPO - stepwise DPO", dpo, Stepwise(study))),
            ("figure5-grid-best-worst-over-replace", Compare(records, "SELM 0.001, best/worst - replace", selm, Change(Replace)(selm))),
            ("figure5-grid-queries", Compare(records, "SELM 0.01 - its swap", study.Selm(Bold), Swap(study))),
            ("figure5-grid-sampling", Compare(records, "DPO, y sampled - SELM 0.001, greedy", Change(Sampled)(dpo), selm)),
        ];
        return new ExperimentResult(
            Name,
            [Settings(bySetting), Ablations([.. others.Select(other => other.Difference)])],
            LabCharts.Drawable(Draw(bySetting, [.. others.Select(other => other.Difference)])),
            [
                rules["figure5-grid-selm-over-dpo"].Ordered([.. bySetting.Select(setting => setting.PerSeed)], Smallest(bySetting)),
                .. others.Select(other => rules[other.Id].Paired(other.Difference.ByPrompt, other.Difference.Lost)),
            ]);
    }

    private static LabCellSpec Stepwise(LabStudy study) => study.Cell(LoopMethod.StepwiseDpo);

    private static LabCellSpec Swap(LabStudy study) => study.Selm(Bold) with { Swap = true };

    private static Func<LabCellSpec, LabCellSpec> Change(string setting) => settings.Single(row => row.Name == setting).Change;

    /// <summary>Two cells and the exact win rate of one minus the other's, by seed and prompt.</summary>
    private sealed record Difference(string Name, IReadOnlyList<LabCellResult> One, IReadOnlyList<LabCellResult> Other, double[,] ByPrompt, double[] PerSeed, string Lost)
    {
        public MeanInterval Mean { get; } = LabMeasures.Mean(ByPrompt);
    }

    private static Difference Compare(LabRecords records, string name, LabCellSpec one, LabCellSpec other) => new(
        name, records.Of(one), records.Of(other), records.DifferencesByPrompt(one, other, result => LabMeasures.ExactWinRates(result.Last!)),
        records.Differences(one, other, WinRate), LabCharts.Lost(records, ($"{name}, first", one), ($"{name}, second", other)));

    private static double WinRate(LabCellResult result) => result.Last!.ExactWinRate;

    private static double Reward(LabCellResult result) => result.Last!.MeanReward;

    private static string Smallest(Difference[] differences)
    {
        var known = differences.Where(difference => difference.PerSeed.Length > 0).ToArray();
        return string.Join(' ', known.Length == 0 ? [] : new[] { $"Smallest: {known.MinBy(difference => difference.PerSeed.Average())!.Name}." }
            .Concat(differences.Select(difference => difference.Lost).Where(lost => lost.Length > 0)));
    }

    private static ResultTable Settings(Difference[] differences) => new(
        Name, "SELM 0.001 and iterative DPO under other training settings, after the last iteration",
        [
            new("setting"), new("win rate, DPO", Format: "0.000"), new("win rate, SELM", Format: "0.000"), new("r*, DPO"), new("r*, SELM"),
            new("SELM minus DPO", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("seeds", Format: "0"),
        ],
        [.. differences.Select(row => (IReadOnlyList<Cell>)
            [
                Cell.Text(row.Name), row.Other.Share(WinRate).ToShareCell(), row.One.Share(WinRate).ToShareCell(), row.Other.Mean(Reward).ToCell(), row.One.Mean(Reward).ToCell(),
                .. Paired(row),
            ])])
    {
        Notes =
        [
            "Exact win rates; differences are paired by seed and prompt. Every setting changes one thing of the lab's own: 4 iterations, batches of 64, cosine, best/worst, greedy y, new data and a new reference every iteration.",
            .. differences.Select(row => row.Lost.Replace(", first", ", SELM", StringComparison.Ordinal).Replace(", second", ", DPO", StringComparison.Ordinal)).Where(lost => lost.Length > 0),
        ],
    };

    private static ResultTable Ablations(Difference[] differences) => new(
        "figure5-grid-ablations", "What else the update is made of",
        [
            new("comparison"), new("first", Format: "0.000"), new("second", Format: "0.000"),
            new("difference", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("seeds", Format: "0"),
        ],
        [.. differences.Select(row => (IReadOnlyList<Cell>)[Cell.Text(row.Name), row.One.Share(WinRate).ToShareCell(), row.Other.Share(WinRate).ToShareCell(), .. Paired(row)])])
    {
        Notes =
        [
            "Exact win rates of the first minus the second. Stepwise DPO moves the reference but asks for no new responses; the swap has SELM's loss and the queries of its alpha = 0 twin.",
            .. differences.Select(row => row.Lost).Where(lost => lost.Length > 0),
        ],
    };

    private static IEnumerable<Cell> Paired(Difference row) =>
        [row.Mean.ToCell(), LabCharts.Median(row.PerSeed), LabMeasures.Detectable(row.Mean, row.PerSeed.Length), row.PerSeed.Length];

    private static Figure Draw(Difference[] bySetting, Difference[] others) => new(
        Name, "Figure 5: does the training setting decide?",
        [.. new[] { Forest("SELM 0.001 minus iterative DPO", bySetting), Forest("other comparisons", others) }.OfType<Panel>()])
    {
        Caption = "Difference of exact win rates after the last iteration, paired by seed and prompt, with 95 % intervals; small dots are seeds.",
    };

    private static Panel? Forest(string name, Difference[] differences)
    {
        Difference[] known = [.. differences.Where(difference => difference.PerSeed.Length > 0)];
        return known.Length == 0 ? null : new Panel(
            new Axis("difference of win rates"), new Axis("setting") { Categories = [.. known.Select(row => row.Name)] },
            [
                new ScatterTrace(name, Origin.Measured, [.. known.Select(row => row.Mean.Mean)], [.. known.Select((_, k) => (double)k)])
                {
                    XErrors = LabCharts.Ends([.. known.Select(row => row.Mean)]),
                    Seeds = [.. known.Select(row => row.PerSeed)],
                },
            ]) { Height = 24 * known.Length, Annotations = [new Rule(0, Vertical: true)] };
    }
}
