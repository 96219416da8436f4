using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Plotly.NET;
using Plotly.NET.CSharp;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Tests.Figures;
using Selm.Tests;
using Figure = Selm.Research.Figures.Figure;

namespace Selm.Interactive.Tests;

public class ChartTests
{
    private static readonly IReadOnlyDictionary<string, Figure> figures = SampleFigures.All.Values.Select(figure => ("sample", figure)).Concat(Recorded())
        .ToDictionary(one => $"{one.Item1} {one.Item2.Id}", one => one.Item2);

    public static TheoryData<string> Names => [.. figures.Keys];

    private static Figure Lines => SampleFigures.All["lines"];

    [Theory]
    [MemberData(nameof(Names))]
    public void a_chart_holds_the_json_of_its_figure(string name)
    {
        var (wanted, found) = (JsonNode.Parse(PlotlyWriter.Write(figures[name])), JsonNode.Parse(figures[name].ToChart().View().Json));
        Assert.Empty(Differences("", wanted, found));
        Assert.True(JsonNode.DeepEquals(wanted, found));
    }

    [Fact]
    public void figures_of_every_recorded_experiment_are_among_them() =>
        Assert.True(figures.Keys.Select(name => name.Split(' ')[0]).Distinct().Count() > 10, string.Join(", ", figures.Keys));

    [Fact]
    public void another_title_keeps_the_place_of_the_old_one() =>
        Assert.Equal(["/layout/title/text"], Changed(Lines, chart => chart.WithTitle("another")));

    [Fact]
    public void a_size_changes_width_and_height_alone() =>
        Assert.Equal(["/layout/height", "/layout/width"], Changed(Lines, chart => chart.WithSize(Width: 500, Height: 301)));

    [Fact]
    public void an_axis_title_changes_that_axis_alone() =>
        Assert.Equal(["/layout/yaxis/title/text"], Changed(Lines, chart => chart.WithYAxisStyle<double, double, string>(TitleText: "nats")));

    [Fact]
    public void the_axis_of_a_second_panel_is_found_by_its_number() => Assert.Equal(
        ["/layout/xaxis2/title/text"],
        Changed(SampleFigures.All["boxes"], chart => chart.WithXAxisStyle<double, double, string>(TitleText: "round", Id: StyleParam.SubPlotId.NewXAxis(2))));

    [Fact]
    public void an_annotation_of_plotly_net_stands_beside_those_of_the_figure()
    {
        var note = new Plotly.NET.LayoutObjects.Annotation();
        note.SetProperty("text", "own");
        static string[] Texts(string json) => [.. JsonNode.Parse(json)!["layout"]!["annotations"]!.AsArray().Select(one => (string)one!["text"]!)];
        Assert.Equal(["own", .. Texts(PlotlyWriter.Write(Lines))], Texts(Plotly.NET.Chart.withAnnotation(note, null).Invoke(Lines.ToChart()).View().Json));
    }

