// Whether a report can be read whole at the widths of a telephone, a tablet, a laptop and a desk: laid out by a browser, in frames
// of those widths.
using System.Net;
using System.Text.Json;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Figures;

public class ReportBrowserTests
{
    private static readonly int[] widths = [400, 800, 1200, 1920];

    [SkippableFact]
    public void a_claims_table_is_whole_at_every_width()
    {
        Chromium.OrSkip();
        var rules = ClaimRules.Read();
        ClaimRow[] rows =
        [
            rules["figure3-large-alpha-fails-oracle"].Paired([.. Enumerable.Range(0, 12).Select(k => 0.6 + (0.01 * k))], "A note of some length that says what a reader must know to weigh the verdict, with a_word_that_is_longer_than_any_column_can_be."),
            rules["theorem31-display"].Exact(1e-17, 1e-12), rules["table1-selm-over-dpo"].NotRun("paper-scale", "needs the paper's models"),
        ];
        AssertWhole(new Report("Claims", new(2025, 3, 4), [new("Claims") { Tables = [ClaimsTable.Of(rows)] }]).Html());
    }

    [SkippableFact]
    public void the_recorded_report_is_whole_at_every_width()
    {
        Chromium.OrSkip();
        var results = Path.Combine(Golden.Root, "data", "results");
        ExperimentRecord[] records = [.. Directory.GetFiles(results, "*.json").Where(file => Path.GetFileName(file) != "claims.json").Order(StringComparer.Ordinal).Select(ExperimentRecord.Read)];
        var rows = ClaimRules.Read().Table([.. records.SelectMany(record => record.Claims)]);
        AssertWhole(ClaimsTable.Page(rows, records, name => name).Html());
    }

    [Fact]
    public void the_verdict_comes_first()
    {
        var table = ClaimsTable.Of([ClaimRules.Read()["theorem31-display"].Exact(1e-17, 1e-12)]);
        Assert.Equal("verdict", table.Columns[0].Name);
        Assert.Equal("holds as printed", table.Rows[0][0].Words);
    }

    [Theory]
    [InlineData("a sentence of many words that may wrap", "0.5", 25)]
    [InlineData("a_word_that_is_longer_than_any_column_can_be_and_cannot_be_broken", "0.5", 55)]
    public void a_table_has_the_room_of_its_longest_words(string words, string number, int atMost)
    {
        int Room(string text) => TableWriter.Room(new("t", "t", [new("a"), new("b"), new("c")], [[text, number, number]]), 1);
        Assert.InRange(Room(words), atMost - 15, atMost);
        Assert.True(Room(words) > Room("a"));
    }

    // Nothing sticks out of the page, out of a cell, or of what scrolls or hides it; every heading is there, beside its cell or above its column.
    private static void AssertWhole(string page)
    {
        var frames = string.Concat(widths.Select(width => $"<iframe width=\"{width}\" height=\"800\" style=\"border:0\" srcdoc=\"{WebUtility.HtmlEncode(page)}\"></iframe>"));
        var found = Chromium.Open($$"""
            {{frames}}
            <script>
            // The words of a cell that do not stand on one line: a number read as 4.7 and 54 is worse than none. A formula may go on
            // with the next bracket on the next line.
            const Words = (page, cell) => {
              const node = cell.firstChild, range = page.createRange();
              return node ? [...node.data.matchAll(/[^\s\-\/[({]+/g)].filter(word => {
                range.setStart(node, word.index);
                range.setEnd(node, word.index + word[0].length);
                return range.getClientRects().length > 1;
              }).map(word => word[0]) : [];
            };
            window.onload = () => report([...document.querySelectorAll("iframe")].map(frame => {
              const page = frame.contentDocument, root = page.documentElement, cells = [...page.querySelectorAll("td, th, caption, figure > svg, p, h1, h2")];
              const name = cell => cell.textContent.trim().slice(0, 40);
              const shown = cells.filter(cell => cell.getClientRects().length > 0);
              return {
                width: root.clientWidth,
                page: root.scrollWidth > root.clientWidth ? [root.scrollWidth] : [],
                outside: shown.filter(cell => { const box = cell.getBoundingClientRect(); return box.left < 0 || box.right > root.clientWidth + 0.5; }).map(name).slice(0, 5),
                overflowing: shown.filter(cell => cell.scrollWidth > cell.clientWidth + 1).map(name).slice(0, 5),
                hidden: [...page.querySelectorAll("*")].filter(one => one.scrollWidth > one.clientWidth + 1 && page.defaultView.getComputedStyle(one).overflowX !== "visible").map(one => one.tagName).slice(0, 5),
                broken: [...page.querySelectorAll("table")].filter(table => table.tHead.getClientRects().length > 0)
                  .flatMap(table => [...table.querySelectorAll("td, th")]).flatMap(cell => Words(page, cell)).slice(0, 5),
                cells: shown.filter(cell => cell.tagName === "TD").length,
                unnamed: [...page.querySelectorAll("table")].filter(table => table.tHead.getClientRects().length === 0
                  && [...table.querySelectorAll("td")].some(cell => page.defaultView.getComputedStyle(cell, "::before").content.length < 3)).length,
              };
            }));
            </script>
            """).EnumerateArray().ToArray();

        Assert.Equal(widths.Length, found.Length);
        var wrong = widths.Zip(found, (width, frame) => (width, frame)).Where(pair =>
            pair.frame.GetProperty("width").GetInt32() is var inside && (inside > pair.width || inside < pair.width - 20)
            || new[] { "page", "outside", "overflowing", "hidden", "broken" }.Any(name => pair.frame.GetProperty(name).GetArrayLength() > 0)
            || pair.frame.GetProperty("unnamed").GetInt32() > 0 || pair.frame.GetProperty("cells").GetInt32() == 0).Select(pair => $"\n{pair.width} px: {pair.frame}");
        Assert.True(!wrong.Any(), string.Concat(wrong));
    }
}
