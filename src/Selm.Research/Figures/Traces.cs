using System.Text.Json.Serialization;

namespace Selm.Research.Figures;

/// <summary>One series of a panel. Traces of the same name have the same colour in every panel of a figure.</summary>
/// <param name="Name">The name in the legend; empty to stay out of it.</param>
/// <param name="Origin">Where the numbers come from.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(LineTrace), "line")]
[JsonDerivedType(typeof(ScatterTrace), "scatter")]
[JsonDerivedType(typeof(BarTrace), "bar")]
[JsonDerivedType(typeof(WaterfallTrace), "waterfall")]
[JsonDerivedType(typeof(HistogramTrace), "histogram")]
[JsonDerivedType(typeof(BoxTrace), "box")]
[JsonDerivedType(typeof(HeatMapTrace), "heat-map")]
public abstract record Trace(string Name, Origin Origin);

/// <summary>The lower and upper end of an interval at every point of a trace, as values (not as distances); NaN for none.</summary>
/// <param name="Low">Lower ends.</param>
/// <param name="High">Upper ends.</param>
public sealed record Band(IReadOnlyList<double> Low, IReadOnlyList<double> High);

/// <summary>A line through points, with an optional shaded interval. A NaN breaks the line.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="X">Abscissas, or category indices.</param>
/// <param name="Y">Ordinates, as many as <paramref name="X"/>.</param>
public sealed record LineTrace(string Name, Origin Origin, IReadOnlyList<double> X, IReadOnlyList<double> Y) : Trace(Name, Origin)
{
    /// <summary>The interval of every ordinate, shaded.</summary>
    public Band? Band { get; init; }

    /// <summary>Whether points are marked; leave it off for curves of many points.</summary>
    public bool Markers { get; init; } = true;
}

/// <summary>Points, with optional error bars and one small dot per seed.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="X">Abscissas, or category indices.</param>
/// <param name="Y">Ordinates or category indices, as many as <paramref name="X"/>.</param>
public sealed record ScatterTrace(string Name, Origin Origin, IReadOnlyList<double> X, IReadOnlyList<double> Y) : Trace(Name, Origin)
{
    /// <summary>Vertical error bars.</summary>
    public Band? Errors { get; init; }

    /// <summary>Horizontal error bars, for names on the vertical axis.</summary>
    public Band? XErrors { get; init; }

    /// <summary>For every point the ordinates of its seeds (abscissas where the vertical axis has names); drawn small beside it.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? Seeds { get; init; }
}

/// <summary>Bars over the categories of the horizontal axis; several bar traces stand side by side in groups.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="Values">One per category; NaN for no bar.</param>
public sealed record BarTrace(string Name, Origin Origin, IReadOnlyList<double> Values) : Trace(Name, Origin)
{
    /// <summary>Error bars.</summary>
    public Band? Errors { get; init; }

    /// <summary>For every bar the values of its seeds; drawn as small dots over it.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? Seeds { get; init; }

    /// <summary>The .NET number format of the value above each bar; empty for none. Left out where the labels do not fit.</summary>
    public string ValueFormat { get; init; } = "";
}

/// <summary>From a first total through changes to a last total; the steps' labels are the categories of the horizontal axis.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="Steps">In order; the first is a total.</param>
public sealed record WaterfallTrace(string Name, Origin Origin, IReadOnlyList<WaterfallStep> Steps) : Trace(Name, Origin)
{
    /// <summary>The .NET number format of the label of every step.</summary>
    public string ValueFormat { get; init; } = "0.00";

    /// <summary>For every step where its bar begins and ends.</summary>
    internal IEnumerable<(WaterfallStep Step, double From, double To)> Bars()
    {
        var level = 0.0;
        foreach (var step in Steps)
        {
            var from = step.Total ? 0 : level;
            level = from + step.Value;
            yield return (step, from, level);
        }
    }
}

