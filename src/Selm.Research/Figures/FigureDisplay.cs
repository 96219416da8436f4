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

/// <summary>How a <see cref="Slider"/> shows itself: with a slider, as the SVG of its start, as that figure's words.</summary>
public sealed class SliderFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<Slider>("text/html", SliderWriter.Write),
        new DisplayFormatter<Slider>("image/svg+xml", slider => SvgWriter.Write(slider.Frames[slider.Start])),
        new DisplayFormatter<Slider>("text/plain", Words),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;

    private static string Words(Slider slider)
    {
        var (start, last) = (slider.Frames[slider.Start], slider.Values.Count - 1);
        return $"Slider, {slider.Values.Count} values from {slider.Text(0)} to {slider.Text(last)}; at {slider.Text(slider.Start)}: {start.Title}. {FigureLayout.CaptionText(start)}".Trim();
    }
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
