// Notable: the lab knows its annotator, so the win rate without his love of length is known exactly. The claims are about
// that one; the length-controlled win rate, which is all that the paper has, stands beside it.
using Selm.Research.Algorithm1;
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Correlation = MathNet.Numerics.Statistics.Correlation;

namespace Selm.Research.Claims;

/// <summary>Table 1 in the lab: SELM, iterative DPO, the model both start from and their siblings, at the same budget. Derived in lesson 11.</summary>
public static partial class Table1
{
    /// <summary>The name of the experiment.</summary>
    public const string Name = "table1";

    private const string Dpo = "iterative DPO";
    private const int Start = -1;

    private static readonly (LoopMethod Method, string Name)[] siblings =
    [
        (LoopMethod.OfflineDpo, "offline DPO"), (LoopMethod.StepwiseDpo, "stepwise DPO"), (LoopMethod.Spin, "SPIN"), (LoopMethod.Dno, "DNO"),
        (LoopMethod.Sppo, "SPPO"), (LoopMethod.Xpo, "XPO"), (LoopMethod.Vpo, "VPO"),
    ];

    /// <summary>Per prompt where prompts have numbers, else per policy.</summary>
    private sealed record Measure(string Name, string Format, Func<LabCellEvaluation, double> Of, Func<LabCellEvaluation, double[]>? PerPrompt = null)
    {
        /// <summary>Whether it is a share, which no interval may leave.</summary>
        public bool Share { get; init; }

        public MeanInterval Mean(LabRecords records, LabRow row) => (PerPrompt, Share) switch
        {
            ({ } perPrompt, true) => LabMeasures.Share(row.EachPrompt(records, perPrompt)),
            ({ } perPrompt, false) => LabMeasures.Mean(row.EachPrompt(records, perPrompt)),
            (null, true) => LabMeasures.Share(row.Each(records, Of)),
            _ => LabMeasures.Mean(row.Each(records, Of)),
        };

        public Cell Cell(LabRecords records, LabRow row) => Share ? Mean(records, row).ToShareCell() : Mean(records, row).ToCell();
    }

    private static readonly Measure controlled = new("LC win rate", "0.000", policy => policy.LengthControlledWinRate) { Share = true };
    private static readonly Measure raw = new("raw win rate", "0.000", policy => policy.RawWinRate) { Share = true };
    private static readonly Measure exact = new("exact win rate", "0.000", policy => policy.ExactWinRate, LabMeasures.ExactWinRates) { Share = true };
    private static readonly Measure twoTurn = new("two-turn score", "0.00", policy => policy.TwoTurnScore);

    private static readonly Measure[] measures =
    [
        controlled, raw, exact, new("mean r*", "0.00", policy => policy.MeanReward, policy => policy.Rewards), new("words", "0.0", policy => policy.MeanWords),
        twoTurn, new("first turn", "0.00", policy => policy.FirstTurnScore), new("second turn", "0.00", policy => policy.SecondTurnScore),
        new("jewel use", "0.000", policy => policy.JewelUse) { Share = true }, new("grammatical", "0.000", policy => policy.Grammatical) { Share = true },
    ];

    /// <summary>A row, its iteration as the paper counts (NaN for a base model), and the policy that its difference is from.</summary>
    private sealed record Entry(LabRow Row, double Iteration, LabRow? Against);

    /// <summary>The cells that the table is measured from, without seeds.</summary>
    /// <param name="study">How many seeds, and how much is trained.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. Entries(study).Select(entry => entry.Row.Cell).Distinct()];

    /// <summary>The tables, figures and claims.</summary>
    /// <param name="records">Every cell of <see cref="Cells"/>.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="paper">The paper's numbers, which stand in a table and in panels of their own.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules, PaperTables paper)
    {
        var entries = Entries(records.Study);
        return new(
            Name,
            [Policies(records, entries), Paired(records, entries), StepTable(records), LengthTable(records, entries), Printed(paper)],
            [Methods(records, entries), WaterfallFigure(records, paper), LengthFigure(records, entries)],
            [.. Claims(records, rules)]);
    }

