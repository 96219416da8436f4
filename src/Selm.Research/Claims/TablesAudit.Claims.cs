using System.Globalization;

namespace Selm.Research.Claims;

public static partial class TablesAudit
{
    private static readonly string[] families = [Zephyr, Llama];
    private static readonly int[] iterations = [1, 2, 3];

    // One printed difference with its error, positive in the claimed direction, and what it is the difference of.
    private sealed record Step(string Name, double Change, double Error)
    {
        public double Z => Change / Error;
    }

    private static ClaimRow[] Claims(PaperTables paper, ClaimRules rules) =>
    [
        .. families.SelectMany(family => OfTable1(paper, rules, family)),
        .. EachIteration(paper, rules),
        .. paper.Figure2.SelectMany(table => OfFigure2(rules, table)),
        .. TwiceTheData(rules, paper.Figure2.Single(table => table.Family == Zephyr)),
        .. Others(paper, rules),
        .. LargerModels(paper, rules),
        Length(rules["tables-length"], paper),
        .. OfTable2(paper, rules),
        .. OfTheSummary(paper, rules),
    ];

    private static IEnumerable<ClaimRow> OfTable1(PaperTables paper, ClaimRules rules, string family)
    {
        var parts = string.Join(" + ", Waterfall(paper, family).Where(step => !step.Total).Select(step => Text(step.Value)));
        yield return One(rules[$"tables-gain-{family}"], TotalGain(paper, family), OfDifference(StandardError), $"{Text(TotalGain(paper, family))} = {parts}; only the last part is SELM's own.");
        yield return One(rules[$"tables-gain-mt-bench-{family}"], MtBenchGain(paper, family), OfMtBench,
            $"Of it {Text(MtBenchLead(paper, family))} is SELM's lead over iterative DPO. {MtBenchAssumed}");
        yield return One(rules[$"tables-selm-over-dpo-{family}"], SelmMinusDpo(paper, family, 3), OfDifference(StandardError),
            "Models taken as uncorrelated over prompts; the per-prompt numbers are not printed.");
        yield return One(rules[$"tables-selm-over-dpo-mt-bench-{family}"], MtBenchLead(paper, family), OfMtBench, MtBenchAssumed);
    }

    private static IEnumerable<ClaimRow> EachIteration(PaperTables paper, ClaimRules rules)
    {
        yield return Every(rules["tables-each-iteration-lc"], Steps(paper.Table1, score => score.LcWinRate, OfDifference(StandardError)));
        yield return Every(rules["tables-each-iteration-raw"], Steps(paper.Table1, score => score.WinRate, OfDifference(StandardError)));
        yield return Every(rules["tables-each-iteration-mt-bench"], Steps(paper.Table1, score => score.MtBench, OfMtBench), MtBenchAssumed);
        yield return Every(rules["tables-each-iteration-cards"], Steps(paper.ModelCards, score => score.LcWinRate, OfDifference(StandardError)),
            "What Llama's iterations start from has no such card, so its first step is missing.");
    }

    // From what the iterations start from to iteration 1, then from iteration to iteration.
    private static List<Step> Steps(IReadOnlyList<PaperScore> scores, Func<PaperScore, double> value, double error)
    {
        PaperScore[] Line(string family) =>
            [.. scores.Where(score => score.Family == family && (score.Method == Selm || score.Method == StartMethod(family))).OrderBy(score => score.Iteration ?? 0)];
        return
        [
            .. from family in families
               let line = Line(family)
               from pair in line.Zip(line.Skip(1), (before, after) => (before, after))
               select new Step($"{Title(family)}, iteration {pair.after.Iteration}", Points(value(pair.after) - value(pair.before)), error),
        ];
    }

