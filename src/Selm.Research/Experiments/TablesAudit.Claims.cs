using System.Globalization;
using Selm.Research.Figures;

namespace Selm.Research.Experiments;

public static partial class TablesAudit
{
    private const string Scale = "paper-numbers";

    private static ClaimRow[] Claims(PaperTables paper) =>
    [
        .. families.Select(family => GainOverStart(paper, family)),
        .. families.Select(family => GainOverDpo(paper, family)),
        .. families.Select(family => MtBenchOverDpo(paper, family)),
        EachIteration(paper.Table1, "table1", "Table 1"),
        EachIteration(paper.ModelCards, "cards", "the model cards"),
        EachIterationMtBench(paper),
        .. paper.Figure2.Select(TwiceTheData),
        StrongerBase(paper),
        .. paper.Figure2.Select(Antisymmetry),
        Cards(paper),
    ];

    private static ClaimRow GainOverStart(PaperTables paper, string family)
    {
        var parts = string.Join(" + ", Waterfall(paper, family).Where(step => !step.Total).Select(step => Text(step.Value)));
        return Compare($"tables-gain-{family}", $"SELM improves {Title(family)} over the model it starts from (AlpacaEval 2.0, length-controlled)",
            TotalGain(paper, family), OfDifference(StandardError), $"{Text(TotalGain(paper, family))} = {parts}; only the last part is SELM's own.");
    }

    private static ClaimRow GainOverDpo(PaperTables paper, string family) =>
        Compare($"tables-selm-over-dpo-{family}", $"SELM is better than iterative DPO after three iterations ({Title(family)}, length-controlled)",
            SelmMinusDpo(paper, family, 3), OfDifference(StandardError), "Models taken as uncorrelated over prompts; the per-prompt numbers are not printed.");

    private static ClaimRow MtBenchOverDpo(PaperTables paper, string family)
    {
        var gain = MtBenchGain(paper, family);
        return new($"tables-selm-over-dpo-mt-bench-{family}", $"SELM is better than iterative DPO after three iterations ({Title(family)}, MT-Bench)", Scale, gain, null, null, MtBenchNoise,
            gain > MtBenchNoise ? "supported" : gain < -MtBenchNoise ? "contradicted by the table" : "inside noise",
            $"Runs of one model differ by up to {Text(MtBenchNoise)}.");
    }

    private static ClaimRow EachIteration(IReadOnlyList<PaperScore> scores, string id, string where)
    {
        var steps = Steps(scores, score => score.LcWinRate);
        var smallest = steps.MinBy(step => step.Change);
        return Compare($"tables-each-iteration-{id}", $"Every iteration of SELM improves the length-controlled win rate, by {where}", smallest.Change, OfDifference(StandardError),
            $"The smallest of {steps.Count} steps: {Title(smallest.Family)}, iteration {smallest.From} to {smallest.From + 1}.")
            with
        { Verdict = VerdictForAll([.. steps.Select(step => step.Change)], OfDifference(StandardError)) };
    }

    private static ClaimRow EachIterationMtBench(PaperTables paper)
    {
        var steps = Steps(paper.Table1, score => score.MtBench);
        var smallest = steps.MinBy(step => step.Change);
        return new("tables-each-iteration-mt-bench", "Every iteration of SELM improves MT-Bench, by Table 1", Scale, smallest.Change, null, null, MtBenchNoise,
            VerdictForAll([.. steps.Select(step => step.Change)], MtBenchNoise / critical),
            $"{Title(smallest.Family)}: {string.Join(", ", Enumerable.Range(1, 3).Select(k => Text(paper.Printed(smallest.Family, Selm, k).MtBench)))}.");
    }

    private static List<(string Family, int From, double Change)> Steps(IReadOnlyList<PaperScore> scores, Func<PaperScore, double> value) =>
    [
        .. from later in scores
           from earlier in scores
           where later.Method == Selm && earlier.Method == Selm && later.Family == earlier.Family && later.Iteration == earlier.Iteration + 1
           select (earlier.Family, earlier.Iteration!.Value, Points(value(later) - value(earlier))),
    ];

    private static ClaimRow TwiceTheData(PairwiseWinRates table)
    {
        var (twice, thrice) = (table.Of("SELM Iter 1", "DPO Iter 2"), table.Of("SELM Iter 1", "DPO Iter 3"));
        return Compare($"tables-twice-the-data-{table.Family}", $"SELM beats iterative DPO that was trained with twice the data ({Title(table.Family)}, Figure 2)",
            Points(twice - 50), OfWinRate(twice), $"SELM iteration 1 wins {Text(twice)} % against DPO iteration 2 and {Text(thrice)} % against iteration 3.");
    }

    private static ClaimRow StrongerBase(PaperTables paper)
    {
        double Gap(Func<string, double> gain) => Points(gain(Llama) - gain(Zephyr));
        double[] gaps = [Gap(family => TotalGain(paper, family)), Gap(family => SelmMinusDpo(paper, family, 3))];
        var error = Math.Sqrt(2) * OfDifference(StandardError);
        return Compare("tables-stronger-base", "Improvements are more significant with the stronger base model", gaps[0], error,
            $"Gain of Llama-3 minus gain of Zephyr: {Text(gaps[0])} LC points in all, {Text(gaps[1])} LC and {Text(Gap(family => MtBenchGain(paper, family)))} MT-Bench points over iterative DPO (z = {Text(gaps[0] / error)} for the first).")
            with
        { Verdict = VerdictForAll(gaps, error) };
    }

    private static ClaimRow Antisymmetry(PairwiseWinRates table)
    {
        var odd = NotAntisymmetric(table);
        var note = odd.Count == 0
            ? "All pairs add up to 100.00."
            : string.Join("; ", odd.Select(cell => $"{table.Models[cell.Column]} against {table.Models[cell.Row]} is {Text(table.WinRates[cell.Column][cell.Row])}, the other way round {Text(table.WinRates[cell.Row][cell.Column])}")) + ".";
        return new($"tables-antisymmetry-{table.Family}", $"The two win rates of a pair add up to 100 ({Title(table.Family)}, Figure 2)", Scale,
            odd.Select(cell => Math.Abs(cell.Excess)).DefaultIfEmpty(0).Max(), null, null, null, odd.Count == 0 ? "supported" : "contradicted by the table", note);
    }

    private static ClaimRow Cards(PaperTables paper)
    {
        var differences = paper.ModelCards.Select(card => Points(card.LcWinRate - paper.Printed(card.Family, card.Method, card.Iteration).LcWinRate)).ToArray();
        var largest = differences.MaxBy(Math.Abs);
        var error = OfDifference(StandardError);
        return Compare("tables-cards", "The released checkpoints score what Table 1 says (length-controlled)", largest, error,
            $"The largest of {differences.Length} differences between model card and Table 1; SELM minus iterative DPO is {Text(SelmMinusDpo(paper, Zephyr, 3))} and {Text(SelmMinusDpo(paper, Llama, 3))}.")
            with
        { Verdict = Math.Abs(largest) < critical * error ? "inside noise" : "contradicted by the table" };
    }

    private static ClaimRow Compare(string id, string statement, double difference, double error, string note) =>
        new(id, statement, Scale, difference, difference - (critical * error), difference + (critical * error), Detectable(error), Verdict(difference, error), note);

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
