using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// metrics.jsonl of a run: every row is an object whose first field is "step", the run's count of optimiser steps.
/// Each row is handed to the system in one write, so a kill can tear only the last line, which is dropped on opening.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    private readonly string path;
    private FileStream? stream;

    internal MetricsLog(string path)
    {
        this.path = path;
        if (File.Exists(path))
        {
            Keep(static _ => true);
        }
    }

    /// <summary>The rows of a log, also of one that a run is writing: a last line without an end is no row yet.</summary>
    /// <param name="path">metrics.jsonl.</param>
    /// <exception cref="InputException">The file is missing, or a whole line is no object.</exception>
    public static IReadOnlyList<JsonElement> Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[file.Length];
            bytes = bytes[..file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)];
            var rows = new List<JsonElement>();
            for (int start = 0, end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
            {
                rows.Add(IsObject(bytes.AsSpan(start, end - start), out var row)
                    ? row
                    : throw new InputException($"{path} line {rows.Count + 1}: expected a JSON object; repair or delete that line."));
            }
            return rows;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give the folder that selm run or selm train wrote to");
        }
    }

    /// <summary>Appends one row: "step", then the fields of <paramref name="values"/>.</summary>
    /// <param name="step">Optimiser steps done in the whole run.</param>
    /// <param name="values">An object or dictionary whose fields follow.</param>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Append<T>(long step, T values)
    {
        var row = new JsonObject { ["step"] = step };
        foreach (var (name, value) in JsonSerializer.SerializeToNode(values, JsonFormat.Line)!.AsObject())
        {
            row[name] = value?.DeepClone();
        }
        try
        {
            stream ??= new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, 0);
            stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(row, JsonFormat.Line), (byte)'\n']);
        }
        catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }

    /// <summary>Drops the rows after a step: what a killed process did beyond its last checkpoint is done again.</summary>
    /// <param name="step">The last step to keep.</param>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public void TruncateAfter(long step)
    {
        if (File.Exists(path))
        {
            Keep(row => row.TryGetProperty("step", out var at) && at.ValueKind == JsonValueKind.Number && at.TryGetInt64(out var value) && value <= step);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stream?.Dispose();

    // Rewrites the file only where something has to go; the bytes of the kept lines stay as they are.
    private void Keep(Func<JsonElement, bool> keep)
    {
        stream?.Dispose();
        stream = null;
        var bytes = File.ReadAllBytes(path);
        var kept = new MemoryStream(bytes.Length);
        for (int start = 0, end; (end = Array.IndexOf(bytes, (byte)'\n', start)) >= 0; start = end + 1)
        {
            var line = bytes.AsSpan(start, end - start);
            if (IsObject(line, out var row) && keep(row))
            {
                kept.Write(bytes, start, end + 1 - start);
            }
        }
        if (kept.Length < bytes.Length)
        {
            AtomicFile.Write(path, file => kept.WriteTo(file));
        }
    }

    private static bool IsObject(ReadOnlySpan<byte> line, out JsonElement row)
    {
        try
        {
            if (line.Length > Jsonl.LongestRow)
            {
                throw new JsonException("longer than a row");
            }
            row = JsonElement.Parse(line);
            return row.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            row = default;
            return false;
        }
    }
}