    private static Entry[] Entries(LabStudy study)
    {
        var (dpo, selm) = (study.IterativeDpo, study.Selm(LabStudy.Alpha));
        var final = new LabRow(Dpo, dpo);
        return
        [
            new(new("base model", dpo, Start), double.NaN, final),
            new(new("DPO on the first portion", selm, 0), 0, final),
            .. Iterations(Dpo, dpo, first: 1, null),
            .. Iterations("SELM 0.001", selm, first: 1, dpo),
            new(new("SELM 0.01", study.Selm(LabStudy.Large)), 3, final),
            .. siblings.Select(sibling => new Entry(new(sibling.Name, study.Cell(sibling.Method)), 3, final)),
            new(new("explicit reward 0", Explicit(study, 0)), 3, final),
            new(new("explicit reward 0.001", Explicit(study, LabStudy.Alpha)), 3, final),
            new(new("Llama: base model", Llama(dpo), Start), double.NaN, new("", Llama(dpo))),
            .. Iterations($"Llama: {Dpo}", Llama(dpo), first: 0, null),
            .. Iterations("Llama: SELM 0.001", study.Selm(LabStudy.Alpha, recipe: LabRecipe.Llama), first: 0, Llama(dpo)),
            new(new($"oracle: {Dpo}", Oracle(dpo)), 3, null),
            .. new[] { LabStudy.Alpha, LabStudy.Large }.Select(alpha => new Entry(new($"oracle: SELM {Shown.Plain(alpha)}", study.Selm(alpha, LabJudge.Oracle)), 3, new("", Oracle(dpo)))),
        ];
    }

    // The paper's iterations 1 to 3; the Zephyr recipe has one of plain DPO before them.
    private static IEnumerable<Entry> Iterations(string name, LabCellSpec cell, int first, LabCellSpec? against) => Enumerable.Range(0, 3).Select(k =>
        new Entry(new(name, cell, first + k), k + 1, against is null ? null : new("", against, first + k)));

    private static LabCellSpec Llama(LabCellSpec cell) => cell with { Recipe = LabRecipe.Llama };

    private static LabCellSpec Oracle(LabCellSpec cell) => cell with { Ranker = LabJudge.Oracle };

    private static LabCellSpec Explicit(LabStudy study, double alpha) => study.Cell(LoopMethod.ExplicitReward) with { Alpha = LabAlpha.Lab(alpha) };

    private static Cell Iteration(Entry entry) => entry.Iteration;

    private static ResultTable Policies(LabRecords records, Entry[] entries) => new(
        Name, "Every policy of the lab's Table 1",
        [new("policy"), new("iteration", Format: "0"), .. measures.Select(measure => new Column(measure.Name, Format: measure.Format)), new("seeds", Format: "0")],
        [.. entries.Select(entry => (IReadOnlyList<Cell>)
            [entry.Row.Name, Iteration(entry), .. measures.Select(measure => measure.Cell(records, entry.Row)), records.Of(entry.Row.Cell).Count])])
    {
        Notes =
        [
            $"Greedy answers to {LabSizes.Of(records.Study.Budget).Language.Split.Test.Count} test prompts; win rates against one fixed response per prompt. Exact: mean sigma(r* - r*_baseline). Raw: by an annotator who also loves length. LC: the annotator's with AlpacaEval's length control. Two-turn scores from 1 to 10; jewel use: share of answers with the right skill.",
            "Means over seeds with 95 % intervals, the prompts averaged inside each seed. Rows may have different numbers of seeds: compare methods in the table of differences. Labels by the learned ranker; \"Llama\" starts from a base model that knows preferences, \"oracle\" has labels by the true reward.",
            LabAlpha.Note([LabStudy.Alpha, LabStudy.Large], "model", "oracle", "llama"),
            "Smaller models, another language and another test than the paper's: compare orders and signs, not values.",
            .. LabRow.Failures(records, entries.Select(entry => entry.Row)),
            .. Unknown(records, entries),
        ],
    };

