using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Experiments;

/// <summary>
/// Figure 3 in the lab language: what alpha does to the win rate, and to the true rewards of the answers over alphas and over
/// iterations. Derived in lesson 13.
/// </summary>
public static class Figure3
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure3";

    private const int Middle = 2; // the iteration of the distributions over alpha
    private const double BinWidth = 0.5;

    private static readonly double[] alphas = [0, 0.001, 0.01, 0.03, 0.1, 0.3];
    private static readonly double[] drawn = [0, 0.001, 0.03, 0.3];
    private static readonly double[] rising = [0, 0.001, 0.01, 0.03];
    private static readonly double[] bins = [.. Enumerable.Range(0, 14).Select(k => -3 + (BinWidth * k))];
    private static readonly (LabJudge Judge, string Name)[] judges = [(LabJudge.Model, "learned ranker"), (LabJudge.Oracle, "oracle")];

    /// <summary>The cells, without seeds.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [.. judges.SelectMany(judge => alphas.Select(alpha => CellOf(study, judge.Judge, alpha)))];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        Series[] all = [.. judges.Select(judge => new Series(judge.Name, [.. alphas.Select(alpha => Point.Of(records, judge.Judge, alpha))]))];
        var runs = $"{records.Study.HeadlineSeeds} seeds of alpha 0, 0.001 and 0.01, {records.Study.Seeds} of the others; intervals of 95 %.";
        return new ExperimentResult(
            Name,
            [WinRates(records, all), Distributions(all), Iterations(all)],
            LabCharts.Drawable(Left(all, runs), OverAlpha(all, runs), OverIterations(all, runs), Margins(all, runs)),
            [.. Claims(records, rules)]);
    }

    private static LabCellSpec CellOf(LabStudy study, LabJudge judge, double alpha) => study.Selm(alpha) with { Ranker = judge };

    /// <summary>One ranker, all alphas.</summary>
    private sealed record Series(string Name, Point[] Points)
    {
        public IEnumerable<Point> Drawn => Points.Where(point => drawn.Contains(point.Alpha) && point.Results.Count > 0);

        public Point Selm => Points.Single(point => point.Alpha == LabStudy.Alpha);
    }

    /// <summary>One ranker, one alpha: its finished seeds and their differences to alpha 0.</summary>
    private sealed record Point(double Alpha, IReadOnlyList<LabCellResult> Results, double[,] ByPrompt, double[] PerSeed)
    {
        public static Point Of(LabRecords records, LabJudge judge, double alpha)
        {
            var (cell, dpo) = (CellOf(records.Study, judge, alpha), CellOf(records.Study, judge, 0));
            return new(alpha, records.Of(cell), records.DifferencesByPrompt(cell, dpo, Wins), records.Differences(cell, dpo, WinRate));
        }

        public string Label => $"alpha {Shown.Plain(Alpha)}";

        public double[] WinRates => [.. Results.Select(WinRate)];

        /// <summary>Mean over the iterations that have a bonus; iteration 0 is plain DPO.</summary>
        public MeanInterval SigmaNegativeMargin => Results.Mean(OnlineMargin);
    }

    private static IReadOnlyList<double> Wins(LabCellResult result) => LabMeasures.ExactWinRates(result.Last!);

    private static double WinRate(LabCellResult result) => result.Last!.ExactWinRate;

    private static double OnlineMargin(LabCellResult result) => result.Iterations.Skip(1).Average(iteration => iteration.SigmaNegativeMargin);

    private static ResultTable WinRates(LabRecords records, Series[] all) => new(
        Name, "Exact win rate against the fixed baseline after the last iteration",
        [
            new("ranker"), new("alpha"), new("win rate", Format: "0.000"), new("median seed", Format: "0.000"), new("minus alpha 0", Format: "+0.000;-0.000"),
            new("median difference", Format: "+0.000;-0.000"), new("detectable", Format: "0.000"), new("sigma(-margin)", Format: "0.0000"), new("seeds", Format: "0"),
        ],
        [.. all.SelectMany(series => series.Points.Select(point => Row(series, point)))])
    {
        Notes =
        [
            "Differences are paired by seed and prompt. Detectable: the true difference that as many seeds find with a chance of 80 %.",
            "sigma(-margin): mean over the online iterations of what weighs DPO's gradient; the bonus has weight alpha, so it takes over where sigma(-margin) falls to alpha.",
            .. LabCharts.RanAway(records, judges.SelectMany(judge => alphas.Select(alpha => ($"alpha {Shown.Plain(alpha)}, {judge.Name}", CellOf(records.Study, judge.Judge, alpha))))),
        ],
    };

    private static IReadOnlyList<Cell> Row(Series series, Point point)
    {
        var baseline = point.Alpha == 0;
        var difference = LabMeasures.Mean(point.ByPrompt);
        return
        [
            Cell.Text(series.Name), Cell.Text(Shown.Plain(point.Alpha)), point.Results.Mean(WinRate).ToCell(), LabCharts.Median(point.WinRates),
            baseline ? Cell.Empty : difference.ToCell(), baseline ? Cell.Empty : LabCharts.Median(point.PerSeed),
            baseline ? Cell.Empty : LabMeasures.Detectable(difference, point.PerSeed.Length), point.SigmaNegativeMargin.ToCell(), point.Results.Count,
        ];
    }

    private static ResultTable Distributions(Series[] all) => new(
        "figure3-answers", $"Greedy test answers after iteration {Middle}",
        [new("ranker"), new("alpha"), .. Quantiles, new("y best"), new("y worst"), new("grammatical")],
        [.. all.SelectMany(series => series.Points.Where(point => point.Results.Count > 0).Select(point => (IReadOnlyList<Cell>)
            [
                Cell.Text(series.Name), Cell.Text(Shown.Plain(point.Alpha)), .. Rewards(point, Middle),
                .. new Func<LabCellIteration, double>[] { k => k.YBest, k => k.YWorst, k => k.Evaluation.Grammatical }
                    .Select(measure => point.Results.Mean(result => measure(result.Iterations[Middle])).ToCell()),
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
                series.Selm.Results.Mean(result => result.After(policy.Iteration).ExactWinRate).ToCell(),
                series.Selm.Results.Mean(result => result.After(policy.Iteration).Grammatical).ToCell(),
            ]))]);

    private static IEnumerable<Column> Quantiles => [new("r*"), new("q05"), new("q25"), new("q50"), new("q75"), new("q95")];

    private static IEnumerable<Cell> Rewards(Point point, int iteration) =>
    [
        point.Results.Mean(result => result.After(iteration).MeanReward).ToCell(),
        .. Enumerable.Range(0, 5).Select(q => Cell.Number(point.Results.Average(result => result.After(iteration).RewardQuantiles[q]))),
    ];

    private static IEnumerable<(string Name, int Iteration)> Policies(Point point) =>
        Enumerable.Range(-1, 1 + point.Results.Min(result => result.Iterations.Count)).Select(k => (k < 0 ? "base model" : $"iteration {k}", k));

    private static Figure Left(Series[] all, string runs) => new(
        Name, "Figure 3 left: win rate against alpha",
        [
            new Panel(
                new Axis("alpha") { Categories = [.. alphas.Select(Shown.Plain)] }, new Axis("exact win rate"),
                [.. all.Select((series, s) => Dots(series, s == 0 ? -0.15 : 0.15)).Where(trace => trace.X.Count > 0)]),
        ])
    {
        Caption = $"After the last iteration, against a fixed response of the keen writer. Small dots are seeds: {runs}",
    };

    private static ScatterTrace Dots(Series series, double shift)
    {
        var points = series.Points.Index().Where(point => point.Item.Results.Count > 0).ToArray();
        MeanInterval[] means = [.. points.Select(point => point.Item.Results.Mean(WinRate))];
        return new ScatterTrace(series.Name, Origin.Measured, [.. points.Select(point => point.Index + shift)], [.. means.Select(mean => mean.Mean)])
        {
            Errors = LabCharts.Ends(means),
            Seeds = [.. points.Select(point => point.Item.WinRates)],
        };
    }

    private static Figure OverAlpha(Series[] all, string runs) => new(
        "figure3-alpha", $"Figure 3 middle: rewards of the answers after iteration {Middle}",
        [.. all.Where(series => series.Drawn.Any()).Select(series => Density(series.Name, [.. series.Drawn.Select(point => Shares(point.Label, point, Middle))]))])
    {
        Caption = $"Share of greedy test answers per bin of r*, bins {Shown.Plain(BinWidth)} wide, the outermost open. {runs}",
    };

    private static Figure OverIterations(Series[] all, string runs) => new(
        "figure3-iterations", $"Figure 3 right: rewards of the answers of SELM {Shown.Plain(LabStudy.Alpha)} by iteration",
        [.. all.Where(series => series.Selm.Results.Count > 0).Select(series =>
            Density(series.Name, [.. Policies(series.Selm).Select(policy => Shares(policy.Name, series.Selm, policy.Iteration))]))])
    {
        Caption = $"Share of greedy test answers per bin of r*, bins {Shown.Plain(BinWidth)} wide, the outermost open. {runs}",
    };

    private static Panel Density(string title, LineTrace[] lines) => new(new Axis("r*"), new Axis("share of answers"), lines) { Title = title, Height = 130 };

    private static LineTrace Shares(string name, Point point, int iteration)
    {
        var shares = point.Results.Select(result => Histogram(result.After(iteration).Rewards)).ToArray();
        return LabCharts.Line(name, [.. bins.Select(edge => edge + (BinWidth / 2))], [.. bins.Select((_, bin) => LabMeasures.Mean(shares.Select(seed => seed[bin])))]);
    }

    /// <summary>The share of values in every bin; what lies outside counts to the outermost.</summary>
    internal static double[] Histogram(IReadOnlyList<double> rewards)
    {
        var shares = new double[bins.Length];
        foreach (var reward in rewards)
        {
            shares[Math.Clamp((int)Math.Floor((reward - bins[0]) / BinWidth), 0, bins.Length - 1)] += 1.0 / rewards.Count;
        }
        return shares;
    }

    private static Figure Margins(Series[] all, string runs)
    {
        double[] positive = [.. alphas.Where(alpha => alpha > 0)];
        return new Figure("figure3-margins", "Where the bonus takes over",
        [
            new Panel(
                new Axis("alpha") { Log = true }, new Axis("weight") { Log = true },
                [
                    new LineTrace("weight of the bonus: alpha", Origin.Exact, positive, positive) { Markers = false },
                    .. all.Select(series => Weights(series)).Where(line => line.X.Count > 0),
                ]),
        ])
        {
            Caption = $"Mean sigma(-margin) over the online iterations is the weight of DPO's gradient. Left of the crossing the data decide, right of it the bonus. {runs}",
        };
    }

    private static LineTrace Weights(Series series)
    {
        var points = series.Points.Where(point => point.Alpha > 0 && point.Results.Count > 0 && point.SigmaNegativeMargin.Mean > 0).ToArray();
        var lowest = points.Select(point => point.SigmaNegativeMargin.Mean).DefaultIfEmpty(1).Min() / 10; // keeps wide intervals on a logarithmic axis
        MeanInterval[] means = [.. points.Select(point => point.SigmaNegativeMargin).Select(mean => mean with { Low = Math.Max(mean.Low, lowest) })];
        return LabCharts.Line($"sigma(-margin), {series.Name}", [.. points.Select(point => point.Alpha)], means);
    }

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules)
    {
        LabCellSpec At(double alpha, LabJudge judge = LabJudge.Model) => CellOf(records.Study, judge, alpha);
        ClaimRow Judge(string id, LabCellSpec better, LabCellSpec other) => rules[id].Paired(
            records.DifferencesByPrompt(better, other, Wins), Lost(records, better, other));

        yield return Judge("figure3-small-alpha-is-dpo", At(LabStudy.Alpha), At(0));
        yield return Judge("figure3-large-alpha-fails", At(0), At(0.3));
        yield return Judge("figure3-large-alpha-fails-oracle", At(0, LabJudge.Oracle), At(0.3, LabJudge.Oracle));
        yield return Judge("figure3-middle-alpha-helps", At(0.03), At(0));
        yield return rules["figure3-distribution-alpha"].Ordered(
            [.. rising.Zip(rising.Skip(1), (less, more) => records.Differences(At(more), At(less), result => result.After(Middle).MeanReward))],
            Lost(records, [.. rising.Select(alpha => At(alpha))]));
        var selm = records.Of(At(LabStudy.Alpha));
        yield return rules["figure3-distribution-iterations"].Ordered(
            [.. Enumerable.Range(0, 4).Select(k => selm.Select(result => result.After(k).MeanReward - result.After(k - 1).MeanReward).ToArray())],
            Lost(records, At(LabStudy.Alpha)));
    }

    private static string Lost(LabRecords records, params IEnumerable<LabCellSpec> cells) =>
        LabCharts.Lost(records, cells.Select(cell => ($"alpha {Shown.Plain(cell.Alpha)}", cell)));
}