    [Fact]
    public void a_chart_restyled_does_not_change_the_next_one_of_the_same_figure()
    {
        Lines.ToChart().WithSize(Width: 500, Height: 301).WithTitle("another");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(PlotlyWriter.Write(Lines)), JsonNode.Parse(Lines.ToChart().View().Json)));
    }

    [Fact]
    public void captions_go_with_a_chart_into_every_display()
    {
        var chart = Lines.ToChart().WithTitle("another");
        var caption = JsonSerializer.Serialize(WebUtility.HtmlEncode("Bands are 95 % intervals over seeds."));
        var shown = Shown(chart.View());
        Assert.Contains(caption[1..^1], shown["text/html"], StringComparison.Ordinal);
        Assert.StartsWith("Chart: another. Bands are 95 % intervals over seeds.", shown["text/plain"], StringComparison.Ordinal);
        Assert.Contains("Bands are 95 % intervals over seeds.", GenericChart.toEmbeddedHTML(chart), StringComparison.Ordinal); // Plotly.NET's own page
    }

    [Fact]
    public void a_title_of_two_lines_stays_one()
    {
        var figure = Lines with { Title = string.Join(' ', Enumerable.Repeat("a title that takes more than one line", 3)) };
        var view = figure.ToChart().View();
        Assert.Contains("<br>", (string)JsonNode.Parse(view.Json)!["layout"]!["title"]!["text"]!, StringComparison.Ordinal);
        Assert.Equal(figure.Title, view.Title);
    }

    [Fact]
    public void without_scripts_the_picture_of_the_figure_is_left_and_says_what_it_is()
    {
        const string Note = "The figure before it was restyled";
        var (same, other) = (Still(Lines.ToChart().View()), Still(Lines.ToChart().WithSize(Width: 500, Height: 301).View()));
        Assert.Contains("<img alt=\"A gap that grows", same, StringComparison.Ordinal);
        Assert.DoesNotContain(Note, same, StringComparison.Ordinal);
        Assert.Contains("<img alt=\"A gap that grows", other, StringComparison.Ordinal);
        Assert.Contains(Note, other, StringComparison.Ordinal);
    }

    [Fact]
    public void a_chart_of_plotly_net_alone_is_shown_too()
    {
        var view = Plotly.NET.CSharp.Chart.Point<double, double, string>([1.0, 2.0], [3.0, 4.0]).WithTitle("two <i>points</i>").View();
        Assert.Equal("two  points", view.Title);
        Assert.Contains("two  points", Still(view), StringComparison.Ordinal);
        Assert.Equal("scatter", (string?)JsonNode.Parse(Shown(view)[PlotlyWriter.MimeType])!["data"]![0]!["type"]);
    }

    [Fact]
    public void words_that_look_like_the_end_of_a_script_end_none()
    {
        var html = Shown(Lines.ToChart().WithTitle("</script><script>alert(1)</script>").View())["text/html"];
        Assert.Equal(1, html.Split("</script>").Length - 1);
    }

    [Fact]
    public void the_same_chart_is_shown_by_the_same_bytes() =>
        Assert.Equal(Shown(Lines.ToChart().WithTitle("another").View()), Shown(Lines.ToChart().WithTitle("another").View()));

    [Fact]
    public void every_version_of_the_fsharp_library_is_the_one_that_is_loaded()
    {
        Assert.Same(typeof(Microsoft.FSharp.Core.Unit).Assembly, OneFSharp.Loaded(new("FSharp.Core, Version=5.0.0.0, PublicKeyToken=b03f5f7f11d50a3a")));
        Assert.Null(OneFSharp.Loaded(new("Plotly.NET")));
    }

    private static string Still(ChartView view) => Shown(view)["text/html"].Split("<script>")[0];

    // As a notebook engine does it.
    private static Dictionary<string, string> Shown(ChartView view) => new ChartFormatterSource().CreateTypeFormatters().Cast<dynamic>().ToDictionary(
        formatter => (string)formatter.MimeType,
        formatter =>
        {
            using var text = new StringWriter();
            Assert.True((bool)formatter.Format(view, text));
            return text.ToString();
        });

    private static string[] Changed(Figure figure, Func<GenericChart, GenericChart> restyle) =>
        [.. Differences("", JsonNode.Parse(PlotlyWriter.Write(figure)), JsonNode.Parse(restyle(figure.ToChart()).View().Json)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Differences(string path, JsonNode? one, JsonNode? other) => (one, other) switch
    {
        (JsonObject a, JsonObject b) => a.Select(field => field.Key).Union(b.Select(field => field.Key)).SelectMany(key => Differences($"{path}/{key}", a[key], b[key])),
        (JsonArray a, JsonArray b) when a.Count == b.Count => a.Zip(b).Index().SelectMany(item => Differences($"{path}/{item.Index}", item.Item.First, item.Item.Second)),
        _ => JsonNode.DeepEquals(one, other) ? [] : [path],
    };

    private static IEnumerable<(string, Figure)> Recorded() =>
        from file in Directory.EnumerateFiles(Path.Combine(Golden.Root, "data", "results"), "*.json").Order(StringComparer.Ordinal)
        where JsonElement.Parse(File.ReadAllBytes(file)) is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("figures", out _)
        from figure in ExperimentRecord.Read(file).Figures
        select (Path.GetFileNameWithoutExtension(file), figure);
}
