using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

public class PlotlyWriterTests
{
    private static readonly HashSet<string> oldTypes = ["scatter", "bar", "box", "violin", "heatmap"];

    public static TheoryData<string> Names => [.. SampleFigures.All.Keys];

    private static JsonElement Json(string name) => JsonDocument.Parse(PlotlyWriter.Write(SampleFigures.All[name])).RootElement;

    [Theory]
    [MemberData(nameof(Names))]
    public void only_trace_types_of_old_versions_and_titles_as_objects_are_used(string name)
    {
        var json = Json(name);
        Assert.All(json.GetProperty("data").EnumerateArray(), trace => Assert.Contains(trace.GetProperty("type").GetString()!, oldTypes));
        var layout = json.GetProperty("layout");
        Assert.Equal(SampleFigures.All[name].Title, layout.GetProperty("title").GetProperty("text").GetString()!.Replace("<br>", " ", StringComparison.Ordinal));
        var axes = layout.EnumerateObject().Where(p => Regex.IsMatch(p.Name, "^[xy]axis")).ToArray();
        Assert.Equal(2 * SampleFigures.All[name].Panels.Count, axes.Length);
        Assert.All(axes, axis => Assert.NotEmpty(axis.Value.GetProperty("title").GetProperty("text").GetString()!));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void every_trace_stands_on_axes_that_exist(string name)
    {
        var json = Json(name);
        Assert.All(json.GetProperty("data").EnumerateArray(), trace => Assert.All(new[] { "xaxis", "yaxis" }, key =>
            Assert.True(json.GetProperty("layout").TryGetProperty(trace.GetProperty(key).GetString()!.Insert(1, "axis"), out _))));
    }

    [Fact]
    public void a_name_stands_in_the_legend_once() =>
        Assert.Equal(1, Json("facets").GetProperty("data").EnumerateArray().Count(trace => trace.GetProperty("showlegend").GetBoolean() && trace.GetProperty("name").GetString() == "SELM (paper)"));

    [Fact]
    public void missing_values_are_null_and_error_bars_are_distances()
    {
        var bar = Json("bars").GetProperty("data")[0];
        Assert.Equal(JsonValueKind.Null, bar.GetProperty("y")[3].ValueKind);
        Assert.Equal(0.03, bar.GetProperty("error_y").GetProperty("array")[0].GetDouble(), 12);
        Assert.Equal(0.03, bar.GetProperty("error_y").GetProperty("arrayminus")[0].GetDouble(), 12);
    }

    [Fact]
    public void a_bar_without_a_value_has_no_outline()
    {
        var figure = new Figure("hollow", "t", [new(new("x") { Categories = ["a", "b"] }, new("y"), [new BarTrace("paper", Origin.Paper, [1, double.NaN])])]);
        var marker = JsonDocument.Parse(PlotlyWriter.Write(figure)).RootElement.GetProperty("data")[0].GetProperty("marker");
        Assert.Equal([1.5, 0], marker.GetProperty("line").GetProperty("width").EnumerateArray().Select(width => width.GetDouble()));
    }

    [Fact]
    public void words_that_look_like_markup_are_no_markup_to_plotly()
    {
        var json = JsonDocument.Parse(PlotlyWriter.Write(SampleFigures.All["lines"] with { Title = "a<b>c</b> & d" })).RootElement;
        Assert.Equal("a&lt;b&gt;c&lt;/b&gt; &amp; d", json.GetProperty("layout").GetProperty("title").GetProperty("text").GetString());
    }

    [Fact]
    public void seeds_lie_along_the_axis_of_the_numbers()
    {
        var figure = new Figure("lying", "Seeds of two methods",
            [new(new("gain"), new("method") { Categories = ["one", "two"] }, [new ScatterTrace("gain", Origin.Measured, [1, 2], [0, 1]) { Seeds = [[0.5, 1.5], [2, 7]] }])]);
        var seeds = JsonDocument.Parse(PlotlyWriter.Write(figure)).RootElement.GetProperty("data")[1];
        Assert.Equal([0.5, 1.5, 2, 7], seeds.GetProperty("x").EnumerateArray().Select(x => x.GetDouble()));
        Assert.Equal([0, 0, 1, 1], seeds.GetProperty("y").EnumerateArray().Select(y => Math.Round(y.GetDouble())));
        Assert.Empty(FigureChecks.Problems(figure));
        Assert.Contains(">7<", SvgWriter.Write(figure), StringComparison.Ordinal); // the axis reaches the last seed
    }

    [Fact]
    public void a_logarithmic_axis_has_its_range_in_exponents()
    {
        var axis = Json("lines").GetProperty("layout").GetProperty("xaxis");
        Assert.Equal("log", axis.GetProperty("type").GetString());
        Assert.InRange(axis.GetProperty("range")[1].GetDouble(), 2, 2.2);
    }

    [Fact]
    public void the_html_keeps_the_picture_until_the_live_figure_has_been_drawn()
    {
        var html = HtmlWriter.Write(SampleFigures.All["lines"]);
        Assert.Contains("<svg", html, StringComparison.Ordinal);
        Assert.True(html.IndexOf("await window.Plotly.newPlot", StringComparison.Ordinal) < html.IndexOf("box.replaceChildren(live)", StringComparison.Ordinal));
        Assert.Equal(html, HtmlWriter.Write(SampleFigures.All["lines"]));
        Assert.True(html.Length < 40_000, "plotly itself must not be in the page");
    }

    [Fact]
    public void a_title_cannot_break_out_of_the_script()
    {
        var figure = SampleFigures.All["lines"] with { Title = "</script><b>" };
        Assert.DoesNotContain("</script><b>", HtmlWriter.Write(figure), StringComparison.Ordinal);
    }
}
