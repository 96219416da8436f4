using System.Globalization;
using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>
/// When does optimism pay? SELM with a weight alpha against the same method with alpha = 0, in the same worlds, while one
/// thing at a time is changed: parameter sharing, beta, the source of y, data kept, the reference, the number of rounds.
/// Derived in lesson 16.
/// </summary>
public static class Map
{
    private static readonly double[] alphas = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

    /// <summary>One row of the map: worlds of one size, and SELM as one of its relatives.</summary>
    private sealed record Setting(string Name, ExplorationSettings Sizes, Func<ExplorationMethod, ExplorationMethod> Change);

    private static readonly Setting[] settings =
    [
        new("as in the lab", new(), method => method),
        new("tabular", new() { Sharing = Sharing.Tabular }, method => method),
        new("beta 0.03", new() { Beta = 0.03 }, method => method),
        new("beta 0.3", new() { Beta = 0.3 }, method => method),
        new("y sampled", new(), method => method with { Query = QuerySource.Sample }),
        new("exact bonus", new(), method => method with { Bonus = BonusSource.Exact }),
        new("data kept", new(), method => method with { KeepData = true }),
        new("reference fixed", new(), method => method with { FixedReference = true }),
        new("kept and fixed", new(), method => method with { KeepData = true, FixedReference = true }),
        new("2 rounds", new() { Iterations = 2 }, method => method),
        new("12 rounds", new() { Iterations = 12 }, method => method),
    ];

    /// <summary>Runs every cell of the map in every world.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds, seeds 1000, 1001, ....</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        Row[] rows = [.. settings.Select(setting => Measure(setting, worlds, jobs, progress))];
        return new ExperimentResult(
            "map",
            [Table(rows, worlds)],
            [Draw(rows, worlds, rules[ClaimOf(settings[1].Name)].D)],
            [.. Claims(rows, rules)]);
    }

    /// <summary>A row: the gap without optimism and the weight of DPO's gradient there, what each alpha adds to it, and what the judged alpha adds world by world.</summary>
    private sealed record Row(string Name, MeanInterval Without, double Sigma, MeanInterval[] Added, double[] Judged);

    private static Row Measure(Setting setting, int worlds, int jobs, IProgress<StepProgress>? progress)
    {
        var plain = setting.Change(ExplorationMethod.IterativeDpo);
        ExplorationMethod[] methods = [plain, .. alphas.Select(alpha => setting.Change(ExplorationMethod.Selm(alpha)))];
        var study = Worlds.Study($"map, {setting.Name}", setting.Sizes, methods, worlds, jobs, progress);
        return new Row(
            setting.Name, Worlds.Mean(study[plain.Name].Select(Gap)), study[plain.Name].Average(result => result.ComparisonWeight),
            [.. methods.Skip(1).Select(method => Worlds.Mean(study.Differences(method.Name, plain.Name, Gap)))],
            study.Differences(setting.Change(ExplorationMethod.Selm(0.03)).Name, plain.Name, Gap));
    }

    private static double Gap(ExplorationResult result) => result.GreedyGap[^1];

    private static ResultTable Table(Row[] rows, int worlds) => new(
        "map", "Greedy gap with optimism minus without, in the same worlds",
        [new("setting"), new("gap at alpha 0", Format: "0.000"), new("sigma(-margin)", Format: "0.000"), .. alphas.Select(alpha => new Column($"alpha {Shown.Plain(alpha)}", Format: "+0.000;-0.000"))],
        [.. rows.Select(row => (IReadOnlyList<Cell>)[Cell.Text(row.Name), row.Without.ToCell(), row.Sigma, .. row.Added.Select(added => added.ToCell())])])
    {
        Notes =
        [
            $"{worlds} worlds, 95 % intervals; below 0 optimism pays. \"As in the lab\": shared parameters (log-linear), beta 0.1, greedy y, new data and a new reference in each of six rounds; every other row changes what it names (tabular: no parameter shared; exact bonus: over all y, the query stays greedy).",
            "Alphas are these worlds' own. sigma(-margin): the mean weight of DPO's gradient at alpha 0, half way through a fit; alpha beside it weighs as much as alpha 0.5/sigma in the paper's regime.",
            "66 cells: about three of them would leave 0 by chance alone.",
        ],
    };

    // Framed is what the claims call an effect: an interval that merely leaves out 0 may hold nothing but effects too small to matter.
    private static Figure Draw(Row[] rows, int worlds, double smallest)
    {
        HeatCell[] framed = [.. rows.SelectMany((row, r) => row.Added.Index().Where(cell => cell.Item.High < -smallest).Select(cell => new HeatCell(r, cell.Index)))];
        return new(
            "map", "When does optimism pay? Gain in greedy gap, by weight and setting",
            [
                new Panel(
                    new Axis("alpha (on the paper's scale, as in the lab)") { Categories = [.. alphas.Select(alpha => $"{Shown.Plain(alpha)} ({Paper(alpha, rows[0].Sigma)})")] }, new Axis("what is changed") { Categories = [.. rows.Select(row => row.Name)] },
                    [
                        new HeatMapTrace("greedy gap without optimism minus with", Origin.Measured, [.. rows.Select(row => (IReadOnlyList<double>)[.. row.Added.Select(added => -added.Mean)])])
                        {
                            Midpoint = 0,
                            Labels = [.. rows.Select(row => (IReadOnlyList<string>)[.. row.Added.Select(added => Shown.Signed(new MeanInterval(-added.Mean, -added.High, -added.Low)))])],
                            Framed = framed,
                        },
                    ]) { Height = 29 * rows.Length },
            ])
        {
            Caption = $"Means of {worlds} paired worlds, ± half the length of their 95 % intervals, in units of r*. Above 0 (blue) the bonus helps"
                + (framed.Length > 0 ? $"; framed: the whole interval lies above {Shown.Plain(smallest)}, the smallest effect of interest." : $"; no interval lies above {Shown.Plain(smallest)}, the smallest effect of interest.")
                + " One thing changed per row. In brackets: what weighs as much against DPO's gradient in the paper's regime, by sigma(-margin) of the first row.",
        };
    }

    private static string Paper(double alpha, double sigma) =>
        double.Parse((alpha * LabAlpha.PaperSigma / sigma).ToString("G2", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).ToString("0.####", CultureInfo.InvariantCulture);

    private static string ClaimOf(string setting) => $"map-{setting.Replace(' ', '-')}";

    // The first row is the online study itself, whose claim is exploration-selm-0.03: it is not counted again.
    private static IEnumerable<ClaimRow> Claims(Row[] rows, ClaimRules rules) => rows.Skip(1).Select(row =>
    {
        var best = row.Added.Index().MinBy(cell => cell.Item.Mean);
        return rules[ClaimOf(row.Name)].Paired(
            [.. row.Judged.Select(difference => -difference)], $"Lowest mean of the row: alpha {Shown.Plain(alphas[best.Index])}.");
    });
}
