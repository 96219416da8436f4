using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    private static ResultTable StepTable(PaperTables paper)
    {
        var rows = families.SelectMany(family => Waterfall(paper, family).Where(step => !step.Total).Select(step => (IReadOnlyList<Cell>)
        [
            Title(family), step.Label, Cell.PlusMinus(step.Value, critical * OfDifference(StandardError)), 100 * step.Value / TotalGain(paper, family),
        ]).Append([Title(family), "all steps", Cell.PlusMinus(TotalGain(paper, family), critical * OfDifference(StandardError)), 100.0]));
        return new("tables-audit-steps", "Where the length-controlled points of Table 1 come from",
            [new("model"), new("step"), new("change", "LC points", "+0.00;-0.00"), new("share of the whole", "%", "0")], [.. rows])
        {
            Notes = [$"95 % intervals for a standard error of {Numerals.Format(StandardError, "0.0")} points of each win rate, independent of each other."],
        };
    }

    private static ResultTable PrintedTable1(PaperTables paper) => new(
        "tables-audit-table1", "Table 1 as printed",
        [
            new("model"), new("LC win rate", "%"), new("win rate", "%"), new("length", "characters", "0"), new("MT-Bench"), new("turn 1"), new("turn 2"),
            new("MT-Bench minus mean of turns", Format: "+0.000;-0.000"),
        ],
        [
            .. paper.Table1.Select(row => (IReadOnlyList<Cell>)
                [row.Model, row.LcWinRate, row.WinRate, row.Length, row.MtBench, row.Turn1, row.Turn2, Math.Round(row.MtBench - ((row.Turn1 + row.Turn2) / 2), 4)]),
        ])
    {
        Notes = ["MT-Bench of SELM and the DPO models is a mean of 3 runs. A dash where the paper prints nothing."],
    };

    private static ResultTable LengthTable(PaperTables paper)
    {
        IReadOnlyList<Cell> Row(string what, PaperScore one, PaperScore other) =>
        [
            what, Cell.PlusMinus(Points(one.LcWinRate - other.LcWinRate), critical * OfDifference(StandardError)), Cell.PlusMinus(Points(one.WinRate - other.WinRate), critical * OfDifference(StandardError)),
            one.Length, other.Length, 100 * ((one.Length / other.Length) - 1),
            Cell.PlusMinus(Points(one.MtBench - other.MtBench), MtBenchNoise), Points(one.Turn1 - other.Turn1), Points(one.Turn2 - other.Turn2),
        ];
        return new("tables-audit-length", "Are the gains those of longer answers? And in which turn?",
        [
            new("difference"), new("LC", "points", "+0.00;-0.00"), new("raw", "points", "+0.00;-0.00"), new("its answers", "characters", "0"), new("the other's", "characters", "0"),
            new("longer by", "%", "+0.0;-0.0"), new("MT-Bench", Format: "+0.00;-0.00"), new("turn 1", Format: "+0.00;-0.00"), new("turn 2", Format: "+0.00;-0.00"),
        ],
        [
            .. families.Select(family => Row($"{Title(family)}: SELM iteration 3 minus the base model", paper.Printed(family, Selm, 3), Base(paper, family))),
            .. families.SelectMany(family => iterations.Select(k => Row($"{Title(family)}: SELM minus iterative DPO, iteration {k}", paper.Printed(family, Selm, k), paper.Printed(family, Iterative, k)))),
        ])
        {
            Notes = ["95 % intervals as in the table of assumed noise; for single turns none is known."],
        };
    }

    private static ResultTable OthersTable(PaperTables paper)
    {
        var rows = Gains(paper).Select(gain => (IReadOnlyList<Cell>)
        [
            gain.Model.Model, gain.Base.Model, Cell.PlusMinus(Points(gain.Model.LcWinRate - gain.Base.LcWinRate), critical * OfDifference(StandardError)),
            Cell.PlusMinus(Points(gain.Model.WinRate - gain.Base.WinRate), critical * OfDifference(StandardError)), Cell.PlusMinus(Points(gain.Model.MtBench - gain.Base.MtBench), MtBenchNoise),
        ]);
        var against = from model in larger.Append("GPT-4 Turbo (04/09)")
                      from family in families
                      let selm = paper.Printed(family, Selm, 3)
                      let row = paper.Row(model)
                      select (IReadOnlyList<Cell>)
                      [
                          selm.Model, row.Model, Cell.PlusMinus(Points(selm.LcWinRate - row.LcWinRate), critical * OfDifference(StandardError)),
                          Cell.PlusMinus(Points(selm.WinRate - row.WinRate), critical * OfDifference(StandardError)), Cell.PlusMinus(Points(selm.MtBench - row.MtBench), MtBenchNoise),
                      ];
        return new("tables-audit-others", "Table 1: gains of every method over its base, then SELM against larger models",
            [new("model"), new("minus"), new("LC win rate", "points", "+0.00;-0.00"), new("win rate", "points", "+0.00;-0.00"), new("MT-Bench", Format: "+0.00;-0.00")], [.. rows, .. against])
        {
            Notes = ["95 % intervals as in the table of assumed noise. SPIN's row names no base; Zephyr-7B-SFT is taken."],
        };
    }

    private static (PaperScore Model, PaperScore Base)[] Gains(PaperTables paper) =>
    [
        .. families.SelectMany(family => new[] { Selm, Iterative }.Select(method => (paper.Printed(family, method, 3), Base(paper, family)))),
        .. others.Select(other => (paper.Row(other.Model), paper.Row(other.Base))),
    ];

    private static ResultTable IterationTable(PaperTables paper)
    {
        var rows = from family in families
                   from k in iterations
                   let selm = paper.Printed(family, Selm, k)
                   let dpo = paper.Printed(family, Iterative, k)
                   let card = paper.Card(family, Selm, k)
                   select (IReadOnlyList<Cell>)
                   [
                       $"{Title(family)}, iteration {k}", selm.LcWinRate, dpo.LcWinRate, Cell.PlusMinus(SelmMinusDpo(paper, family, k), critical * OfDifference(StandardError)),
                       card.LcWinRate, selm.MtBench, dpo.MtBench, card.MtBench,
                   ];
        return new("tables-audit-iterations", "Is every iteration better than the one before?",
        [
            new("model"), new("SELM", "LC %"), new("iterative DPO", "LC %"), new("SELM minus DPO", "LC points", "+0.00;-0.00"), new("SELM, model card", "LC %"),
            new("SELM", "MT-Bench"), new("iterative DPO", "MT-Bench"), new("SELM, model card", "MT-Bench"),
        ], [.. rows]);
    }

    private static ResultTable SureTable(PaperTables paper)
    {
        IReadOnlyList<Cell> Row(string what, double difference)
        {
            var (low, high) = (OfDifference(StandardErrorLow), OfDifference(StandardErrorHigh));
            return
            [
                what, difference, Cell.Range(difference / high, difference / low), Cell.Range(Detectable(low), Detectable(high)),
                CorrelationNeeded(difference), Statistics.PromptsNeeded(Math.Abs(difference), OfDifference(StandardError) * Math.Sqrt(Prompts)),
            ];
        }
        return new("tables-audit-sure", $"How sure the printed gains are, with AlpacaEval's own standard error of {Numerals.Format(StandardErrorLow, "0.0")} to {Numerals.Format(StandardErrorHigh, "0.0")} points",
        [
            new("difference"), new("printed", "LC points", "+0.00;-0.00"), new("z"), new("detectable", "LC points"), new("correlation needed for z = 1.96"), new("prompts needed", Format: "0"),
        ], [.. families.SelectMany(family => new[]
        {
            Row($"{Title(family)}: SELM minus iterative DPO, iteration 3", SelmMinusDpo(paper, family, 3)),
            Row($"{Title(family)}: SELM minus the model it starts from", TotalGain(paper, family)),
        })])
        {
            Notes =
            [
                "z and detectable difference (5 % two-sided, 80 % power) for models whose preferences over prompts are uncorrelated; the per-prompt numbers are not printed.",
                "Correlation needed: how alike the two models' preferences over prompts would have to be for the printed difference to reach z = 1.96; a dash where it does without.",
                $"Prompts needed: to find the printed difference with 80 % power, in place of {Prompts}.",
            ],
        };
    }

    // s * sqrt(2 (1 - rho)) * 1.96 = difference, solved for rho; a difference that is large enough without correlation needs none.
    private static double CorrelationNeeded(double difference)
    {
        var ratio = difference / (critical * StandardError);
        var correlation = 1 - (ratio * ratio / 2);
        return correlation > 0 ? correlation : double.NaN;
    }

    private static ResultTable DataTable(PaperTables paper)
    {
        (int Selm, int Dpo)[] pairs = [.. iterations.Select(k => (k, k)), (1, 2), (1, 3)];
        var rows = from table in paper.Figure2
                   from pair in pairs
                   let first = table.Family == Zephyr ? 1.0 : 0
                   let rate = table.Of($"SELM Iter {pair.Selm}", $"DPO Iter {pair.Dpo}")
                   select (IReadOnlyList<Cell>)
                   [
                       $"{Title(table.Family)}: SELM iteration {pair.Selm} against iterative DPO, iteration {pair.Dpo}", (double)pair.Dpo / pair.Selm,
                       (pair.Dpo + first) / (pair.Selm + first), Cell.PlusMinus(rate, critical * OfWinRate(rate)), (rate - 50) / OfWinRate(rate),
                   ];
        return new("tables-audit-data", "Does SELM beat iterative DPO of the same iteration, or with more data? (Figure 2)",
        [
            new("comparison"), new("data of DPO over data of SELM, iterations", Format: "0.0"), new("with the first portion", Format: "0.0"),
            new("win rate", "LC %"), new("z"),
        ], [.. rows])
        {
            Notes =
            [
                "95 % intervals with the binomial standard error, an upper limit for preferences between 0 and 1.",
                "Zephyr-7B has one portion of plain DPO before the iterations; with it, iteration 3 and not iteration 2 of DPO has seen twice the data of SELM's iteration 1.",
            ],
        };
    }

    private static ResultTable SymmetryTable(PaperTables paper)
    {
        var rows = from table in paper.Figure2
                   from cell in NotAntisymmetric(table)
                   select (IReadOnlyList<Cell>)
                   [
                       $"{Title(table.Family)}: {table.Models[cell.Column]} against {table.Models[cell.Row]}", table.WinRates[cell.Column][cell.Row],
                       table.WinRates[cell.Row][cell.Column], cell.Excess,
                   ];
        var pairs = paper.Figure2.Sum(table => table.Models.Count * (table.Models.Count - 1) / 2);
        return new("tables-audit-symmetry", "Pairs of Figure 2 whose two printed win rates do not add up to 100",
            [new("pair"), new("printed", "LC %"), new("printed the other way round", "LC %"), new("sum minus 100", "points", "+0.00;-0.00")], [.. rows])
        {
            Notes = [$"Of {pairs} pairs of models."],
        };
    }

    private static ResultTable CardTable(PaperTables paper)
    {
        var rows = paper.ModelCards.Select(card => (Card: card, Table: paper.Printed(card.Family, card.Method, card.Iteration))).Select(pair => (IReadOnlyList<Cell>)
        [
            pair.Card.Model, pair.Table.LcWinRate, pair.Card.LcWinRate, Points(pair.Card.LcWinRate - pair.Table.LcWinRate),
            pair.Table.MtBench, pair.Card.MtBench, Points(pair.Card.MtBench - pair.Table.MtBench),
        ]);
        return new("tables-audit-cards", "Two reports of the same checkpoints: Table 1 and the model cards",
        [
            new("checkpoint"), new("Table 1", "LC %"), new("model card", "LC %"), new("card minus table", "LC points", "+0.00;-0.00"),
            new("Table 1", "MT-Bench"), new("model card", "MT-Bench"), new("card minus table", "MT-Bench", "+0.00;-0.00"),
        ], [.. rows]);
    }
}
