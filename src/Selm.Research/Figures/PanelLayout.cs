// How much room a panel's labels need, then the panel itself. The room is known before anything is drawn, so that
// panels in a row of the grid stand at one height.
namespace Selm.Research.Figures;

/// <summary>One panel with its axes, laid out for a width.</summary>
internal sealed class PanelLayout
{
    private const double TickSize = 9.2;
    private const double AxisSize = 10;
    private const double TitleSize = 10.5;
    private const double LineHeight = 1.2;
    private const double Slant = -40;
    private const double EdgeRoom = 7;

    private readonly Panel panel;
    private readonly double width;
    private readonly AxisRange xRange;
    private readonly AxisRange yRange;
    private readonly IReadOnlyList<string> title;
    private readonly IReadOnlyList<string> xTitle;
    private readonly IReadOnlyList<string> yTitle;
    private readonly List<AxisLabel> yLabels;
    private readonly double yLabelWidth;
    private List<AxisLabel> xLabels = [];
    private bool slanted;
    private double left;
    private double right = EdgeRoom;

    /// <summary>Measures a panel.</summary>
    /// <param name="panel">What to draw.</param>
    /// <param name="width">The width it may take with its labels.</param>
    public PanelLayout(Panel panel, double width)
    {
        (this.panel, this.width) = (panel, width);
        (xRange, yRange) = (DataRange.X(panel), DataRange.Y(panel));
        title = Typeface.Wrap(panel.Title, TitleSize, width - 8, bold: true);
        yTitle = Typeface.Wrap(panel.Y.Label, AxisSize, panel.Height + 24);
        yLabels = YLabels();
        yLabelWidth = yLabels.SelectMany(label => label.Lines).Select(line => Typeface.Width(line, TickSize)).DefaultIfEmpty(0).Max();
        left = (yTitle.Count * AxisSize * LineHeight) + yLabelWidth + 9;
        PlaceXLabels();
        PlaceXLabels();
        xTitle = Typeface.Wrap(panel.X.Label, AxisSize, width - 4);
    }

    /// <summary>The height of the heading.</summary>
    public double TitleHeight => title.Count == 0 ? 6 : (title.Count * TitleSize * LineHeight) + 8;

    /// <summary>The height of the plotting area and of the labels below it.</summary>
    public double BodyHeight => panel.Height + XLabelHeight + (xTitle.Count * AxisSize * LineHeight) + 4;

    private double PlotWidth => width - left - right;

    private double XLabelHeight
    {
        get
        {
            if (!slanted)
            {
                return 5 + (xLabels.Select(label => label.Lines.Count).DefaultIfEmpty(1).Max() * TickSize * LineHeight);
            }
            var (sin, cos) = Math.SinCos(-Slant * Math.PI / 180);
            return 6 + (xLabels.Max(label => Typeface.Width(label.Lines[0], TickSize)) * sin) + (TickSize * cos);
        }
    }

    /// <summary>Draws the panel.</summary>
    /// <param name="x">Its left end with its labels.</param>
    /// <param name="y">The upper end of its plotting area.</param>
    /// <param name="colours">The colour of every trace by name.</param>
    /// <param name="shapes">Where the shapes go.</param>
    public void Draw(double x, double y, Dictionary<string, string> colours, List<Shape> shapes)
    {
        var (from, to) = (x + left, x + left + PlotWidth);
        var upright = panel.Y.Categories is not null ? (y, y + panel.Height) : (y + panel.Height, y);
        var area = new PlotArea(from, y, PlotWidth, panel.Height,
            new(xRange.Low, xRange.High, IsLog(panel.X), from, to), new(yRange.Low, yRange.High, IsLog(panel.Y), upright.Item1, upright.Item2));
        var data = new TraceShapes(panel, area, colours);
        data.Draw();
        var notes = new AnnotationShapes(panel, area, data);
        notes.Draw();

        shapes.AddRange(notes.Behind);
        Grid(area, shapes);
        if (panel.X.Range is not null || panel.Y.Range is not null)
        {
            shapes.Add(new ClipShape(area.Left - 1, area.Top - 1, area.Width + 2, area.Height + 2, data.Marks));
        }
        else
        {
            shapes.AddRange(data.Marks);
        }
        Frame(area, shapes);
        shapes.AddRange(data.Labels);
        shapes.AddRange(notes.InFront);
        Titles(x, area, shapes);
        AxisLabels(area, shapes);
    }

    private static bool IsLog(Axis axis) => axis.Log && axis.Categories is null;

    private bool HasCells => panel.Traces.Any(trace => trace is HeatMapTrace);

    private List<AxisLabel> YLabels()
    {
        if (panel.Y.Categories is { } names)
        {
            return [.. names.Select((name, i) => new AxisLabel(i, Typeface.Wrap(name, TickSize, 0.3 * width)))];
        }
        var count = Math.Max(3, (int)(panel.Height / 28));
        var ticks = panel.Y.Log ? Ticks.Log(yRange.Low, yRange.High, count) : Ticks.Linear(yRange.Low, yRange.High, count);
        return [.. ticks.Select(tick => new AxisLabel(tick.Value, [tick.Label]))];
    }

