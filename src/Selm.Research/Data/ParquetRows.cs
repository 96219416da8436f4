// Parquet as the hub serves it, row by row in the shape of JSON lines. Arrow's library decodes the columns; the rows are
// put together on one thread while the caller's reads them.
using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Unicode;
using ParquetSharp;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>Reads Parquet files; in memory are some pages of each column and some rows.</summary>
internal static class ParquetRows
{
    private const int Buffer = 1 << 20; // bytes read at once from a column
    private const int Longest = 10_000; // entries of a list in the file's footer: row groups, columns, fields. A million nested fields would overflow the stack of Arrow's reader.
    private const int Ahead = 256; // rows

    /// <summary>The rows of a file as objects with their numbers, counted from 1. Columns of dates, bytes, maps and the like are left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">Sets of columns of which one must be there; none takes any file.</param>
    /// <exception cref="InputException">The file cannot be read, is cut off or damaged, or lacks columns.</exception>
    public static IEnumerable<JsonRow> Read(string path, params string[][] expected)
    {
        if (!IsWhole(path))
        {
            throw new InputException($"{path} begins as Parquet but is cut off (its end is missing); copy it again.");
        }
        using var properties = ReaderPropertiesOf(path);
        using var file = Try(path, () => new ParquetFileReader(path, properties));
        var (fields, groups) = Try(path, () =>
        {
            using var meta = file.FileMetaData;
            using var root = meta.Schema.GroupNode;
            return (ParquetField.Of(root), meta.NumRowGroups);
        });
        Check(path, fields, expected);
        ParquetField[] read = [.. fields.Where(field => field.IsRead)];
        var line = 0;
        foreach (var row in Prefetched(Enumerable.Range(0, groups).SelectMany(group => Rows(path, file, group, read))))
        {
            line++;
            if (!Utf8.IsValid(row))
            {
                throw new InputException($"{path} row {line}: not valid UTF-8; write the file again from UTF-8 texts.");
            }
            yield return new JsonRow(path, line, JsonElement.Parse(row)) { Counted = "row" };
        }
    }

    private static void Check(string path, ParquetField[] fields, string[][] expected)
    {
        if (expected.Length > 0 && !expected.Any(set => set.All(name => fields.Any(field => field.Name == name))))
        {
            throw new InputException(
                $"{path} has the columns {string.Join(", ", fields.Select(field => field.Name))}, but {string.Join(" or ", expected.Select(set => string.Join(", ", set)))} are expected; rename the columns or choose another file.");
        }
        if (fields.FirstOrDefault(field => !field.IsRead && expected.Any(set => set.Contains(field.Name))) is { } odd)
        {
            throw new InputException($"{path}: the column {odd.Name} holds {odd.Odd}, which is not read; write it as text.");
        }
        if (!fields.Any(field => field.IsRead))
        {
            throw new InputException($"{path} has no column of texts, numbers or truth values; choose another file.");
        }
    }

    // The rows of a row group as JSON.
    private static IEnumerable<byte[]> Rows(string path, ParquetFileReader file, int group, ParquetField[] fields)
    {
        using var open = Try(path, () => file.RowGroup(group));
        var columns = new List<ParquetColumn>();
        try
        {
            var (count, nodes) = Try(path, () => (open.MetaData.NumRows, fields.Select(field => new ParquetNode(field, flat =>
            {
                columns.Add(ParquetColumn.Of(flat, open.Column(flat.Column)));
                return columns[^1];
            })).ToArray()));
            var json = new JsonText();
            for (var row = 0L; row < count; row++)
            {
                Try(path, () =>
                {
                    ParquetNode.WriteObject(nodes, json);
                    return true;
                });
                yield return json.Written.ToArray();
                json.Clear();
            }
        }
        finally
        {
            columns.ForEach(column => column.Dispose());
        }
    }

    // The items, made by another thread and some of them in advance.
    private static IEnumerable<T> Prefetched<T>(IEnumerable<T> items)
    {
        using var made = new BlockingCollection<T>(Ahead);
        using var stop = new CancellationTokenSource();
        var work = Task.Factory.StartNew(() =>
        {
            try
            {
                foreach (var item in items)
                {
                    made.Add(item, stop.Token);
                }
            }
            finally
            {
                made.CompleteAdding();
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default); // a thread of its own: those of the pool may all be waiting
        try
        {
            foreach (var item in made.GetConsumingEnumerable())
            {
                yield return item;
            }
            work.GetAwaiter().GetResult(); // throws what stopped it
        }
        finally
        {
            stop.Cancel();
            Task.WaitAny(work); // the caller closes the file next
        }
    }

    private static ReaderProperties ReaderPropertiesOf(string path) => Try(path, () =>
    {
        var properties = ReaderProperties.GetDefaultReaderProperties();
        properties.EnableBufferedStream();
        properties.BufferSize = Buffer;
        properties.SetThriftContainerSizeLimit(Longest);
        return properties;
    });

    // A whole file begins and ends in the same four letters.
    private static bool IsWhole(string path)
    {
        using var stream = File.OpenRead(path);
        Span<byte> end = stackalloc byte[4];
        if (stream.Length < 12)
        {
            return false;
        }
        stream.Seek(-4, SeekOrigin.End);
        stream.ReadExactly(end);
        return end.SequenceEqual("PAR1"u8);
    }

    private static T Try<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new InputException($"{path} is Parquet, whose reader is not there for this system; convert it to JSONL (one object per line) first.", e);
        }
        catch (Exception e) when (e is ParquetException or InvalidDataException or OverflowException or ArgumentException)
        {
            throw e.Message.Contains("ot yet implemented", StringComparison.Ordinal) || e.Message.Contains("NotImplemented", StringComparison.Ordinal) || e.Message.Contains("not support", StringComparison.Ordinal)
                ? new InputException($"{path} uses a Parquet encoding that is not read; write it again with another one, or as JSONL.", e)
                : new InputException($"{path} is damaged Parquet; copy it again.", e);
        }
    }
}