    private static IEnumerable<ClaimRow> OfFigure2(ClaimRules rules, PairwiseWinRates table)
    {
        yield return Every(rules[$"tables-same-iteration-{table.Family}"], [.. iterations.Select(k => AboveHalf(table, k, k))]);
        yield return Every(rules[$"tables-pairwise-{table.Family}"], [AboveHalf(table, 3, 3)]);
        var against = table.WinRates.SkipLast(1).Select(row => row[^1]).ToArray();
        yield return Every(rules[$"tables-figure2-order-{table.Family}"],
        [
            .. Enumerable.Range(0, against.Length - 1).Select(k => new Step(
                $"{table.Models[k]} minus {table.Models[k + 1]}", Points(against[k] - against[k + 1]), Math.Sqrt(Math.Pow(OfWinRate(against[k]), 2) + Math.Pow(OfWinRate(against[k + 1]), 2)))),
        ], $"As printed {against.Zip(against.Skip(1)).Count(pair => pair.First > pair.Second)} of {against.Length - 1} neighbouring rows are in this order.");
    }

    private static Step AboveHalf(PairwiseWinRates table, int selm, int dpo)
    {
        var rate = table.Of($"SELM Iter {selm}", $"DPO Iter {dpo}");
        return new($"SELM iteration {selm} wins {Text(rate)} % against iterative DPO's iteration {dpo}", Points(rate - 50), OfWinRate(rate));
    }

    // Zephyr's line has one portion of plain DPO before the iterations: whether it counts decides which pair has twice the data.
    private static IEnumerable<ClaimRow> TwiceTheData(ClaimRules rules, PairwiseWinRates table)
    {
        yield return Every(rules["tables-twice-the-data-zephyr"], [AboveHalf(table, 1, 2)], "1 portion against 2: the first portion, which both saw in plain DPO, is not counted.");
        yield return Every(rules["tables-twice-the-data-zephyr-all"], [AboveHalf(table, 1, 3)], "2 portions against 4: the first portion, which both saw in plain DPO, is counted.");
    }

    // SPIN's row names no base; it is a Zephyr-7B-SFT as well.
    private static readonly (string Model, string Base)[] others = [("SPIN", "Zephyr-7B-SFT"), ("DNO (Orca-2.5-SFT)", "Orca-2.5-SFT"), ("SPPO (Mistral-it)", "Mistral-7B-Instruct-v0.2")];

    private static IEnumerable<ClaimRow> Others(PaperTables paper, ClaimRules rules)
    {
        var (selm, start) = (paper.Printed(Zephyr, Selm, 3), Base(paper, Zephyr));
        Step Gain(string model, string from, Func<PaperScore, double> value, double error) => new(
            $"SELM gained {Text(value(selm) - value(start))}, {model} {Text(value(paper.Row(model)) - value(paper.Row(from)))}",
            Points(value(selm) - value(start) - value(paper.Row(model)) + value(paper.Row(from))),
            from == start.Model ? error : Math.Sqrt(2) * error);
        const string bases = "SPIN's row names no base; Zephyr-7B-SFT is taken.";
        yield return Every(rules["tables-over-others-lc"], [.. others.Select(other => Gain(other.Model, other.Base, score => score.LcWinRate, OfDifference(StandardError)))], bases);
        yield return Every(rules["tables-over-others-mt-bench"], [.. others.Select(other => Gain(other.Model, other.Base, score => score.MtBench, OfMtBench))], $"{bases} {MtBenchAssumed}");

        var best = paper.Printed(Llama, Selm, 3);
        yield return Every(rules["tables-best-llama3-it"],
        [
            .. others.Select(other => new Step($"LC win rate, {other.Model}", Points(best.LcWinRate - paper.Row(other.Model).LcWinRate), OfDifference(StandardError))),
            .. others.Select(other => new Step($"MT-Bench, {other.Model}", Points(best.MtBench - paper.Row(other.Model).MtBench), OfMtBench)),
        ], $"The others start from other models; Llama-3-8B-Instruct itself has {Text(Base(paper, Llama).LcWinRate)} % and {Text(Base(paper, Llama).MtBench)}.");
    }

    private static readonly string[] larger = ["Yi-34B-Chat", "Llama-3-70B-Instruct"];

