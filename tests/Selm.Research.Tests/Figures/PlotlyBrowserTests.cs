// Whether Plotly itself takes what PlotlyWriter writes, and whether the picture in the HTML gives way to the live figure.
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Tests;

namespace Selm.Research.Tests.Figures;

public class PlotlyBrowserTests
{
    private static readonly Figure hostile = new("hostile", "</script><img src=x onerror=alert(1)> a<b & c</b>",
    [
        new(new("x </script>", "<b>"), new("y") { Categories = ["<i>one</i>", "&lt;two"] }, [new ScatterTrace("p < q & <b>r</b>", Origin.Exact, [1, 2], [0, 1])])
        { Annotations = [new Note(1, 0, "<script>note</script>")] },
    ])
    { Caption = "</script><img src=x onerror=alert(2)>" };

    [SkippableFact]
    public void plotly_draws_every_mark_of_every_figure_and_complains_about_none()
    {
        var plotly = Chromium.PlotlyOrSkip();
        var figures = SampleFigures.All.Values.Append(hostile).Concat(Recorded()).ToArray();

        var drawn = Chromium.Open($$"""
            <script src="{{plotly}}"></script>
            <script>
            const count = (box, selector) => box.querySelectorAll(selector).length;
            const tall = bar => { // "M19.8,178.2V36.4H99.2V178.2Z" has a height
              const [, from, to] = bar.getAttribute("d").match(/^M[^,]+,([^V]+)V([^H]+)H/) ?? [];
              return from !== to;
            };
            (async () => {
              const found = [];
              for (const figure of {{string.Join(",\n", figures.Select(PlotlyWriter.Write)).Insert(0, "[")}}]) {
                const box = document.body.appendChild(document.createElement("div"));
                try {
                  const complaints = (Plotly.validate(figure.data, figure.layout) || []).map(one => one.msg);
                  await Plotly.newPlot(box, figure.data, figure.layout, figure.config);
                  found.push({
                    complaints,
                    title: box.querySelector(".gtitle").textContent,
                    marks: [
                      count(box, ".scatterlayer path.point"), [...box.querySelectorAll(".barlayer .point > path")].filter(tall).length, count(box, "path.box"), count(box, "path.violin"),
                      count(box, ".heatmaplayer image"), count(box, "path.xerror") + count(box, "path.yerror"), count(box, ".annotation"),
                      count(box, ".shapelayer path"), count(box, ".legend .traces")].join(" "),
                  });
                } catch (error) {
                  found.push({ complaints: ["" + error], title: "", marks: "" });
                }
                Plotly.purge(box);
              }
              report(found);
            })();
            </script>
            """);

        Assert.Equal(figures.Length, drawn.GetArrayLength());
        var wrong = figures.Zip(drawn.EnumerateArray(), (figure, found) => (
                Wanted: $"{figure.Id}: {Unbroken(figure.Title)}: {Marks(figure)}: ",
                Found: $"{figure.Id}: {Unbroken(found.GetProperty("title").GetString()!)}: {found.GetProperty("marks").GetString()}: {string.Join("; ", found.GetProperty("complaints").EnumerateArray())}"))
            .Where(pair => pair.Wanted != pair.Found)
            .Select(pair => $"\nwanted {pair.Wanted}\nfound  {pair.Found}");
        Assert.True(!wrong.Any(), string.Concat(wrong));
    }

