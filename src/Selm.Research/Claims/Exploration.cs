using Selm.Research.Figures;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using Selm.Research.Theory;

namespace Selm.Research.Claims;

/// <summary>
/// The online study in log-linear worlds: every method sees the same prompts, pairs and labels, so that differences are paired
/// by world. Tabular worlds are in <see cref="Map"/>. Derived in lesson 16.
/// </summary>
public static class Exploration
{
    private const string Baseline = "iterative DPO";
    private static readonly double[] swapped = [0.01, 0.03, 0.1];
    private static readonly string[] curves = ["offline DPO", Baseline, "SELM 0.03", "XPO 0.01", "ensemble"];

    private static readonly (string Name, string Format, Func<ExplorationResult, double> Of, Func<IEnumerable<double>, Cell> Cell)[] measures =
    [
        ("greedy gap", "0.000", result => result.GreedyGap[^1], Mean), ("expected gap", "0.000", result => result.ExpectedGap[^1], Mean),
        ("regret", "0.00", result => result.Regret, Mean), ("best found", "0.000", result => result.BestFound, Share),
        ("coverage", "0.000", result => result.Coverage, Share), ("E_ref[r_hat]", "0.000", result => result.ReferenceReward, Mean),
    ];

    /// <summary>Runs all methods of the study in every world.</summary>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="worlds">How many worlds, seeds 1000, 1001, ....</param>
    /// <param name="jobs">Threads; their number does not change a bit of the result.</param>
    /// <param name="progress">Told after every world.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static ExperimentResult Run(ClaimRules rules, int worlds, int jobs = 1, IProgress<StepProgress>? progress = null)
    {
        var study = Worlds.Study("exploration", new ExplorationSettings(), ExplorationMethod.All, worlds, jobs, progress);
        Row[] rows = [.. study.Methods.Select(method => new Row(method.Name, study.Differences(method.Name, Baseline, GreedyGap)))];
        Swap[] swaps = [.. swapped.Select(alpha => new Swap(study, alpha))];
        return new ExperimentResult(
            "exploration",
            [Cells(study, worlds), Paired(study, rows), SwapTable(swaps)],
            [Draw(study, rows, worlds)],
            [.. Claims(study, rows, swaps, rules)]);
    }

    /// <summary>A small figure of five methods for <c>selm tour</c>.</summary>
    /// <param name="worlds">How many worlds, at least 1.</param>
    /// <param name="jobs">Threads.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public static Figure Glance(int worlds, int jobs = 1)
    {
        ExplorationMethod[] methods =
            [ExplorationMethod.OfflineDpo, ExplorationMethod.IterativeDpo, ExplorationMethod.Selm(0.03), ExplorationMethod.Selm(0.3), ExplorationMethod.Xpo(0.01)];
        var study = Worlds.Study("exploration", new ExplorationSettings(), methods, worlds, jobs, null);
        return new Figure("exploration-glance", "Online exploration: how far the greedy answer is from the best one", [OverIterations(study, [.. methods.Select(method => method.Name)])])
        {
            Caption = $"{worlds} log-linear worlds, means with 95 % intervals. At this size intervals are wide: selm reproduce exploration runs 400 worlds.",
        };
    }

    private static double GreedyGap(ExplorationResult result) => result.GreedyGap[^1];

    /// <summary>A method's greedy gap minus iterative DPO's, world by world; below 0 is better.</summary>
    private sealed record Row(string Name, double[] Differences)
    {
        public MeanInterval Mean { get; } = Worlds.Mean(Differences);
    }

    /// <summary>
    /// SELM's gain over iterative DPO, taken apart. <c>Twin</c> has SELM's loss on y and comparisons of the alpha = 0 twin; <c>Own</c>
    /// has the twin's comparisons too, but pushes down its own greedy y. Gains are positive where the gap shrinks.
    /// </summary>
    private sealed class Swap
    {
        public Swap(ExplorationStudy study, double alpha)
        {
            Alpha = alpha;
            Selm = Gain(ExplorationMethod.Selm(alpha));
            Twin = Gain(ExplorationMethod.Swap(alpha));
            Own = study.Methods.Any(method => method.Name == ExplorationMethod.SwapOwn(alpha).Name) ? Gain(ExplorationMethod.SwapOwn(alpha)) : null;
            double[] Gain(ExplorationMethod method) => study.Differences(Baseline, method.Name, GreedyGap);
        }

        public double Alpha { get; }
        public double[] Selm { get; }
        public double[] Twin { get; }
        public double[]? Own { get; }

        /// <summary>What the swapped method has beyond half of SELM's gain: above 0, most of the gain needs no queries of SELM's.</summary>
        public double[] BeyondHalf(double[] part) => [.. part.Zip(Selm, (mine, whole) => mine - (whole / 2))];
    }

    private static ResultTable Cells(ExplorationStudy study, int worlds) => new(
        "exploration", "Every method after six iterations",
        [new("method"), .. measures.Select(measure => new Column(measure.Name, Format: measure.Format))],
        [.. study.Methods.Select(method => (IReadOnlyList<Cell>)
            [Cell.Text(method.Name), .. measures.Select(measure => measure.Cell(study[method.Name].Select(measure.Of)))])])
    {
        Notes = [$"{worlds} log-linear worlds, means with 95 % intervals; gaps and regret in units of r*, lower is better. Best found: share of prompts with a labelled response within 0.5 of the best. Coverage: share of responses labelled."],
    };