/// <summary>One bar of a waterfall.</summary>
/// <param name="Label">Its name on the horizontal axis.</param>
/// <param name="Value">A change, or the level itself for a total.</param>
/// <param name="Total">Whether the bar stands on zero and shows a level.</param>
public sealed record WaterfallStep(string Label, double Value, bool Total = false);

/// <summary>How values spread over bins; the height is the share of the values in a bin. All histograms of a panel share their bins.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="Values">The values; not empty, all finite.</param>
public sealed record HistogramTrace(string Name, Origin Origin, IReadOnlyList<double> Values) : Trace(Name, Origin)
{
    /// <summary>About how many bins; their width is rounded to 1, 2 or 5 times a power of ten.</summary>
    public int Bins { get; init; } = 20;
}

/// <summary>Median, quartiles, whiskers (the last values within 1.5 quartile distances) and outliers per category.</summary>
/// <param name="Name">The name in the legend.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="Samples">The values of each category; an empty list draws nothing.</param>
public sealed record BoxTrace(string Name, Origin Origin, IReadOnlyList<IReadOnlyList<double>> Samples) : Trace(Name, Origin)
{
    /// <summary>Draws a kernel density estimate (a violin) around a slim box instead of whiskers.</summary>
    public bool Violin { get; init; }
}

/// <summary>A matrix in colours with a label in every cell; both axes have categories.</summary>
/// <param name="Name">What the colours mean.</param>
/// <param name="Origin">Where the numbers come from.</param>
/// <param name="Values">[row][column], rows from the top; NaN for an empty cell.</param>
public sealed record HeatMapTrace(string Name, Origin Origin, IReadOnlyList<IReadOnlyList<double>> Values) : Trace(Name, Origin)
{
    /// <summary>The .NET number format of the cells' labels.</summary>
    public string CellFormat { get; init; } = "0.00";

    /// <summary>Own labels, [row][column], in place of the formatted values; a line break makes two lines.</summary>
    public IReadOnlyList<IReadOnlyList<string>>? Labels { get; init; }

    /// <summary>Two colours that part here; null is one colour from the smallest value to the largest.</summary>
    public double? Midpoint { get; init; }

    /// <summary>Cells with a frame around them.</summary>
    public IReadOnlyList<HeatCell> Framed { get; init; } = [];

    /// <summary>The label of a cell, empty where there is no value.</summary>
    internal string Label(int row, int column) =>
        Labels is { } own ? own[row][column] : double.IsNaN(Values[row][column]) ? "" : Numerals.Format(Values[row][column], CellFormat);
}

/// <summary>A cell of a heat map, counted from 0 at the top left.</summary>
/// <param name="Row">From the top.</param>
/// <param name="Column">From the left.</param>
public readonly record struct HeatCell(int Row, int Column);

/// <summary>Something that explains a panel and is not data.</summary>
/// <param name="Text">Its words; may be empty for lines and regions.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Note), "note")]
[JsonDerivedType(typeof(Rule), "rule")]
[JsonDerivedType(typeof(Region), "region")]
public abstract record Annotation(string Text);

/// <summary>Words beside a point; they move to a free side of it.</summary>
/// <param name="X">In data units, or a category index.</param>
/// <param name="Y">In data units, or a category index.</param>
/// <param name="Text">The words.</param>
public sealed record Note(double X, double Y, string Text) : Annotation(Text);

/// <summary>A thin line across the panel at one value.</summary>
/// <param name="At">The value, in data units.</param>
/// <param name="Text">Words at its end.</param>
/// <param name="Vertical">Whether <paramref name="At"/> is on the horizontal axis and the line upright.</param>
public sealed record Rule(double At, string Text = "", bool Vertical = false) : Annotation(Text);

/// <summary>A pale stripe across the panel between two values.</summary>
/// <param name="From">The lower end, in data units.</param>
/// <param name="To">The upper end, in data units.</param>
/// <param name="Text">Words inside it.</param>
/// <param name="Vertical">Whether the values are on the horizontal axis and the stripe upright.</param>
public sealed record Region(double From, double To, string Text = "", bool Vertical = false) : Annotation(Text);
