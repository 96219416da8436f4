using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Giraffe.ViewEngine;
using Plotly.NET;
using Selm.Research.Figures;
using Selm.Research.Runs;
using Figure = Selm.Research.Figures.Figure;

namespace Selm.Interactive;

/// <summary>A chart of Plotly.NET as notebooks show it; see <see cref="Charts.View"/>.</summary>
[TypeFormatterSource(typeof(ChartFormatterSource), PreferredMimeTypes = ["text/html", PlotlyWriter.MimeType, "text/plain"])]
public sealed partial class ChartView
{
    private readonly Figure? figure;
    private readonly string description;

    internal ChartView(GenericChart chart)
    {
        var node = JsonNode.Parse(GenericChart.toJson(chart))!;
        // Written once more, so that no text holds a "<" that could end a script.
        Json = node.ToJsonString();
        Title = Plain((string?)node["layout"]?["title"]?["text"] ?? "");
        var display = GenericChart.getDisplayOptions(chart);
        figure = display.TryGetTypedPropertyValue<Figure>(Charts.FigureProperty)?.Value;
        description = string.Concat(DisplayOptions.getChartDescription(display).Select(RenderView.AsString.htmlNode));
    }

    /// <summary>The chart's JSON: "data", "layout" and "config".</summary>
    public string Json { get; }

    /// <summary>The chart's title, on one line and without markup.</summary>
    public string Title { get; }

    /// <summary>The chart as a page with scripts shows it, and what a page without them shows instead.</summary>
    internal string Html() => HtmlWriter.Live(figure?.Id ?? "chart", Json, Still(), description, "innerHTML");

    /// <summary>The title and the description.</summary>
    internal string Text() => $"Chart: {Title}. {Plain(description)}".Trim();

    // Without scripts nobody can draw the chart, but the figure that it was made from has a picture.
    private string Still()
    {
        if (figure is null)
        {
            return $"<p>{WebUtility.HtmlEncode(Title)} (a chart of Plotly.NET, drawn where scripts may run)</p>\n";
        }
        var untouched = JsonNode.DeepEquals(JsonNode.Parse(Json), JsonNode.Parse(PlotlyWriter.Write(figure)));
        return HtmlWriter.Picture(figure) + (untouched ? "" : "\n<p>The figure before it was restyled; the chart is drawn where scripts may run.</p>\n");
    }

    private static string Plain(string html) => WebUtility.HtmlDecode(Markup().Replace(html, " ")).Trim();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Markup();
}

/// <summary>How a <see cref="ChartView"/> shows itself.</summary>
public sealed class ChartFormatterSource
{
    private readonly object[] formatters =
    [
        new DisplayFormatter<ChartView>("text/html", view => view.Html()),
        new DisplayFormatter<ChartView>(PlotlyWriter.MimeType, view => view.Json),
        new DisplayFormatter<ChartView>("text/plain", view => view.Text()),
    ];

    /// <summary>The formatters, best first.</summary>
    public IEnumerable<object> CreateTypeFormatters() => formatters;
}