    [SkippableTheory]
    [InlineData("the library is loaded by the page", "<script src=\"PLOTLY\"></script>", "live")]
    [InlineData("the figure loads the library", "", "live")]
    [InlineData("the page has a module loader", "<script>" + Loader + "</script>", "live")]
    [InlineData("there is no network", "", "picture")]
    [InlineData("the library is broken", "<script>window.Plotly = { newPlot: async () => { throw new Error(); } };</script>", "picture")]
    public void the_picture_gives_way_to_the_live_figure_only_where_that_can_be_drawn(string when, string head, string shown)
    {
        var plotly = Chromium.PlotlyOrSkip();
        var html = string.Concat(new[] { SampleFigures.All["lines"], hostile }.Select(HtmlWriter.Write));
        if (when != "there is no network")
        {
            html = html.Replace(Regex.Match(html, "https://[^\"]+").Value, plotly, StringComparison.Ordinal);
        }

        var found = Chromium.Open($$"""
            <script>let alerts = 0; window.alert = () => alerts++;</script>
            {{head.Replace("PLOTLY", plotly, StringComparison.Ordinal)}}
            {{html}}
            <script>
            setTimeout(() => {
              const boxes = [...document.querySelectorAll("[data-selm-figure]")];
              report({
                live: boxes.filter(box => box.querySelector(".js-plotly-plot .main-svg")).length,
                pictures: boxes.filter(box => box.querySelector(":scope > img")?.naturalWidth > 0).length,
                marked: boxes.filter(box => box.hasAttribute("data-live")).length,
                children: boxes.map(box => box.children.length).join(" "),
                captions: boxes.filter(box => box.querySelector(":scope > p")?.textContent.length > 0).length,
                alerts, images: document.querySelectorAll("[onerror]").length, words: document.body.innerText.includes("window.Plotly"),
              });
            }, 20000);
            </script>
            """);

        Assert.Equal(
            shown == "live" ? """{"live":2,"pictures":0,"marked":2,"children":"2 2","captions":2,"alerts":0,"images":0,"words":false}""" : """{"live":0,"pictures":2,"marked":0,"children":"1 1","captions":0,"alerts":0,"images":0,"words":false}""",
            found.GetRawText());
    }

    // As much of require.js as the figure needs; a file that defines a module must not be loaded by a plain script element there.
    private const string Loader = """
        window.define = (needs, make) => { window.defined = make(); };
        window.define.amd = {};
        window.requirejs = ([file], done, failed) => {
          const tag = document.createElement("script");
          tag.src = file;
          tag.onload = () => done(window.defined);
          tag.onerror = failed;
          document.head.appendChild(tag);
        };
        """;

    private static string Unbroken(string title) => title.Replace(" ", "", StringComparison.Ordinal);

    private static IEnumerable<Figure> Recorded() =>
        Directory.EnumerateFiles(Path.Combine(Golden.Root, "data", "results"), "*.json").Order(StringComparer.Ordinal)
            .Where(file => JsonDocument.Parse(File.ReadAllBytes(file)).RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("figures", out _))
            .SelectMany(file => ExperimentRecord.Read(file).Figures);

    // What should stand in the page: points, bars with a height, boxes, violins, heat maps, error bars, annotations, shapes, names in the legend.
    private static string Marks(Figure figure)
    {
        var json = JsonDocument.Parse(PlotlyWriter.Write(figure)).RootElement;
        var (traces, layout) = (json.GetProperty("data").EnumerateArray().ToArray(), json.GetProperty("layout"));
        JsonElement[] Of(string type) => [.. traces.Where(trace => trace.GetProperty("type").GetString() == type)];
        static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number ? v.GetDouble() : double.NaN)];
        static int Points(JsonElement trace) =>
            Numbers(trace.GetProperty("x")).Zip(Numbers(trace.GetProperty("y"))).Count(point => double.IsFinite(point.First) && double.IsFinite(point.Second));
        static int Errors(JsonElement trace, string name) => trace.TryGetProperty(name, out var errors)
            ? Numbers(errors.GetProperty("array")).Count(double.IsFinite)
            : 0;
        return string.Join(' ',
            Of("scatter").Where(trace => trace.GetProperty("mode").GetString()!.Contains("markers", StringComparison.Ordinal)).Sum(Points),
            Of("bar").Sum(trace => Numbers(trace.GetProperty("y")).Count(y => double.IsFinite(y) && y != 0)),
            Of("box").Length,
            Of("violin").Length,
            Of("heatmap").Length,
            traces.Sum(trace => Errors(trace, "error_x") + Errors(trace, "error_y")),
            layout.GetProperty("annotations").GetArrayLength(),
            layout.GetProperty("shapes").GetArrayLength(),
            traces.Count(trace => trace.GetProperty("showlegend").GetBoolean()));
    }
}
