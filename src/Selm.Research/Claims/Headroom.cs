using Selm.Research.Algorithm1;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// A lab world that leaves something to explore: who first uses the jewel, a rare sentence that good answers have? Derived in
/// lesson 16.
/// </summary>
public static class Headroom
{
    /// <summary>The name that <c>selm reproduce</c> knows; it is not in the default set.</summary>
    public const string Name = "headroom";

    /// <summary>Iterations of every method.</summary>
    public const int Iterations = 8;

    /// <summary>Share of greedy test answers with the right skill from which on a policy counts as having found it.</summary>
    public const double Found = 0.05;

    private const string Dpo = "iterative DPO";
    private const string Selm = "SELM 0.01";
    private const string Far = "far: 0.1";
    private const string SampledDpo = "DPO, y sampled";

    private static readonly (string Name, Func<LabStudy, LabCellSpec> Cell)[] methods =
    [
        (Dpo, study => study.IterativeDpo), ("SELM 0.001", study => study.Selm(LabStudy.Alpha, LabJudge.Oracle)), (Selm, Bold),
        ("far: 0.03", study => study.FarBeyond(0.03)), (Far, study => study.FarBeyond(0.1)),
        (SampledDpo, study => study.IterativeDpo with { Sampled = true }), ("SELM 0.01, y sampled", study => Bold(study) with { Sampled = true }),
        ("XPO 0.01", study => study.Cell(LoopMethod.Xpo) with { Alpha = 0.01 }), ("offline DPO", study => study.Cell(LoopMethod.OfflineDpo)),
    ];

    private static readonly string[] drawn = [Dpo, Selm, Far, SampledDpo, "XPO 0.01"];

