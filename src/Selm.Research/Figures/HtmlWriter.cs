// A picture first, a live figure where the page allows scripts. The picture is cleared only after Plotly has drawn, so that
// a page without scripts, without a network or with a broken download still shows the figure. The classic notebook has a
// module loader, which would take Plotly for itself and leave window.Plotly empty; there the loader is asked.
using System.Net;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Figures;

/// <summary>Figures as HTML: the static picture, and a script that swaps it for the live Plotly figure once that has been drawn.</summary>
public static class HtmlWriter
{
    /// <summary>Where the browser finds Plotly.</summary>
    internal const string Library = "https://cdn.plot.ly/plotly-2.35.2.min.js";

    /// <summary>The HTML of a figure, to be placed in a page or a notebook's output.</summary>
    /// <exception cref="ArgumentException">The figure contradicts itself (lengths, empty ranges, mixed origins).</exception>
    public static string Write(Figure figure) => Live(figure.Id, PlotlyWriter.Write(figure), Picture(figure), FigureLayout.CaptionText(figure));

    /// <summary>What stands still, and the script that swaps it for what Plotly draws.</summary>
    /// <param name="id">A short name.</param>
    /// <param name="json">Plotly's JSON, in which no text holds a "&lt;".</param>
    /// <param name="still">HTML that is shown without scripts.</param>
    /// <param name="caption">Below the live figure.</param>
    /// <param name="captionAs">How the caption is set: "textContent" for words, "innerHTML" for HTML.</param>
    internal static string Live(string id, string json, string still, string caption, string captionAs = "textContent")
    {
        // The name comes from the content, so that the same figure gives the same page and two figures never meet.
        var name = $"selm-{id}-{ContentHash.OfText(json)[..10]}";
        return $$"""
            <div data-selm-figure="{{WebUtility.HtmlEncode(name)}}" style="max-width:760px">
            {{still}}</div>
            <script>
            (function () {
              const figure = {{json}};
              const caption = {{JsonSerializer.Serialize(caption)}};
              const library = window.Plotly ? Promise.resolve() : (window.selmPlotly ??= new Promise((done, failed) => {
                if (window.define?.amd && window.requirejs) {
                  window.requirejs(["{{Library}}"], plotly => { window.Plotly = plotly; done(); }, failed);
                  return;
                }
                const tag = document.createElement("script");
                tag.src = "{{Library}}";
                tag.onload = done;
                tag.onerror = failed;
                document.head.appendChild(tag);
              }));
              library.then(async () => {
                for (const box of document.querySelectorAll('[data-selm-figure="{{WebUtility.HtmlEncode(name)}}"]:not([data-live])')) {
                  box.setAttribute("data-live", "");
                  const live = document.createElement("div");
                  box.appendChild(live);
                  try {
                    await window.Plotly.newPlot(live, figure.data, figure.layout, figure.config);
                    box.replaceChildren(live);
                    box.appendChild(document.createElement("p")).{{captionAs}} = caption;
                  } catch (error) {
                    live.remove();
                    box.removeAttribute("data-live");
                  }
                }
              }).catch(() => {});
            })();
            </script>

            """;
    }

    /// <summary>The picture as an image, not inline SVG: front ends that do not trust a notebook throw SVG elements away and leave their words behind.</summary>
    internal static string Picture(Figure figure) => Picture(figure.Title, SvgWriter.Write(figure));

    /// <summary>A picture as an image.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="svg">The picture.</param>
    internal static string Picture(string title, string svg) =>
        $"<img alt=\"{WebUtility.HtmlEncode(title)}\" style=\"max-width:100%\" src='data:image/svg+xml;charset=utf-8,{Escaped(svg)}'>";

    // What ends the attribute or the address, and what HTML or the address would read as something else.
    private static string Escaped(string svg) => svg.Replace("%", "%25", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal)
        .Replace("&", "%26", StringComparison.Ordinal).Replace("'", "%27", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    /// <summary>The picture alone, as inline SVG that shrinks with the page; for pages that must need no script.</summary>
    /// <exception cref="ArgumentException">The figure contradicts itself.</exception>
    public static string Static(Figure figure) =>
        SvgWriter.Write(figure).Replace("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox", "<svg xmlns=\"http://www.w3.org/2000/svg\" style=\"max-width:100%;height:auto\" viewBox", StringComparison.Ordinal);
}
