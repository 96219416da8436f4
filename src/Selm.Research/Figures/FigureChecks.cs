using System.Text.RegularExpressions;

namespace Selm.Research.Figures;

/// <summary>What a reader would complain about: checked by machine for every figure in the tests.</summary>
public static partial class FigureChecks
{
    private const double SmallestText = 9, CellEdge = 2;

    /// <summary>
    /// The complaints about a figure shown 400 pixels wide, one sentence each; none for a good figure. Looked at: titles of
    /// figure and axes, text size, text cut off at the edge, texts on top of each other or wider than their cell, values outside a fixed
    /// range, values and intervals that their quantity cannot have, measured values without an interval, captions about what is not drawn.
    /// </summary>
    /// <exception cref="ArgumentException">The figure cannot be drawn at all.</exception>
    public static IReadOnlyList<string> Problems(Figure figure)
    {
        var drawing = FigureLayout.Draw(figure);
        return [.. Titles(figure), .. Outside(figure), .. Impossible(figure), .. Intervals(figure), .. FigureCaptions.Problems(figure), .. Legibility(drawing), .. Cells(drawing)];
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

    // Values, ends of intervals and seeds: a share of 1.02 does not exist, whoever computed it.
    private static IEnumerable<string> Impossible(Figure figure)
    {
        foreach (var panel in figure.Panels)
        {
            foreach (var (axis, values) in new[] { (panel.X, DataRange.XValues(panel)), (panel.Y, DataRange.YValues(panel)) }.Where(pair => pair.Item1.Categories is null))
            {
                if (axis.Bounds is { } bounds && values.Any(v => v < bounds.Low || v > bounds.High))
                {
                    yield return $"a value or an interval on the axis '{axis.Title}' lies outside {Numerals.Exact(bounds.Low)} to {Numerals.Exact(bounds.High)}, which it cannot";
                }
                if (axis.Bounds is null && ShareWords().IsMatch(axis.Title) && !DifferenceWords().IsMatch(axis.Title))
                {
                    yield return $"the axis '{axis.Title}' shows a share and states no bounds";
                }
            }
        }
    }

    private static IEnumerable<string> Cells(Drawing drawing)
    {
        var boxes = drawing.Shapes.SelectMany(Opened).OfType<RectangleShape>().ToArray();
        return
            from text in drawing.Texts
            where text is { Anchor: Anchor.Middle, Angle: 0, Halo: false }
            let cell = boxes.Where(box => text.X > box.X && text.X < box.X + box.Width && text.Y > box.Y && text.Y < box.Y + box.Height).MinBy(box => box.Width * box.Height)
            where cell is not null
            let corners = text.Corners()
            where corners[0].X < cell.X + CellEdge || corners[2].X > cell.X + cell.Width - CellEdge || corners[0].Y < cell.Y || corners[2].Y > cell.Y + cell.Height
            select $"'{text.Text}' does not fit its cell";

        static IEnumerable<Shape> Opened(Shape shape) => shape is ClipShape clip ? clip.Shapes.SelectMany(Opened) : [shape];
    }

    [GeneratedRegex(@"\b(share|win ?rate|accuracy|probability)\b", RegexOptions.IgnoreCase)]
    private static partial Regex ShareWords();

    [GeneratedRegex(@"\b(minus|difference|gain|change|over)\b", RegexOptions.IgnoreCase)]
    private static partial Regex DifferenceWords();

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
            foreach (var other in texts.Skip(i + 1).Where(other => texts[i].Overlaps(other, 0)))
            {
                yield return $"'{texts[i].Text}' and '{other.Text}' overlap";
            }
        }
    }
}
