using Selm.Research.Algorithm1;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>Table 2 in the lab: what alignment does to six tasks that nobody aligned it for. Derived in lesson 12.</summary>
public static class Table2
{
    /// <summary>The name of the experiment.</summary>
    public const string Name = "table2";

    private const double Chance = 0.25; // one of four answers

    private static readonly (LabQuizKind Kind, string Name, string Paper)[] kinds =
    [
        (LabQuizKind.Arithmetic, "arithmetic", "GSM8K"), (LabQuizKind.Continuation, "continuation", "HellaSwag"), (LabQuizKind.Verb, "verb", "ARC"),
        (LabQuizKind.Myth, "myth", "TruthfulQA"), (LabQuizKind.Tone, "tone", "EQ-Bench"), (LabQuizKind.TwoHop, "two-hop", "OpenBookQA"),
    ];

    /// <summary>A policy whose benchmarks were measured: the first or the last of a cell.</summary>
    private sealed record Policy(LabRow Row, bool First = false)
    {
        /// <summary>The first policy of the same cell.</summary>
        public Policy Start => this with { First = true };

        public IReadOnlyList<LabBenchmarkScore> Scores(LabCellResult result) => First ? result.StartBenchmarks : result.Benchmarks;

        public double Accuracy(LabCellResult result, LabQuizKind kind, int shots, bool inSteps = false) =>
            Scores(result).Where(score => score.Kind == kind && score.Shots == shots && score.InSteps == inSteps).Select(score => score.Accuracy).SingleOrDefault(double.NaN);

        public double Average(LabCellResult result) => kinds.Average(kind => Accuracy(result, kind.Kind, 0));

        public double[] Minus(Policy other, LabRecords records, Func<Policy, LabCellResult, double> measure) =>
            [.. records.Pairs(Row.Cell, other.Row.Cell).Select(pair => measure(this, pair.One) - measure(other, pair.Other))];
    }

    /// <summary>The cells that the table is measured from, without seeds; all are cells of <see cref="Table1"/>.</summary>
    /// <param name="study">How many seeds, and how much is trained.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. Policies(study).Select(policy => policy.Row.Cell).Distinct()];

    /// <summary>The tables, figures and claims.</summary>
    /// <param name="records">Every cell of <see cref="Cells"/>.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="paper">The paper's numbers, which stand in a table of their own.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules, PaperTables paper)
    {
        var policies = Policies(records.Study);
        return new(Name, [Plain(records, policies), WithExamples(records, policies), Printed(paper)], [Draw(records, policies)], [.. Claims(records, rules, policies)]);
    }

    private static Policy[] Policies(LabStudy study)
    {
        var (dpo, selm) = (study.IterativeDpo, study.Selm(LabStudy.Alpha));
        return
        [
            new(new("base model", dpo), First: true), new(new("iterative DPO", dpo)), new(new("SELM 0.001", selm)), new(new("SELM 0.01", study.Selm(LabStudy.Large))),
            new(new("SPIN", study.Cell(LoopMethod.Spin))), new(new("SPPO", study.Cell(LoopMethod.Sppo))),
            new(new("Llama: base model", Llama(dpo)), First: true), new(new("Llama: iterative DPO", Llama(dpo))), new(new("Llama: SELM 0.001", study.Selm(LabStudy.Alpha, recipe: LabRecipe.Llama))),
        ];
    }

    private static LabCellSpec Llama(LabCellSpec cell) => cell with { Recipe = LabRecipe.Llama };

    private static IReadOnlyList<string> Failures(LabRecords records, Policy[] policies) => LabRow.Failures(records, policies.Where(policy => !policy.First).Select(policy => policy.Row));

    private static ResultTable Plain(LabRecords records, Policy[] policies) => new(
        Name, "The lab's benchmarks without examples: share of right answers",
        [new("policy"), .. kinds.Select(kind => new Column(kind.Name, Format: "0.000")), new("mean", Format: "0.000"), new("mean minus base", Format: "+0.000;-0.000"), new("seeds", Format: "0")],
        [.. policies.Select(policy => (IReadOnlyList<Cell>)
            [
                policy.Row.Name,
                .. kinds.Select(kind => LabMeasures.Share(records.Each(policy.Row.Cell, result => policy.Accuracy(result, kind.Kind, 0))).ToShareCell()),
                LabMeasures.Share(records.Each(policy.Row.Cell, policy.Average)).ToShareCell(),
                policy.First ? Cell.Empty : LabMeasures.Mean(policy.Minus(policy.Start, records, (one, result) => one.Average(result))).ToCell(),
                records.Of(policy.Row.Cell).Count,
            ])])
    {
        Notes =
        [
            $"Each task has the shape of one of the paper's and is far easier: {string.Join(", ", kinds.Select(kind => $"{kind.Name} stands in for {kind.Paper}"))}.",
            $"{LabSizes.Of(records.Study.Budget).QuizItems} questions of four answers, the one with the highest mean log-probability per token counts; chance is 0.25. Means over seeds with 95 % intervals; policies at their last iteration.",
            LabAlpha.Note([LabStudy.Alpha, LabStudy.Large], "model", "llama"),
            .. Failures(records, policies),
        ],
    };

