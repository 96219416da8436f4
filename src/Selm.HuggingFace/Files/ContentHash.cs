using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Selm.HuggingFace.Files;

/// <summary>SHA-256 names for content, as 64 lower-case hex digits: files, texts, token ids and combinations of them.</summary>
public static class ContentHash
{
    private static readonly ConcurrentDictionary<string, ((long Length, DateTime LastWriteTimeUtc) Seen, string Hash)> known = new(StringComparer.Ordinal);
    private static readonly TimeSpan settled = TimeSpan.FromSeconds(2);

    /// <summary>The hash of a file's bytes.</summary>
    /// <exception cref="InputException">The file is missing or cannot be read, or is a pipe.</exception>
    public static string OfFile(string path)
    {
        if (InputFile.IsPipe(path))
        {
            throw new InputException($"{path} is a pipe, which can be read once only; write what comes out of it into a file and give that.");
        }
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "check the path and its permissions");
        }
    }

    /// <summary>
    /// The hash of a large file that rarely changes, such as weights: within this process it is read once, as long as its size and
    /// its time of change stay.
    /// </summary>
    /// <exception cref="InputException">The file is missing or cannot be read.</exception>
    public static string OfKnownFile(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            return OfFile(path); // says what is wrong
        }
        var (place, seen) = (file.FullName, (file.Length, file.LastWriteTimeUtc));
        if (known.TryGetValue(place, out var kept) && kept.Seen == seen)
        {
            return kept.Hash;
        }
        var hash = OfFile(path);
        if (DateTime.UtcNow - seen.LastWriteTimeUtc > settled) // a younger one may change again within a tick of its clock
        {
            known[place] = (seen, hash);
        }
        return hash;
    }

    /// <summary>
    /// One hash for several files, such as the shards and config of a model: of their names (not their folders) and
    /// contents, in ordinal order of the names.
    /// </summary>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string OfFiles(IEnumerable<string> paths) => OfFiles(paths, OfFile);

    /// <summary>The same where they rarely change (<see cref="OfKnownFile"/>).</summary>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string OfKnownFiles(IEnumerable<string> paths) => OfFiles(paths, OfKnownFile);

    private static string OfFiles(IEnumerable<string> paths, Func<string, string> hash) => Combine(
        [.. paths.OrderBy(Path.GetFileName, StringComparer.Ordinal).SelectMany(path => new[] { Path.GetFileName(path), hash(path) })]);

    /// <summary>The hash of a text's UTF-8 bytes.</summary>
    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>The hash of token ids, as little-endian 32-bit integers.</summary>
    public static string OfIds(ReadOnlySpan<int> ids)
    {
        if (BitConverter.IsLittleEndian)
        {
            return Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(ids)));
        }
        var bytes = new byte[4 * ids.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4 * i), ids[i]);
        }
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    /// <summary>One hash for an ordered list of parts; each part is length-prefixed, so ("ab","c") differs from ("a","bc").</summary>
    public static string Combine(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
