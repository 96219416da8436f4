// Plotly places axes by shares of the plotting area and knows nothing of what stands between them. Here titles, legend
// and labels get their room in pixels first, at the width to which HtmlWriter limits a figure.
namespace Selm.Research.Figures;

/// <summary>Where the panels of a figure lie in a Plotly picture.</summary>
internal sealed class PlotlyGrid
{
    /// <summary>Right of the plotting area, in pixels.</summary>
    public const double Right = 20;

    private const double Whole = 760, AxisRoom = 70, ButtonRoom = 240;
    private const double Stretch = 1.7; // panels are drawn 400 wide, 1.7 times as large here
    private const double TitleLine = 21, LegendLine = 20, LabelLine = 15, AxisTitle = 34, PanelTitle = 24, Border = 20;
    private const double TitleSize = 16, LabelSize = 12, Key = 60;

    private readonly Figure figure;
    private readonly int columns;
    private readonly Panel[][] rows;
    private readonly double width, area;

    public PlotlyGrid(Figure figure)
    {
        this.figure = figure;
        columns = Math.Min(figure.Columns, figure.Panels.Count);
        rows = [.. figure.Panels.Chunk(columns)];
        Left = AxisRoom + NamesWidth(rows.Select(row => row[0]));
        width = Whole - Left - Right;
        area = rows.Sum(PlotHeight) + Enumerable.Range(0, rows.Length - 1).Sum(row => Below(rows[row]) + Above(rows[row + 1]));
        Title = Typeface.Wrap(figure.Title, TitleSize, Whole - Left - ButtonRoom);
    }

    /// <summary>Left of the plotting area, in pixels.</summary>
    public double Left { get; }

    /// <summary>The title's lines; beside them Plotly has its buttons.</summary>
    public IReadOnlyList<string> Title { get; }

    /// <summary>Above the plotting area, in pixels.</summary>
    public double Top => Border + (Title.Count * TitleLine) + (LegendLines * LegendLine) + Above(rows[0]);

    /// <summary>Below the plotting area, in pixels.</summary>
    public double Bottom => Below(rows[^1]) + Border;

    /// <summary>The whole picture, in pixels.</summary>
    public double Height => Top + area + Bottom;

    /// <summary>The legend's lower edge, as a share of the plotting area.</summary>
    public double LegendBottom => 1 + (Above(rows[0]) / area);

    /// <summary>The shares of the plotting area that a panel takes, across and upwards.</summary>
    public (AxisRange Across, AxisRange Up) Domain(int place)
    {
        var (row, column) = (place / columns, place % columns);
        var (wide, gap) = (PlotWidth / width, GapAcross / width);
        var above = Enumerable.Range(0, row).Sum(r => PlotHeight(rows[r]) + Below(rows[r]) + Above(rows[r + 1]));
        var left = column * (wide + gap);
        return (new(left, left + wide), new(Math.Max(0, 1 - ((above + PlotHeight(rows[row])) / area)), 1 - (above / area)));
    }

    /// <summary>The lines of a name on a horizontal axis, or null where one of its words is too wide and Plotly has to turn them all.</summary>
    public IReadOnlyList<IReadOnlyList<string>>? Labels(IReadOnlyList<string> names)
    {
        var slot = (PlotWidth / names.Count) - 6;
        var lines = names.Select(name => Typeface.Wrap(name, LabelSize, slot)).ToArray();
        return lines.SelectMany(line => line).Any(line => Typeface.Width(line, LabelSize) > slot) ? null : lines;
    }

    // A second column needs room for its axis title and numbers, or for the names on its vertical axis.
    private double GapAcross => columns == 1 ? 0 : AxisRoom + NamesWidth(rows.SelectMany(row => row.Skip(1)));

    private static double NamesWidth(IEnumerable<Panel> panels) =>
        panels.Max(panel => panel.Y.Categories?.Max(name => Typeface.Width(name, LabelSize)) ?? 0);

    private double PlotWidth => (width - (GapAcross * (columns - 1))) / columns;

    private double LegendLines
    {
        get
        {
            var (lines, x) = (0, width);
            foreach (var trace in Entries())
            {
                var entry = Key + Typeface.Width(FigureLayout.LegendText(figure, trace), LabelSize);
                (lines, x) = x + entry > width ? (lines + 1, entry) : (lines, x + entry);
            }
            return lines;
        }
    }

    private IEnumerable<Trace> Entries() => !figure.Legend ? [] : figure.Panels.SelectMany(panel => panel.Traces)
        .Where(trace => trace.Name.Length > 0 && trace is not (WaterfallTrace or HeatMapTrace)).DistinctBy(trace => (trace.Name, trace.Origin));

    private static double PlotHeight(Panel[] row) => Stretch * row.Max(panel => panel.Height);

    private static double Above(Panel[] row) => row.Any(panel => panel.Title.Length > 0) ? PanelTitle : 6;

    private double Below(Panel[] row) => AxisTitle + row.Max(panel => panel.XCategories is not { } names ? LabelLine
        : Labels(names)?.Max(lines => lines.Count) * LabelLine ?? 0.5 * names.Max(name => Typeface.Width(name, LabelSize)));
}
