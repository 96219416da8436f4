using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// A file that one process at a time holds; the others wait for it. The system frees it when its holder dies, so nothing has to
/// be cleaned up. What is made under it is looked for again once it is held: whoever waited finds what the other one made.
/// </summary>
internal static class WaitingLock
{
    private static readonly TimeSpan pause = TimeSpan.FromMilliseconds(30);

    /// <summary>Waits until the file is free and holds it until it is disposed.</summary>
    /// <param name="path">The lock's file, made where it is absent; it stays when the lock is freed.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="InputException">The file cannot be made.</exception>
    public static FileStream Take(string path, CancellationToken cancellation = default)
    {
        while (true)
        {
            if (Try(path) is { } held)
            {
                return held;
            }
            cancellation.WaitHandle.WaitOne(pause);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Whether a process holds the file; asking holds nobody up for longer than a pause.</summary>
    /// <param name="path">As <see cref="Take"/>.</param>
    public static bool IsHeld(string path)
    {
        try
        {
            using var shared = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            return false;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException e) when (AtomicFile.IsInUse(e))
        {
            return true;
        }
    }

    // Null where another process holds it.
    private static FileStream? Try(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException e) when (AtomicFile.IsInUse(e))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }
}
