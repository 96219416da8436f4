using System.IO.MemoryMappedFiles;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// A safetensors file for reading. The file is mapped into memory, so that opening costs only its header and a tensor
/// is copied once, straight to its element type and device.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private const int StagingBytes = 64 << 20;

    private readonly SafetensorsHeader header;
    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;
    private readonly byte* data;
    private readonly int chunkBytes;
    private bool disposed;

    private SafetensorsFile(string path, int chunkBytes)
    {
        Path = path;
        this.chunkBytes = chunkBytes;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 12);
        header = SafetensorsHeader.Read(path, stream);
        Names = [.. header.Tensors.Keys.Order(StringComparer.Ordinal)];
        var start = stream.Position;
        if (start < stream.Length)
        {
            map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* first = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref first);
            data = first + view.PointerOffset + start;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The names of the tensors, in ordinal order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The free texts of the header, such as "format".</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InputException">The file is missing, cut off, or its header does not describe it.</exception>
    public static SafetensorsFile Open(string path) => Open(path, StagingBytes);

    internal static SafetensorsFile Open(string path, int chunkBytes)
    {
        try
        {
            return new SafetensorsFile(path, chunkBytes);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path} does not exist; give the path of a safetensors file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); give a readable file.", e);
        }
    }

    /// <summary>Whether the file holds a tensor of that name.</summary>
    public bool Contains(string name) => header.Tensors.ContainsKey(name);

    /// <summary>The shape of a tensor.</summary>
    /// <exception cref="InputException">The file has no such tensor.</exception>
    public long[] Shape(string name) => [.. Entry(name).Shape];

    /// <summary>The element type in which a tensor is stored.</summary>
    /// <exception cref="InputException">The file has no such tensor.</exception>
    public ScalarType DtypeOf(string name) => Entry(name).Dtype;

    /// <summary>Reads one tensor; the caller (or the surrounding dispose scope) owns it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="asType">Element type of the result; null: as stored.</param>
    /// <param name="device">Where the result lives; null: the CPU.</param>
    /// <exception cref="InputException">The file has no such tensor.</exception>
    public Tensor Read(string name, ScalarType? asType = null, Device? device = null)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        var entry = Entry(name);
        var result = empty(entry.Shape, asType ?? entry.Dtype, device ?? CPU);
        try
        {
            Fill(result, entry);
        }
        catch
        {
            result.Dispose();
            throw;
        }
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        view?.SafeMemoryMappedViewHandle.ReleasePointer();
        view?.Dispose();
        map?.Dispose();
    }

    // Piece by piece: spans end at 2 GiB, and a conversion needs only one piece of room.
    private void Fill(Tensor result, SafetensorsEntry entry)
    {
        if (entry.End == entry.Begin)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var size = SafetensorsHeader.SizeOf(entry.Dtype);
        var count = (entry.End - entry.Begin) / size;
        var piece = Math.Max(1, Math.Min(count, chunkBytes / size));
        var flat = result.view(-1);
        var direct = result.dtype == entry.Dtype && result.device_type == TorchSharp.DeviceType.CPU;
        var staging = direct ? null : empty(piece, entry.Dtype, device: CPU);
        for (long start = 0; start < count; start += piece)
        {
            var length = Math.Min(piece, count - start);
            using var part = flat.narrow(0, start, length);
            using var target = staging?.narrow(0, 0, length);
            new ReadOnlySpan<byte>(data + entry.Begin + (start * size), (int)(length * size)).CopyTo((target ?? part).bytes);
            if (target is not null)
            {
                part.copy_(target);
            }
        }
    }

    private SafetensorsEntry Entry(string name) => header.Tensors.TryGetValue(name, out var entry)
        ? entry
        : throw new InputException($"{Path} has no tensor \"{name}\"; check that the file belongs to this model.");
}
