// The cache behind reference log-probs: millions of (key, number) pairs, appended while training runs, surviving kills.
// File: 8 magic bytes, then records of 28 bytes: the first 16 bytes of SHA-256(key), the number as a little-endian
// IEEE double, and the first 4 bytes of SHA-256 of those 24. At the first record whose check fails (a kill in mid-write)
// the file is cut: what is lost is computed again. In memory: 24 bytes an entry, whatever the length of its key.
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// Numbers by key in one append-only file, e.g. sums of reference log-probs [nats] by
/// <c>ContentHash.Combine(modelHash, tokenizerHash, idsHash)</c>, one file per model hash. A torn end is dropped.
/// One process at a time; not thread-safe.
/// </summary>
public sealed class NumberStore : IDisposable
{
    private const int RecordSize = 28;
    private static readonly byte[] Magic = "SELMNUM1"u8.ToArray();

    private readonly string path;
    private readonly FileStream stream;
    private readonly Dictionary<UInt128, double> numbers = [];

    /// <summary>Opens or creates the file and reads what is there.</summary>
    /// <exception cref="InputException">The file is not a number store, is in use by another process, or cannot be written.</exception>
    public NumberStore(string path)
    {
        this.path = path;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        }
        catch (IOException e) when (AtomicFile.IsInUse(e))
        {
            throw new InputException($"{path} is in use by another process; wait for it to end or use another run folder.", e);
        }
        catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
        {
            throw AtomicFile.NotWritten(path, e);
        }
        try
        {
            Load();
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>How many numbers are held.</summary>
    public int Count => numbers.Count;

    /// <summary>Looks a number up.</summary>
    public bool TryGet(string key, out double value) => numbers.TryGetValue(Shorten(key), out value);

    /// <summary>Adds a number, or replaces it where it differs; it is safe from a kill after <see cref="Flush"/>.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Put(string key, double value)
    {
        var name = Shorten(key);
        if (numbers.TryGetValue(name, out var old) && BitConverter.DoubleToInt64Bits(old) == BitConverter.DoubleToInt64Bits(value))
        {
            return;
        }
        Span<byte> record = stackalloc byte[RecordSize];
        BinaryPrimitives.WriteUInt128BigEndian(record, name);
        BinaryPrimitives.WriteDoubleLittleEndian(record[16..], value);
        Check(record[..24], record[24..]);
        Guard(record, static (file, bytes) => file.Write(bytes));
        numbers[name] = value;
    }

    /// <summary>Hands everything to the operating system, so that a kill of this process loses nothing.</summary>
    /// <exception cref="InputException">The disk is full.</exception>
    public void Flush() => Guard([], static (file, _) => file.Flush());

    /// <summary>Flushes and closes the file.</summary>
    public void Dispose() => stream.Dispose();

    private void Load()
    {
        if (stream.Length < Magic.Length)
        {
            // New, or killed before the first record.
            stream.SetLength(0);
            stream.Write(Magic);
            return;
        }
        var record = new byte[RecordSize];
        Span<byte> check = stackalloc byte[4];
        stream.ReadExactly(record, 0, Magic.Length);
        if (!record.AsSpan(0, Magic.Length).SequenceEqual(Magic))
        {
            throw new InputException($"{path} is not a store of numbers written by this kit; delete it or use another folder.");
        }
        var good = stream.Position;
        while (stream.ReadAtLeast(record, RecordSize, throwOnEndOfStream: false) == RecordSize)
        {
            Check(record.AsSpan(0, 24), check);
            if (!check.SequenceEqual(record.AsSpan(24)))
            {
                break;
            }
            numbers[BinaryPrimitives.ReadUInt128BigEndian(record)] = BinaryPrimitives.ReadDoubleLittleEndian(record.AsSpan(16));
            good += RecordSize;
        }
        stream.SetLength(good);
        stream.Position = good;
    }

    private void Guard(ReadOnlySpan<byte> bytes, Action<FileStream, ReadOnlySpan<byte>> action)
    {
        try
        {
            action(stream, bytes);
        }
        catch (IOException e)
        {
            throw AtomicFile.NotWritten(path, e);
        }
    }

    private static UInt128 Shorten(string key) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private static void Check(ReadOnlySpan<byte> data, Span<byte> check)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(data, hash);
        hash[..4].CopyTo(check);
    }
}
