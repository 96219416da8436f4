// What a file of rows is, its first bytes say and not its name; what is not read is refused with the command that helps.
using System.Buffers.Binary;
using System.IO.Compression;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>How the rows of a file are written.</summary>
internal enum RowFormat
{
    /// <summary>Text by lines: JSONL, or CSV where the name says so.</summary>
    Lines,

    /// <summary>One JSON list.</summary>
    List,

    /// <summary>Apache Parquet.</summary>
    Parquet,
}

/// <summary>An open file of rows; gzip is unpacked on the way.</summary>
internal sealed class RowStream : IDisposable
{
    private const int HeadLength = 4096;
    private const int LeastGzip = 18; // bytes of its head and its end
    private const long MostUnpacked = 50, Little = 32 << 20; // text packs to a tenth; what packs far better is made to flood a memory
    private readonly string _path;
    private readonly FileStream _file;
    private readonly Stream _stream;
    private readonly long _stated; // length of what gzip holds, as its end says
    private long _length;

    private RowStream(string path, FileStream file, RowFormat format, bool isGzip)
    {
        (_path, _file, Format, IsGzip) = (path, file, format, isGzip);
        _stream = isGzip ? new GZipStream(file, CompressionMode.Decompress) : file;
        _stated = isGzip ? StatedLength(path, file) : 0;
    }

    public RowFormat Format { get; }

    public bool IsGzip { get; }

    /// <summary>Opens a file and looks at its first bytes.</summary>
    /// <exception cref="InputException">It cannot be read, or is of a kind that is not read: an archive, UTF-16, a Git LFS pointer, ...</exception>
    public static RowStream Open(string path)
    {
        var file = OpenFile(path);
        try
        {
            if (!file.CanSeek)
            {
                return new(path, file, RowFormat.Lines, isGzip: false); // a pipe is read as it comes
            }
            var head = Head(file);
            var isGzip = head is [0x1F, 0x8B, ..];
            if (isGzip)
            {
                if (file.Length < LeastGzip)
                {
                    throw Damaged(path);
                }
                head = Head(path, new GZipStream(file, CompressionMode.Decompress, leaveOpen: true));
                file.Position = 0;
            }
            var format = Recognise(path, head);
            return format == RowFormat.Parquet && isGzip
                ? throw new InputException($"{path} is Parquet inside gzip; unpack it with gunzip.")
                : new(path, file, format, isGzip);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public int Read(byte[] buffer)
    {
        try
        {
            var read = _stream.Read(buffer);
            _length += read;
            var wrong = IsGzip && (read == 0 ? (uint)_length != _stated : _length > _stated && MostUnpacked * _file.Length < uint.MaxValue);
            return wrong ? throw Damaged(_path) : read;
        }
        catch (InvalidDataException e)
        {
            throw Damaged(_path, e);
        }
    }

    // gzip ends in the length of what it holds; .NET itself takes a cut file for a shorter one.
    private static long StatedLength(string path, FileStream file)
    {
        Span<byte> end = stackalloc byte[4];
        file.Seek(-4, SeekOrigin.End);
        file.ReadExactly(end);
        file.Position = 0;
        var stated = BinaryPrimitives.ReadUInt32LittleEndian(end);
        return stated <= Little + MostUnpacked * file.Length
            ? stated
            : throw Damaged(path); // a file that was cut says anything
    }

    public void Dispose() => _stream.Dispose();

    private static RowFormat Recognise(string path, byte[] head)
    {
        InputFile.RefusePointer(path, head);
        if (Foreign(head) is { } foreign)
        {
            throw new InputException($"{path} is {foreign}.");
        }
        var text = head.AsSpan().StartsWith("\uFEFF"u8) ? head.AsSpan(3) : head;
        return text.StartsWith("PAR1"u8) ? RowFormat.Parquet
            : text.TrimStart(" \t\r\n"u8) is [(byte)'[', ..] ? RowFormat.List
            : RowFormat.Lines;
    }

    private static string? Foreign(ReadOnlySpan<byte> head) =>
        head.StartsWith("PK\u0003\u0004"u8) ? "a zip archive; unpack it and give the file inside"
        : head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [not 0, 0, not 0, 0, ..] or [0, not 0, 0, not 0, ..] ? "UTF-16 text; save it as UTF-8, for example with iconv -f UTF-16 -t UTF-8"
        : head is [0x28, 0xB5, 0x2F, 0xFD, ..] ? "packed with Zstandard; unpack it with zstd -d"
        : head.StartsWith("BZh"u8) ? "packed with bzip2; unpack it with bunzip2"
        : head is [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] ? "packed with xz; unpack it with unxz"
        : head.StartsWith("ARROW1"u8) ? "an Arrow file; convert it to Parquet or JSONL"
        : head.StartsWith("<!DOCTYPE"u8) || head.StartsWith("<!doctype"u8) || head.StartsWith("<html"u8) ? "a web page; download the raw file"
        : null;

    private static byte[] Head(FileStream file)
    {
        var head = new byte[HeadLength];
        var length = file.ReadAtLeast(head, HeadLength, throwOnEndOfStream: false);
        file.Position = 0;
        return head[..length];
    }

    private static byte[] Head(string path, GZipStream zipped)
    {
        using (zipped)
        {
            try
            {
                var head = new byte[HeadLength];
                return head[..zipped.ReadAtLeast(head, HeadLength, throwOnEndOfStream: false)];
            }
            catch (InvalidDataException e)
            {
                throw Damaged(path, e);
            }
        }
    }

    private static InputException Damaged(string path, InvalidDataException? e = null) =>
        new($"{path} is gzip that is cut off or damaged, or of several parts; copy it again, or unpack it with gunzip.", e);

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path} does not exist; give the path of a JSONL file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw InputFile.NotRead(path, e, "give the path of a readable JSONL file");
        }
    }
}