    private static ResultTable Paired(ExplorationStudy study, Row[] rows) => new(
        "exploration-paired", "Differences from iterative DPO in the same worlds",
        [
            new("method"), new("greedy gap", Format: "+0.000;-0.000"), new("median", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"),
            new("regret", Format: "+0.00;-0.00"), new("best found", Format: "+0.000;-0.000"),
        ],
        [.. rows.Where(row => row.Name != Baseline).Select(row => (IReadOnlyList<Cell>)
            [
                Cell.Text(row.Name), row.Mean.ToCell(), Shown.Median(row.Differences), Shown.Detectable(row.Differences),
                Worlds.Mean(study.Differences(row.Name, Baseline, result => result.Regret)).ToCell(),
                Worlds.Mean(study.Differences(row.Name, Baseline, result => result.BestFound)).ToCell(),
            ])])
    {
        Notes = ["Below 0 is better for gap and regret, above 0 for best found. Detectable: the true difference that this many worlds find with a chance of 80 %."],
    };

    private static ResultTable SwapTable(Swap[] swaps) => new(
        "exploration-swap", "Better queries or better regularisation? SELM's gain over iterative DPO, taken apart",
        [new("alpha"), new("SELM", Format: "+0.000;-0.000"), new("swap: twin's queries and y", Format: "+0.000;-0.000"), new("swap: twin's queries, own y", Format: "+0.000;-0.000"), new("SELM minus swap", Format: "+0.000;-0.000"), new("SELM minus swap, own y", Format: "+0.000;-0.000")],
        [.. swaps.Select(swap => (IReadOnlyList<Cell>)
            [
                Cell.Text(Shown.Plain(swap.Alpha)), Worlds.Mean(swap.Selm).ToCell(), Worlds.Mean(swap.Twin).ToCell(),
                swap.Own is null ? Cell.Empty : Worlds.Mean(swap.Own).ToCell(),
                Minus(swap.Selm, swap.Twin), swap.Own is null ? Cell.Empty : Minus(swap.Selm, swap.Own),
            ])])
    {
        Notes =
        [
            "Gains in greedy gap, above 0 is better. Both swaps learn from the comparisons of the twin that runs with alpha = 0; they differ in the y that the bonus pushes down: the twin's, or the greedy response of the policy that is being trained.",
            "How much of the gain is regularisation depends on which swap is meant, so both are judged.",
        ],
    };

    private static Cell Mean(IEnumerable<double> perWorld) => Worlds.Mean(perWorld).ToCell();

    private static Cell Share(IEnumerable<double> perWorld) => Worlds.Share(perWorld).ToShareCell();

    private static Cell Minus(double[] one, double[] other) => Worlds.Mean(one.Zip(other, (a, b) => a - b)).ToCell();

    private static Figure Draw(ExplorationStudy study, Row[] rows, int worlds)
    {
        Row[] others = [.. rows.Where(row => row.Name != Baseline)];
        return new Figure("exploration", "Online exploration in log-linear worlds",
        [
            new Panel(
                new Axis($"gain: greedy gap of {Baseline} minus the method's"), new Axis("method") { Categories = [.. others.Select(row => row.Name)] },
                [
                    new ScatterTrace("gain in the same worlds", Origin.Measured, [.. others.Select(row => -row.Mean.Mean)], [.. others.Select((_, i) => (double)i)])
                    {
                        XErrors = new Band([.. others.Select(row => -row.Mean.High)], [.. others.Select(row => -row.Mean.Low)]),
                    },
                ]) { Height = 13 * others.Length, Annotations = [new Rule(0, Vertical: true)] },
            OverIterations(study, curves),
        ])
        {
            Caption = $"{worlds} worlds, 95 % intervals. Above: gains after the last iteration, as in the map: right of the line is better. Below: the gap itself over iterations, lower is better.",
        };
    }

    private static Panel OverIterations(ExplorationStudy study, string[] names) => new(
        new Axis("iterations"), new Axis("max r* - r*(greedy answer)"),
        [.. names.Select(name =>
        {
            var means = study[name][0].GreedyGap.Select((_, t) => Worlds.Mean(study[name].Select(world => world.GreedyGap[t]))).ToArray();
            return new LineTrace(name, Origin.Measured, [.. means.Select((_, t) => (double)t)], [.. means.Select(mean => mean.Mean)])
            {
                Band = new Band([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]),
            };
        })]);

    private static IEnumerable<ClaimRow> Claims(ExplorationStudy study, Row[] rows, Swap[] swaps, ClaimRules rules)
    {
        foreach (var alpha in new[] { 0.001, 0.03, 0.3 })
        {
            var row = rows.Single(row => row.Name == ExplorationMethod.Selm(alpha).Name);
            yield return rules[$"exploration-selm-{Shown.Plain(alpha)}"].Paired([.. row.Differences.Select(difference => -difference)]);
        }
        foreach (var swap in swaps.Where(swap => swap.Own is not null))
        {
            yield return rules[$"exploration-swap-{Shown.Plain(swap.Alpha)}-twin"].Paired(swap.BeyondHalf(swap.Twin));
            yield return rules[$"exploration-swap-{Shown.Plain(swap.Alpha)}-own"].Paired(swap.BeyondHalf(swap.Own!));
        }
        yield return rules["exploration-best-found"].Paired(study.Differences(ExplorationMethod.Selm(0.03).Name, Baseline, result => result.BestFound));
    }
}
