using System.Globalization;
using System.Xml.Linq;
using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

public class SvgWriterTests
{
    public static TheoryData<string> Names => [.. SampleFigures.All.Keys];

    private static Figure WithTitles(string x, string y, string title = "t") =>
        new("f", title, [new(new(x), new(y), [new LineTrace("a", Origin.Exact, [0, 1], [0, 1])])]);

    [Theory]
    [MemberData(nameof(Names))]
    public void every_kind_of_figure_equals_its_golden_file(string name) => GoldenFigures.AssertSame(SampleFigures.All[name]);

    [Theory]
    [MemberData(nameof(Names))]
    public void every_kind_of_figure_is_legible_at_400_pixels(string name) => Assert.Empty(FigureChecks.Problems(SampleFigures.All[name]));

    [Theory]
    [MemberData(nameof(Names))]
    public void every_svg_is_well_formed_and_needs_no_other_file(string name)
    {
        var root = XDocument.Parse(SvgWriter.Write(SampleFigures.All[name])).Root!;
        Assert.Equal("svg", root.Name.LocalName);
        Assert.All(root.Descendants(), element => Assert.DoesNotContain(element.Attributes(), a => a.Name.LocalName is "id" or "href"));
        Assert.Equal("sans-serif", root.Attribute("font-family")!.Value);
    }

