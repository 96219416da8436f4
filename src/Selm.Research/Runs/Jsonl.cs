using System.Text.Json;
using System.Text.Unicode;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// JSONL files: one JSON object per line. Reading streams, counts lines from 1 and skips empty ones; a bare NaN, as Python
/// writes it, is read as null; every error names the file and the line. One JSON list of objects is read too, and gzip of
/// either; which it is the first bytes say. Writing is atomic.
/// </summary>
public static class Jsonl
{
    // A row that no context holds; a file without line ends must not be held as one.
    internal const int LongestRow = 64 << 20;

    /// <summary>Reads the rows of a file one by one.</summary>
    /// <exception cref="InputException">The file is missing, or a line is not a JSON object: "F.jsonl line 4711: …".</exception>
    public static IEnumerable<JsonRow> Read(string path)
    {
        using var rows = RowStream.Open(path);
        foreach (var row in Read(path, rows))
        {
            yield return row;
        }
    }

    /// <summary>What the rows of a file hold, by a key that no two of them share.</summary>
    /// <exception cref="InputException">As <see cref="Read(string)"/>, or a key is there twice.</exception>
    internal static Dictionary<TKey, TValue> ReadByKey<TKey, TValue>(string path, Func<JsonRow, TKey> key, Func<JsonRow, TValue> value)
        where TKey : notnull
    {
        var found = new Dictionary<TKey, TValue>();
        foreach (var row in Read(path))
        {
            if (!found.TryAdd(key(row), value(row)))
            {
                throw row.Error($"{key(row)} is there again; keep one row of it");
            }
        }
        return found;
    }

    /// <summary>The rows of an open file.</summary>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="rows">The file; the caller's.</param>
    internal static IEnumerable<JsonRow> Read(string path, RowStream rows) => rows.Format switch
    {
        RowFormat.List => Items(path, rows),
        RowFormat.Parquet => throw new InputException($"{path} is Parquet, which is not read here; convert it to JSONL (one object per line) first."),
        _ => ObjectsByLine(path, rows),
    };

    private static IEnumerable<JsonRow> ObjectsByLine(string path, RowStream rows)
    {
        var line = 0;
        foreach (var bytes in Lines(path, rows))
        {
            line++;
            if (bytes.AsSpan().IndexOfAnyExcept(" \t\r"u8) < 0)
            {
                continue;
            }
            yield return new JsonRow(path, line, Parse(path, line, bytes));
        }
    }

    private static IEnumerable<JsonRow> Items(string path, RowStream rows)
    {
        var list = new JsonList(path, rows);
        for (var row = 1; list.Next(row) is { } item; row++)
        {
            yield return item.ValueKind == JsonValueKind.Object
                ? new JsonRow(path, row, item) { Counted = "row" }
                : throw new InputException($"{path} row {row}: expected a JSON object {{…}} but found {Kind(item)}; put objects into the list.");
        }
    }

    /// <summary>Writes rows as one atomic file; names become snake_case (<see cref="JsonFormat.Line"/>).</summary>
    /// <exception cref="InputException">The file cannot be written; nothing is left behind.</exception>
    public static void Write<T>(string path, IEnumerable<T> rows)
    {
        using var writer = new JsonlWriter(path);
        foreach (var row in rows)
        {
            writer.Write(row);
        }
        writer.Commit();
    }

    private static JsonElement Parse(string path, int line, byte[] bytes)
    {
        // The JSON parser leaves the bytes inside strings unchecked until they are read.
        if (!Utf8.IsValid(bytes))
        {
            throw new InputException($"{path} line {line}: not valid UTF-8; save the file as UTF-8.");
        }
        JsonElement value;
        try
        {
            value = PythonJson.Parse(bytes, $"{path} line {line}");
        }
        catch (JsonException e)
        {
            throw new InputException(bytes.AsSpan().Trim(" \t\r"u8).SequenceEqual("{"u8)
                ? $"{path} line {line}: an object that goes on over several lines; put each object on one line, or all into one list [..]."
                : $"{path} line {line}: not valid JSON at byte {e.BytePositionInLine + 1}; repair or delete that line.", e);
        }
        return value.ValueKind == JsonValueKind.Object
            ? value
            : throw new InputException($"{path} line {line}: expected a JSON object {{…}} but found {Kind(value)}; put one object on each line.");
    }

    private static IEnumerable<byte[]> Lines(string path, RowStream stream)
    {
        var buffer = new byte[1 << 16];
        var pending = new MemoryStream();
        var first = true;
        var line = 1;
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            var start = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', start, read - start)) >= 0; start = end + 1)
            {
                pending.Write(buffer, start, end - start);
                yield return Take(pending, ref first);
                line++;
            }
            pending.Write(buffer, start, read - start);
            if (pending.Length > LongestRow)
            {
                throw new InputException($"{path} line {line}: the line is longer than {LongestRow >> 20} MB, which no row is; put one object on each line.");
            }
        }
        if (pending.Length > 0)
        {
            yield return Take(pending, ref first);
        }
    }

    // A byte-order mark in front of the first line is not part of it.
    private static byte[] Take(MemoryStream pending, ref bool first)
    {
        var bytes = pending.ToArray();
        pending.SetLength(0);
        var hasMark = first && bytes.AsSpan().StartsWith("\uFEFF"u8);
        first = false;
        return hasMark ? bytes[3..] : bytes;
    }

    internal static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Null => "null",
        _ => "an object",
    };
}

/// <summary>Streams rows into a JSONL file that appears only at <see cref="Commit"/>; disposal without it leaves nothing.</summary>
public sealed class JsonlWriter : IDisposable
{
    private readonly string path;
    private readonly PendingFile pending;

    /// <summary>Begins a file.</summary>
    /// <exception cref="InputException">The folder is not writable.</exception>
    public JsonlWriter(string path)
    {
        this.path = path;
        pending = AtomicFile.Begin(path);
    }

    /// <summary>Appends one row: any object, dictionary, JsonElement or JsonNode.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Write<T>(T row)
    {
        try
        {
            pending.Stream.Write(JsonSerializer.SerializeToUtf8Bytes(row, JsonFormat.Line));
            pending.Stream.WriteByte((byte)'\n');
        }
        catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }

    /// <summary>Flushes to the disk and gives the file its name.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Commit()
    {
        try
        {
            pending.Commit();
        }
        catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => pending.Dispose();
}
