using System.Text.RegularExpressions;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Tests;
using Selm.Research.Theory;

namespace Selm.Research.Tests.Figures;

public class ResultTableTests
{
    private static readonly ResultTable table = new("t", "Win rates",
        [new("method"), new("win rate", "%", "0.0"), new("gain", "points", "+0.00;-0.00")],
        [["SELM | \"ours\"", Cell.PlusMinus(55.04, 2.5), Cell.Interval(1.5, -0.25, 3.25)], ["DPO", 53.54, Cell.Range(-1, 1)], ["none", Cell.Empty, -2.0]])
    {
        Notes = ["Over 10 seeds."],
    };

    [Fact]
    public void plain_text_stands_in_columns() => Assert.Equal("""
        Win rates
        method         win rate (%)         gain (points)
        -------------  ------------  --------------------
        SELM | "ours"    55.0 ± 2.5  +1.50 [−0.25, +3.25]
        DPO                    53.5        [−1.00, +1.00]
        none                      –                 −2.00
        Over 10 seeds.

        """, TableWriter.PlainText(table));

    [Fact]
    public void markdown_escapes_bars_and_aligns_numbers()
    {
        var lines = TableWriter.Markdown(table).Split('\n');
        Assert.Equal("| method | win rate (%) | gain (points) |", lines[2]);
        Assert.Equal("| --- | ---: | ---: |", lines[3]);
        Assert.Equal("| SELM \\| \"ours\" | 55.0 ± 2.5 | +1.50 [−0.25, +3.25] |", lines[4]);
    }

    [Fact]
    public void html_escapes_words_and_shows_notes()
    {
        var html = TableWriter.Html(table with { Title = "<b>" });
        Assert.Contains("<caption>&lt;b&gt;</caption>", html, StringComparison.Ordinal);
        Assert.Contains("<td style=\"text-align:right\">55.0 &#177; 2.5</td>", html, StringComparison.Ordinal);
        Assert.Contains("Over 10 seeds.", html, StringComparison.Ordinal);
    }

    [Fact]
    public void csv_keeps_every_digit_and_gives_intervals_their_own_columns()
    {
        using var folder = new TempFolder();
        TableWriter.SaveCsv(table, folder.File("t.csv"));
        Assert.Equal(TableWriter.Csv(table), File.ReadAllText(folder.File("t.csv")));
        Assert.Equal(""""
            method,win rate (%),win rate low,win rate high,gain (points),gain low,gain high
            "SELM | ""ours""",55.04,52.54,57.54,1.5,-0.25,3.25
            DPO,53.54,,,,-1,1
            none,,,,-2,,

            """", TableWriter.Csv(table));
    }

    [Fact]
    public void a_row_of_the_wrong_length_is_refused()
    {
        var odd = table with { Rows = [["a"]] };
        Assert.Contains("row 1 has 1 cells for 3 columns", Assert.Throws<ArgumentException>(() => TableWriter.Html(odd)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_report_is_one_page_that_needs_nothing_else()
    {
        var report = new Report("A <report>", new(2025, 3, 4), [new("First", "One.\n\nTwo & three.") { Figures = [SampleFigures.All["bars"]], Tables = [table] }]);
        var html = report.Html();
        Assert.Contains("<p>Two &amp; three.</p>", html, StringComparison.Ordinal);
        Assert.Contains("2025-03-04", html, StringComparison.Ordinal);
        Assert.Equal(html.Replace("2025-03-04", "2026-01-01", StringComparison.Ordinal), (report with { Date = new(2026, 1, 1) }).Html());
        Assert.DoesNotMatch(new Regex("<script|<link|src=|href="), html);
    }

    [Fact]
    public void notebooks_find_the_formatters_by_convention()
    {
        var world = FiniteWorld.Random(0);
        var ladder = Ladder.Of(world, Edition.Printed);
        object[] values = [SampleFigures.All["bars"], table, ladder, ladder.Steps[0], world.Reference, ClaimRules.Read()["theorem31-display"].Exact(1e-17, 1e-12)];
        foreach (var (value, first) in values.Select(value => (value, "text/html")))
        {
            var attribute = value.GetType().GetCustomAttributes(false).Single(a => a.GetType().Name == "TypeFormatterSourceAttribute");
            var preferred = (string[])attribute.GetType().GetProperty("PreferredMimeTypes")!.GetValue(attribute)!;
            var source = (Type)attribute.GetType().GetProperty("FormatterSourceType")!.GetValue(attribute)!;
            var formatters = ((System.Collections.IEnumerable)source.GetMethod("CreateTypeFormatters")!.Invoke(Activator.CreateInstance(source), null)!).Cast<object>().ToArray();
            Assert.Equal(preferred, formatters.Select(f => (string)f.GetType().GetProperty("MimeType")!.GetValue(f)!));
            Assert.Equal(first, preferred[0]);
            Assert.Equal("text/plain", preferred[^1]);
            foreach (var formatter in formatters)
            {
                using var writer = new StringWriter();
                var format = formatter.GetType().GetMethods().Single(m => m.Name == "Format");
                Assert.True((bool)format.Invoke(formatter, [value, writer])!);
                Assert.NotEmpty(writer.ToString());
                Assert.False((bool)format.Invoke(formatter, ["other", writer])!);
            }
        }
    }
}
