// Parquet as the hub serves it, row by row in the shape of JSON lines.
using System.Text.Json;
using Parquet;
using Parquet.Schema;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>Reads Parquet files, one row group in memory at a time.</summary>
internal static class ParquetRows
{
    /// <summary>The rows of a file as objects with their numbers, counted from 1. Columns of dates, bytes, maps and the like are left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">Sets of columns of which one must be there; none takes any file.</param>
    /// <exception cref="InputException">The file cannot be read, is cut off or damaged, or lacks columns.</exception>
    public static IEnumerable<JsonRow> Read(string path, params string[][] expected)
    {
        using var stream = File.OpenRead(path);
        if (!IsWhole(stream))
        {
            throw new InputException($"{path} begins as Parquet but is cut off (its end is missing); copy it again.");
        }
        var reader = Wait(path, () => ParquetReader.CreateAsync(stream, leaveStreamOpen: true));
        var columns = reader.Schema.Fields.Select(field => field.Name).ToList();
        if (expected.Length > 0 && !expected.Any(set => set.All(columns.Contains)))
        {
            throw new InputException(
                $"{path} has the columns {string.Join(", ", columns)}, but {string.Join(" or ", expected.Select(set => string.Join(", ", set)))} are expected; rename the columns or choose another file.");
        }
        if (reader.Schema.Fields.FirstOrDefault(field => !ParquetNode.IsRead(field) && expected.Any(set => set.Contains(field.Name))) is { } odd)
        {
            throw new InputException($"{path}: the column {odd.Name} holds {(odd is DataField data ? data.ClrType.Name : odd.SchemaType.ToString().ToLowerInvariant())}, which is not read; write it as text.");
        }
        var line = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            foreach (var row in Rows(path, reader, group))
            {
                yield return new JsonRow(path, ++line, row) { Counted = "row" };
            }
        }
    }

    private static IEnumerable<JsonElement> Rows(string path, ParquetReader reader, int group)
    {
        using var open = reader.OpenRowGroupReader(group);
        var columns = new List<ParquetColumn>();
        try
        {
            ParquetNode[] fields = [.. reader.Schema.Fields.Where(ParquetNode.IsRead).Select(field => new ParquetNode(field, data =>
            {
                columns.Add(ParquetColumn.Of(path, data, Wait(path, () => open.ReadRawColumnDataBaseAsync(data).AsTask())));
                return columns[^1];
            }))];
            var json = new JsonText();
            for (var row = 0L; row < open.RowCount; row++)
            {
                ParquetNode.WriteObject(fields, json);
                yield return JsonElement.Parse(json.Written);
                json.Clear();
            }
        }
        finally
        {
            columns.ForEach(column => column.Dispose());
        }
    }

    // A whole file begins and ends in the same four letters.
    private static bool IsWhole(FileStream stream)
    {
        Span<byte> end = stackalloc byte[4];
        if (stream.Length < 12)
        {
            return false;
        }
        stream.Seek(-4, SeekOrigin.End);
        stream.ReadExactly(end);
        stream.Seek(0, SeekOrigin.Begin);
        return end.SequenceEqual("PAR1"u8);
    }

    private static T Wait<T>(string path, Func<Task<T>> read)
    {
        try
        {
            return read().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is not (OutOfMemoryException or InputException))
        {
            throw Within<NotImplementedException>(e) || Within<NotSupportedException>(e)
                ? new InputException($"{path} uses a Parquet encoding that is not read (data pages of version 2, for instance); write it again with version 1.0 pages, or as JSONL.", e)
                : new InputException($"{path} is damaged Parquet; copy it again.", e);
        }
    }

    private static bool Within<T>(Exception? error)
        where T : Exception => error is T || (error is not null && Within<T>(error.InnerException));
}
