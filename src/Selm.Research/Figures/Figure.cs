// A figure as plain data. The writers (SVG, Plotly, HTML) read this model and nothing else, so a figure can be redrawn,
// compared and tested without drawing it.
using Selm.Research.Runs;

namespace Selm.Research.Figures;

/// <summary>
/// Where the numbers of a trace come from. It decides marker and line style everywhere, so that a number of the paper
/// is never taken for a number of ours.
/// </summary>
public enum Origin
{
    /// <summary>Printed in the paper: hollow markers, dashed lines, pale bars with a dashed outline.</summary>
    Paper,

    /// <summary>Measured by this run: filled circles, solid lines, solid bars.</summary>
    Measured,

    /// <summary>Computed by enumeration, no sampling: diamonds, thick solid lines.</summary>
    Exact,

    /// <summary>Read from an earlier recorded run: filled squares, dash-dotted lines, outlined bars.</summary>
    Recorded,

    /// <summary>Said beforehand from shapes and assumptions, measured by nobody: hollow squares, dotted lines, solid bars.</summary>
    Planned,
}

/// <summary>A figure: a title, a grid of panels (facets), a caption. Drawn 400 units wide.</summary>
/// <param name="Id">A short name for files and links: lower-case letters, digits and hyphens.</param>
/// <param name="Title">What the figure shows, in one line or two.</param>
/// <param name="Panels">The facets, row by row; at least one.</param>
[TypeFormatterSource(typeof(FigureFormatterSource), PreferredMimeTypes = ["text/html", PlotlyWriter.MimeType, "image/svg+xml", "text/plain"])]
public sealed record Figure(string Id, string Title, IReadOnlyList<Panel> Panels)
{
    /// <summary>One to three sentences below the figure; empty for none.</summary>
    public string Caption { get; init; } = "";

    /// <summary>How many panels stand side by side.</summary>
    public int Columns { get; init; } = 1;

    /// <summary>Whether the legend is drawn; traces without a name are never in it.</summary>
    public bool Legend { get; init; } = true;
}

/// <summary>One pair of axes with the traces on it.</summary>
/// <param name="X">The horizontal axis.</param>
/// <param name="Y">The vertical axis.</param>
/// <param name="Traces">What is drawn, first trace lowest.</param>
public sealed record Panel(Axis X, Axis Y, IReadOnlyList<Trace> Traces)
{
    /// <summary>The heading of a facet; empty for none.</summary>
    public string Title { get; init; } = "";

    /// <summary>Notes, reference lines and shaded regions.</summary>
    public IReadOnlyList<Annotation> Annotations { get; init; } = [];

    /// <summary>Whether bar traces stand on one another, first trace lowest, in place of side by side; their values must not be negative.</summary>
    public bool Stacked { get; init; }

    /// <summary>Height of the plotting area where the figure is 400 wide.</summary>
    public double Height { get; init; } = 160;

    /// <summary>
    /// States that the paper's values and ours on these axes are the same quantity (same models, same test). Without
    /// it a panel that holds both is refused: they belong in two panels.
    /// </summary>
    public bool SameQuantity { get; init; }

    /// <summary>Where each bar of a trace begins: 0, or on the bars below it.</summary>
    internal double[] Floors(BarTrace bar) => [.. bar.Values.Select((_, k) => Stacked
        ? Traces.OfType<BarTrace>().TakeWhile(other => !ReferenceEquals(other, bar)).Sum(other => double.IsFinite(other.Values[k]) ? other.Values[k] : 0)
        : 0)];

    /// <summary>The names along the horizontal axis: its own, or the steps of a waterfall; null for a numeric axis.</summary>
    internal IReadOnlyList<string>? XCategories =>
        X.Categories ?? Traces.OfType<WaterfallTrace>().FirstOrDefault()?.Steps.Select(step => step.Label).ToArray();
}

/// <summary>An axis. Traces address a category by its index: 0 for the first.</summary>
/// <param name="Title">What is plotted, without its unit.</param>
/// <param name="Unit">The unit, shown in brackets after the title; empty for plain numbers and names.</param>
public sealed record Axis(string Title, string Unit = "")
{
    /// <summary>Logarithmic, base 10; every value must be above 0.</summary>
    public bool Log { get; init; }

    /// <summary>The ends; null lets the data decide.</summary>
    public AxisRange? Range { get; init; }

    /// <summary>What the quantity can be, where it has limits (a share: 0 to 1); the axis shows no room beyond, and no value or interval may lie beyond.</summary>
    public AxisRange? Bounds { get; init; }

    /// <summary>Names instead of numbers; on a vertical axis the first is on top.</summary>
    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>The title with its unit.</summary>
    internal string Label => Unit.Length == 0 ? Title : $"{Title} ({Unit})";
}

/// <summary>The two ends of an axis, in the unit of its data.</summary>
/// <param name="Low">The left or lower end.</param>
/// <param name="High">The right or upper end, above <paramref name="Low"/>.</param>
public readonly record struct AxisRange(double Low, double High)
{
    /// <summary>What shares, win rates and accuracies can be.</summary>
    public static AxisRange Share { get; } = new(0, 1);

    /// <summary>The same in percent.</summary>
    public static AxisRange Percent { get; } = new(0, 100);
}
