// How far a printed number may lie from what another run of its test would print. The paper prints no standard error at all:
// everything here is assumed by the kit, from what is known of the tests. Two models count as uncorrelated over the questions of a
// test; answers to the same questions are alike, so the true intervals are narrower, and no sentence is contradicted that they would not.
using MathNet.Numerics.Distributions;
using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    /// <summary>Prompts of AlpacaEval 2.0.</summary>
    public const int Prompts = 805;

    /// <summary>The smallest and the largest standard error published for AlpacaEval 2.0 win rates of 15 to 30 %, in points.</summary>
    public const double StandardErrorLow = 1.1, StandardErrorHigh = 1.3;

    /// <summary>The largest difference between two MT-Bench runs of one model that has been reported, in points.</summary>
    public const double MtBenchNoise = 0.3;

    private const double StandardError = (StandardErrorLow + StandardErrorHigh) / 2;

    private static readonly double critical = ClaimRule.Normal975;

    /// <summary>The benchmarks of Table 2 in its order, with the number of questions in each one's test set.</summary>
    public static IReadOnlyList<(string Name, int Questions)> Benchmarks { get; } =
        [("GSM8K", 1_319), ("HellaSwag", 10_042), ("ARC", 1_172), ("TruthfulQA", 817), ("EQ-Bench", 171), ("OpenBookQA", 500)];

    /// <summary>
    /// The standard error of the difference of two win rates on the same prompts. The per-prompt numbers are not printed, so the
    /// correlation between the two models is unknown; 0 is the cautious choice.
    /// </summary>
    /// <param name="standardError">Of each win rate, in points.</param>
    /// <param name="correlation">Between the two models' preferences over prompts.</param>
    public static double OfDifference(double standardError, double correlation = 0) => standardError * Math.Sqrt(2 * (1 - correlation));

    /// <summary>The standard error of the difference of two differences, such as two gains, of four win rates.</summary>
    private static double OfGap => Math.Sqrt(2) * OfDifference(StandardError);

    // A difference of two MT-Bench scores is beyond noise where it is larger than the largest one between two runs of one model.
    private static double OfMtBench => MtBenchNoise / critical;

    /// <summary>
    /// The binomial standard error of a score in percent, in points. Accuracies have it; for preferences and probabilities between 0 and
    /// 1, as behind win rates and TruthfulQA, it is an upper limit, because none of that mean varies more.
    /// </summary>
    /// <param name="percent">The score, 0 to 100.</param>
    /// <param name="questions">How many it is the mean of.</param>
    public static double Binomial(double percent, int questions) => Math.Sqrt(percent * (100 - percent) / questions);

    // Of a printed head-to-head win rate. Near 50 % it is 1.8 points; the kit takes the same for length control, whose own error is not printed.
    private static double OfWinRate(double percent) => Binomial(percent, Prompts);

    private static double OfScores(int benchmark, double one, double other) =>
        Math.Sqrt(Math.Pow(Binomial(one, Benchmarks[benchmark].Questions), 2) + Math.Pow(Binomial(other, Benchmarks[benchmark].Questions), 2));

    // Of the difference of two averages over the six benchmarks.
    private static double OfAverages(PaperBenchmarks one, PaperBenchmarks other) =>
        Math.Sqrt(Enumerable.Range(0, Benchmarks.Count).Sum(b => Math.Pow(OfScores(b, one.Scores[b], other.Scores[b]), 2))) / Benchmarks.Count;

    // The largest of m differences is beyond noise by chance about m times as often as one: its error is widened as Bonferroni does.
    private static double OfLargest(double error, int m) => error * Normal.InvCDF(0, 1, 1 - (0.025 / m)) / critical;

    private static double Detectable(double standardError) =>
        Statistics.MinimumDetectableDifference(Prompts, standardError * Math.Sqrt(Prompts));

    private static ResultTable NoiseTable() => new(
        "tables-audit-noise", "The noise that the kit assumes, because the paper prints none",
        [new("number"), new("standard error", "points"), new("where it is from")],
        [
            ["AlpacaEval 2.0 win rate against GPT-4, length-controlled or not", Cell.Range(StandardErrorLow, StandardErrorHigh), $"published for win rates of 15 to 30 %, {Prompts} prompts; judged with {Numerals.Format(StandardError, "0.0")}"],
            ["AlpacaEval 2.0 win rate against another model (Figure 2), at 50 %", OfWinRate(50), $"binomial of {Prompts} prompts, an upper limit for preferences between 0 and 1"],
            ["difference of two MT-Bench scores", OfMtBench, $"runs of one model differ by up to {Numerals.Format(MtBenchNoise, "0.00")}: that is taken for 1.96 standard errors"],
            .. Benchmarks.Select(benchmark => (IReadOnlyList<Cell>)
            [
                $"{benchmark.Name}, at 50 %", Binomial(50, benchmark.Questions),
                $"binomial of {benchmark.Questions} questions{(benchmark.Name is "EQ-Bench" ? ", as if each were right or wrong" : benchmark.Name is "TruthfulQA" ? ", an upper limit for its probabilities" : "")}",
            ]),
        ])
    {
        Notes = ["Models are taken as uncorrelated over prompts and questions, which makes intervals wider than they would be from paired answers. None of this covers training with another seed."],
    };
}
