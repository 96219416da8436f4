using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    private static readonly string[] families = [Zephyr, Llama];
    private static readonly int[] iterations = [1, 2, 3];

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
                CorrelationNeeded(difference), Statistics.PromptsNeeded(difference, OfDifference(StandardError) * Math.Sqrt(Prompts)),
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
        var rows = from table in paper.Figure2
                   from k in iterations
                   let rate = table.Of("SELM Iter 1", $"DPO Iter {k}")
                   select (IReadOnlyList<Cell>)
                   [
                       $"{Title(table.Family)}: SELM iteration 1 against iterative DPO, iteration {k}", (double)k, Cell.PlusMinus(rate, critical * OfWinRate(rate)),
                       (rate - 50) / OfWinRate(rate), Verdict(rate - 50, OfWinRate(rate)),
                   ];
        return new("tables-audit-data", "Does SELM beat iterative DPO that has seen more data? (Figure 2)",
            [new("comparison"), new("data of DPO, in data of SELM", Format: "0"), new("win rate", "LC %"), new("z"), new("verdict")], [.. rows])
        {
            Notes = ["95 % intervals with the binomial standard error, an upper limit for preferences between 0 and 1."],
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