    // Run twice: labels that stick out at the ends make the plotting area narrower, which may change the labels.
    private void PlaceXLabels()
    {
        var map = new AxisMap(xRange.Low, xRange.High, IsLog(panel.X), left, left + PlotWidth);
        if (panel.XCategories is { } names)
        {
            xLabels = [.. names.Select((name, i) => new AxisLabel(i, Typeface.Wrap(name, TickSize, map.Slot - 4)))];
            slanted = xLabels.Any(label => label.Lines.Count > 3 || label.Lines.Any(line => Typeface.Width(line, TickSize) > map.Slot - 3));
            if (slanted)
            {
                xLabels = [.. names.Select((name, i) => new AxisLabel(i, [name]))];
                var cos = Math.Cos(Slant * Math.PI / 180);
                left += Math.Max(0, -xLabels.Min(label => map.At(label.Value) - (Typeface.Width(label.Lines[0], TickSize) * cos) - 4));
            }
            return;
        }
        for (var count = Math.Max(3, (int)(PlotWidth / 40)); count >= 2; count--)
        {
            var ticks = panel.X.Log ? Ticks.Log(xRange.Low, xRange.High, count) : Ticks.Linear(xRange.Low, xRange.High, count);
            xLabels = [.. ticks.Select(tick => new AxisLabel(tick.Value, [tick.Label]))];
            var ends = xLabels.Select(label => (At: map.At(label.Value), Half: Typeface.Width(label.Lines[0], TickSize) / 2)).ToArray();
            if (Enumerable.Range(1, Math.Max(0, ends.Length - 1)).All(i => ends[i].At - ends[i - 1].At > ends[i].Half + ends[i - 1].Half + 6))
            {
                break;
            }
        }
        right = Math.Max(EdgeRoom, xLabels.Select(label => map.At(label.Value) + (Typeface.Width(label.Lines[0], TickSize) / 2) - left - PlotWidth + 1).DefaultIfEmpty(0).Max());
    }

    private void Grid(PlotArea area, List<Shape> shapes)
    {
        if (HasCells)
        {
            return;
        }
        var ink = new Ink(Palette.Pale, 0.7);
        shapes.AddRange(yLabels.Select(label => new PathShape([(area.Left, area.Y.At(label.Value)), (area.Right, area.Y.At(label.Value))], false, ink)));
        if (panel.XCategories is null)
        {
            shapes.AddRange(xLabels.Select(label => new PathShape([(area.X.At(label.Value), area.Top), (area.X.At(label.Value), area.Bottom)], false, ink)));
        }
    }

    private void Frame(PlotArea area, List<Shape> shapes)
    {
        var ink = new Ink(Palette.Grey, 0.9);
        shapes.Add(new PathShape([(area.Left, area.Top), (area.Left, area.Bottom), (area.Right, area.Bottom)], false, ink));
        if (!HasCells && panel.Y.Categories is null && yRange is { Low: < 0, High: > 0 } && !panel.Y.Log)
        {
            shapes.Add(new PathShape([(area.Left, area.Y.At(0)), (area.Right, area.Y.At(0))], false, ink));
        }
    }

    private void Titles(double x, PlotArea area, List<Shape> shapes)
    {
        for (var i = 0; i < title.Count; i++)
        {
            shapes.Add(new TextShape(x + 4, area.Top - 6 - ((title.Count - 1 - i) * TitleSize * LineHeight), title[i], TitleSize) { Bold = true });
        }
        // A title longer than its axis is centred on the panel instead, so that it stays inside.
        var half = xTitle.Max(line => Typeface.Width(line, AxisSize)) / 2;
        var centre = Math.Clamp(area.Left + (area.Width / 2), x + Math.Min(half, width / 2) + 1, x + width - Math.Min(half, width / 2) - 1);
        for (var i = 0; i < xTitle.Count; i++)
        {
            shapes.Add(new TextShape(centre, area.Bottom + XLabelHeight + 3 + ((i + 0.8) * AxisSize * LineHeight), xTitle[i], AxisSize) { Anchor = Anchor.Middle });
        }
        for (var i = 0; i < yTitle.Count; i++)
        {
            shapes.Add(new TextShape(x + ((i + 0.85) * AxisSize * LineHeight), area.Top + (area.Height / 2), yTitle[i], AxisSize) { Anchor = Anchor.Middle, Angle = -90 });
        }
    }

    private void AxisLabels(PlotArea area, List<Shape> shapes)
    {
        foreach (var label in yLabels)
        {
            var first = area.Y.At(label.Value) + (0.35 * TickSize) - ((label.Lines.Count - 1) * TickSize * LineHeight / 2);
            shapes.AddRange(label.Lines.Select((line, i) => new TextShape(area.Left - 5, first + (i * TickSize * LineHeight), line, TickSize) { Anchor = Anchor.End }));
        }
        foreach (var label in xLabels)
        {
            var at = area.X.At(label.Value);
            if (slanted)
            {
                shapes.Add(new TextShape(at + 3, area.Bottom + 3 + TickSize, label.Lines[0], TickSize) { Anchor = Anchor.End, Angle = Slant });
                continue;
            }
            shapes.AddRange(label.Lines.Select((line, i) =>
                new TextShape(at, area.Bottom + 4 + ((i + 0.8) * TickSize * LineHeight), line, TickSize) { Anchor = Anchor.Middle }));
        }
    }

    private readonly record struct AxisLabel(double Value, IReadOnlyList<string> Lines);
}
