using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.Research.Algorithm1;

/// <summary>
/// Rows of a long stage, written batch by batch, so that a kill loses one batch at most. The finished file appears under
/// its name only when it is whole. Work must be the same for the same batch, wherever it starts: batches are numbered
/// from the first row, and only whole ones are kept.
/// </summary>
internal static class ResumableRows
{
    /// <summary>What the name of a file ends in that is not whole yet.</summary>
    internal const string Partial = ".partial";

    /// <summary>Makes or completes a JSONL file.</summary>
    /// <param name="path">The finished file.</param>
    /// <param name="count">Rows in all.</param>
    /// <param name="batchSize">Rows per call of <paramref name="work"/>.</param>
    /// <param name="work">From (first row, rows) to that many rows.</param>
    internal static void Write<T>(string path, int count, int batchSize, Func<int, int, IEnumerable<T>> work)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var partial = path + Partial;
        var done = Cut(partial, batchSize);
        try
        {
            using (var stream = new FileStream(partial, FileMode.Append, FileAccess.Write, FileShare.Read))
            {
                for (var at = done; at < count; at += batchSize)
                {
                    foreach (var row in work(at, Math.Min(batchSize, count - at)))
                    {
                        stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(row, JsonFormat.Line), (byte)'\n']);
                    }
                    stream.Flush();
                }
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }

    // Keeps whole batches of whole lines and returns their number of rows.
    private static int Cut(string partial, int batchSize)
    {
        if (!File.Exists(partial))
        {
            return 0;
        }
        var bytes = File.ReadAllBytes(partial);
        var ends = new List<int>();
        for (int at = 0, end; (end = Array.IndexOf(bytes, (byte)'\n', at)) >= 0; at = end + 1)
        {
            ends.Add(end + 1);
        }
        var rows = ends.Count / batchSize * batchSize;
        using var stream = new FileStream(partial, FileMode.Open, FileAccess.Write);
        stream.SetLength(rows == 0 ? 0 : ends[rows - 1]);
        return rows;
    }
}
