namespace Selm.Research.Figures;

/// <summary>What a figure must satisfy to be drawn at all. Breaking one is a mistake in the code that made it.</summary>
internal static class FigureRules
{
    /// <summary>Refuses a figure that contradicts itself.</summary>
    /// <exception cref="ArgumentException">Names the figure and the contradiction.</exception>
    public static void Demand(Figure figure)
    {
        void Must(bool holds, string complaint)
        {
            if (!holds)
            {
                throw new ArgumentException($"figure '{figure.Id}': {complaint}", nameof(figure));
            }
        }

        Must(figure.Panels.Count > 0, "it has no panel");
        Must(figure.Columns >= 1, "it needs at least one column");
        foreach (var panel in figure.Panels)
        {
            Must(panel.Traces.Count > 0, "a panel has no trace");
            Must(panel.SameQuantity || !MixesPaperAndOwn(panel),
                "values of the paper and of our own share an axis; put them in two panels, or set SameQuantity where models and test are the paper's");
            Must(panel.X.Range is not { } x || x.High > x.Low, "an axis range is empty");
            Must(panel.Y.Range is not { } y || y.High > y.Low, "an axis range is empty");
            Must(!panel.X.Log || DataRange.XValues(panel).All(v => v > 0), "a logarithmic axis has a value of 0 or less");
            Must(!panel.Y.Log || DataRange.YValues(panel).All(v => v > 0), "a logarithmic axis has a value of 0 or less");
            foreach (var trace in panel.Traces)
            {
                Must(HasOneValuePerPlace(trace, panel), $"trace '{trace.Name}' does not have one value per point or category");
            }
        }
    }

    private static bool MixesPaperAndOwn(Panel panel) =>
        panel.Traces.Any(trace => trace.Origin == Origin.Paper) && panel.Traces.Any(trace => trace.Origin != Origin.Paper);

    private static bool HasOneValuePerPlace(Trace trace, Panel panel)
    {
        bool Fits(Band? band, int count) => band is null || (band.Low.Count == count && band.High.Count == count);
        var (columns, rows) = (panel.XCategories?.Count ?? -1, panel.Y.Categories?.Count ?? -1);
        return trace switch
        {
            LineTrace line => line.X.Count == line.Y.Count && Fits(line.Band, line.X.Count),
            ScatterTrace points => points.X.Count == points.Y.Count && Fits(points.Errors, points.X.Count)
                && Fits(points.XErrors, points.X.Count) && (points.Seeds?.Count ?? points.X.Count) == points.X.Count,
            BarTrace bar => bar.Values.Count == columns && !(panel.Stacked && bar.Values.Any(value => value < 0)) && Fits(bar.Errors, columns) && (bar.Seeds?.Count ?? columns) == columns,
            WaterfallTrace waterfall => waterfall.Steps.Count == columns && columns > 0,
            HistogramTrace histogram => histogram.Values.Count > 0 && histogram.Values.All(double.IsFinite) && histogram.Bins > 0,
            BoxTrace box => box.Samples.Count == columns && box.Samples.All(sample => sample.All(double.IsFinite)),
            HeatMapTrace heat => heat.Values.Count == rows && heat.Values.All(row => row.Count == columns)
                && (heat.Labels is null || (heat.Labels.Count == rows && heat.Labels.All(row => row.Count == columns))),
            _ => false,
        };
    }
}
