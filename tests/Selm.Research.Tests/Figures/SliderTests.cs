using System.Text.RegularExpressions;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Figures;

public class SliderTests
{
    private static readonly double[] values = [0, 0.5, 2];

    internal static Slider Line(double[] over, double? start = null, string name = "alpha", string word = "height") => Slider.Over(name, over, value => new Figure(
        "slope", $"A line of {word} {value:0.0}",
        [new Panel(new("x"), new("y"), [new LineTrace("still", Origin.Exact, [0, 1, 2], [1, 1, 1]), new LineTrace("moving", Origin.Exact, [0, 1, 2], [0, value, 2 * value])])])
        { Caption = $"The {word} is {value:0.0}." }, start, "reward");

    [Fact]
    public void there_is_a_frame_for_every_value_in_order()
    {
        var slider = Line(values, start: 0.5);

        Assert.Equal(values, slider.Values);
        Assert.Equal(["The height is 0.0.", "The height is 0.5.", "The height is 2.0."], slider.Frames.Select(frame => frame.Caption));
        Assert.Equal(1, slider.Start);
    }

    [Fact]
    public void without_a_start_the_first_value_is_shown() => Assert.Equal(0, Line(values).Start);

    [Fact]
    public void axes_stand_still_and_hold_all_frames()
    {
        var ranges = Line(values).Frames.Select(frame => frame.Panels[0].Y.Range!.Value).Distinct().ToArray();

        Assert.InRange(0, Assert.Single(ranges).Low, ranges[0].High);
        Assert.InRange(4, ranges[0].Low, ranges[0].High);
    }

    [Fact]
    public void axes_follow_their_frame_where_that_is_asked_for()
    {
        var slider = Slider.Over("k", [1, 1000], k => new Figure("free", "t", [new Panel(new("x"), new("y"), [new LineTrace("l", Origin.Exact, [0, 1], [0, k])])]), steady: false);

        Assert.All(slider.Frames, frame => Assert.Null(frame.Panels[0].Y.Range));
    }

    [Fact]
    public void the_ends_that_a_panel_names_stay()
    {
        var slider = Slider.Over("k", [1, 2], k => new Figure("named", "t", [new Panel(new("x") { Range = new(-1, 9) }, new("y"), [new LineTrace("l", Origin.Exact, [0, 1], [k, 1])])]));

        Assert.All(slider.Frames, frame => Assert.Equal(new AxisRange(-1, 9), frame.Panels[0].X.Range));
    }

    [Fact]
    public void the_same_slider_gives_the_same_bytes_and_another_one_another_name()
    {
        static string Name(Slider slider) => Regex.Match(SliderWriter.Write(slider), "data-selm-slider=\"([^\"]+)\"").Groups[1].Value;

        Assert.Equal(SliderWriter.Write(Line(values)), SliderWriter.Write(Line(values)));
        Assert.NotEqual(Name(Line(values)), Name(Line([0, 0.5, 3])));
    }

    [Fact]
    public void a_line_that_all_frames_share_is_written_once()
    {
        var html = SliderWriter.Write(Line(values));
        var script = html[html.IndexOf("<script>", StringComparison.Ordinal)..];
        var still = SvgWriter.Write(Line(values).Frames[0]).Split('\n').First(line => line.StartsWith("<polyline", StringComparison.Ordinal) && line.Contains("0072B2", StringComparison.Ordinal));

        Assert.Single(Regex.Matches(script, Regex.Escape(still)));
        Assert.True(script.Length < 2 * SvgWriter.Write(Line(values).Frames[0]).Length, $"{script.Length}");
    }

    [Fact]
    public void the_caption_is_text_and_not_in_the_picture_too()
    {
        var html = SliderWriter.Write(Line(values, start: 2));

        Assert.Single(Regex.Matches(html[..html.IndexOf("<script>", StringComparison.Ordinal)], "The height is 2.0"));
    }

    [Fact]
    public void values_are_named_with_their_symbol_and_unit() => Assert.Contains("\"alpha = 0.5 reward\"", SliderWriter.Write(Line(values)), StringComparison.Ordinal);

    [Fact]
    public void words_cannot_leave_the_script_or_the_picture()
    {
        var html = SliderWriter.Write(Line(values, word: "</script><img src=x onerror=alert(1)> ${alert(2)} `"));

        Assert.Single(Regex.Matches(html, "</script>"));
        Assert.DoesNotContain("<img src=x", html, StringComparison.Ordinal);
        var lines = Regex.Match(html, "lines: `(.*?)`\\.split", RegexOptions.Singleline).Groups[1].Value;
        Assert.DoesNotContain("$", lines, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new double[0], null, "alpha", "0 values")]
    [InlineData(new[] { 1.0 }, null, "alpha", "1 values")]
    [InlineData(new[] { 1.0, 2, 1 }, null, "alpha", "the value 1 more than once")]
    [InlineData(new[] { 1.0, double.NaN }, null, "alpha", "not a finite number")]
    [InlineData(new[] { 1.0, 2 }, 3.0, "alpha", "3, which is not among its values")]
    [InlineData(new[] { 1.0, 2 }, null, " ", "name of its parameter")]
    public void what_no_slider_can_be_made_of_is_refused(double[] over, double? start, string name, string said) =>
        Assert.Contains(said, Assert.Throws<ArgumentException>(() => Line(over, start, name)).Message, StringComparison.Ordinal);

    [Fact]
    public void frames_with_other_panels_are_refused()
    {
        static Figure Frame(double k) => new("f", "t", [.. Enumerable.Range(0, (int)k).Select(_ => new Panel(new("x"), new("y"), [new LineTrace("l", Origin.Exact, [0, 1], [0, 1])]))]);

        Assert.Contains("number of their panels", Assert.Throws<ArgumentException>(() => Slider.Over("k", [1, 2], Frame)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void notebooks_are_given_the_slider_its_picture_and_its_words()
    {
        var slider = Line(values, start: 2);
        var shown = new SliderFormatterSource().CreateTypeFormatters().Cast<DisplayFormatter<Slider>>().ToDictionary(format => format.MimeType, format =>
        {
            using var writer = new StringWriter();
            Assert.True(format.Format(slider, writer));
            return writer.ToString();
        });

        Assert.Equal(["text/html", "image/svg+xml", "text/plain"], shown.Keys);
        Assert.Equal(SvgWriter.Write(slider.Frames[2]), shown["image/svg+xml"]);
        Assert.Equal("Slider, 3 values from alpha = 0 reward to alpha = 2 reward; at alpha = 2 reward: A line of height 2.0. The height is 2.0. Values: exact, by enumeration.", shown["text/plain"]);
    }
}
