namespace Selm.Research.Figures;

/// <summary>What a reader would complain about: checked by machine for every figure in the tests.</summary>
public static class FigureChecks
{
    private const double SmallestText = 9;

    /// <summary>
    /// The complaints about a figure shown 400 pixels wide, one sentence each; none for a good figure. Looked at: titles of
    /// figure and axes, text size, text cut off at the edge, texts on top of each other, values outside a fixed range, measured values without an interval.
    /// </summary>
    /// <exception cref="ArgumentException">The figure cannot be drawn at all.</exception>
    public static IReadOnlyList<string> Problems(Figure figure)
    {
        var drawing = FigureLayout.Draw(figure);
        return [.. Titles(figure), .. Outside(figure), .. Intervals(figure), .. Legibility(drawing)];
    }

    private static IEnumerable<string> Titles(Figure figure)
    {
        if (string.IsNullOrWhiteSpace(figure.Title))
        {
            yield return "the figure has no title";
        }
        foreach (var axis in figure.Panels.SelectMany(panel => new[] { panel.X, panel.Y }).Where(axis => string.IsNullOrWhiteSpace(axis.Title)))
        {
            yield return "an axis has no title";
        }
    }

    // The end of an interval may be cut off, the value itself may not.
    private static IEnumerable<string> Outside(Figure figure)
    {
        static bool Misses(AxisRange? range, IEnumerable<double> values) => range is { } r && values.Any(v => v < r.Low || v > r.High);
        return
            from panel in figure.Panels
            from trace in panel.Traces
            let points = trace switch
            {
                LineTrace line => (line.X, line.Y),
                ScatterTrace scatter => (scatter.X, scatter.Y),
                BarTrace bar => ([], bar.Values),
                _ => ((IReadOnlyList<double>)[], (IReadOnlyList<double>)[]),
            }
            where Misses(panel.X.Range, points.Item1) || Misses(panel.Y.Range, points.Item2)
            select $"a value of trace '{trace.Name}' lies outside the range of its axis";
    }

    private static IEnumerable<string> Intervals(Figure figure) =>
        figure.Panels.SelectMany(panel => panel.Traces)
            .Where(trace => trace.Origin is Origin.Measured or Origin.Recorded)
            .Where(trace => trace switch
            {
                LineTrace line => line.Band is null,
                ScatterTrace points => points.Errors is null && points.XErrors is null && points.Seeds is null,
                BarTrace bar => bar.Errors is null && bar.Seeds is null,
                _ => false,
            })
            .Select(trace => $"trace '{trace.Name}' is measured but shows no interval");

    private static IEnumerable<string> Legibility(Drawing drawing)
    {
        var texts = drawing.Texts.ToArray();
        for (var i = 0; i < texts.Length; i++)
        {
            if (texts[i].Size < SmallestText)
            {
                yield return $"'{texts[i].Text}' is smaller than {SmallestText} pixels";
            }
            if (texts[i].Corners().Any(p => p.X < 0 || p.Y < 0 || p.X > drawing.Width || p.Y > drawing.Height))
            {
                yield return $"'{texts[i].Text}' is cut off at the edge";
            }
            foreach (var other in texts.Skip(i + 1).Where(other => texts[i].Overlaps(other, 1)))
            {
                yield return $"'{texts[i].Text}' and '{other.Text}' overlap";
            }
        }
    }
}
