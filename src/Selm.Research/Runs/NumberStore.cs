// The cache behind reference log-probs: millions of (key, number) pairs, appended while training runs, surviving kills.
// File: 8 magic bytes, then records of 28 bytes: the first 16 bytes of SHA-256(key), the number as a little-endian
// IEEE double, and the first 4 bytes of SHA-256 of those 24. At the first record whose check fails (a kill in mid-write)
// the file is cut: what is lost is computed again. In memory: 24 bytes an entry, whatever the length of its key.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// Numbers by key in one append-only file, e.g. sums of reference log-probs [nats] by
/// <c>ContentHash.Combine(modelHash, tokenizerHash, idsHash)</c>, one file per model hash. A torn end is dropped.
/// Several processes may share the file: each holds it only while it reads it once and while it appends, so that one does not
/// see what another has added since, and computes it again. Not thread-safe.
/// </summary>
public sealed class NumberStore : IDisposable
{
    private const int RecordSize = 28;
    private const int MostPending = 1 << 16; // bytes
    private static readonly byte[] Magic = "SELMNUM1"u8.ToArray();
    private static readonly TimeSpan longestWait = TimeSpan.FromMinutes(1); // another process appends for some milliseconds

    private readonly string path;
    private readonly Dictionary<UInt128, double> numbers = [];
    private readonly MemoryStream pending = new();

    /// <summary>Opens or creates the file and reads what is there.</summary>
    /// <exception cref="InputException">The file is not a number store, is held by another process for a minute, or cannot be written.</exception>
    public NumberStore(string path)
    {
        this.path = path;
        Alone(Load);
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
        pending.Write(record);
        numbers[name] = value;
        if (pending.Length >= MostPending)
        {
            Flush();
        }
    }

    /// <summary>Hands everything to the operating system, so that a kill of this process loses nothing.</summary>
    /// <exception cref="InputException">The disk is full, or another process holds the file for a minute.</exception>
    public void Flush()
    {
        if (pending.Length > 0)
        {
            Alone(Append);
            pending.SetLength(0);
        }
    }

    /// <summary>Flushes.</summary>
    /// <exception cref="InputException">As <see cref="Flush"/>.</exception>
    public void Dispose()
    {
        Flush();
        pending.Dispose();
    }

    // The file is this process's alone while it is open; the system frees it should the process die.
    private void Alone(Action<FileStream> work)
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
                using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
                work(stream);
                return;
            }
            catch (IOException e) when (AtomicFile.IsInUse(e))
            {
                if (since.Elapsed > longestWait)
                {
                    throw new InputException($"{path} is in use by another process; wait for it to end or use another run folder.", e);
                }
                Thread.Sleep(2);
            }
            catch (Exception e) when (AtomicFile.IsAboutTheDisk(e))
            {
                throw AtomicFile.NotWritten(path, e);
            }
        }
    }

    private void Load(FileStream stream)
    {
        if (stream.Length < Magic.Length)
        {
            // New, or killed before the first record.
            stream.SetLength(0);
            stream.Write(Magic);
            stream.Flush();
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
        if (good < stream.Length)
        {
            stream.SetLength(good);
        }
    }

    // Behind the last whole record: another process may have been killed while it wrote.
    private void Append(FileStream stream)
    {
        var end = stream.Length < Magic.Length ? 0 : stream.Length - (stream.Length - Magic.Length) % RecordSize;
        try
        {
            stream.SetLength(end);
            stream.Position = end;
            if (end == 0)
            {
                stream.Write(Magic); // someone has deleted the file
            }
            pending.WriteTo(stream);
            stream.Flush();
        }
        catch (IOException)
        {
            stream.SetLength(end); // what did fit on a full disk
            throw;
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