    private static IEnumerable<ClaimRow> LargerModels(PaperTables paper, ClaimRules rules)
    {
        var (llama, zephyr) = (paper.Printed(Llama, Selm, 3), paper.Printed(Zephyr, Selm, 3));
        yield return Every(rules["tables-larger-models"],
            [.. larger.Select(model => new Step($"SELM (Llama-3-8B-Instruct) minus {model}", Points(llama.LcWinRate - paper.Row(model).LcWinRate), OfDifference(StandardError)))],
            $"The paper gives \"competitive\" no margin. SELM (Zephyr-7B) minus the two is {string.Join(" and ", larger.Select(model => Text(zephyr.LcWinRate - paper.Row(model).LcWinRate)))}; Table 1's caption speaks of the Llama-3 model alone.");
        yield return One(rules["tables-larger-models-mt-bench"], Points(paper.Row(larger[1]).MtBench - llama.MtBench), OfMtBench,
            $"Yi-34B-Chat minus SELM (Llama-3-8B-Instruct) is {Text(paper.Row(larger[0]).MtBench - llama.MtBench)}. {MtBenchAssumed}");
    }

    private static ClaimRow Length(ClaimRule rule, PaperTables paper) => Every(rule,
        [.. families.Select(family => new Step(Title(family), Points(paper.Printed(family, Selm, 3).WinRate - Base(paper, family).WinRate - TotalGain(paper, family)), OfGap))],
        $"Characters of an answer: {string.Join("; ", families.Select(family => $"{Title(family)} {Whole(Base(paper, family).Length)}, iterative DPO {Whole(paper.Printed(family, Iterative, 3).Length)}, SELM {Whole(paper.Printed(family, Selm, 3).Length)}"))}. Both rates come from the same judgements, so the true interval is far narrower.");

    private static IEnumerable<ClaimRow> OfTheSummary(PaperTables paper, ClaimRules rules)
    {
        double Gap(Func<string, double> gain) => Points(gain(Llama) - gain(Zephyr));
        double SinceStart(string family, Func<PaperScore, double> value) => value(paper.Printed(family, Selm, 3)) - value(paper.Printed(family, StartMethod(family)));
        string OtherStart(Func<PaperScore, double> value) => $"Counted from Zephyr-7B-DPO, where SELM's iterations start, the gains differ by {Text(Gap(family => SinceStart(family, value)))}.";
        yield return Every(rules["tables-stronger-base"],
        [
            new("gain in all", Gap(family => TotalGain(paper, family)), OfGap), new("lead over iterative DPO", Gap(family => SelmMinusDpo(paper, family, 3)), OfGap),
        ], OtherStart(score => score.LcWinRate));
        yield return One(rules["tables-stronger-base-mt-bench"], Gap(family => MtBenchGain(paper, family)), Math.Sqrt(2) * OfMtBench, $"{OtherStart(score => score.MtBench)} {MtBenchAssumed}");
        yield return Every(rules["tables-over-dpo-various"],
        [
            .. families.SelectMany(family => new Step[]
            {
                new($"LC win rate, {Title(family)}", SelmMinusDpo(paper, family, 3), OfDifference(StandardError)),
                new($"MT-Bench, {Title(family)}", MtBenchLead(paper, family), OfMtBench),
                AverageLead($"Table 2's average, {Title(family)}", paper.Benchmarks($"SELM Iter 3 ({Short(family)})"), paper.Benchmarks($"DPO Iter 3 ({Short(family)})")),
            }),
        ]);
    }

    private static string MtBenchAssumed => $"No error is printed; runs of one model differ by up to {Text(MtBenchNoise)}, which is taken as 1.96 standard errors.";

    private static ClaimRow One(ClaimRule rule, double difference, double error, string note) => rule.Printed([(difference, error)], note);

    private static ClaimRow Every(ClaimRule rule, IReadOnlyList<Step> steps, string note = "")
    {
        var worst = steps.MinBy(step => step.Z)!;
        var which = steps.Count == 1 ? worst.Name : $"The least of {steps.Count} in units of its error: {worst.Name}";
        return rule.Printed([.. steps.Select(step => (step.Change, (double?)step.Error))], note.Length == 0 ? $"{which}." : $"{which}. {note}");
    }

    private static string Text(double value) => Points(value).ToString("0.00", CultureInfo.InvariantCulture);

    private static string Whole(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    // As the models of Table 1, Table 2 and Figure 2 are printed.
    private static string Short(string family) => family == Zephyr ? "Zephyr" : "Llama3-It";
}
