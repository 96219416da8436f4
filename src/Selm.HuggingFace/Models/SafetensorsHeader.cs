using System.Buffers.Binary;
using System.Text.Json;
using Selm.HuggingFace.Files;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>One tensor of a safetensors file: element type, shape and where its bytes lie.</summary>
internal sealed record SafetensorsEntry(ScalarType Dtype, long[] Shape, long Begin, long End);

/// <summary>
/// The header of a safetensors file: eight bytes of length, then JSON. Everything it says is checked against the
/// file before any tensor is read: what passes here can be read without a further check.
/// </summary>
internal sealed class SafetensorsHeader
{
    // The format's own limit; a longer header is a lie or an attack.
    private const long LongestHeader = 100_000_000;

    // Names of the format, in the order in which a file lays its tensors out (wide elements first).
    internal static readonly (string Name, ScalarType Dtype, int Size)[] Dtypes =
    [
        ("I64", ScalarType.Int64, 8), ("F64", ScalarType.Float64, 8), ("F32", ScalarType.Float32, 4), ("I32", ScalarType.Int32, 4),
        ("BF16", ScalarType.BFloat16, 2), ("F16", ScalarType.Float16, 2), ("I16", ScalarType.Int16, 2), ("I8", ScalarType.Int8, 1),
        ("U8", ScalarType.Byte, 1), ("BOOL", ScalarType.Bool, 1),
    ];

    private readonly string path;

    private SafetensorsHeader(string path) => this.path = path;

    /// <summary>The tensors by name.</summary>
    internal Dictionary<string, SafetensorsEntry> Tensors { get; } = new(StringComparer.Ordinal);

    /// <summary>The free texts under "__metadata__".</summary>
    internal Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Reads and checks the header.</summary>
    /// <exception cref="InputException">The file is cut off or its header does not describe it.</exception>
    internal static SafetensorsHeader Read(string path, Stream stream)
    {
        var header = new SafetensorsHeader(path);
        Span<byte> prefix = stackalloc byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
        {
            throw header.Error($"the file has {stream.Length} bytes, too few for a safetensors header");
        }
        InputFile.RefusePointer(path, prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > (ulong)(stream.Length - 8) || length > LongestHeader)
        {
            throw header.Error($"the header claims {length} bytes, but the file has {stream.Length} in all");
        }
        var json = new byte[length];
        stream.ReadExactly(json);
        header.Parse(json);
        header.CheckLayout(stream.Length - 8 - (long)length);
        return header;
    }

    internal static string NameOf(ScalarType dtype) => Dtypes.First(d => d.Dtype == dtype).Name;

    internal static int SizeOf(ScalarType dtype) => Dtypes.First(d => d.Dtype == dtype).Size;

    private void Parse(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Error("the header is not a JSON object");
            }
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                {
                    ReadMetadata(property.Value);
                }
                else
                {
                    Tensors.Add(property.Name, Entry(property.Name, property.Value));
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Error("the header is not valid JSON", e);
        }
    }

    private void ReadMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Any(p => p.Value.ValueKind != JsonValueKind.String))
        {
            throw Error("\"__metadata__\" is not a map from text to text");
        }
        foreach (var property in value.EnumerateObject())
        {
            Metadata.Add(property.Name, property.Value.GetString()!);
        }
    }

    private SafetensorsEntry Entry(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out var shape) || Longs(shape) is not { } sizes
            || !value.TryGetProperty("data_offsets", out var offsets) || Longs(offsets) is not [var begin, var end])
        {
            throw Error($"the tensor \"{name}\" has no dtype, shape and data_offsets of the right form");
        }
        var known = Array.Find(Dtypes, d => d.Name == dtype.GetString());
        if (known.Name is null)
        {
            throw new InputException(
                $"{path}: the tensor \"{name}\" has the element type {dtype.GetString()}, which the kit does not read; convert it to one of {string.Join(", ", Dtypes.Select(d => d.Name))}.");
        }
        if (begin > end || Bytes(sizes, known.Size) != end - begin)
        {
            throw Error($"the tensor \"{name}\" of shape [{string.Join(", ", sizes)}] and type {known.Name} cannot lie at bytes {begin} to {end}");
        }
        return new SafetensorsEntry(known.Dtype, sizes, begin, end);
    }

    // Not negative, or null.
    private static long[]? Longs(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return null;
        }
        var result = new long[value.GetArrayLength()];
        for (var k = 0; k < result.Length; k++)
        {
            if (value[k].ValueKind != JsonValueKind.Number || !value[k].TryGetInt64(out result[k]) || result[k] < 0)
            {
                return null;
            }
        }
        return result;
    }

    // -1 where the product overflows.
    private static long Bytes(long[] sizes, long elementSize)
    {
        if (sizes.Contains(0))
        {
            return 0;
        }
        var total = (Int128)elementSize;
        foreach (var size in sizes)
        {
            total *= size;
            if (total > long.MaxValue)
            {
                return -1;
            }
        }
        return (long)total;
    }

    // Tensors follow each other without gap or overlap and fill the file.
    private void CheckLayout(long available)
    {
        long expected = 0;
        foreach (var (name, entry) in Tensors.OrderBy(t => t.Value.Begin).ThenBy(t => t.Value.End))
        {
            if (entry.End > available)
            {
                throw Error($"the tensor \"{name}\" ends at byte {entry.End} of the data, but only {available} are there");
            }
            if (entry.Begin != expected)
            {
                throw Error($"the tensor \"{name}\" begins at byte {entry.Begin} of the data, {(entry.Begin < expected ? "inside another" : "after a gap")}");
            }
            expected = entry.End;
        }
        if (expected != available)
        {
            throw Error($"the header describes {expected} bytes of data, but the file has {available}");
        }
    }

    private InputException Error(string what, Exception? cause = null) => new($"{path}: {what}; download or save the file again.", cause);
}