    private static IEnumerable<string> Unknown(LabRecords records, Entry[] entries)
    {
        var rows = entries.Select(entry => (Entry: entry, Values: entry.Row.Each(records, controlled.Of))).ToArray();
        var missing = rows.Where(row => row.Values.Any(double.IsNaN)).Select(row =>
            $"{row.Entry.Row.Name}{(double.IsNaN(row.Entry.Iteration) ? "" : $" iteration {Shown.Plain(row.Entry.Iteration)}")} in {row.Values.Count(double.IsNaN)} of {row.Values.Length} seeds").ToArray();
        return missing.Length == 0 ? [] :
            [$"No length-controlled win rate where length and model cannot be told apart (all answers ran on, or all are as long as the baseline's); such seeds are left out of that column: {string.Join(", ", missing)}."];
    }

    private static ResultTable Paired(LabRecords records, Entry[] entries) => new(
        "table1-paired", $"Differences from {Dpo} of the same seed",
        [
            new("policy"), new("iteration", Format: "0"), new("exact win rate", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("median", Format: "+0.000;-0.000"),
            new("seeds up, down"), new("sign test p", Format: "0.000"), new("LC win rate", Format: "+0.000;-0.000"), new("two-turn score", Format: "+0.00;-0.00"), new("seeds", Format: "0"),
        ],
        [.. entries.Where(entry => entry.Against is not null).Select(entry =>
        {
            var perSeed = entry.Row.Minus(entry.Against!, records, exact.Of);
            var mean = LabMeasures.Mean(entry.Row.MinusByPrompt(entry.Against!, records));
            var sign = Statistics.SignTest(perSeed);
            return (IReadOnlyList<Cell>)
            [
                entry.Row.Name, Iteration(entry), mean.ToCell(), LabMeasures.Detectable(mean, perSeed.Length), Shown.Median(perSeed),
                $"{sign.Wins}, {sign.Losses}", sign.P, Differences(controlled), Differences(twoTurn), perSeed.Length,
            ];

            Cell Differences(Measure measure) => LabMeasures.Mean(entry.Row.Minus(entry.Against!, records, measure.Of)).ToCell();
        })])
    {
        Notes =
        [
            $"Each from {Dpo} of the same recipe, labels and seed, SELM 0.001 after the same iteration, others after the last. 95 % intervals over seeds, for the exact win rate over prompts too.",
            "Detectable: the true difference that as many seeds find with a chance of 80 %. Median and signs are over seeds.",
            .. LabRow.Failures(records, entries.Select(entry => entry.Row)),
        ],
    };

    private static ResultTable LengthTable(LabRecords records, Entry[] entries) => new(
        "table1-length", "How well length control recovers the exact win rate",
        [new("win rate"), new("minus the exact one", Format: "+0.000;-0.000"), new("distance from it", Format: "0.000"), new("correlation with it"), new("policies", Format: "0"), new("without a number", Format: "0")],
        [.. new[] { controlled, raw }.Select(measure =>
        {
            var all = entries.SelectMany(entry => records.Of(entry.Row.Cell).Select(result => (result.Spec.Seed, Exact: exact.Of(entry.Row.Of(result)), Value: measure.Of(entry.Row.Of(result))))).ToArray();
            var known = all.Where(policy => !double.IsNaN(policy.Value)).ToArray();
            var bySeed = known.GroupBy(policy => policy.Seed).ToArray();
            return (IReadOnlyList<Cell>)
            [
                measure.Name, LabMeasures.Mean(bySeed.Select(seed => seed.Average(policy => policy.Value - policy.Exact))).ToCell(),
                LabMeasures.Mean(bySeed.Select(seed => seed.Average(policy => Math.Abs(policy.Value - policy.Exact)))).ToCell(),
                Correlation.Pearson(known.Select(policy => policy.Exact), known.Select(policy => policy.Value)), known.Length, all.Length - known.Length,
            ];
        })])
    {
        Notes = ["All policies of all seeds. Intervals over seeds; distance: mean absolute difference. The correlation is over policies."],
    };

    private static ResultTable Printed(PaperTables paper) => new(
        "table1-paper", "Table 1 as the paper prints it",
        [new("model"), new("LC win rate", "%"), new("MT-Bench")],
        [.. paper.Table1.Select(row => (IReadOnlyList<Cell>)[row.Model, row.LcWinRate, row.MtBench])])
    {
        Notes = ["AlpacaEval 2.0 and MT-Bench of models that are many times larger than the lab's: no number here is comparable with one of the lab."],
    };

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules)
    {
        var study = records.Study;
        var (dpo, selm) = (new LabRow(Dpo, study.IterativeDpo), new LabRow("SELM 0.001", study.Selm(LabStudy.Alpha)));
        var (llamaDpo, llamaSelm) = (new LabRow($"Llama: {Dpo}", Llama(dpo.Cell)), new LabRow("Llama: SELM 0.001", study.Selm(LabStudy.Alpha, recipe: LabRecipe.Llama)));
        yield return Over("table1-selm-over-start", selm, selm with { Iteration = Start });
        yield return Over("table1-selm-over-start-llama", llamaSelm, llamaSelm with { Iteration = Start });
        yield return Over("table1-selm-over-dpo", selm, dpo);
        yield return Over("table1-selm-over-dpo-oracle", new("oracle: SELM 0.001", study.Selm(LabStudy.Alpha, LabJudge.Oracle)), new($"oracle: {Dpo}", Oracle(dpo.Cell)));
        yield return Over("table1-selm-0.01-over-dpo", new("SELM 0.01", study.Selm(LabStudy.Large)), dpo);
        yield return rules["table1-selm-over-dpo-lc"].Paired(selm.Minus(dpo, records, controlled.Of), Note(selm, dpo));
        yield return rules["table1-selm-over-dpo-two-turn"].Paired(selm.Minus(dpo, records, twoTurn.Of), Note(selm, dpo));
        yield return Over("table1-selm-over-dpo-llama", llamaSelm, llamaDpo);
        yield return Over("table1-online-over-offline", dpo, new("offline DPO", study.Cell(LoopMethod.OfflineDpo)));
        yield return rules["table1-each-iteration"].Ordered(
            [.. Enumerable.Range(1, 3).Select(k => (selm with { Iteration = k }).Minus(selm with { Iteration = k - 1 }, records, exact.Of))], Note(selm));
        foreach (var (method, name) in siblings.Where(sibling => sibling.Method is not (LoopMethod.OfflineDpo or LoopMethod.StepwiseDpo)))
        {
            yield return Over($"table1-selm-over-{name.ToLowerInvariant()}", selm, new(name, study.Cell(method)));
        }
        yield return rules["table1-stronger-base"].Paired(MoreThan((llamaSelm, llamaDpo), (selm, dpo), records), Note(llamaSelm, llamaDpo, selm, dpo));
        var (bold, plain) = (new LabRow("explicit reward 0.001", Explicit(study, LabStudy.Alpha)), new LabRow("explicit reward 0", Explicit(study, 0)));
        yield return Over("table1-explicit-works", bold, bold with { Iteration = Start });
        yield return Over("table1-explicit-optimism", bold, plain);

        ClaimRow Over(string id, LabRow one, LabRow other) => rules[id].Paired(one.MinusByPrompt(other, records), Note(one, other));
        string Note(params LabRow[] rows) => string.Join(' ', LabRow.Failures(records, rows));
    }

    // One advantage minus another, [seeds that all four cells finished, prompts].
    private static double[,] MoreThan((LabRow One, LabRow Other) mine, (LabRow One, LabRow Other) its, LabRecords records) => LabRecords.Matrix(
    [
        .. from here in records.Pairs(mine.One.Cell, mine.Other.Cell)
           join there in records.Pairs(its.One.Cell, its.Other.Cell) on here.One.Spec.Seed equals there.One.Spec.Seed
           orderby here.One.Spec.Seed
           select Advantage(mine, here).Zip(Advantage(its, there), (more, less) => more - less).ToArray(),
    ]);

    private static IEnumerable<double> Advantage((LabRow One, LabRow Other) rows, (LabCellResult One, LabCellResult Other) pair) =>
        LabMeasures.ExactWinRates(rows.One.Of(pair.One)).Zip(LabMeasures.ExactWinRates(rows.Other.Of(pair.Other)), (one, other) => one - other);
}
