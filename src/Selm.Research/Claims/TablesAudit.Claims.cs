using System.Globalization;
using Selm.Research.Figures;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    private static ClaimRow[] Claims(PaperTables paper, ClaimRules rules) =>
    [
        .. families.Select(family => GainOverStart(rules[$"tables-gain-{family}"], paper, family)),
        .. families.Select(family => Compare(rules[$"tables-selm-over-dpo-{family}"], SelmMinusDpo(paper, family, 3), OfDifference(StandardError),
            "Models taken as uncorrelated over prompts; the per-prompt numbers are not printed.")),
        .. families.Select(family => MtBenchOverDpo(rules[$"tables-selm-over-dpo-mt-bench-{family}"], paper, family)),
        EachIteration(rules["tables-each-iteration-table1"], paper.Table1),
        EachIteration(rules["tables-each-iteration-cards"], paper.ModelCards),
        EachIterationMtBench(rules["tables-each-iteration-mt-bench"], paper),
        .. paper.Figure2.Select(table => TwiceTheData(rules[$"tables-twice-the-data-{table.Family}"], table)),
        StrongerBase(rules["tables-stronger-base"], paper),
        .. paper.Figure2.Select(table => Antisymmetry(rules[$"tables-antisymmetry-{table.Family}"], table)),
        Cards(rules["tables-cards"], paper),
    ];

    private static ClaimRow GainOverStart(ClaimRule rule, PaperTables paper, string family)
    {
        var parts = string.Join(" + ", Waterfall(paper, family).Where(step => !step.Total).Select(step => Text(step.Value)));
        return Compare(rule, TotalGain(paper, family), OfDifference(StandardError), $"{Text(TotalGain(paper, family))} = {parts}; only the last part is SELM's own.");
    }

    private static ClaimRow MtBenchOverDpo(ClaimRule rule, PaperTables paper, string family)
    {
        var gain = MtBenchGain(paper, family);
        return rule.Printed(gain, null, Verdict(gain, MtBenchNoise / critical), $"Runs of one model differ by up to {Text(MtBenchNoise)}.") with { Detectable = MtBenchNoise };
    }

    private static ClaimRow EachIteration(ClaimRule rule, IReadOnlyList<PaperScore> scores)
    {
        var steps = Steps(scores, score => score.LcWinRate);
        var smallest = steps.MinBy(step => step.Change);
        return rule.Printed(smallest.Change, OfDifference(StandardError), VerdictForAll([.. steps.Select(step => step.Change)], OfDifference(StandardError)),
            $"The smallest of {steps.Count} steps: {Title(smallest.Family)}, iteration {smallest.From} to {smallest.From + 1}.");
    }

    private static ClaimRow EachIterationMtBench(ClaimRule rule, PaperTables paper)
    {
        var steps = Steps(paper.Table1, score => score.MtBench);
        var smallest = steps.MinBy(step => step.Change);
        return rule.Printed(smallest.Change, null, VerdictForAll([.. steps.Select(step => step.Change)], MtBenchNoise / critical),
            $"{Title(smallest.Family)}: {string.Join(", ", Enumerable.Range(1, 3).Select(k => Text(paper.Printed(smallest.Family, Selm, k).MtBench)))}.") with
        { Detectable = MtBenchNoise };
    }

    private static List<(string Family, int From, double Change)> Steps(IReadOnlyList<PaperScore> scores, Func<PaperScore, double> value) =>
    [
        .. from later in scores
           from earlier in scores
           where later.Method == Selm && earlier.Method == Selm && later.Family == earlier.Family && later.Iteration == earlier.Iteration + 1
           select (earlier.Family, earlier.Iteration!.Value, Points(value(later) - value(earlier))),
    ];

    private static ClaimRow TwiceTheData(ClaimRule rule, PairwiseWinRates table)
    {
        var (twice, thrice) = (table.Of("SELM Iter 1", "DPO Iter 2"), table.Of("SELM Iter 1", "DPO Iter 3"));
        return Compare(rule, Points(twice - 50), OfWinRate(twice), $"SELM iteration 1 wins {Text(twice)} % against DPO iteration 2 and {Text(thrice)} % against iteration 3.");
    }

    private static ClaimRow StrongerBase(ClaimRule rule, PaperTables paper)
    {
        double Gap(Func<string, double> gain) => Points(gain(Llama) - gain(Zephyr));
        double[] gaps = [Gap(family => TotalGain(paper, family)), Gap(family => SelmMinusDpo(paper, family, 3))];
        var error = Math.Sqrt(2) * OfDifference(StandardError);
        return rule.Printed(gaps[0], error, VerdictForAll(gaps, error),
            $"Gain of Llama-3 minus gain of Zephyr: {Text(gaps[0])} LC points in all, {Text(gaps[1])} LC and {Text(Gap(family => MtBenchGain(paper, family)))} MT-Bench points over iterative DPO (z = {Text(gaps[0] / error)} for the first).");
    }

    private static ClaimRow Antisymmetry(ClaimRule rule, PairwiseWinRates table)
    {
        var odd = NotAntisymmetric(table);
        var note = odd.Count == 0
            ? "All pairs add up to 100.00."
            : string.Join("; ", odd.Select(cell => $"{table.Models[cell.Column]} against {table.Models[cell.Row]} is {Text(table.WinRates[cell.Column][cell.Row])}, the other way round {Text(table.WinRates[cell.Row][cell.Column])}")) + ".";
        return rule.Printed(odd.Select(cell => Math.Abs(cell.Excess)).DefaultIfEmpty(0).Max(), null, odd.Count == 0 ? "supported" : "contradicted by the table", note);
    }

    private static ClaimRow Cards(ClaimRule rule, PaperTables paper)
    {
        var differences = paper.ModelCards.Select(card => Points(card.LcWinRate - paper.Printed(card.Family, card.Method, card.Iteration).LcWinRate)).ToArray();
        var largest = differences.MaxBy(Math.Abs);
        var error = OfDifference(StandardError);
        return rule.Printed(largest, error, Math.Abs(largest) < critical * error ? "inside noise" : "contradicted by the table",
            $"The largest of {differences.Length} differences between model card and Table 1; SELM minus iterative DPO is {Text(SelmMinusDpo(paper, Zephyr, 3))} and {Text(SelmMinusDpo(paper, Llama, 3))}.");
    }

    private static ClaimRow Compare(ClaimRule rule, double difference, double error, string note) => rule.Printed(difference, error, Verdict(difference, error), note);

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
