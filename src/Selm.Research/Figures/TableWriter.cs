using System.Net;
using System.Text;
using CsvHelper;
using Selm.HuggingFace.Files;

namespace Selm.Research.Figures;

/// <summary>Tables as HTML, Markdown, CSV and plain text. Numbers stand right, words left.</summary>
public static class TableWriter
{
    private const double ShortLine = 11; // text of up to this many units is not broken where a table has its room

    /// <summary>An HTML table with its title as caption and its notes below.</summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static string Html(ResultTable table) => Html(table, "", _ => "");

    /// <summary>The same for a <see cref="Report"/>: with a class, and every cell knows its heading, so that a style may stack a row's cells.</summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    internal static string Stackable(ResultTable table, string name) =>
        Html(table, $" class=\"{name}\"", column => $" data-heading=\"{Escape(table.Columns[column].Heading)}\"");

    private static string Html(ResultTable table, string onTable, Func<int, string> onCell)
    {
        table.Demand();
        var html = new StringBuilder($"<table{onTable}>\n").Append($"<caption>{Escape(table.Title)}</caption>\n<thead><tr>");
        for (var c = 0; c < table.Columns.Count; c++)
        {
            html.Append($"<th{Align(table, c)}>{Escape(table.Columns[c].Heading)}</th>");
        }
        html.Append("</tr></thead>\n<tbody>\n");
        foreach (var row in table.Rows)
        {
            html.Append("<tr>");
            for (var c = 0; c < row.Count; c++)
            {
                html.Append($"<td{Align(table, c)}{onCell(c)}>{Escape(table.Text(row, c))}</td>");
            }
            html.Append("</tr>\n");
        }
        html.Append("</tbody>\n</table>\n");
        foreach (var note in table.Notes)
        {
            html.Append($"<p class=\"note\">{Escape(note)}</p>\n");
        }
        return html.ToString();
    }

    /// <summary>A Markdown table with its title in bold above and its notes below.</summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static string Markdown(ResultTable table)
    {
        table.Demand();
        var columns = Enumerable.Range(0, table.Columns.Count).ToArray();
        var text = new StringBuilder($"**{table.Title}**\n\n");
        text.Append($"| {string.Join(" | ", table.Columns.Select(column => Cellular(column.Heading)))} |\n");
        text.Append($"| {string.Join(" | ", columns.Select(c => IsNumeric(table, c) ? "---:" : "---"))} |\n");
        foreach (var row in table.Rows)
        {
            text.Append($"| {string.Join(" | ", columns.Select(c => Cellular(table.Text(row, c))))} |\n");
        }
        foreach (var note in table.Notes)
        {
            text.Append($"\n{note}\n");
        }
        return text.ToString();
    }

    /// <summary>Plain text in columns, for a terminal.</summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static string PlainText(ResultTable table)
    {
        table.Demand();
        var columns = Enumerable.Range(0, table.Columns.Count).ToArray();
        var widths = columns.Select(c => table.Rows.Select(row => table.Text(row, c).Length).Append(table.Columns[c].Heading.Length).Max()).ToArray();
        string Line(Func<int, string> cell) =>
            string.Join("  ", columns.Select(c => IsNumeric(table, c) ? cell(c).PadLeft(widths[c]) : cell(c).PadRight(widths[c]))).TrimEnd() + "\n";

        var text = new StringBuilder($"{table.Title}\n").Append(Line(c => table.Columns[c].Heading)).Append(Line(c => new string('-', widths[c])));
        foreach (var row in table.Rows)
        {
            text.Append(Line(c => table.Text(row, c)));
        }
        foreach (var note in table.Notes)
        {
            text.Append(note).Append('\n');
        }
        return text.ToString();
    }

    /// <summary>
    /// CSV with a header: numbers in full precision; a column with intervals is followed by its columns "… low" and "… high";
    /// title and notes are left out.
    /// </summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static string Csv(ResultTable table)
    {
        table.Demand();
        using var stream = new MemoryStream();
        WriteCsv(table, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Writes a table as CSV in one atomic file; see <see cref="Csv"/>.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static void SaveCsv(ResultTable table, string path)
    {
        table.Demand();
        AtomicFile.Write(path, stream => WriteCsv(table, stream));
    }

    private static void WriteCsv(ResultTable table, Stream stream)
    {
        using var csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        var withInterval = Enumerable.Range(0, table.Columns.Count).Select(c => table.Rows.Any(row => row[c].HasInterval)).ToArray();
        foreach (var (c, column) in table.Columns.Index())
        {
            csv.WriteField(column.Heading);
            if (withInterval[c])
            {
                csv.WriteField($"{column.Name} low");
                csv.WriteField($"{column.Name} high");
            }
        }
        csv.EndRecord();
        foreach (var row in table.Rows)
        {
            foreach (var (c, cell) in row.Index())
            {
                csv.WriteField(cell.Words ?? Number(cell.Value));
                if (withInterval[c])
                {
                    csv.WriteField(Number(cell.Low));
                    csv.WriteField(Number(cell.High));
                }
            }
            csv.EndRecord();
        }
    }

    private static string Number(double value) => double.IsNaN(value) ? "" : Numerals.Exact(value);

    /// <summary>
    /// The width that a table needs to be read with ease, in units of its font size: no word and no number is broken, and what is short
    /// stands on one line. <paramref name="padding"/> is on both sides of a column together.
    /// </summary>
    internal static int Room(ResultTable table, double padding)
    {
        static double Need(string text, bool bold, double line) =>
            Math.Max(text.Split(' ', '-').Max(word => Typeface.Width($"{word}-", 1, bold)), Math.Min(line, Typeface.Width(text, 1, bold)));
        return (int)Math.Ceiling(Enumerable.Range(0, table.Columns.Count).Sum(c =>
            table.Rows.Select(row => Need(table.Text(row, c), false, ShortLine)).Append(Need(table.Columns[c].Heading, true, 0)).Max() + padding));
    }

    // A column of words has at least one cell of words that is not empty.
    private static bool IsNumeric(ResultTable table, int column) =>
        table.Rows.Any(row => row[column].Words is null) && table.Rows.All(row => string.IsNullOrEmpty(row[column].Words));

    private static string Align(ResultTable table, int column) => IsNumeric(table, column) ? " style=\"text-align:right\"" : " style=\"text-align:left\"";

    private static string Cellular(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace('\n', ' ');

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
