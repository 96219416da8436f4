using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class Table1
{
    private const double RowHeight = 17;

    private static Figure Methods(LabRecords records, Entry[] entries)
    {
        var last = entries.Where(entry => entry.Iteration == 3).ToArray();
        var paired = last.Where(entry => entry.Against is not null).ToArray();
        return new("table1", "Methods of the lab's Table 1 at their last iteration",
        [
            Dots("exact win rate", last, AxisRange.Share, [.. last.Select(entry => entry.Row.Each(records, exact.Of))], [.. last.Select(entry => exact.Mean(records, entry.Row))], []),
            Dots($"exact win rate minus that of {Dpo}, same seed", paired, null,
                [.. paired.Select(entry => entry.Row.Minus(entry.Against!, records, exact.Of))],
                [.. paired.Select(entry => LabMeasures.Mean(entry.Row.MinusByPrompt(entry.Against!, records)))], [new Rule(0, Vertical: true)]),
        ])
        {
            Caption = "Means with 95 % intervals over seeds and prompts; small dots are seeds. Below, right of the line is better. Labels by the learned ranker, by the true reward where the name says oracle.",
            Legend = false,
        };
    }

    private static Panel Dots(string axis, Entry[] entries, AxisRange? bounds, double[][] perSeed, MeanInterval[] means, Annotation[] annotations) => new(
        new Axis(axis) { Bounds = bounds }, new Axis("method") { Categories = [.. entries.Select(entry => entry.Row.Name)] },
        [
            new ScatterTrace(axis, Origin.Measured, [.. means.Select(mean => mean.Mean)], [.. entries.Select((_, i) => (double)i)])
            {
                XErrors = new Band([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]),
                Seeds = perSeed,
            },
        ]) { Height = RowHeight * entries.Length, Annotations = annotations };

    /// <summary>From the base model to SELM: every step's change in exact win rate, over the seeds that both cells finished.</summary>
    private sealed record Steps(string Recipe, IReadOnlyList<string> Names, IReadOnlyList<MeanInterval> Means, int Seeds)
    {
        public MeanInterval Whole { get; private init; }

        public static Steps Of(LabRecords records, string recipe, LabCellSpec dpo, LabCellSpec selm, (string Name, LabRow Row)[] stages)
        {
            var pairs = records.Pairs(selm, dpo);
            double[][] Rates(LabRow row) => [.. pairs.Select(pair => LabMeasures.ExactWinRates(row.Of(row.Cell == dpo ? pair.Other : pair.One)))];
            MeanInterval Change(LabRow from, LabRow to) =>
                LabMeasures.Mean(LabRecords.Matrix([.. Rates(to).Zip(Rates(from), (after, before) => after.Zip(before, (a, b) => a - b).ToArray())]));
            return new(
                recipe, [.. stages.Select(stage => stage.Name)],
                [LabMeasures.Mean(LabRecords.Matrix(Rates(stages[0].Row))), .. stages.Zip(stages.Skip(1), (before, after) => Change(before.Row, after.Row))], pairs.Count)
            {
                Whole = Change(stages[0].Row, stages[^1].Row),
            };
        }

        public IReadOnlyList<WaterfallStep> Waterfall() =>
        [
            .. Names.Zip(Means, (name, mean) => new WaterfallStep(name, mean.Mean, Total: name == Names[0])),
            new("SELM iteration 3", Means.Sum(mean => mean.Mean), Total: true),
        ];
    }

    private static Steps[] StepsOf(LabRecords records)
    {
        var (dpo, selm) = (records.Study.IterativeDpo, records.Study.Selm(LabStudy.Alpha));
        var llama = records.Study.Selm(LabStudy.Alpha, recipe: LabRecipe.Llama);
        (string, LabRow) online = ("going online (iterative DPO)", new LabRow("", dpo)), optimism = ("optimism (SELM)", new LabRow("", selm));
        return
        [
            Steps.Of(records, "Zephyr recipe", dpo, selm, [("base model", new LabRow("", selm, Start)), ("DPO on the first portion", new LabRow("", selm, 0)), online, optimism]),
            Steps.Of(records, "Llama recipe", Llama(dpo), llama,
                [("base model", new LabRow("", llama, Start)), (online.Item1, new LabRow("", Llama(dpo))), (optimism.Item1, new LabRow("", llama))]),
        ];
    }

    private static ResultTable StepTable(LabRecords records) => new(
        "table1-steps", "Where the exact win rate of SELM 0.001 comes from",
        [new("recipe"), new("step"), new("change", Format: "+0.000;-0.000"), new("share of the whole", "%", "0"), new("seeds", Format: "0")],
        [.. StepsOf(records).SelectMany(steps => steps.Names.Zip(steps.Means).Skip(1)
            .Select(step => (IReadOnlyList<Cell>)[steps.Recipe, step.First, step.Second.ToCell(), 100 * step.Second.Mean / steps.Whole.Mean, steps.Seeds])
            .Append([steps.Recipe, "all steps", steps.Whole.ToCell(), 100.0, steps.Seeds]))])
    {
        Notes = ["95 % intervals over seeds and prompts, over the seeds that both SELM and iterative DPO finished."],
    };

    private static Figure WaterfallFigure(LabRecords records, PaperTables paper)
    {
        var steps = StepsOf(records);
        return new("table1-waterfall", "Where the gains come from: the lab, and the paper",
        [
            .. Lab(steps[0]), Paper("zephyr", "Zephyr-7B"), .. Lab(steps[1]), Paper("llama3-it", "Llama-3-8B-Instruct"),
        ])
        {
            Caption = "The lab: mean exact win rate; the table of the steps has the uncertainty. The paper: AlpacaEval 2.0, length-controlled. Two tests, two axes.",
        };

        Panel[] Lab(Steps recipe) => recipe.Seeds == 0 ? [] :
        [
            new(new("stage"), new("exact win rate") { Bounds = AxisRange.Share }, [new WaterfallTrace("", Origin.Measured, recipe.Waterfall()) { ValueFormat = "0.000" }])
            {
                Title = $"The lab, {recipe.Recipe}",
                Height = 110,
            },
        ];
        Panel Paper(string family, string model) => new(new("stage"), new("LC win rate", "%") { Bounds = AxisRange.Percent }, [new WaterfallTrace("", Origin.Paper, TablesAudit.Waterfall(paper, family))])
        {
            Title = $"The paper, {model}",
            Height = 110,
        };
    }

    private static Figure LengthFigure(LabRecords records, Entry[] entries)
    {
        var truths = entries.Select(entry => exact.Mean(records, entry.Row)).ToArray();
        var known = truths.Select(truth => truth.Mean).Where(double.IsFinite).DefaultIfEmpty(0).ToArray();
        double[] ends = [known.Min(), known.Max()];
        return new("table1-length", "How well length control recovers the exact win rate",
        [
            new(new("exact win rate") { Bounds = AxisRange.Share }, new("the annotator's win rate") { Bounds = AxisRange.Share },
            [
                new LineTrace("equal", Origin.Exact, ends, ends) { Markers = false },
                .. new[] { controlled, raw }.Select(measure =>
                {
                    var means = entries.Select(entry => measure.Mean(records, entry.Row)).ToArray();
                    return new ScatterTrace(measure.Name, Origin.Measured, [.. truths.Select(truth => truth.Mean)], [.. means.Select(mean => mean.Mean)])
                    {
                        Errors = new([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]),
                    };
                }),
            ]) { Height = 220 },
        ])
        {
            Caption = "One point per policy, means over seeds with 95 % intervals. The annotator adds 0.10 per word to the true reward; length control must take it away again without knowing the reward.",
        };
    }
}
