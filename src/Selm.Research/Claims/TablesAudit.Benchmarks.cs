using Selm.Research.Figures;

namespace Selm.Research.Claims;

// Table 2: six benchmarks and their printed average.
public static partial class TablesAudit
{
    private static PaperBenchmarks Selm2(PaperTables paper, string family, int iteration) => paper.Benchmarks($"SELM Iter {iteration} ({Short(family)})");

    private static PaperBenchmarks Dpo2(PaperTables paper, string family, int iteration) => paper.Benchmarks($"DPO Iter {iteration} ({Short(family)})");

    private static PaperBenchmarks Base2(PaperTables paper, string family) => paper.Benchmarks(Base(paper, family).Model);

    // What the iterations start from.
    private static PaperBenchmarks Start2(PaperTables paper, string family) => paper.Benchmarks(paper.Printed(family, StartMethod(family)).Model);

    private static IEnumerable<Step> Changes(PaperBenchmarks before, PaperBenchmarks after) => Enumerable.Range(0, Benchmarks.Count).Select(b =>
        new Step($"{Benchmarks[b].Name}, {before.Model} to {after.Model}", Points(after.Scores[b] - before.Scores[b]), OfScores(b, before.Scores[b], after.Scores[b])));

    private static Step AverageLead(string name, PaperBenchmarks one, PaperBenchmarks other) => new(name, Points(one.Average - other.Average), OfAverages(one, other));

    private static IEnumerable<ClaimRow> OfTable2(PaperTables paper, ClaimRules rules) =>
    [
        .. families.Select(family => Most(rules[$"tables-benchmarks-most-{family}"], [.. Changes(Base2(paper, family), Selm2(paper, family, 3))])),
        .. families.Select(family => Best(rules[$"tables-benchmarks-best-{family}"], paper, family)),
        Tax(rules["tables-alignment-tax-selm"], [.. families.Select(family => (Start2(paper, family), Selm2(paper, family, 3)))],
            $"Against the base models {Below(paper, Selm2)} of {families.Length * iterations.Length * Benchmarks.Count} printed scores of SELM are lower."),
        Tax(rules["tables-alignment-tax-baselines"],
        [
            .. families.Select(family => (Start2(paper, family), Dpo2(paper, family, 3))),
            (Base2(paper, Zephyr), Start2(paper, Zephyr)),
            .. others.Where(other => paper.Table2.Any(row => row.Model == other.Model)).Select(other => (paper.Benchmarks(other.Base), paper.Benchmarks(other.Model))),
        ], $"Against the base models {Below(paper, Dpo2)} of {families.Length * iterations.Length * Benchmarks.Count} printed scores of iterative DPO are lower."),
    ];

    // Four of six are most: the claim stands or falls with the fourth best.
    private static ClaimRow Most(ClaimRule rule, IReadOnlyList<Step> changes)
    {
        var fourth = changes.OrderByDescending(change => change.Z).ElementAt(changes.Count / 2);
        return One(rule, fourth.Change, fourth.Error,
            $"{fourth.Name}. As printed {changes.Count(change => change.Change > 0)} of {changes.Count} rise, {changes.Count(change => change.Z > critical)} of them beyond noise; {changes.Count(change => change.Z < -critical)} fall beyond noise.");
    }

    private static ClaimRow Best(ClaimRule rule, PaperTables paper, string family)
    {
        var selm = iterations.Select(k => Selm2(paper, family, k)).MaxBy(row => row.Average)!;
        var rival = iterations.Select(k => Dpo2(paper, family, k)).Append(Start2(paper, family)).Append(Base2(paper, family)).MaxBy(row => row.Average)!;
        var best = paper.Table2.MaxBy(row => row.Average)!;
        return Every(rule, [AverageLead($"{selm.Model} {Text(selm.Average)}, {rival.Model} {Text(rival.Average)}", selm, rival)],
            $"Of all printed averages that of {best.Model} is the highest, {Text(best.Average)}.");
    }

    // Somewhere among many there is a fall: the largest one is judged, with an error that counts how many there were to choose from.
    private static ClaimRow Tax(ClaimRule rule, IReadOnlyList<(PaperBenchmarks Before, PaperBenchmarks After)> pairs, string note)
    {
        Step[] falls = [.. pairs.SelectMany(pair => Changes(pair.After, pair.Before).Zip(Changes(pair.Before, pair.After), (fall, change) => fall with { Name = change.Name }))];
        var largest = falls.MaxBy(fall => fall.Z)!;
        return One(rule, largest.Change, OfLargest(largest.Error, falls.Length), $"The largest fall of {falls.Length} changes: {largest.Name}; its error counts that it was chosen. {note}");
    }

