using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 3 in the lab language: what alpha does to the win rate, and to the true rewards of the answers over alphas and over
/// iterations. Derived in lesson 13.
/// </summary>
public static partial class Figure3
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure3";

    private const int Middle = 2; // the iteration of the distributions over alpha
    private const double BinWidth = 0.5;

    private static readonly Weight none = new(0), winning = new(LabStudy.Alpha), large = new(LabStudy.Large), runaway = new(0.3, Far: true);
    private static readonly Weight[] weights = [none, .. LabAlpha.Grid.Select(alpha => new Weight(alpha)), new(0.1, Far: true), runaway];
    private static readonly Weight[] byTrueReward = [none, new(LabStudy.Small), winning, large, runaway];
    private static readonly Weight[] drawn = [none, winning, large, runaway];
    private static readonly Weight[] rising = [none, new(LabStudy.Small), winning, large];
    private static readonly double[] bins = [.. Enumerable.Range(0, 14).Select(k => -3 + (BinWidth * k))];
    private static readonly (LabJudge Judge, string Name)[] judges = [(LabJudge.Model, "learned ranker"), (LabJudge.Oracle, "oracle")];

    /// <summary>The cells, without seeds.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. judges.SelectMany(judge => WeightsOf(judge.Judge).Select(weight => weight.Cell(study, judge.Judge)))];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        Series[] all = [.. judges.Select(judge => new Series(judge.Judge, judge.Name, [.. WeightsOf(judge.Judge).Select(weight => Point.Of(records, judge.Judge, weight))]))];
        string Runs(params Weight[] shown) => SeedsOf(records.Study, shown);
        return new ExperimentResult(
            Name,
            [WinRates(records, all), Distributions(all), Iterations(all), Phases(all), ByExternalReward(Searched(records))],
            LabCharts.Drawable(
                Left(all, Runs(weights)), OverAlpha(all, Runs([.. drawn.Where(weight => all.Any(series => series.Drawn.Any(point => point.Weight == weight)))])), OverIterations(all, Runs(winning)),
                PhaseFigure(all, Runs([.. phased.Where(weight => all.Any(series => series.At(weight).Results.Count > 0))])), Margins(all)),
            [.. Claims(records, rules)]);
    }

    // Labels by the true reward are a check of the learned ranker's, at the alphas that claims are about.
    private static Weight[] WeightsOf(LabJudge judge) => judge == LabJudge.Model ? weights : byTrueReward;

    // How many seeds are behind the alphas of a figure, and of no others: "40 seeds of alpha 0 and 0.001, 10 of alpha far 0.3; ...".
    private static string SeedsOf(LabStudy study, Weight[] shown)
    {
        var groups = shown.GroupBy(weight => study.SeedsOf(weight.Cell(study, judges[0].Judge)).Count)
            .Select((group, k) => $"{group.Key} {(k == 0 ? "seeds " : "")}of alpha {Listed([.. group.Select(weight => weight.Name)])}");
        return $"{string.Join(", ", groups)}; intervals of 95 %.";

        static string Listed(string[] names) => names.Length < 2 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} and {names[^1]}";
    }

    /// <summary>An alpha on the paper's scale, or one of the lab's own that is far beyond the paper's grid.</summary>
    private sealed record Weight(double Alpha, bool Far = false)
    {
        public string Name => Far ? $"far {Shown.Plain(Alpha)}" : Shown.Plain(Alpha);

        public LabCellSpec Cell(LabStudy study, LabJudge judge) => Far ? study.FarBeyond(Alpha, judge) : study.Selm(Alpha, judge);

        /// <summary>As the loss has it.</summary>
        public double Lab(LabJudge judge) => Far ? Alpha : LabAlpha.Lab(Alpha, judge);

        /// <summary>As the paper's scale has it.</summary>
        public double Paper(LabJudge judge) => Far ? LabAlpha.Paper(Alpha, judge) : Alpha;
    }

    /// <summary>One ranker, all alphas.</summary>
    private sealed record Series(LabJudge Judge, string Name, Point[] Points)
    {
        public IEnumerable<Point> Drawn => Points.Where(point => drawn.Contains(point.Weight) && point.Results.Count > 0);

        public Point Selm => At(winning);

        public Point At(Weight weight) => Points.Single(point => point.Weight == weight);
    }

    /// <summary>One ranker, one alpha: its finished seeds and their differences to alpha 0.</summary>
    private sealed record Point(Weight Weight, LabJudge Judge, IReadOnlyList<LabCellResult> Results, double[,] ByPrompt, double[] PerSeed)
    {
        public static Point Of(LabRecords records, LabJudge judge, Weight weight)
        {
            var (cell, dpo) = (weight.Cell(records.Study, judge), none.Cell(records.Study, judge));
            return new(weight, judge, records.Of(cell), records.DifferencesByPrompt(cell, dpo, Wins), records.Differences(cell, dpo, WinRate));
        }

        public string Label => $"alpha {Weight.Name}";

        /// <summary>The cells of a table that say which alpha this is, on both scales.</summary>
        public IEnumerable<Cell> Alphas => [Cell.Text(Weight.Far ? $"{Shown.Plain(Weight.Paper(Judge))} (far)" : Weight.Name), Cell.Text(LabAlpha.Plain(Weight.Lab(Judge)))];

        public double[] WinRates => [.. Results.Select(WinRate)];

        /// <summary>Mean over the iterations that have a bonus; iteration 0 is plain DPO.</summary>
        public MeanInterval SigmaNegativeMargin => Results.Share(OnlineMargin);
    }

    private static IReadOnlyList<double> Wins(LabCellResult result) => LabMeasures.ExactWinRates(result.Last!);

    private static double WinRate(LabCellResult result) => result.Last!.ExactWinRate;

    private static double OnlineMargin(LabCellResult result) => result.Iterations.Skip(1).Average(iteration => iteration.SigmaNegativeMargin);

    private static ResultTable WinRates(LabRecords records, Series[] all) => new(
        Name, "Exact win rate against the fixed baseline after the last iteration",
        [
            new("ranker"), .. Scales, new("win rate", Format: "0.000"), new("median seed", Format: "0.000"), new("minus alpha 0", Format: "+0.000;-0.000"),
            new("median difference", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("sigma(-margin)", Format: "0.0000"), new("seeds", Format: "0"),
        ],
        [.. all.SelectMany(series => series.Points.Select(point => Row(series, point)))])
    {
        Notes =
        [
            "Differences are paired by seed and prompt. Detectable: the true difference that as many seeds find with a chance of 80 %.",
            "sigma(-margin): mean over the online iterations of what weighs DPO's gradient; the bonus has weight alpha, so it takes over where sigma(-margin) falls to alpha.",
            "The paper's scale: the alpha that weighs as much beside the paper's sigma(-margin) of 0.5 as the lab's alpha beside the lab's. \"far\": far beyond the paper's grid, to show the runaway.",
            .. LabCharts.RanAway(records, judges.SelectMany(judge => WeightsOf(judge.Judge).Select(weight => ($"alpha {weight.Name}, {judge.Name}", weight.Cell(records.Study, judge.Judge))))),
        ],
    };

    private static Column[] Scales => [new("alpha, paper's scale"), new("alpha in the loss")];

    private static IReadOnlyList<Cell> Row(Series series, Point point)
    {
        var baseline = point.Weight == none;
        var difference = LabMeasures.Mean(point.ByPrompt);
        return
        [
            Cell.Text(series.Name), .. point.Alphas, point.Results.Share(WinRate).ToShareCell(), LabCharts.Median(point.WinRates),
            baseline ? Cell.Empty : difference.ToCell(), baseline ? Cell.Empty : LabCharts.Median(point.PerSeed),
            baseline ? Cell.Empty : LabMeasures.Detectable(difference, point.PerSeed.Length), point.SigmaNegativeMargin.ToShareCell(), point.Results.Count,
        ];
    }

    private static ResultTable Distributions(Series[] all) => new(
        "figure3-answers", $"Greedy test answers after iteration {Middle}",
        [new("ranker"), .. Scales, .. Quantiles, new("y best"), new("y worst"), new("grammatical")],
        [.. all.SelectMany(series => series.Points.Where(point => point.Results.Count > 0).Select(point => (IReadOnlyList<Cell>)
            [
                Cell.Text(series.Name), .. point.Alphas, .. Rewards(point, Middle),
                .. new Func<LabCellIteration, double>[] { k => k.YBest, k => k.YWorst, k => k.Evaluation.Grammatical }
                    .Select(measure => point.Results.Share(result => measure(result.Iterations[Middle])).ToShareCell()),
            ]))])
    {
        Notes = ["r* of the answers: mean with interval, then quantiles averaged over seeds. y best, y worst: share of prompts whose own answer ranked best or worst."],
    };

    private static ResultTable Iterations(Series[] all) => new(
        "figure3-iterations", $"r* of greedy test answers by iteration, SELM {Shown.Plain(LabStudy.Alpha)}",
        [new("ranker"), new("policy"), .. Quantiles, new("exact win rate", Format: "0.000"), new("grammatical")],
        [.. all.Where(series => series.Selm.Results.Count > 0).SelectMany(series => Policies(series.Selm).Select(policy => (IReadOnlyList<Cell>)
            [
                Cell.Text(series.Name), Cell.Text(policy.Name), .. Rewards(series.Selm, policy.Iteration),
                series.Selm.Results.Share(result => result.After(policy.Iteration).ExactWinRate).ToShareCell(),
                series.Selm.Results.Share(result => result.After(policy.Iteration).Grammatical).ToShareCell(),
            ]))]);

    private static IEnumerable<Column> Quantiles => [new("r*"), new("q05"), new("q25"), new("q50"), new("q75"), new("q95")];

    private static IEnumerable<Cell> Rewards(Point point, int iteration) =>
    [
        point.Results.Mean(result => result.After(iteration).MeanReward).ToCell(),
        .. Enumerable.Range(0, 5).Select(q => Cell.Number(point.Results.Average(result => result.After(iteration).RewardQuantiles[q]))),
    ];

    private static IEnumerable<(string Name, int Iteration)> Policies(Point point) =>
        Enumerable.Range(-1, 1 + point.Results.Min(result => result.Iterations.Count)).Select(k => (k < 0 ? "base model" : $"iteration {k}", k));

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules)
    {
        LabCellSpec At(Weight weight, LabJudge judge = LabJudge.Model) => weight.Cell(records.Study, judge);
        ClaimRow Judge(string id, Weight better, Weight other, LabJudge judge = LabJudge.Model) => rules[id].Paired(
            records.DifferencesByPrompt(At(better, judge), At(other, judge), Wins), Lost(records, judge, better, other));

        yield return Judge("figure3-small-alpha-is-dpo", new(LabStudy.Small), none);
        yield return Judge("figure3-large-alpha-fails", winning, large);
        yield return Judge("figure3-large-alpha-fails-oracle", winning, large, LabJudge.Oracle);
        yield return Judge("figure3-runaway", none, runaway);
        yield return Judge("figure3-runaway-oracle", none, runaway, LabJudge.Oracle);
        yield return rules["figure3-proper-alpha"].Ordered(
            [records.Differences(At(winning), At(none), WinRate), records.Differences(At(winning), At(large), WinRate)], Lost(records, LabJudge.Model, none, winning, large));
        yield return rules["figure3-distribution-alpha"].Ordered(
            [.. rising.Zip(rising.Skip(1), (less, more) => records.Differences(At(more), At(less), result => result.After(Middle).MeanReward))],
            Lost(records, LabJudge.Model, rising));
        var selm = records.Of(At(winning));
        yield return rules["figure3-distribution-iterations"].Ordered(
            [.. Enumerable.Range(0, 4).Select(k => selm.Select(result => result.After(k).MeanReward - result.After(k - 1).MeanReward).ToArray())],
            Lost(records, LabJudge.Model, winning));
        foreach (var row in PhaseClaims(records, rules))
        {
            yield return row;
        }
    }

    private static string Lost(LabRecords records, LabJudge judge, params IEnumerable<Weight> shown) =>
        LabCharts.Lost(records, shown.Select(weight => ($"alpha {weight.Name}", weight.Cell(records.Study, judge))));
}
