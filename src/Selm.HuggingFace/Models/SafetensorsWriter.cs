using System.Buffers.Binary;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Selm.HuggingFace.Files;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Writes safetensors files byte for byte as Hugging Face's library does: wide element types first, then names in
/// ordinal order, the header padded with spaces to a multiple of eight bytes.
/// </summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 64 << 20;

    /// <summary>Writes one file, atomically.</summary>
    /// <param name="path">Where.</param>
    /// <param name="tensors">Names and tensors, on any device; none is disposed.</param>
    /// <param name="metadata">Free texts of the header; null: {"format":"pt"}, which Hugging Face's loader asks for.</param>
    /// <exception cref="InputException">The folder is not writable or the disk is full.</exception>
    /// <exception cref="ArgumentException">Two tensors have one name, or an element type has no place in the format.</exception>
    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(tensors);
        AtomicFile.Write(path, stream =>
        {
            WriteHeader(stream, ordered, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
            foreach (var (_, tensor) in ordered)
            {
                WriteData(stream, tensor);
            }
        });
    }

    /// <summary>
    /// Writes the weights of a model folder: model.safetensors, or shards and an index where they exceed
    /// <paramref name="shardBytes"/>. Weight files of an earlier save that no longer belong to it are removed.
    /// </summary>
    /// <exception cref="InputException">The folder is not writable or the disk is full.</exception>
    public static void WriteFolder(string folder, IEnumerable<(string Name, Tensor Tensor)> tensors, long shardBytes = 5_000_000_000)
    {
        var ordered = Order(tensors);
        var shards = Shards(ordered, shardBytes);
        Directory.CreateDirectory(folder);
        var written = new List<string>();
        if (shards.Count == 1)
        {
            written.Add(SafetensorsFolder.SingleName);
            Write(Path.Combine(folder, SafetensorsFolder.SingleName), ordered);
        }
        else
        {
            WriteShards(folder, shards, written);
        }
        foreach (var file in Directory.EnumerateFiles(folder, "model*.safetensors*"))
        {
            var name = Path.GetFileName(file);
            if (!written.Contains(name) && (name.EndsWith(".safetensors", StringComparison.Ordinal) || name == SafetensorsFolder.IndexName))
            {
                File.Delete(file);
            }
        }
    }

    private static void WriteShards(string folder, List<List<(string Name, Tensor Tensor)>> shards, List<string> written)
    {
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var k = 0; k < shards.Count; k++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"model-{k + 1:D5}-of-{shards.Count:D5}.safetensors");
            Write(Path.Combine(folder, name), shards[k]);
            written.Add(name);
            shards[k].ForEach(t => map.Add(t.Name, name));
        }
        // The index comes last: until it is there, a reader finds no half-written model.
        written.Add(SafetensorsFolder.IndexName);
        AtomicFile.WriteJson(Path.Combine(folder, SafetensorsFolder.IndexName), new Dictionary<string, object>
        {
            ["metadata"] = new Dictionary<string, long> { ["total_size"] = shards.Sum(shard => shard.Sum(t => Bytes(t.Tensor))) },
            ["weight_map"] = map,
        });
    }

    private static List<(string Name, Tensor Tensor)> Order(IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var ordered = tensors.OrderBy(t => Rank(t.Tensor.dtype)).ThenBy(t => t.Name, StringComparer.Ordinal).ToList();
        var twice = ordered.GroupBy(t => t.Name).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? ordered : throw new ArgumentException($"two tensors have the name \"{twice.Key}\"", nameof(tensors));
    }

    private static int Rank(ScalarType dtype) => Array.FindIndex(SafetensorsHeader.Dtypes, d => d.Dtype == dtype) is var rank and >= 0
        ? rank
        : throw new ArgumentException($"safetensors files do not hold {dtype} tensors");

    private static List<List<(string Name, Tensor Tensor)>> Shards(List<(string Name, Tensor Tensor)> tensors, long shardBytes)
    {
        var shards = new List<List<(string Name, Tensor Tensor)>> { new() };
        long size = 0;
        foreach (var item in tensors)
        {
            if (shards[^1].Count > 0 && size + Bytes(item.Tensor) > shardBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(item);
            size += Bytes(item.Tensor);
        }
        return shards;
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * SafetensorsHeader.SizeOf(tensor.dtype);

    private static void WriteHeader(Stream stream, List<(string Name, Tensor Tensor)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (name, text) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            {
                json.WriteString(name, text);
            }
            json.WriteEndObject();
            long offset = 0;
            foreach (var (name, tensor) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsHeader.Dtypes[Rank(tensor.dtype)].Name);
                WriteNumbers(json, "shape", tensor.shape);
                WriteNumbers(json, "data_offsets", [offset, offset += Bytes(tensor)]);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, buffer.Length);
        stream.Write(length);
        stream.Write(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }
        json.WriteEndArray();
    }

    // Piece by piece: spans end at 2 GiB.
    private static void WriteData(Stream stream, Tensor tensor)
    {
        if (tensor.numel() == 0)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var flat = tensor.detach().cpu().contiguous().view(-1);
        var piece = ChunkBytes / SafetensorsHeader.SizeOf(tensor.dtype);
        for (long start = 0; start < flat.numel(); start += piece)
        {
            using var part = flat.narrow(0, start, Math.Min(piece, flat.numel() - start));
            stream.Write(part.bytes);
        }
    }
}
