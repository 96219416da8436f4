using System.Globalization;
using Microsoft.Data.Analysis;
using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Interactive;

/// <summary>The first rows of a frame as notebooks show them; see <see cref="Frames.View"/>.</summary>
[TypeFormatterSource(typeof(FrameFormatterSource), PreferredMimeTypes = ["text/html", "text/plain"])]
public sealed class FrameView
{
    private readonly ResultTable table;

    internal FrameView(DataFrame frame, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        var size = string.Create(CultureInfo.InvariantCulture, $"{frame.Rows.Count} rows, {frame.Columns.Count} columns");
        table = Frames.Table(frame, rows, "frame", size, "G6") with { Notes = rows < frame.Rows.Count ? [$"The first {rows} rows are shown."] : [] };
    }

    /// <summary>The table in a division whose id comes from its content, so that a run made again writes the same bytes.</summary>
    internal string Html()
    {
        var html = TableWriter.Html(table);
        return $"<div id=\"selm-frame-{ContentHash.OfText(html)[..10]}\">\n{html}</div>\n";
    }

    /// <summary>The table in columns.</summary>
    internal string Text() => TableWriter.PlainText(table);
}

/// <summary>How a <see cref="FrameView"/> shows itself.</summary>
public sealed class FrameFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<FrameView>("text/html", view => view.Html()),
        new DisplayFormatter<FrameView>("text/plain", view => view.Text()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}
