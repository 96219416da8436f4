namespace Selm.Research.Figures;

/// <summary>From the model of a figure to shapes: title, legend, grid of panels, caption, from top to bottom.</summary>
internal static class FigureLayout
{
    /// <summary>The width of every figure; text is legible when it is shown this many pixels wide.</summary>
    public const double Width = 400;

    private const double Margin = 7;
    private const double TitleSize = 12;
    private const double LegendSize = 9.2;
    private const double CaptionSize = 9;
    private const double Gap = 8;
    private const double Swatch = 20;

    /// <summary>Lays a figure out.</summary>
    /// <param name="figure">What to draw.</param>
    /// <param name="caption">Whether the caption is drawn too; not where a page shows it as text.</param>
    /// <exception cref="ArgumentException">The figure contradicts itself; see <see cref="FigureRules"/>.</exception>
    public static Drawing Draw(Figure figure, bool caption = true)
    {
        FigureRules.Demand(figure);
        var shapes = new List<Shape>();
        var colours = Palette.Assign(figure);
        var y = Margin;
        foreach (var line in Typeface.Wrap(figure.Title, TitleSize, Width - (2 * Margin), bold: true))
        {
            shapes.Add(new TextShape(Margin, y + TitleSize, line, TitleSize) { Bold = true });
            y += TitleSize * 1.25;
        }
        y = Legend(figure, colours, y + 4, shapes);
        y = Panels(figure, colours, y, shapes);
        foreach (var line in Typeface.Wrap(caption ? CaptionText(figure) : "", CaptionSize, Width - (2 * Margin)))
        {
            shapes.Add(new TextShape(Margin, y + CaptionSize, line, CaptionSize) { Fill = Palette.Grey });
            y += CaptionSize * 1.3;
        }
        return new(Width, Math.Ceiling(y + Margin), shapes);
    }

    /// <summary>The legend's words for a trace: its origin is named where a figure has several.</summary>
    public static string LegendText(Figure figure, Trace trace) =>
        Origins(figure).Count > 1 ? $"{trace.Name} ({TraceStyle.Word(trace.Origin)})" : trace.Name;

    /// <summary>The caption, which names the origin where a figure has only one.</summary>
    public static string CaptionText(Figure figure) =>
        Origins(figure) is [var only] ? $"{figure.Caption} {TraceStyle.Sentence(only)}".Trim() : figure.Caption;

    private static List<Origin> Origins(Figure figure) =>
        [.. figure.Panels.SelectMany(panel => panel.Traces).Select(trace => trace.Origin).Distinct()];

    private static double Panels(Figure figure, Dictionary<string, string> colours, double y, List<Shape> shapes)
    {
        var columns = Math.Min(figure.Columns, figure.Panels.Count);
        var width = (Width - (2 * Margin) - ((columns - 1) * Gap)) / columns;
        foreach (var row in figure.Panels.Select(panel => new PanelLayout(panel, width)).Chunk(columns))
        {
            var top = y + row.Max(panel => panel.TitleHeight);
            foreach (var (i, panel) in row.Index())
            {
                panel.Draw(Margin + (i * (width + Gap)), top, colours, shapes);
            }
            y = top + row.Max(panel => panel.BodyHeight) + Gap;
        }
        return y;
    }

    private static double Legend(Figure figure, Dictionary<string, string> colours, double y, List<Shape> shapes)
    {
        var entries = figure.Panels.SelectMany(panel => panel.Traces)
            .Where(trace => trace.Name.Length > 0 && trace is not WaterfallTrace).DistinctBy(trace => (trace.Name, trace.Origin)).ToArray();
        if (!figure.Legend || entries.Length == 0)
        {
            return y;
        }
        var (x, baseline) = (Margin, y + LegendSize);
        foreach (var trace in entries)
        {
            var text = LegendText(figure, trace);
            var width = Swatch + 4 + Typeface.Width(text, LegendSize) + 12;
            if (x > Margin && x + width - 12 > Width - Margin)
            {
                (x, baseline) = (Margin, baseline + (LegendSize * 1.45));
            }
            Key(trace, colours[trace.Name], x, baseline - (0.35 * LegendSize), shapes);
            foreach (var (i, line) in Typeface.Wrap(text, LegendSize, Width - Margin - x - Swatch - 4).Index())
            {
                baseline += i > 0 ? LegendSize * 1.25 : 0;
                shapes.Add(new TextShape(x + Swatch + 4, baseline, line, LegendSize));
            }
            x += width;
        }
        return baseline + 5;
    }

    private static void Key(Trace trace, string colour, double x, double y, List<Shape> shapes)
    {
        switch (trace)
        {
            case LineTrace line:
                shapes.Add(new PathShape([(x, y), (x + Swatch, y)], false, TraceStyle.Line(trace.Origin, colour)));
                if (line.Markers)
                {
                    shapes.Add(TraceStyle.Marker(trace.Origin, colour, x + (Swatch / 2), y, 2.6));
                }
                break;
            case ScatterTrace:
                shapes.Add(TraceStyle.Marker(trace.Origin, colour, x + (Swatch / 2), y));
                break;
            case HeatMapTrace heat:
                for (var i = 0; i < 4; i++)
                {
                    var fill = Palette.Heat(i / 3.0, 0, 1, heat.Midpoint is null ? null : 0.5);
                    shapes.Add(new RectangleShape(x + (i * Swatch / 4), y - 4, Swatch / 4, 8, new(Palette.Pale, 0.5, fill)));
                }
                break;
            default:
                shapes.Add(new RectangleShape(x + 3, y - 4, Swatch - 6, 8, TraceStyle.Body(trace.Origin, colour)));
                break;
        }
    }
}