    private static ResultTable WithExamples(LabRecords records, Policy[] policies)
    {
        var solved = kinds.Where(kind => kind.Kind != LabQuizKind.Continuation).ToArray();
        return new("table2-examples", "With three solved examples, and sums in steps",
            [new("policy"), .. solved.Select(kind => new Column($"{kind.Name}, 3 examples", Format: "0.000")), new("arithmetic in steps", Format: "0.000"), new("seeds", Format: "0")],
            [.. policies.Select(policy => (IReadOnlyList<Cell>)
                [
                    policy.Row.Name,
                    .. solved.Select(kind => LabMeasures.Share(records.Each(policy.Row.Cell, result => policy.Accuracy(result, kind.Kind, 3))).ToShareCell()),
                    LabMeasures.Share(records.Each(policy.Row.Cell, result => policy.Accuracy(result, LabQuizKind.Arithmetic, 3, inSteps: true))).ToShareCell(),
                    records.Of(policy.Row.Cell).Count,
                ])])
        {
            Notes = ["Examples and steps (chain of thought) carry little signal in models of this size: they are here because the paper uses them, and no claim rests on them. Continuation has no examples."],
        };
    }

    private static ResultTable Printed(PaperTables paper) => new(
        "table2-paper", "Table 2 as the paper prints it",
        [
            new("model"), new("GSM8K", "8 shots, chain of thought", "0.0"), new("HellaSwag", "10 shots", "0.0"), new("ARC", "25 shots", "0.0"), new("TruthfulQA", "0 shots", "0.0"),
            new("EQ-Bench", "0 shots", "0.0"), new("OpenBookQA", "10 shots", "0.0"), new("average", Format: "0.0"),
        ],
        [.. paper.Table2.Select(row => (IReadOnlyList<Cell>)[row.Model, .. row.Scores.Select(Cell.Number)])])
    {
        Notes = ["In percent. Other models and other tasks than the lab's: no number here is comparable with one of the lab."],
    };

    private static Figure Draw(LabRecords records, Policy[] policies)
    {
        var (start, dpo, selm) = (policies[0], policies[1], policies[2]);
        var names = new Axis("benchmark") { Categories = [.. kinds.Select(kind => kind.Name)] };
        return new("table2", "What alignment does to the lab's benchmarks",
        [
            new(names, new("share of right answers") { Bounds = AxisRange.Share },
            [
                .. new[] { start, dpo, selm }.Select((policy, k) => Dots(policy.Row.Name, k - 1, kind => records.Each(policy.Row.Cell, result => policy.Accuracy(result, kind, 0)), LabMeasures.Share)),
            ]) { Annotations = [new Rule(Chance, "chance")] },
            new(names, new("minus base model, same seed"),
            [
                .. new[] { dpo, selm }.Select((policy, k) =>
                    Dots(policy.Row.Name, k, kind => policy.Minus(policy.Start, records, (one, result) => one.Accuracy(result, kind, 0)), LabMeasures.Mean)),
            ]) { Annotations = [new Rule(0)] },
        ])
        {
            Caption = "Zephyr recipe, last iteration, no examples. Means with 95 % intervals over seeds; small dots are seeds. The tasks stand in for the paper's and are no measure of its models.",
        };

        ScatterTrace Dots(string name, int place, Func<LabQuizKind, double[]> perSeed, Func<double[], MeanInterval> mean)
        {
            var seeds = kinds.Select(kind => perSeed(kind.Kind)).ToArray();
            MeanInterval[] means = [.. seeds.Select(mean)];
            return new(name, Origin.Measured, [.. kinds.Select((_, k) => k + (0.25 * place))], [.. means.Select(one => one.Mean)])
            {
                Errors = LabCharts.Ends(means),
                Seeds = seeds,
            };
        }
    }

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules, Policy[] policies)
    {
        var (dpo, selm) = (policies[1], policies[2]);
        yield return rules["table2-selm-over-start"].Paired(selm.Minus(selm.Start, records, (one, result) => one.Average(result)), Note(selm));
        yield return rules["table2-selm-over-dpo"].Paired(selm.Minus(dpo, records, (one, result) => one.Average(result)), Note(selm, dpo));

        string Note(params Policy[] mine) => string.Join(' ', Failures(records, mine));
    }
}
