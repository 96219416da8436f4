using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>The rows of a file in whichever form people have it: JSONL, a JSON list, gzip of either, Parquet, or CSV by its name.</summary>
internal static class RowFile
{
    /// <summary>Reads the rows one by one. A pipe, such as /dev/stdin, is opened once and read as JSONL.</summary>
    /// <param name="path">The file; only CSV is known by its name, the others by their first bytes.</param>
    /// <param name="columns">Sets of columns of which Parquet must have one; none takes any file.</param>
    /// <exception cref="InputException">The file is missing, of a kind that is not read, or broken; with its line or row.</exception>
    public static IEnumerable<JsonRow> Read(string path, params string[][] columns) => Read(path, _ => { }, columns);

    /// <summary>The same; the form of the file is told before its first row.</summary>
    /// <param name="path">The file.</param>
    /// <param name="told">Is told JSONL, JSON list, gzip of JSONL, gzip of a JSON list, Parquet or CSV.</param>
    /// <param name="columns">As above.</param>
    /// <exception cref="InputException">As above.</exception>
    public static IEnumerable<JsonRow> Read(string path, Action<string> told, params string[][] columns)
    {
        using var open = IsCsv(path) && !File.Exists(path) ? null : RowStream.Open(path); // what is wrong with a CSV file is told in its own words
        var format = open is null ? "CSV" : Format(path, open);
        told(format);
        foreach (var row in format switch
        {
            "Parquet" => ParquetRows.Read(path, columns),
            "CSV" => PreferenceCsv.Rows(path),
            _ => Jsonl.Read(path, open!),
        })
        {
            yield return row;
        }
    }

    private static string Format(string path, RowStream rows) => (rows.Format, rows.IsGzip) switch
    {
        (RowFormat.Parquet, _) => "Parquet",
        _ when path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) => throw new InputException($"{path} is not Parquet although its name says so; copy it again, or rename it to what it is."),
        (RowFormat.Lines, false) when IsCsv(path) => "CSV",
        (RowFormat.Lines, false) => "JSONL",
        (RowFormat.Lines, true) => path.EndsWith(".csv.gz", StringComparison.OrdinalIgnoreCase) ? throw new InputException($"{path} is CSV inside gzip; unpack it with gunzip.") : "gzip of JSONL",
        (_, false) => "JSON list",
        _ => "gzip of a JSON list",
    };

    private static bool IsCsv(string path) => path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);
}
