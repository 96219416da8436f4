using System.Security.Cryptography;

namespace Selm.HuggingFace.Engine;

/// <summary>
/// TorchSharp's native library asks libstdc++ for one symbol version of GCC 13 whose only symbol nobody calls, so it does
/// not load on Debian 12 or Ubuntu 22.04. The cure is two bytes: a copy in the user's cache in which that version is marked weak,
/// which tells the dynamic linker to go on without it. The package itself is never touched.
/// </summary>
internal static class StandardLibraryCure
{
    /// <summary>The version that is asked for and not needed (it stands for std::ios_base_library_init).</summary>
    internal const string Version = "GLIBCXX_3.4.32";
    private const byte WeakFlag = 2; // VER_FLG_WEAK

    /// <summary>Writes the cured copy, or finds the one written before.</summary>
    /// <param name="library">The library as the package brought it.</param>
    /// <param name="folders">Where a copy may be kept; the first that can be written to is taken.</param>
    /// <returns>The path of the copy, or null where there is nothing to cure.</returns>
    /// <exception cref="IOException">No folder can be written to.</exception>
    public static string? Copy(string library, IEnumerable<string> folders)
    {
        var image = File.ReadAllBytes(library);
        var name = Path.GetFileNameWithoutExtension(library) + "-" + Convert.ToHexStringLower(SHA256.HashData(image))[..16] + ".so";
        if (!MarkWeak(image))
        {
            return null;
        }
        IOException? refused = null;
        foreach (var folder in folders)
        {
            try
            {
                return Write(Path.Combine(folder, name), image);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                refused = new IOException($"The cured copy of {Path.GetFileName(library)} could not be written to {folder}: {e.Message}", e);
            }
        }
        throw refused ?? new IOException("No folder was given for the cured copy.");
    }

    /// <summary>Marks the version as weak, in place.</summary>
    /// <returns>Whether there was something to mark.</returns>
    internal static bool MarkWeak(byte[] image)
    {
        var found = false;
        foreach (var (library, version, flagsAt) in new ElfFile(image).NeededVersions().ToArray())
        {
            if (version == Version && library.StartsWith("libstdc++", StringComparison.Ordinal) && (image[flagsAt] & WeakFlag) == 0)
            {
                image[flagsAt] |= WeakFlag;
                found = true;
            }
        }
        return found;
    }

    // Two processes may do this at once: each writes a file of its own and renames it; both have the same bytes.
    private static string Write(string path, byte[] image)
    {
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(image))
        {
            return path;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var own = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():n}";
        try
        {
            File.WriteAllBytes(own, image);
            File.Move(own, path, overwrite: true);
        }
        finally
        {
            File.Delete(own);
        }
        return path;
    }
}
