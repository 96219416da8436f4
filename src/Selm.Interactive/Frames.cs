// The kit's tables, runs and pairs as data frames. Numbers are doubles (DataFrame.LoadCsv reads Single, which loses half the digits),
// what is missing is null, and of two columns with one name the second is called "name (2)".
using System.Globalization;
using CsvHelper;
using Microsoft.Data.Analysis;
using Selm.HuggingFace.Files;
using Selm.Research.Data;
using Selm.Research.Figures;

namespace Selm.Interactive;

/// <summary>What the kit writes and reads, as Microsoft.Data.Analysis frames.</summary>
public static partial class Frames
{
    /// <summary>
    /// A table of results as a frame, with the columns of its CSV: headings with their units; a column with intervals is followed by
    /// its "… low" and "… high". A column with words anywhere holds strings, others doubles.
    /// </summary>
    /// <exception cref="ArgumentException">A row has the wrong number of cells.</exception>
    public static DataFrame ToDataFrame(this ResultTable table)
    {
        table.Demand();
        return Of(table.Columns.Index().SelectMany(column => Parts(table, column.Index, column.Item)));
    }

    /// <summary>Preference pairs as a frame: texts, scores, and what an iteration added (ranks, scores, lengths, log-probs of each role).</summary>
    public static DataFrame ToDataFrame(this IEnumerable<PreferenceRecord> records)
    {
        var rows = records.ToArray();
        (string, IReadOnlyList<object?>) Field(string name, Func<PreferenceRecord, object?> value) => (name, [.. rows.Select(value)]);
        IEnumerable<(string, IReadOnlyList<object?>)> Roles<T>(string name, Func<PreferenceRecord, PerRole<T>?> values)
            where T : struct =>
        [
            Field($"{name} chosen", row => Number(values(row)?.Chosen)),
            Field($"{name} rejected", row => Number(values(row)?.Rejected)),
            Field($"{name} reference", row => Number(values(row)?.Reference)),
        ];
        (string Name, IReadOnlyList<object?> Values)[] columns =
        [
            Field("prompt_id", row => row.PromptId),
            Field("prompt", row => row.Prompt),
            Field("chosen", row => row.ChosenResponse),
            Field("rejected", row => row.RejectedResponse),
            Field("reference_response", row => row.ReferenceResponse),
            Field("score_chosen", row => row.ScoreChosen),
            Field("score_rejected", row => row.ScoreRejected),
            Field("reference_role", row => row.ReferenceRole?.ToString().ToLowerInvariant()),
            Field("iteration", row => Number(row.Iteration)),
            .. Roles("rank", row => row.Ranks),
            .. Roles("score", row => row.Scores),
            .. Roles("length", row => row.Lengths),
            .. Roles("policy logp", row => row.PolicyLogps),
            .. Roles("reference logp", row => row.ReferenceLogps),
        ];
        return Of(columns.Where(column => column.Name is "prompt" or "chosen" or "rejected" || column.Values.Any(value => value is not null)));
    }

    /// <summary>The preference pairs of a file, of any form and shape that <see cref="PreferenceFile.Read(string, string?)"/> takes; judged ties are left out.</summary>
    /// <exception cref="InputException">The file is missing or broken; with file and line.</exception>
    public static DataFrame ReadPreferences(string path) => PreferenceFile.Read(path).Records.ToDataFrame();

    /// <summary>A CSV file with a header, such as those of data/results. A column of numbers and empty cells holds doubles, any other strings.</summary>
    /// <exception cref="InputException">The file is missing or no valid CSV; with file and line.</exception>
    public static DataFrame ReadCsv(string path)
    {
        using var csv = PreferenceCsv.Open(path);
        var cells = new List<string[]>();
        while (PreferenceCsv.Next(path, csv))
        {
            cells.Add([.. Enumerable.Range(0, csv.Headers.Count).Select(csv.GetString)]);
        }
        return Of(csv.Headers.Index().Select(header => (header.Item, Numbers([.. cells.Select(row => row[header.Index])]))));
    }

