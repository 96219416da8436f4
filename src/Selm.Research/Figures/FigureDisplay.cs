using Selm.Research.Runs;

namespace Selm.Research.Figures;

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
