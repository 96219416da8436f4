// What the printed tables themselves say. No model runs: every number here is arithmetic on data/paper, set against the noise of
// the tests (TablesAudit.Noise.cs) by ClaimRule.Printed, which looks at nothing else.
using Selm.Research.Figures;

namespace Selm.Research.Claims;

/// <summary>The experiment tables-audit: Tables 1 and 2, Figure 2 and the model cards, held against their own noise. Derived in lesson 10.</summary>
public static partial class TablesAudit
{
    /// <summary>The name of the experiment.</summary>
    public const string Name = "tables-audit";

    private const string Zephyr = "zephyr", Llama = "llama3-it", Iterative = "iterative DPO", Selm = "SELM";

    /// <summary>Runs the audit.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="paperFolder">The folder data/paper.</param>
    /// <exception cref="InputException">A file of the folder is missing or broken.</exception>
    public static ExperimentResult Run(ClaimRules rules, string paperFolder)
    {
        var paper = PaperTables.Read(paperFolder);
        return new(
            Name,
            [
                StepTable(paper), PrintedTable1(paper), LengthTable(paper), OthersTable(paper), IterationTable(paper), SureTable(paper), DataTable(paper),
                SymmetryTable(paper), CardTable(paper), PrintedTable2(paper), ChangeTable(paper), NoiseTable(),
            ],
            [
                WaterfallFigure(paper), DifferenceFigure(paper), IterationFigure(paper), LengthFigure(paper), OthersFigure(paper), PairwiseFigure(paper),
                ChangeFigure(paper),
            ],
            Claims(paper, rules));
    }

    /// <summary>How Table 1 gets from the base model to SELM's third iteration, in length-controlled points.</summary>
    /// <param name="paper">The printed numbers.</param>
    /// <param name="family">zephyr or llama3-it.</param>
    public static IReadOnlyList<WaterfallStep> Waterfall(PaperTables paper, string family)
    {
        (string Label, PaperScore Score)[] stages = family == Zephyr
            ? [("SFT model", paper.Printed(family, "SFT")), ("DPO on the first portion", paper.Printed(family, "DPO")),
                ("going online (iterative DPO)", paper.Printed(family, Iterative, 3)), ("optimism (SELM)", paper.Printed(family, Selm, 3))]
            : [("Instruct model", paper.Printed(family, "base")), ("going online (iterative DPO)", paper.Printed(family, Iterative, 3)),
                ("optimism (SELM)", paper.Printed(family, Selm, 3))];
        return
        [
            new(stages[0].Label, stages[0].Score.LcWinRate, Total: true),
            .. stages.Zip(stages.Skip(1), (before, after) => new WaterfallStep(after.Label, Points(after.Score.LcWinRate - before.Score.LcWinRate))),
            new("SELM iteration 3", stages[^1].Score.LcWinRate, Total: true),
        ];
    }

    /// <summary>Cells of Figure 2 above the diagonal that do not add up to 100 with their mirror image.</summary>
    /// <param name="table">One half of Figure 2.</param>
    /// <returns>Row, column (row before column), and the sum minus 100, in points.</returns>
    public static IReadOnlyList<(int Row, int Column, double Excess)> NotAntisymmetric(PairwiseWinRates table) =>
    [
        .. from row in Enumerable.Range(0, table.Models.Count)
           from column in Enumerable.Range(row, table.Models.Count - row)
           let excess = Points(table.WinRates[row][column] + table.WinRates[column][row] - 100)
           where excess != 0
           select (row, column, excess),
    ];

    // Printed numbers have two decimals; so have their sums and differences.
    private static double Points(double value) => Math.Round(value, 2, MidpointRounding.AwayFromZero);

    private static string Title(string family) => family == Zephyr ? "Zephyr-7B" : "Llama-3-8B-Instruct";

    private static double SelmMinusDpo(PaperTables paper, string family, int iteration) =>
        Points(paper.Printed(family, Selm, iteration).LcWinRate - paper.Printed(family, Iterative, iteration).LcWinRate);

    private static double MtBenchLead(PaperTables paper, string family) =>
        Points(paper.Printed(family, Selm, 3).MtBench - paper.Printed(family, Iterative, 3).MtBench);

    private static PaperScore Base(PaperTables paper, string family) => paper.Printed(family, family == Zephyr ? "SFT" : "base");

    // What the iterations start from: Zephyr-7B after DPO on the first portion, Llama-3-8B-Instruct as it is.
    private static string StartMethod(string family) => family == Zephyr ? "DPO" : "base";

    private static double MtBenchGain(PaperTables paper, string family) =>
        Points(paper.Printed(family, Selm, 3).MtBench - Base(paper, family).MtBench);

    private static double TotalGain(PaperTables paper, string family) =>
        Points(Waterfall(paper, family).Where(step => !step.Total).Sum(step => step.Value));
}
