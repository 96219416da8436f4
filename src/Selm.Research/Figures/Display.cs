// Rich display in notebooks without a reference to any notebook package: engines find formatters by the simple name of
// TypeFormatterSourceAttribute and by the shape of the classes below (.NET Interactive's convention).
namespace Selm.Research.Figures;

/// <summary>One MIME type of a rich value, as notebook engines call it.</summary>
/// <typeparam name="T">The type that is displayed.</typeparam>
public sealed class DisplayFormatter<T>(string mimeType, Func<T, string> write)
{
    /// <summary>What <see cref="Format"/> writes.</summary>
    public string MimeType => mimeType;

    /// <summary>The type that is displayed.</summary>
    public Type Type => typeof(T);

    /// <summary>Writes a value.</summary>
    /// <returns>Whether the value was of the right type and has been written.</returns>
    public bool Format(object value, TextWriter writer)
    {
        if (value is not T rich)
        {
            return false;
        }
        writer.Write(write(rich));
        return true;
    }
}

/// <summary>How a <see cref="Figure"/> shows itself: live, as Plotly JSON, as SVG, as its title.</summary>
public sealed class FigureFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<Figure>("text/html", HtmlWriter.Write),
        new DisplayFormatter<Figure>(PlotlyWriter.MimeType, PlotlyWriter.Write),
        new DisplayFormatter<Figure>("image/svg+xml", SvgWriter.Write),
        new DisplayFormatter<Figure>("text/plain", figure => $"Figure: {figure.Title}. {FigureLayout.CaptionText(figure)}".Trim()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

/// <summary>How a <see cref="ResultTable"/> shows itself: HTML, Markdown, plain text.</summary>
public sealed class TableFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<ResultTable>("text/html", TableWriter.Html),
        new DisplayFormatter<ResultTable>("text/markdown", TableWriter.Markdown),
        new DisplayFormatter<ResultTable>("text/plain", TableWriter.PlainText),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}

/// <summary>Names the class that knows how a type shows itself in a notebook; found by its simple name.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
internal sealed class TypeFormatterSourceAttribute(Type formatterSourceType) : Attribute
{
    /// <summary>A class with a public CreateTypeFormatters().</summary>
    public Type FormatterSourceType => formatterSourceType;

    /// <summary>The MIME types to write, best first.</summary>
    public string[] PreferredMimeTypes { get; set; } = [];
}
