using System.Security.Cryptography;
using Selm.HuggingFace.Files;

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
    /// <exception cref="InputException">No folder can be written to.</exception>
    public static string? Copy(string library, IEnumerable<string> folders)
    {
        var image = File.ReadAllBytes(library);
        var name = Path.GetFileNameWithoutExtension(library) + "-" + Convert.ToHexStringLower(SHA256.HashData(image))[..16] + ".so";
        if (!MarkWeak(image))
        {
            return null;
        }
        InputException? refused = null;
        foreach (var path in folders.Select(folder => Path.Combine(folder, name)))
        {
            try
            {
                // Two processes may do this at once: the copy appears whole, and both have the same bytes.
                if (!Holds(path, image))
                {
                    AtomicFile.Write(path, stream => stream.Write(image));
                }
                return path;
            }
            catch (InputException e)
            {
                refused = e;
            }
        }
        throw refused ?? new InputException($"No folder was given for the cured copy of {library}.");
    }

    // A copy that cannot be read, such as another user's, is as good as none.
    private static bool Holds(string path, byte[] image)
    {
        try
        {
            return File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(image);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
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
}
