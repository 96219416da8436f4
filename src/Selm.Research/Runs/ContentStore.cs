namespace Selm.Research.Runs;

/// <summary>
/// A folder of immutable entries named by the hash of what they were computed from (<see cref="ContentHash.Combine"/>).
/// An entry is either whole or absent, so a reader needs no lock and a killed writer harms nothing.
/// </summary>
/// <param name="folder">The folder; created at the first write.</param>
public sealed class ContentStore(string folder)
{
    /// <summary>Where the entry of a key lives, whether it exists or not: two hex digits as sub-folder, then the key.</summary>
    /// <exception cref="ArgumentException">The key is not 64 lower-case hex digits.</exception>
    public string PathOf(string key) =>
        key.Length == 64 && key.All(char.IsAsciiHexDigitLower)
            ? Path.Combine(folder, key[..2], key)
            : throw new ArgumentException($"'{key}' is not a SHA-256 in lower-case hex", nameof(key));

    /// <summary>The path of an entry, or null where it is absent.</summary>
    public string? Find(string key) => PathOf(key) is var path && File.Exists(path) ? path : null;

    /// <summary>The path of an entry, made by <paramref name="write"/> first where it is absent.</summary>
    /// <exception cref="InputException">The entry cannot be written.</exception>
    public string GetOrPut(string key, Action<Stream> write)
    {
        var path = PathOf(key);
        if (!File.Exists(path))
        {
            AtomicFile.Write(path, write);
        }
        return path;
    }
}
