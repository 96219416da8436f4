using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

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
        string Runs(params double[] shown) => SeedsOf(records.Study, shown);
        return new ExperimentResult(
            Name,
            [WinRates(records, all), Distributions(all), Iterations(all)],
            LabCharts.Drawable(Left(all, Runs(alphas)), OverAlpha(all, Runs(Drawn(all))), OverIterations(all, Runs(LabStudy.Alpha)), Margins(all, Runs([.. alphas.Where(alpha => alpha > 0)]))),
            [.. Claims(records, rules)]);
    }

    private static double[] Drawn(Series[] all) => [.. all.SelectMany(series => series.Drawn).Select(point => point.Alpha).Distinct()];

    // How many seeds are behind the alphas of a figure, and of no others: "40 seeds of alpha 0 and 0.001, 10 of alpha 0.3; ...".
    private static string SeedsOf(LabStudy study, double[] shown)
    {
        var groups = shown.GroupBy(alpha => study.SeedsOf(CellOf(study, judges[0].Judge, alpha)).Count)
            .Select((group, k) => $"{group.Key} {(k == 0 ? "seeds " : "")}of alpha {Listed([.. group.Select(Shown.Plain)])}");
        return $"{string.Join(", ", groups)}; intervals of 95 %.";

        static string Listed(string[] names) => names.Length < 2 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} and {names[^1]}";
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
        public MeanInterval SigmaNegativeMargin => Results.Share(OnlineMargin);
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
            Cell.Text(series.Name), Cell.Text(Shown.Plain(point.Alpha)), point.Results.Share(WinRate).ToShareCell(), LabCharts.Median(point.WinRates),
            baseline ? Cell.Empty : difference.ToCell(), baseline ? Cell.Empty : LabCharts.Median(point.PerSeed),
            baseline ? Cell.Empty : LabMeasures.Detectable(difference, point.PerSeed.Length), point.SigmaNegativeMargin.ToShareCell(), point.Results.Count,
        ];
    }

    private static ResultTable Distributions(Series[] all) => new(
        "figure3-answers", $"Greedy test answers after iteration {Middle}",
        [new("ranker"), new("alpha"), .. Quantiles, new("y best"), new("y worst"), new("grammatical")],
        [.. all.SelectMany(series => series.Points.Where(point => point.Results.Count > 0).Select(point => (IReadOnlyList<Cell>)
            [
                Cell.Text(series.Name), Cell.Text(Shown.Plain(point.Alpha)), .. Rewards(point, Middle),
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

    private static Figure Left(Series[] all, string runs) => new(
        Name, "Figure 3 left: win rate against alpha",
        [
            new Panel(
                new Axis("alpha") { Categories = [.. alphas.Select(Shown.Plain)] }, new Axis("exact win rate") { Bounds = AxisRange.Share },
                [.. all.Select((series, s) => Dots(series, s == 0 ? -0.15 : 0.15)).Where(trace => trace.X.Count > 0)]),
        ])
    {
        Caption = $"After the last iteration, against a fixed response of the keen writer. Small dots are seeds: {runs}",
    };

    private static ScatterTrace Dots(Series series, double shift)
    {
        var points = series.Points.Index().Where(point => point.Item.Results.Count > 0).ToArray();
        MeanInterval[] means = [.. points.Select(point => point.Item.Results.Share(WinRate))];
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

    private static Panel Density(string title, LineTrace[] lines) => new(new Axis("r*"), new Axis("share of answers") { Bounds = AxisRange.Share }, lines) { Title = title, Height = 130 };

    private static LineTrace Shares(string name, Point point, int iteration)
    {
        var shares = point.Results.Select(result => Histogram(result.After(iteration).Rewards)).ToArray();
        return LabCharts.Line(name, [.. bins.Select(edge => edge + (BinWidth / 2))], [.. bins.Select((_, bin) => LabMeasures.Share(shares.Select(seed => seed[bin])))]);
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
        LineTrace[] weights = [.. all.Select(Weights).Where(line => line.X.Count > 0)];
        var crossings = weights.Select(line => (line.Name, Alpha: Crossing(line))).Where(line => double.IsFinite(line.Alpha)).ToArray();
        var panel = new Panel(
            new Axis("alpha") { Log = true }, new Axis("weight") { Log = true, Bounds = AxisRange.Share },
            [new LineTrace("weight of the bonus: alpha", Origin.Exact, positive, positive) { Markers = false }, .. weights])
        {
            Annotations = [.. crossings.Select(line => new Rule(line.Alpha, $"crossing: {line.Name}", Vertical: true))],
        };
        var who = crossings.Length > 0 ? "Left of a crossing the comparisons weigh more, right of it the bonus. "
            : weights.All(line => line.X.Zip(line.Y).All(point => point.Second > point.First)) ? $"The lines do not meet: up to alpha {Shown.Plain(positive[^1])} the comparisons weigh more than the bonus. "
            : "";
        return new Figure("figure3-margins", "What weighs more: the comparisons or the bonus", weights.Length == 0 ? [] : [panel])
        {
            Caption = $"Mean sigma(-margin) over the online iterations is the weight of DPO's gradient. {who}{runs}",
        };
    }

    private static LineTrace Weights(Series series)
    {
        Point[] points = [.. series.Points.Where(point => point.Alpha > 0 && point.Results.Count > 0 && point.SigmaNegativeMargin.Mean > 0)];
        var lowest = points.Select(point => point.SigmaNegativeMargin.Mean).DefaultIfEmpty(1).Min() / 10; // an end at 0 has no place on a logarithmic axis
        MeanInterval[] means = [.. points.Select(point => point.SigmaNegativeMargin).Select(mean => mean with { Low = Math.Max(mean.Low, lowest) })];
        return LabCharts.Line($"sigma(-margin), {series.Name}", [.. points.Select(point => point.Alpha)], means);
    }

    /// <summary>The alpha at which a line over alpha, straight between its points in logarithms, meets the alpha itself; NaN where it does not.</summary>
    internal static double Crossing(LineTrace line)
    {
        double Excess(int k) => Math.Log(line.Y[k]) - Math.Log(line.X[k]);
        var before = Enumerable.Range(0, Math.Max(0, line.X.Count - 1)).FirstOrDefault(k => Excess(k) >= 0 && Excess(k + 1) < 0, -1);
        return before < 0 ? double.NaN
            : Math.Exp(Math.Log(line.X[before]) + ((Math.Log(line.X[before + 1]) - Math.Log(line.X[before])) * Excess(before) / (Excess(before) - Excess(before + 1))));
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
