using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>What a judge said.</summary>
/// <param name="Text">Its answer.</param>
/// <param name="FirstToken">log-probabilities of the candidates for its first token [nats]; empty where they were not asked for.</param>
public sealed record JudgeReply(string Text, IReadOnlyDictionary<string, double> FirstToken)
{
    /// <summary>Whether it ended at the limit of tokens; not kept, since only what holds a verdict is.</summary>
    public bool IsCut { get; init; }

    /// <summary>Whether it was drawn at the model's own temperature, because the model takes no other.</summary>
    public bool OwnTemperature { get; init; }
}

/// <summary>
/// Replies that were paid for, one line each, appended as they come and handed to the disk at once: a killed run has lost the
/// question in flight and nothing else.
/// </summary>
public sealed class JudgeCache : IDisposable
{
    private readonly Dictionary<string, JudgeReply> replies = [];
    private readonly Lock gate = new();
    private readonly FileStream? stream;
    private readonly string? path;

    /// <summary>Opens or makes a cache.</summary>
    /// <param name="path">A JSONL file; null keeps replies in memory only.</param>
    /// <exception cref="InputException">The file cannot be opened, is in use, or holds something else.</exception>
    public JudgeCache(string? path)
    {
        this.path = path;
        if (path is null)
        {
            return;
        }
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            CutTornLine(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream?.Dispose();
            throw AtomicFile.NotWritten(path, e);
        }
        foreach (var row in Jsonl.Read(path))
        {
            var (key, reply) = Read(row);
            replies[key] = reply;
        }
    }

    private static (string Key, JudgeReply Reply) Read(JsonRow row)
    {
        try
        {
            var logps = row.Field("first_token").EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetDouble());
            return (row.Text("key"), new(row.Text("text"), logps) { OwnTemperature = row.Has("own_temperature") && row.Field("own_temperature").GetBoolean() });
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or ArgumentException)
        {
            throw row.Error("the line holds no reply of a judge; delete it, and its question is asked again");
        }
    }

    /// <summary>Replies so far.</summary>
    public int Count => replies.Count;

    /// <summary>Whether replies outlive the process.</summary>
    public bool IsFile => path is not null;

    /// <summary>Looks a question up.</summary>
    public bool TryGet(string key, out JudgeReply? reply)
    {
        lock (gate)
        {
            return replies.TryGetValue(key, out reply);
        }
    }

    /// <summary>Keeps a reply.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Add(string key, JudgeReply reply)
    {
        lock (gate)
        {
            replies[key] = reply;
            if (stream is null)
            {
                return;
            }
            try
            {
                stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(Line(key, reply), JsonFormat.Line), (byte)'\n']);
                stream.Flush(flushToDisk: true);
            }
            catch (IOException e)
            {
                throw AtomicFile.NotWritten(path!, e);
            }
        }
    }

    /// <summary>Closes the file; an empty one goes.</summary>
    public void Dispose()
    {
        stream?.Dispose();
        if (stream is not null && Count == 0)
        {
            File.Delete(path!);
        }
    }

    // A field that most lines do not have says what is out of the ordinary.
    private static object Line(string key, JudgeReply reply) => reply.OwnTemperature
        ? new { Key = key, reply.Text, reply.FirstToken, reply.OwnTemperature }
        : new { Key = key, reply.Text, reply.FirstToken };

    private static void CutTornLine(FileStream stream)
    {
        var end = stream.Length;
        while (end > 0)
        {
            stream.Position = end - 1;
            if (stream.ReadByte() == '\n')
            {
                break;
            }
            end--;
        }
        stream.SetLength(end);
        stream.Position = end;
    }
}
