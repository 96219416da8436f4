using MathNet.Numerics.Statistics;

namespace Selm.Research.Figures;

/// <summary>What part of an axis the data of a panel need.</summary>
internal static class DataRange
{
    /// <summary>The ends of the horizontal axis.</summary>
    public static AxisRange X(Panel panel) => panel.XCategories is { } names
        ? new(-0.5, names.Count - 0.5)
        : panel.X.Range ?? Within(panel.X.Bounds, Padded(XValues(panel), panel.X.Log, fromZero: false, hugging: panel.Traces.OfType<HistogramTrace>().Any()));

    /// <summary>The ends of the vertical axis.</summary>
    public static AxisRange Y(Panel panel) => panel.Y.Categories is { } names
        ? new(-0.5, names.Count - 0.5)
        : panel.Y.Range ?? Within(panel.Y.Bounds, Padded(YValues(panel), panel.Y.Log,
            fromZero: !panel.Y.Log && panel.Traces.Any(trace => trace is BarTrace or WaterfallTrace or HistogramTrace), hugging: false));

    /// <summary>Every number a panel places along its horizontal axis.</summary>
    public static IEnumerable<double> XValues(Panel panel) =>
        panel.Traces.SelectMany(trace => trace switch
        {
            LineTrace line => line.X,
            ScatterTrace scatter => scatter.X.Concat(Ends(scatter.XErrors)).Concat(panel.Y.Categories is null ? [] : SeedsOf(scatter)),
            HistogramTrace => Histogram.Edges(panel),
            _ => [],
        }).Concat(Rules(panel, vertical: true)).Where(double.IsFinite);

    /// <summary>Every number a panel places along its vertical axis.</summary>
    public static IEnumerable<double> YValues(Panel panel) =>
        panel.Traces.SelectMany(trace => trace switch
        {
            LineTrace line => line.Y.Concat(Ends(line.Band)),
            ScatterTrace scatter => scatter.Y.Concat(Ends(scatter.Errors)).Concat(SeedsOf(scatter)),
            BarTrace bar => bar.Values.Zip(panel.Floors(bar), (value, floor) => floor + value).Concat(Ends(bar.Errors)).Concat(bar.Seeds?.SelectMany(seeds => seeds) ?? []),
            WaterfallTrace waterfall => waterfall.Bars().SelectMany(step => new[] { step.From, step.To }),
            HistogramTrace histogram => Histogram.Shares(histogram, Histogram.Edges(panel)),
            BoxTrace box => box.Samples.SelectMany(sample => sample),
            _ => [],
        }).Concat(Rules(panel, vertical: false)).Where(double.IsFinite);

    private static IEnumerable<double> SeedsOf(ScatterTrace scatter) => scatter.Seeds?.SelectMany(seeds => seeds) ?? [];

    private static IEnumerable<double> Ends(Band? band) => band is null ? [] : band.Low.Concat(band.High);

    private static IEnumerable<double> Rules(Panel panel, bool vertical) =>
        panel.Annotations.OfType<Rule>().Where(rule => rule.Vertical == vertical).Select(rule => rule.At);

    // The air around the data ends where the quantity does, but for half a marker; a logarithmic axis keeps its lower end, which is above 0 anyway.
    private static AxisRange Within(AxisRange? bounds, AxisRange padded)
    {
        var edge = 0.02 * (padded.High - padded.Low);
        return bounds is { } b && padded.Low < b.High && padded.High > b.Low ? new(Math.Max(padded.Low, b.Low - edge), Math.Min(padded.High, b.High + edge)) : padded;
    }

    private static AxisRange Padded(IEnumerable<double> data, bool log, bool fromZero, bool hugging)
    {
        var values = data.Concat(fromZero ? [0.0] : []).Select(v => log ? Math.Log10(v) : v).ToArray();
        var (low, high) = values.Length == 0 ? (0, 1) : (values.Minimum(), values.Maximum());
        if (high - low <= 1e-12 * Math.Max(1, Math.Abs(high)))
        {
            (low, high) = (low - 0.5, high + 0.5);
        }
        // Bars carry their values above them, so they get more air; zero itself is never padded.
        var air = (high - low) * (hugging ? 0 : fromZero ? 0.12 : 0.06);
        low -= fromZero && low == 0 ? 0 : air;
        high += fromZero && high == 0 ? 0 : air;
        return log ? new(Math.Pow(10, low), Math.Pow(10, high)) : new(low, high);
    }
}

/// <summary>The bins of all histograms of a panel.</summary>
internal static class Histogram
{
    /// <summary>The edges between bins, one more than bins: round numbers around all values of all histograms.</summary>
    public static double[] Edges(Panel panel)
    {
        var all = panel.Traces.OfType<HistogramTrace>().ToArray();
        var (low, high) = (all.Min(trace => trace.Values.Minimum()), all.Max(trace => trace.Values.Maximum()));
        var width = Ticks.Step(high > low ? high - low : 1, all[0].Bins + 1);
        var (first, last) = (Math.Floor(low / width), Math.Floor(high / width) + 1);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * width)];
    }

    /// <summary>The share of a trace's values in every bin; a value on an edge counts to the bin on its right.</summary>
    public static double[] Shares(HistogramTrace trace, double[] edges)
    {
        var shares = new double[edges.Length - 1];
        foreach (var value in trace.Values)
        {
            var place = Array.BinarySearch(edges, value);
            shares[Math.Clamp(place >= 0 ? place : ~place - 1, 0, shares.Length - 1)] += 1.0 / trace.Values.Count;
        }
        return shares;
    }
}