    [Fact]
    public void the_culture_of_the_machine_changes_nothing()
    {
        var before = CultureInfo.CurrentCulture;
        var expected = SampleFigures.All.Values.Select(SvgWriter.Write).ToArray();
        try
        {
            var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat = new NumberFormatInfo { NumberDecimalSeparator = ",", NegativeSign = "~" };
            CultureInfo.CurrentCulture = comma;
            Assert.Equal(expected, SampleFigures.All.Values.Select(SvgWriter.Write));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void words_that_look_like_markup_stay_words()
    {
        var root = XDocument.Parse(SvgWriter.Write(WithTitles("a < b & c", "\"y\" > 0", "<script>"))).Root!;
        var words = root.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToArray();
        Assert.Contains("a < b & c", words);
        Assert.Contains("<script>", words);
    }

    [Fact]
    public void the_checks_find_a_missing_axis_title() =>
        Assert.Contains("an axis has no title", FigureChecks.Problems(WithTitles("x", "")));

    [Fact]
    public void the_checks_find_words_that_are_cut_off() =>
        Assert.Contains(FigureChecks.Problems(WithTitles("x", "y", new string('W', 60))), problem => problem.EndsWith("is cut off at the edge", StringComparison.Ordinal));

    [Fact]
    public void the_checks_find_labels_on_top_of_each_other()
    {
        var categories = Enumerable.Range(0, 60).Select(i => $"category {i}").ToArray();
        var figure = new Figure("f", "t", [new(new("x") { Categories = categories }, new("y"), [new BarTrace("a", Origin.Exact, new double[60])])]);
        Assert.Contains(FigureChecks.Problems(figure), problem => problem.EndsWith("overlap", StringComparison.Ordinal));
    }

    [Fact]
    public void the_checks_find_measured_values_without_an_interval()
    {
        var figure = new Figure("f", "t", [new(new("x"), new("y"), [new LineTrace("a", Origin.Measured, [0, 1], [0, 1])])]);
        Assert.Equal(["trace 'a' is measured but shows no interval"], FigureChecks.Problems(figure));
    }

    [Fact]
    public void the_checks_find_values_outside_a_fixed_range()
    {
        var panel = new Panel(new("x"), new("y") { Range = new(0, 1) }, [new LineTrace("a", Origin.Exact, [0, 1], [0, 2])]);
        Assert.Equal(["a value of trace 'a' lies outside the range of its axis"], FigureChecks.Problems(new("f", "t", [panel])));
    }

    [Theory]
    [InlineData(0.2, 0.1, 1.02)]
    [InlineData(0.2, -0.01, 0.3)]
    [InlineData(1.01, 0.5, 1)]
    public void the_checks_find_a_share_that_cannot_be(double value, double low, double high)
    {
        Figure Of(Axis axis) => new("f", "t", [new(new("x") { Categories = ["a"] }, axis, [new BarTrace("a", Origin.Measured, [value]) { Errors = new([low], [high]) }])]);
        Assert.Equal(["a value or an interval on the axis 'share' lies outside 0 to 1, which it cannot"], FigureChecks.Problems(Of(new("share") { Bounds = AxisRange.Share })));
        Assert.Equal(["the axis 'exact win rate' shows a share and states no bounds"], FigureChecks.Problems(Of(new("exact win rate"))));
        Assert.Empty(FigureChecks.Problems(Of(new("difference of win rates"))));
    }

    [Fact]
    public void an_axis_ends_where_its_quantity_ends()
    {
        var panel = new Panel(new("x"), new("share") { Bounds = AxisRange.Share }, [new LineTrace("a", Origin.Exact, [0, 1], [0, 0.98])]);
        Assert.InRange(DataRange.Y(panel).Low, -0.025, 0);
        Assert.InRange(DataRange.Y(panel).High, 1, 1.025);
        Assert.Equal(0.4, DataRange.Y(panel with { Traces = [new LineTrace("a", Origin.Exact, [0, 1], [0, 0.4])] }).High, 0.05);
    }

    [Fact]
    public void the_checks_find_numbers_that_do_not_fit_their_cell()
    {
        Figure Of(string label) => new("f", "t", [new(new("x") { Categories = [.. "abcdef".Select(c => $"{c}")] }, new("y") { Categories = ["one row of some length"] },
            [new HeatMapTrace("a", Origin.Exact, [new double[6]]) { Labels = [[label, "", "", "", "", ""]] }])]);
        Assert.Contains("'-1.68±.11 or so' does not fit its cell", FigureChecks.Problems(Of("-1.68±.11 or so")));
        Assert.Empty(FigureChecks.Problems(Of("-1.680\n±0.110")));
    }

    [Fact]
    public void the_checks_find_two_names_on_an_axis_that_touch()
    {
        Figure Of(double height) => new("f", "t", [new(new("x"), new("step") { Categories = ["two rounds on one reward after another", "portions of the Zephyr recipe and more"] },
            [new ScatterTrace("a", Origin.Exact, [1, 2], [0, 1])]) { Height = height }]);
        Assert.Contains(FigureChecks.Problems(Of(40)), problem => problem.EndsWith("overlap", StringComparison.Ordinal));
        Assert.Empty(FigureChecks.Problems(Of(70)));
    }

    [Theory]
    [InlineData("Framed: not a null.", "framed cells")]
    [InlineData("Shaded: few steps.", "a shaded region")]
    [InlineData("Small dots are seeds.", "dots of seeds")]
    [InlineData("Means with 95 % intervals.", "intervals")]
    [InlineData("Left of the crossing the data decide.", "a crossing")]
    [InlineData("Right of the line is better.", "an upright line")]
    [InlineData("Above: the gap. Below: the gain.", "panels one below the other")]
    [InlineData("Left: the share.", "panels side by side")]
    public void the_checks_find_a_caption_about_what_is_not_drawn(string caption, string what)
    {
        var figure = WithTitles("x", "y") with { Caption = caption };
        Assert.Equal([$"the caption speaks of {what} and none is drawn"], FigureChecks.Problems(figure));
    }

    [Fact]
    public void the_checks_find_a_caption_that_names_a_trace_which_is_not_drawn()
    {
        Figure Of(string caption) => new("f", "t", [new(new("x"), new("y"), [new LineTrace("SELM 0.03", Origin.Exact, [0, 1], [0, 1]), new LineTrace("alpha 0", Origin.Exact, [0, 1], [1, 1])])]) { Caption = caption };
        Assert.Equal(["the caption speaks of alpha 0.01, which is not drawn"], FigureChecks.Problems(Of("40 seeds of alpha 0 and 0.01, 10 of alpha 0.03.")));
        Assert.Equal(["the caption speaks of SELM 0.3, which is not drawn", "the caption speaks of iterative DPO, which is not drawn"], FigureChecks.Problems(Of("SELM 0.3, SELM 0.03 and iterative DPO.")));
        Assert.Empty(FigureChecks.Problems(Of("SELM 0.03: 10 seeds of alpha 0.03.")));
    }

    [Fact]
    public void a_paper_value_and_a_measured_value_do_not_share_an_axis()
    {
        var panel = new Panel(new("x"), new("y"), [new LineTrace("a", Origin.Paper, [0, 1], [0, 1]), new LineTrace("b", Origin.Measured, [0, 1], [0, 1])]);
        var error = Assert.Throws<ArgumentException>(() => SvgWriter.Write(new("f", "t", [panel])));
        Assert.Contains("share an axis", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PlotlyWriter.Write(new("f", "t", [panel])));
        Assert.Contains("a (paper)", SvgWriter.Write(new("f", "t", [panel with { SameQuantity = true }])), StringComparison.Ordinal);
    }

    [Fact]
    public void the_origin_is_always_named_and_drawn_differently()
    {
        string Drawn(Origin origin) => SvgWriter.Write(new("f", "t", [new(new("x"), new("y"), [new LineTrace("a", origin, [0, 1], [0, 1])])]));
        Assert.Contains("as printed in the paper", Drawn(Origin.Paper), StringComparison.Ordinal);
        Assert.Contains("exact, by enumeration", Drawn(Origin.Exact), StringComparison.Ordinal);
        var lines = Enum.GetValues<Origin>().Select(origin => TraceStyle.Line(origin, "#000000")).Distinct().Count();
        var bodies = Enum.GetValues<Origin>().Select(origin => TraceStyle.Body(origin, "#000000")).Distinct().Count();
        var markers = Enum.GetValues<Origin>().Select(origin => TraceStyle.Marker(origin, "#000000", 0, 0).ToString()).Distinct().Count();
        Assert.Equal((5, 3, 5), (lines, bodies, markers));
    }

    [Fact]
    public void contradictions_are_refused_with_the_name_of_the_figure()
    {
        Figure With(params Trace[] traces) => new("odd", "t", [new(new("x") { Categories = ["a", "b"] }, new("y") { Log = true }, traces)]);
        Assert.Contains("'odd': trace 'a'", Assert.Throws<ArgumentException>(() => SvgWriter.Write(With(new BarTrace("a", Origin.Exact, [1])))).Message, StringComparison.Ordinal);
        Assert.Contains("logarithmic", Assert.Throws<ArgumentException>(() => SvgWriter.Write(With(new BarTrace("a", Origin.Exact, [1, 0])))).Message, StringComparison.Ordinal);
        Assert.Contains("no trace", Assert.Throws<ArgumentException>(() => SvgWriter.Write(With())).Message, StringComparison.Ordinal);
        Assert.Contains("no panel", Assert.Throws<ArgumentException>(() => SvgWriter.Write(new("odd", "t", []))).Message, StringComparison.Ordinal);
    }
}