    /// <summary>A frame as a table of the kit, which can be shown, saved as CSV and laid into a report.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="id">The table's name.</param>
    /// <param name="title">What the table shows.</param>
    /// <param name="format">The .NET number format of its numbers.</param>
    public static ResultTable ToResultTable(this DataFrame frame, string id, string title, string format = "G6") => Table(frame, frame.Rows.Count, id, title, format);

    /// <summary>The frame as every notebook engine shows it: an HTML table whose id depends on nothing but its content, and text.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="rows">How many rows to show, from the top.</param>
    public static FrameView View(this DataFrame frame, int rows = 20) => new(frame, rows);

    /// <summary>The first rows of a frame as a table.</summary>
    internal static ResultTable Table(DataFrame frame, long rows, string id, string title, string format) => new(
        id,
        title,
        [.. frame.Columns.Select(column => new Column(column.Name, Format: format))],
        [.. Enumerable.Range(0, (int)Math.Min(rows, frame.Rows.Count)).Select(row => (IReadOnlyList<Cell>)[.. frame.Columns.Select(column => CellOf(column[row]))])]);

    private static Cell CellOf(object? value) => value switch
    {
        null => Cell.Empty,
        string or bool or char or DateTime => Cell.Text(Convert.ToString(value, CultureInfo.InvariantCulture)!),
        IConvertible number => Cell.Number(number.ToDouble(CultureInfo.InvariantCulture)),
        _ => Cell.Text(value.ToString() ?? ""),
    };

    private static IEnumerable<(string, IReadOnlyList<object?>)> Parts(ResultTable table, int index, Column column)
    {
        var cells = table.Rows.Select(row => row[index]).ToArray();
        yield return (column.Heading, [.. cells.Select(cell => cell.Words is { } words ? (words.Length > 0 ? words : null) : (object?)Number<double>(cell.Value))]);
        if (cells.Any(cell => cell.HasInterval))
        {
            yield return ($"{column.Name} low", [.. cells.Select(cell => (object?)Number<double>(cell.Low))]);
            yield return ($"{column.Name} high", [.. cells.Select(cell => (object?)Number<double>(cell.High))]);
        }
    }

    // Of a table's cells NaN is what is not there.
    private static double? Number<T>(T? value)
        where T : struct =>
        value is { } there && Convert.ToDouble(there, CultureInfo.InvariantCulture) is var number && !double.IsNaN(number) ? number : null;

    private static IReadOnlyList<object?> Numbers(string[] cells)
    {
        var numbers = cells.Select(cell => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : (double?)null).ToArray();
        return cells.Zip(numbers).All(pair => pair.First.Length == 0 || pair.Second is not null)
            ? [.. numbers.Select(number => (object?)number)]
            : [.. cells.Select(cell => cell.Length == 0 ? null : cell)];
    }

    private static DataFrame Of(IEnumerable<(string Name, IReadOnlyList<object?> Values)> columns)
    {
        var taken = new HashSet<string>();
        return new DataFrame(columns.Select(column => Column(Free(column.Name, taken), column.Values)).ToArray());
    }

    private static string Free(string name, HashSet<string> taken)
    {
        var free = name;
        for (var k = 2; !taken.Add(free); k++)
        {
            free = string.Create(CultureInfo.InvariantCulture, $"{name} ({k})");
        }
        return free;
    }

    private static DataFrameColumn Column(string name, IReadOnlyList<object?> values) =>
        values.All(value => value is null or double) ? new DoubleDataFrameColumn(name, values.Select(value => (double?)value))
        : values.All(value => value is null or bool) ? new BooleanDataFrameColumn(name, values.Select(value => (bool?)value))
        : new StringDataFrameColumn(name, values.Select(value => value is double number ? Numerals.Exact(number) : value?.ToString()));
}
