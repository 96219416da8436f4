using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;

namespace Selm.HuggingFace.Files;

/// <summary>
/// Files that are either wholly there or not there at all: bytes go to <c>path.tmp-…</c> in the same folder, are
/// flushed to the disk, and the file is renamed over <c>path</c>. A kill at any instant leaves the old file.
/// </summary>
public static class AtomicFile
{
    private const string Marker = ".tmp-";

    // Tells this process's temporary files from those a killed one left behind, even if it had the same pid.
    private static readonly string ProcessToken = $"{Environment.ProcessId}-{Guid.NewGuid():N}"[..24];
    private static readonly ConcurrentDictionary<string, bool> looked = new(); // paths whose leftovers were looked for
    private static int counter;

    /// <summary>Writes a file through a callback; nothing is left behind when the callback or the disk fails.</summary>
    /// <param name="path">Where the file shall be; its folder is created when missing.</param>
    /// <param name="write">Receives the stream of the temporary file.</param>
    /// <exception cref="InputException">The folder is not writable or the disk is full; names the path.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        using var pending = Begin(path);
        try
        {
            write(pending.Stream);
            pending.Commit();
        }
        catch (Exception e) when (IsAboutTheDisk(e))
        {
            throw NotWritten(path, e);
        }
    }

    /// <summary>Writes text as UTF-8 without a byte-order mark.</summary>
    /// <exception cref="InputException">The folder is not writable or the disk is full; names the path.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Writes a value as indented JSON (<see cref="JsonFormat.Indented"/>) that ends in a newline.</summary>
    /// <exception cref="InputException">The folder is not writable or the disk is full; names the path.</exception>
    public static void WriteJson<T>(string path, T value) =>
        Write(path, stream =>
        {
            JsonSerializer.Serialize(stream, value, JsonFormat.Indented);
            stream.WriteByte((byte)'\n');
        });

    /// <summary>
    /// Deletes the temporary files that killed processes left in a folder and its sub-folders. Call it only while
    /// no other process writes there (a folder holds a lock for that); this process's own stay.
    /// </summary>
    /// <returns>How many were deleted.</returns>
    public static int DeleteStaleTemps(string folder)
    {
        var deleted = 0;
        foreach (var file in Directory.EnumerateFiles(folder, $"*{Marker}*", SearchOption.AllDirectories).ToList())
        {
            if (IsTemp(file) && !file.Contains(ProcessToken, StringComparison.Ordinal))
            {
                File.Delete(file);
                deleted++;
            }
        }
        return deleted;
    }

    /// <summary>Opens a pending file: write to its stream, then commit; disposal without commit discards it.</summary>
    /// <exception cref="InputException">The folder is not writable or the disk is full; names the path.</exception>
    internal static PendingFile Begin(string path)
    {
        try
        {
            // Renaming over a device such as /dev/null would replace the device by a file.
            if (IsDevice(path))
            {
                return new PendingFile(path, null, new FileStream(path, FileMode.Open, FileAccess.Write));
            }
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            if (Directory.Exists(path))
            {
                throw new InputException($"{path} is a folder, so no file can be written there; choose another name.");
            }
            DeleteLeftovers(Path.GetFullPath(path));
            var temp = $"{path}{Marker}{ProcessToken}-{Interlocked.Increment(ref counter)}";
            return new PendingFile(path, temp, new FileStream(temp, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete, 1 << 16));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw NotWritten(path, e);
        }
    }

    /// <summary>Whether a failure while writing is the disk's (full, quota, read-only, permission) rather than the writer's.</summary>
    internal static bool IsAboutTheDisk(Exception e) =>
        e is UnauthorizedAccessException || (e is IOException and not (FileNotFoundException or DirectoryNotFoundException or EndOfStreamException));

    /// <summary>Whether a file could not be opened because another handle has locked it.</summary>
    internal static bool IsInUse(IOException e) =>
        e.HResult == unchecked((int)0x80070020) || e.Message.Contains("another process", StringComparison.Ordinal);

    /// <summary>One sentence for a file that could not be written: the path, the reason, the cure.</summary>
    internal static InputException NotWritten(string path, Exception e)
    {
        var cure = e switch
        {
            UnauthorizedAccessException => "the folder is not writable; choose a folder you may write to",
            IOException when IsDiskFull(e) => "the disk is full; free some space or choose another disk, nothing was changed",
            IOException when e.Message.Contains("Read-only", StringComparison.OrdinalIgnoreCase) =>
                "the file system is read-only; choose a folder you may write to",
            FileNotFoundException or DirectoryNotFoundException => "no file can be made in that folder; choose a folder you may write to",
            _ => $"{e.Message.TrimEnd('.')}; choose another folder",
        };
        return new InputException($"{path} cannot be written: {cure}.", e);
    }

    // What killed writers of the same file left: their process is gone, and nobody holds the temporary file, not even on another machine.
    private static void DeleteLeftovers(string path)
    {
        if (!looked.TryAdd(path, true))
        {
            return;
        }
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(path)!).Where(file => file.StartsWith(path + Marker, StringComparison.Ordinal) && IsTemp(file)).ToList())
        {
            if (!LiveProcess.Is(file[(path.Length + Marker.Length)..].Split('-')[0]) && !IsHeld(file))
            {
                File.Delete(file);
            }
        }
    }

    private static bool IsHeld(string file)
    {
        try
        {
            using var alone = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    // ENOSPC and EDQUOT on Linux, ERROR_DISK_FULL on Windows.
    private static bool IsDiskFull(Exception e) =>
        e.HResult is 28 or 122 or unchecked((int)0x80070070) || e.Message.Contains("No space left", StringComparison.Ordinal);

    private static bool IsDevice(string path) =>
        !OperatingSystem.IsWindows() && File.Exists(path)
        && ((path.StartsWith("/dev/", StringComparison.Ordinal) && !path.StartsWith("/dev/shm/", StringComparison.Ordinal))
            || path.StartsWith("/proc/self/fd/", StringComparison.Ordinal));

    private static bool IsTemp(string file)
    {
        var tail = file[(file.LastIndexOf(Marker, StringComparison.Ordinal) + Marker.Length)..];
        return tail.Count(c => c == '-') == 2 && tail.All(c => char.IsAsciiHexDigitLower(c) || c == '-');
    }
}

/// <summary>A file being written under a temporary name; <see cref="Commit"/> renames it, disposal without it discards it.</summary>
internal sealed class PendingFile : IDisposable
{
    // A process that ends in the middle (Ctrl-C, SIGTERM) takes its temporary files with it.
    private static readonly ConcurrentDictionary<string, bool> open = new();

    private readonly string path;
    private readonly string? temp;
    private readonly FileStream stream;
    private bool done;

    static PendingFile() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var file in open.Keys)
        {
            File.Delete(file);
        }
    };

    /// <summary>Begins a file; <paramref name="temp"/> is null where <paramref name="path"/> itself is written.</summary>
    public PendingFile(string path, string? temp, FileStream stream)
    {
        (this.path, this.temp, this.stream) = (path, temp, stream);
        if (temp is not null)
        {
            open[temp] = true;
        }
    }

    /// <summary>Where the bytes go.</summary>
    public Stream Stream => stream;

    /// <summary>Flushes to the disk and renames to the final name.</summary>
    public void Commit()
    {
        if (temp is null)
        {
            stream.Dispose();
        }
        else
        {
            stream.Flush(flushToDisk: true);
            File.Move(temp, path, overwrite: true); // while it is held, so that nobody takes it for a leftover
            stream.Dispose();
            open.TryRemove(temp, out _);
        }
        done = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (done)
        {
            return;
        }
        done = true;
        try
        {
            stream.Dispose();
        }
        catch (IOException)
        {
            // The rest of the buffer does not fit on a full disk; the file is discarded anyway.
        }
        if (temp is not null)
        {
            File.Delete(temp);
            open.TryRemove(temp, out _);
        }
    }
}
