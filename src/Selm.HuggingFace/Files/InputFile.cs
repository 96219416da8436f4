namespace Selm.HuggingFace.Files;

/// <summary>One sentence for a file that a person named and that cannot be read.</summary>
public static class InputFile
{
    /// <summary>The error: that it is a folder, or what the system says, and the cure.</summary>
    /// <param name="path">The file as it was named.</param>
    /// <param name="e">What reading it threw.</param>
    /// <param name="cure">What to give instead, without a full stop.</param>
    public static InputException NotRead(string path, Exception e, string cure) => Directory.Exists(path)
        ? new($"{path} is a folder, not a file; {cure}.", e)
        : new($"{path} cannot be read ({e.Message.TrimEnd('.')}); {cure}.", e);

    /// <summary>Whether a path names a pipe or a terminal, whose bytes are gone once they are read. Does not wait for who writes into it.</summary>
    /// <param name="path">The path; one that is not there names none.</param>
    public static bool IsPipe(string path)
    {
        var file = new FileInfo(path);
        if (OperatingSystem.IsWindows() || !file.Exists || (file.Length > 0 && file.LinkTarget is null))
        {
            return false;
        }
        try
        {
            // Opening for reading alone would wait for a writer.
            using var stream = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, 0);
            return !stream.CanSeek;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Refuses the stand-in that Git LFS leaves where a large file was not fetched.</summary>
    /// <param name="path">The file.</param>
    /// <param name="start">Its first bytes: at least eight, or all.</param>
    /// <exception cref="InputException">It is one.</exception>
    public static void RefusePointer(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version "u8) && (start.Length == 8 || start.StartsWith("version https://git-lfs"u8)))
        {
            throw new InputException($"{path} is a Git LFS pointer and not the file itself; fetch the file with git lfs pull.");
        }
    }
}
