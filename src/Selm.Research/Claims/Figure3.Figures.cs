using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

public static partial class Figure3
{
    private static Figure Left(Series[] all, string runs) => new(
        Name, "Figure 3 left: win rate against alpha",
        [
            .. all.Select(series => new Panel(
                new Axis("alpha on the paper's scale (in the lab's loss)") { Categories = [.. series.Points.Select(point => Tick(point))] },
                new Axis("exact win rate") { Bounds = AxisRange.Share }, [Dots(series)])
            {
                Title = series.Name,
                Height = 130,
                Annotations = [new Region(series.Points.Index().First(point => point.Item.Weight.Far).Index - 0.5, series.Points.Length - 0.5, "far", Vertical: true)],
            }).Where(panel => panel.Traces[0] is ScatterTrace { X.Count: > 0 }),
        ])
    {
        Legend = false,
        Caption = $"After the last iteration, against a fixed response of the keen writer. Shaded: far beyond the paper's grid, to show the runaway. Small dots are seeds: {runs}",
    };

    private static string Tick(Point point) => point.Weight == none ? "0" : $"{Shown.Plain(point.Weight.Paper(point.Judge))} ({LabAlpha.Plain(point.Weight.Lab(point.Judge))})";

    private static ScatterTrace Dots(Series series)
    {
        var points = series.Points.Index().Where(point => point.Item.Results.Count > 0).ToArray();
        MeanInterval[] means = [.. points.Select(point => point.Item.Results.Share(WinRate))];
        return new ScatterTrace(series.Name, Origin.Measured, [.. points.Select(point => (double)point.Index)], [.. means.Select(mean => mean.Mean)])
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

    private static Figure Margins(Series[] all)
    {
        double[] positive = [.. all.SelectMany(series => series.Points).Select(point => point.Weight.Lab(point.Judge)).Where(alpha => alpha > 0).Distinct().Order()];
        LineTrace[] weights = [.. all.Select(Weights).Where(line => line.X.Count > 0)];
        var crossings = weights.Select(line => (line.Name, Alpha: Crossing(line))).Where(line => double.IsFinite(line.Alpha)).ToArray();
        var panel = new Panel(
            new Axis("alpha in the loss") { Log = true }, new Axis("weight") { Log = true, Bounds = AxisRange.Share },
            [new LineTrace("weight of the bonus: alpha", Origin.Exact, positive, positive) { Markers = false }, .. weights])
        {
            Annotations = [.. crossings.Select(line => new Rule(line.Alpha, $"crossing: {line.Name}", Vertical: true))],
        };
        var who = crossings.Length > 0 ? "Left of a crossing the comparisons weigh more, right of it the bonus. "
            : weights.All(line => line.X.Zip(line.Y).All(point => point.Second > point.First)) ? $"The lines do not meet: up to alpha {Shown.Plain(positive[^1])} the comparisons weigh more than the bonus. "
            : "";
        return new Figure("figure3-margins", "What weighs more: the comparisons or the bonus", weights.Length == 0 ? [] : [panel])
        {
            Caption = $"Mean sigma(-margin) over the online iterations is the weight of DPO's gradient, with 95 % intervals over seeds. {who}The bonus has the alpha of the loss.",
        };
    }

    private static LineTrace Weights(Series series)
    {
        Point[] points = [.. series.Points.Where(point => point.Weight != none && point.Results.Count > 0 && point.SigmaNegativeMargin.Mean > 0)];
        var lowest = points.Select(point => point.SigmaNegativeMargin.Mean).DefaultIfEmpty(1).Min() / 10; // an end at 0 has no place on a logarithmic axis
        MeanInterval[] means = [.. points.Select(point => point.SigmaNegativeMargin).Select(mean => mean with { Low = Math.Max(mean.Low, lowest) })];
        return LabCharts.Line($"sigma(-margin), {series.Name}", [.. points.Select(point => point.Weight.Lab(point.Judge))], means);
    }

    /// <summary>The alpha at which a line over alpha, straight between its points in logarithms, meets the alpha itself; NaN where it does not.</summary>
    internal static double Crossing(LineTrace line)
    {
        double Excess(int k) => Math.Log(line.Y[k]) - Math.Log(line.X[k]);
        var before = Enumerable.Range(0, Math.Max(0, line.X.Count - 1)).FirstOrDefault(k => Excess(k) >= 0 && Excess(k + 1) < 0, -1);
        return before < 0 ? double.NaN
            : Math.Exp(Math.Log(line.X[before]) + ((Math.Log(line.X[before + 1]) - Math.Log(line.X[before])) * Excess(before) / (Excess(before) - Excess(before + 1))));
    }
}