    /// <summary>The cells, without seeds.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. methods.Select(method => CellOf(study, method.Name))];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        Row[] rows = [.. methods.Select(method => Row.Of(records, method.Name))];
        return new ExperimentResult(Name, [Table(records, rows), ByIteration(rows)], LabCharts.Drawable(Lines(rows), Forest(rows)), [.. Claims(records, rules)]);
    }

    /// <summary>Iterations until the jewel is found: 1 where the first one finds it, one more than there are where none does.</summary>
    internal static double First(LabCellResult result) =>
        result.Iterations.TakeWhile(iteration => iteration.Evaluation.JewelUse < Found).Count() + 1;

    private static LabCellSpec Bold(LabStudy study) => study.Selm(LabStudy.Large, LabJudge.Oracle);

    private static LabCellSpec CellOf(LabStudy study, string method) => methods.Single(row => row.Name == method).Cell(study) with
    {
        Ranker = LabJudge.Oracle,
        Preset = LabWorldPreset.Headroom,
        Iterations = Iterations,
    };

    /// <summary>A method and its differences from iterative DPO, seed by seed.</summary>
    private sealed record Row(string Name, IReadOnlyList<LabCellResult> Results, double[] Sooner, double[] MoreJewels)
    {
        public static Row Of(LabRecords records, string name)
        {
            var (cell, dpo) = (CellOf(records.Study, name), CellOf(records.Study, Dpo));
            return new(name, records.Of(cell), records.Differences(dpo, cell, First), records.Differences(cell, dpo, Jewels));
        }
    }

    private static double Jewels(LabCellResult result) => result.Last!.JewelUse;

    private static double Asked(LabCellResult result) =>
        result.Iterations.Select(iteration => iteration.AskedJewel).Where(share => !double.IsNaN(share)).DefaultIfEmpty(double.NaN).Average();

    private static ResultTable Table(LabRecords records, Row[] rows) => new(
        Name, "The jewel in a world with headroom, labels by the true reward",
        [
            new("method"), new("first iteration", Format: "0.0"), new("never", Format: "0"), new("sooner than DPO", Format: "+0.0;-0.0"), new("detectable", Format: "0.0"),
            new("jewel use", Format: "0.000"), new("minus DPO", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("asked", Format: "0.000"), new("r*"), new("seeds", Format: "0"),
        ],
        [.. rows.Select(row => (IReadOnlyList<Cell>)
            [
                Cell.Text(row.Name), row.Results.Mean(First).ToCell(), row.Results.Count(result => First(result) > result.Iterations.Count),
                .. row.Name == Dpo ? [Cell.Empty, Cell.Empty] : new Cell[] { LabMeasures.Mean(row.Sooner).ToCell(), LabMeasures.Detectable(LabMeasures.Mean(row.Sooner), row.Sooner.Length) },
                row.Results.Share(Jewels).ToShareCell(),
                .. row.Name == Dpo ? [Cell.Empty, Cell.Empty] : new Cell[] { LabMeasures.Mean(row.MoreJewels).ToCell(), LabCharts.Median(row.MoreJewels) },
                row.Results.Share(Asked).ToShareCell(), row.Results.Mean(result => result.Last!.MeanReward).ToCell(), row.Results.Count,
            ])])
    {
        Notes =
        [
            $"First iteration: the first after which at least {100 * Found:0} % of greedy test answers have the right skill, counted from 1; where it never happens, {Iterations + 1}. Never: seeds without it. Sooner: iterations saved against iterative DPO, same seeds.",
            "Jewel use: share of test answers with the right skill after the last iteration. Asked: the same share among the policy's own answers that were ranked, mean over iterations.",
            $"{LabAlpha.Note([LabStudy.Alpha, LabStudy.Large], "oracle")} \"far\" and XPO have alphas of the lab's own scale; the far ones are far beyond the paper's grid.",
            .. LabCharts.RanAway(records, methods.Select(method => (method.Name, CellOf(records.Study, method.Name)))),
        ],
    };

    private static ResultTable ByIteration(Row[] rows) => new(
        "headroom-iterations", "Jewel use of greedy test answers by iteration",
        [new("method"), .. Enumerable.Range(1, Iterations).Select(k => new Column($"{k}", Format: "0.000"))],
        [.. rows.Where(row => row.Results.Count > 0).Select(row => (IReadOnlyList<Cell>)
            [Cell.Text(row.Name), .. Enumerable.Range(0, Iterations).Select(k => row.Results.Share(result => result.After(k).JewelUse).ToShareCell())])]);

    private static Figure Lines(Row[] rows)
    {
        Curves[] shown = [.. rows.Where(row => drawn.Contains(row.Name) && row.Results.Count > 0).Select(Curves.Of)];
        var dpo = shown.SingleOrDefault(curves => curves.Name == Dpo);
        // All multiples share their axes, or they could not be compared.
        var rewards = shown.SelectMany(curves => curves.Rewards).SelectMany(mean => new[] { mean.Low, mean.High }).DefaultIfEmpty(0).ToArray();
        var use = new Axis("jewel use") { Bounds = AxisRange.Share, Range = new(0, Math.Min(1, 1.05 * shown.SelectMany(curves => curves.Use).Select(mean => mean.High).Append(2 * Found).Max())) };
        var reward = new Axis("r*") { Range = new(rewards.Min() - 0.2, rewards.Max() + 0.2) };
        return new Figure(Name, $"A world with headroom: rare good sentences by iteration, each method beside {Dpo}",
        [
            .. shown.Where(curves => curves != dpo || shown.Length == 1).SelectMany(curves => new[]
            {
                Multiple(use, curves, dpo, of => of.Use) with { Title = curves.Name, Annotations = [new Rule(Found, "found")] },
                Multiple(reward, curves, dpo, of => of.Rewards),
            }),
        ])
        {
            Columns = 2,
            Caption = "Greedy answers to the test prompts, labels by the true reward; means over seeds with 95 % intervals. Left: share of answers with the jewel. 0 iterations: the base model.",
        };
    }

    /// <summary>A method by iteration.</summary>
    private sealed record Curves(string Name, MeanInterval[] Use, MeanInterval[] Rewards)
    {
        public static Curves Of(Row row) => new(
            row.Name, row.Results.ByIteration(after => row.Results.Share(result => after(result).JewelUse)), row.Results.ByIteration(after => row.Results.Mean(result => after(result).MeanReward)));
    }

    private static Panel Multiple(Axis axis, Curves curves, Curves? dpo, Func<Curves, MeanInterval[]> of)
    {
        Curves[] both = dpo is null || dpo == curves ? [curves] : [dpo, curves];
        return new Panel(new Axis("iterations"), axis, [.. both.Select(one => LabCharts.Line(one.Name, [.. of(one).Select((_, k) => (double)k)], of(one)))]) { Height = 75 };
    }

    private static Figure Forest(Row[] rows)
    {
        Row[] others = [.. rows.Where(row => row.Name != Dpo && row.Sooner.Length > 0)];
        MeanInterval[] means = [.. others.Select(row => LabMeasures.Mean(row.Sooner))];
        return new Figure("headroom-first", "Iterations saved until the jewel is found",
        [
            new Panel(
                new Axis($"iterations sooner than {Dpo}"), new Axis("method") { Categories = [.. others.Select(row => row.Name)] },
                [
                    new ScatterTrace("difference for the same seeds", Origin.Measured, [.. means.Select(mean => mean.Mean)], [.. others.Select((_, k) => (double)k)])
                    {
                        XErrors = LabCharts.Ends(means),
                        Seeds = [.. others.Select(row => row.Sooner)],
                    },
                ]) { Height = 22 * others.Length, Annotations = [new Rule(0, Vertical: true)] },
        ])
        {
            Caption = $"Found: at least {100 * Found:0} % of greedy test answers have the right skill; a seed that never finds it counts as {Iterations + 1} iterations. 95 % intervals; small dots are seeds.",
        };
    }

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules)
    {
        yield return Judge("headroom-first-jewel", Dpo, Selm, First);
        yield return Judge("headroom-jewel-use", Selm, Dpo, Jewels);
        yield return Judge("headroom-sampling", Selm, SampledDpo, First);

        ClaimRow Judge(string id, string one, string other, Func<LabCellResult, double> measure)
        {
            var (mine, its) = (CellOf(records.Study, one), CellOf(records.Study, other));
            return rules[id].Paired(records.Differences(mine, its, measure), LabCharts.Lost(records, (one, mine), (other, its)));
        }
    }
}
