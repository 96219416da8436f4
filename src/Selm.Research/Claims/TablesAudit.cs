// What the printed tables themselves say. No model runs: every number here is arithmetic on data/paper, set against the
// noise that AlpacaEval itself reports. The rule of the verdicts is at Verdict and VerdictForAll and looks at nothing else.
using MathNet.Numerics.Distributions;
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>The experiment tables-audit: Table 1, Figure 2 and the model cards, held against their own noise. Derived in lesson 10.</summary>
public static partial class TablesAudit
{
    /// <summary>The name of the experiment.</summary>
    public const string Name = "tables-audit";

    /// <summary>Prompts of AlpacaEval 2.0.</summary>
    public const int Prompts = 805;

    /// <summary>The smallest and the largest standard error published for AlpacaEval 2.0 win rates of 15 to 30 %, in points.</summary>
    public const double StandardErrorLow = 1.1, StandardErrorHigh = 1.3;

    /// <summary>The largest difference between two MT-Bench runs of one model that has been reported, in points.</summary>
    public const double MtBenchNoise = 0.3;

    private const double StandardError = (StandardErrorLow + StandardErrorHigh) / 2;
    private const double Confidence = 0.95;
    private const string Zephyr = "zephyr", Llama = "llama3-it", Iterative = "iterative DPO", Selm = "SELM";

    private static readonly double critical = Normal.InvCDF(0, 1, (1 + Confidence) / 2);

    /// <summary>Runs the audit.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="paperFolder">The folder data/paper.</param>
    /// <exception cref="InputException">A file of the folder is missing or broken.</exception>
    public static ExperimentResult Run(ClaimRules rules, string paperFolder)
    {
        var paper = PaperTables.Read(paperFolder);
        return new(
            Name,
            [StepTable(paper), IterationTable(paper), SureTable(paper), DataTable(paper), SymmetryTable(paper), CardTable(paper)],
            [WaterfallFigure(paper), DifferenceFigure(paper), IterationFigure(paper), PairwiseFigure(paper)],
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

    /// <summary>
    /// The verdict on one comparison: supported if the difference in the claimed direction exceeds 1.96 standard errors,
    /// contradicted by the table if it exceeds them in the other direction, else inside noise.
    /// </summary>
    /// <param name="difference">Positive in the claimed direction.</param>
    /// <param name="standardError">Of the difference.</param>
    public static string Verdict(double difference, double standardError) =>
        difference >= critical * standardError ? "supported"
        : difference <= -critical * standardError ? "contradicted by the table"
        : "inside noise";

    /// <summary>
    /// The verdict on a claim about every one of several comparisons: one printed comparison that does not go the claimed way
    /// contradicts it; otherwise the smallest difference is judged as <see cref="Verdict"/> does.
    /// </summary>
    /// <param name="differences">Positive in the claimed direction.</param>
    /// <param name="standardError">Of each difference.</param>
    public static string VerdictForAll(IReadOnlyList<double> differences, double standardError) =>
        differences.Any(d => d <= 0) ? "contradicted by the table" : Verdict(differences.Min(), standardError);

    /// <summary>
    /// The standard error of the difference of two win rates on the same prompts. The per-prompt numbers are not printed, so the
    /// correlation between the two models is unknown; 0 is the cautious choice.
    /// </summary>
    /// <param name="standardError">Of each win rate, in points.</param>
    /// <param name="correlation">Between the two models' preferences over prompts.</param>
    public static double OfDifference(double standardError, double correlation = 0) => standardError * Math.Sqrt(2 * (1 - correlation));

    // The standard error of a printed head-to-head win rate: preferences lie between 0 and 1, so the binomial one is an upper limit.
    private static double OfWinRate(double percent) => 100 * Math.Sqrt(percent / 100 * (1 - (percent / 100)) / Prompts);

    private static double Detectable(double standardError) =>
        Statistics.MinimumDetectableDifference(Prompts, standardError * Math.Sqrt(Prompts));

    // Printed numbers have two decimals; so have their sums and differences.
    private static double Points(double value) => Math.Round(value, 2, MidpointRounding.AwayFromZero);

    private static string Title(string family) => family == Zephyr ? "Zephyr-7B" : "Llama-3-8B-Instruct";

    private static double SelmMinusDpo(PaperTables paper, string family, int iteration) =>
        Points(paper.Printed(family, Selm, iteration).LcWinRate - paper.Printed(family, Iterative, iteration).LcWinRate);

    private static double MtBenchGain(PaperTables paper, string family) =>
        Points(paper.Printed(family, Selm, 3).MtBench - paper.Printed(family, Iterative, 3).MtBench);

    private static double TotalGain(PaperTables paper, string family) =>
        Points(Waterfall(paper, family).Where(step => !step.Total).Sum(step => step.Value));
}
