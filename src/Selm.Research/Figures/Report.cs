using System.Globalization;
using System.Net;
using System.Text;
using Selm.HuggingFace.Files;

namespace Selm.Research.Figures;

/// <summary>A part of a report.</summary>
/// <param name="Heading">Its heading.</param>
/// <param name="Prose">Plain text; an empty line parts paragraphs.</param>
public sealed record ReportSection(string Heading, string Prose = "")
{
    /// <summary>Figures, in their order, after the prose.</summary>
    public IReadOnlyList<Figure> Figures { get; init; } = [];

    /// <summary>Tables, in their order, after the figures.</summary>
    public IReadOnlyList<ResultTable> Tables { get; init; } = [];
}

/// <summary>
/// One HTML page that needs nothing else: figures as inline SVG, no script, no network. Read whole at any width: where a table has no room
/// for its columns, each row becomes a list of its cells.
/// </summary>
/// <param name="Title">The title of the page.</param>
/// <param name="Date">The day printed under the title; the rest of the page depends on the sections alone.</param>
/// <param name="Sections">In order.</param>
public sealed record Report(string Title, DateOnly Date, IReadOnlyList<ReportSection> Sections)
{
    private const double CellPadding = 0.5; // on each side of a cell, in units of the table's font size

    // Prose and figures stay narrow; tables take the width of the window, and their words wrap, so that nothing is cut off.
    private const string Style = """
        body { font-family: sans-serif; line-height: 1.5; color: #222; background: #fff; max-width: 1800px; margin: 2em auto; padding: 0 1em; overflow-wrap: break-word; }
        body > * { max-width: 760px; margin-left: auto; margin-right: auto; }
        figure { margin: 1.2em auto; }
        .wide { max-width: none; margin: 1.2em 0; container-type: inline-size; font-size: 0.9em; }
        table { border-collapse: collapse; margin: 0 auto; }
        caption { text-align: left; font-weight: bold; padding-bottom: 0.4em; }
        th, td { padding: 0.25em 0.5em; border-bottom: 1px solid #ddd; vertical-align: top; }
        th { border-bottom: 2px solid #666; }
        .note, .date { color: #666; }
        .date { font-size: 0.9em; }
        .wide .note { max-width: 844px; margin-left: auto; margin-right: auto; }
        """;

    // A table in less room than it needs: the headings go, and every cell stands on a line of its own beside its heading.
    private static string Stacked(int room) => $$"""
        @container (max-width: {{room}}em) {
        table.{{Class(room)}}, .{{Class(room)}} caption, .{{Class(room)}} tbody, .{{Class(room)}} tr { display: block; }
        .{{Class(room)}} thead { display: none; }
        .{{Class(room)}} tr { border-bottom: 2px solid #666; padding: 0.4em 0; }
        .{{Class(room)}} td { display: grid; grid-template-columns: minmax(6em, 12em) minmax(0, 1fr); gap: 0.8em; border: none; padding: 0.1em 0; text-align: left !important; overflow-wrap: anywhere; }
        .{{Class(room)}} td::before { content: attr(data-heading); color: #666; }
        }
        """;

    private static string Class(int room) => $"room{room}";

    private static int Room(ResultTable table) => TableWriter.Room(table, 2 * CellPadding);

    /// <summary>The page.</summary>
    /// <exception cref="ArgumentException">A figure or a table contradicts itself.</exception>
    public string Html()
    {
        var stacked = Sections.SelectMany(section => section.Tables).Select(Room).Distinct().Order().Select(Stacked);
        var html = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Append($"<title>{Escape(Title)}</title>\n<style>\n{Style}\n{string.Join('\n', stacked)}\n</style>\n</head>\n<body>\n")
            .Append($"<h1>{Escape(Title)}</h1>\n<p class=\"date\">{Date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}</p>\n");
        foreach (var section in Sections)
        {
            html.Append($"<h2>{Escape(section.Heading)}</h2>\n");
            foreach (var paragraph in section.Prose.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                html.Append($"<p>{Escape(paragraph)}</p>\n");
            }
            foreach (var figure in section.Figures)
            {
                html.Append($"<figure id=\"{Escape(figure.Id)}\">\n{HtmlWriter.Static(figure)}</figure>\n");
            }
            foreach (var table in section.Tables)
            {
                html.Append($"<div class=\"wide\" id=\"{Escape(table.Id)}\">\n{TableWriter.Stackable(table, Class(Room(table)))}</div>\n");
            }
        }
        return html.Append("</body>\n</html>\n").ToString();
    }

    /// <summary>Writes the page as one atomic file.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, Html());

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
