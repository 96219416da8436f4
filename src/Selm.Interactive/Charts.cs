// A figure of the kit as a chart of Plotly.NET. What is notable: nothing is drawn anew. The chart holds the very JSON that
// PlotlyWriter writes, as Plotly.NET's own objects, so that its functions find axes, titles and markers to change.
using System.Text.Json.Nodes;
using Giraffe.ViewEngine;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Plotly.NET;
using Plotly.NET.CSharp;
using Selm.Research.Figures;
using Figure = Selm.Research.Figures.Figure;
using PlotlyChart = Plotly.NET.Chart;
using Trace = Plotly.NET.Trace;

namespace Selm.Interactive;

/// <summary>Figures as Plotly.NET charts, and charts as notebooks show them.</summary>
public static class Charts
{
    /// <summary>The property of a chart's display options that remembers the figure it was made from.</summary>
    internal const string FigureProperty = "selmFigure";

    /// <summary>
    /// The figure as a chart of Plotly.NET: the traces, layout and settings that <see cref="PlotlyWriter"/> writes, the caption as its
    /// description. A new one at each call; Plotly.NET's functions may change the chart that they are given.
    /// </summary>
    /// <exception cref="ArgumentException">The figure contradicts itself (lengths, empty ranges, mixed origins).</exception>
    public static GenericChart ToChart(this Figure figure)
    {
        var json = JsonNode.Parse(PlotlyWriter.Write(figure))!;
        var traces = json["data"]!.AsArray().Select(node => PlotlyObjects.Fill<Trace>(new Trace2D((string)node!["type"]!), node.AsObject()));
        var display = new DisplayOptions();
        display.SetProperty(FigureProperty, figure);
        var chart = GenericChart.ofTraceObjects(false, ListModule.OfSeq(traces));
        chart = GenericChart.setLayout(PlotlyObjects.Fill(new Layout(), json["layout"]!.AsObject()), chart);
        chart = GenericChart.setConfig(PlotlyObjects.Fill(new Config(), json["config"]!.AsObject()), chart);
        chart = GenericChart.setDisplayOptions(DisplayOptions.setPlotlyReference(PlotlyJSReference.NewCDN(HtmlWriter.Library)).Invoke(display), chart);
        var caption = FigureLayout.CaptionText(figure);
        return caption.Length == 0 ? chart : PlotlyChart.withDescription(ListModule.OfArray([HtmlElements.encodedText(caption)]), chart);
    }

    /// <summary>
    /// Plotly.NET's <c>Chart.withTitle</c>, which Plotly.NET.CSharp leaves out: other words, at the place of those before and, where no font
    /// is given, in their size.
    /// </summary>
    /// <param name="chart">The chart; it may be changed.</param>
    /// <param name="title">The words; "&lt;br&gt;" begins a line.</param>
    /// <param name="titleFont">The font.</param>
    public static GenericChart WithTitle(this GenericChart chart, string title, Optional<Font> titleFont = default) =>
        PlotlyChart.withTitle(title, titleFont.IsSome ? FSharpOption<Font>.Some(titleFont.Value) : null).Invoke(chart);

    /// <summary>
    /// The chart as every notebook engine shows it: live, as Plotly JSON, as its title. Needed because Plotly.NET's own display is known to
    /// .NET Interactive alone, cuts titles of two lines and leaves captions out. The value of a cell, or of <c>display(..)</c>.
    /// </summary>
    public static ChartView View(this GenericChart chart) => new(chart);
}