    private static int Below(PaperTables paper, Func<PaperTables, string, int, PaperBenchmarks> row) =>
        families.Sum(family => iterations.Sum(k => Changes(Base2(paper, family), row(paper, family, k)).Count(change => change.Change < 0)));

    private static ResultTable PrintedTable2(PaperTables paper) => new(
        "tables-audit-table2", "Table 2 as printed, and whether its averages are those of its columns",
        [new("model"), .. Benchmarks.Select(benchmark => new Column(benchmark.Name, Format: "0.0")), new("average", Format: "0.0"), new("mean of the six"), new("average minus mean", Format: "+0.00;-0.00")],
        [
            .. paper.Table2.Select(row => (IReadOnlyList<Cell>)
                [row.Model, .. row.Scores.Select(Cell.Number), MeanOfColumns(row), Points(row.Average - MeanOfColumns(row))]),
        ])
    {
        Notes = [$"Columns and average are rounded to 0.1, so up to 0.10 may lie between them: {paper.Table2.Count(IsMeanOfColumns)} of {paper.Table2.Count} averages are means of their columns by that."],
    };

    private static double MeanOfColumns(PaperBenchmarks row) => row.Scores.Take(Benchmarks.Count).Average();

    /// <summary>Whether a printed average can be the mean of the printed columns: both are rounded to 0.1, so 0.10 may lie between.</summary>
    /// <param name="row">A row of Table 2.</param>
    public static bool IsMeanOfColumns(PaperBenchmarks row) => Math.Abs(row.Average - MeanOfColumns(row)) < 0.1 + 1e-9;

    private static ResultTable ChangeTable(PaperTables paper)
    {
        IReadOnlyList<Cell> Row(PaperBenchmarks after, PaperBenchmarks before) =>
        [
            $"{after.Model} minus {before.Model}", .. Changes(before, after).Select(change => Cell.PlusMinus(change.Change, critical * change.Error)),
            Cell.PlusMinus(Points(after.Average - before.Average), critical * OfAverages(after, before)),
        ];
        return new("tables-audit-changes", "Table 2: changes with the noise of each test set",
            [new("difference"), .. Benchmarks.Select(benchmark => new Column(benchmark.Name, "points", "+0.0;-0.0")), new("average", "points", "+0.0;-0.0")],
            [
                .. families.SelectMany(family => new[] { Base2(paper, family), Start2(paper, family), Dpo2(paper, family, 3) }.Distinct().Select(before => Row(Selm2(paper, family, 3), before))),
                .. families.Select(family => Row(Dpo2(paper, family, 3), Start2(paper, family))),
                .. others.Where(other => paper.Table2.Any(row => row.Model == other.Model)).Select(other => Row(paper.Benchmarks(other.Model), paper.Benchmarks(other.Base))),
            ])
        {
            Notes = [$"95 % intervals with binomial errors: {string.Join(", ", Benchmarks.Select(benchmark => $"{benchmark.Name} {benchmark.Questions}"))} questions; models as uncorrelated over questions."],
        };
    }

    private static Figure ChangeFigure(PaperTables paper) => new("tables-audit-changes", "Table 2: SELM's last iteration minus others",
    [
        .. families.Select(family => new Panel(new("difference", "points"), new("benchmark") { Categories = [.. Benchmarks.Select(benchmark => benchmark.Name)] },
        [
            Differences("minus the base model", Base2(paper, family), Selm2(paper, family, 3), -0.2),
            .. family == Zephyr ? [Differences("minus Zephyr-7B-DPO, where it starts", Start2(paper, family), Selm2(paper, family, 3), 0)] : Array.Empty<Trace>(),
            Differences("minus iterative DPO", Dpo2(paper, family, 3), Selm2(paper, family, 3), 0.2),
        ])
        {
            Title = Title(family),
            Annotations = [new Rule(0, Vertical: true)],
            Height = 190,
        }),
    ])
    {
        Caption = "95 % intervals with binomial errors of each test set, models as uncorrelated over questions. EQ-Bench has 171 questions, HellaSwag 10,042.",
    };

    private static ScatterTrace Differences(string name, PaperBenchmarks before, PaperBenchmarks after, double shift)
    {
        Step[] changes = [.. Changes(before, after)];
        return new(name, Origin.Paper, [.. changes.Select(change => change.Change)], [.. changes.Select((_, b) => b + shift)])
        {
            XErrors = new([.. changes.Select(change => change.Change - (critical * change.Error))], [.. changes.Select(change => change.Change + (critical * change.Error))]),
        };
    }
}
