using System.Buffers.Binary;
using System.Text;
using Selm.HuggingFace.Models;
using Selm.Tests;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Tests.Models;

public class SafetensorsTests
{
    [Fact]
    public void every_golden_file_is_rewritten_to_the_same_bytes()
    {
        using var folder = new TempFolder();
        var files = Directory.GetFiles(Golden.Path(), "*.safetensors", SearchOption.AllDirectories);
        Assert.True(files.Length > 30);
        foreach (var path in files)
        {
            using var scope = NewDisposeScope();
            using var file = SafetensorsFile.Open(path);
            SafetensorsWriter.Write(folder.File("copy"), file.Names.Select(name => (name, file.Read(name))), file.Metadata);
            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(File.ReadAllBytes(folder.File("copy"))), path);
        }
    }

    [Fact]
    public void each_element_type_reads_back_with_the_same_bits()
    {
        using var folder = new TempFolder();
        using var scope = NewDisposeScope();
        var bits = Enumerable.Range(0, 1 << 16).Select(k => (byte)((k * 167) ^ (k >> 8))).ToArray();
        ScalarType[] types = [ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float64, ScalarType.Int64, ScalarType.Int32, ScalarType.Byte];
        var tensors = types.Select(type => (type.ToString(), Of(type, bits))).Append(("flags", tensor(new[] { 1L, 0, 1 }).to(ScalarType.Bool))).ToList();
        tensors.Add(("scalar", tensor(new[] { 2.5f }).reshape([])));
        tensors.Add(("empty", empty([0, 3], ScalarType.Float32)));
        SafetensorsWriter.Write(folder.File("f"), tensors, new Dictionary<string, string> { ["naïve"] = "\"x\"\n" });
        using var file = SafetensorsFile.Open(folder.File("f"));
        Assert.Equal("\"x\"\n", file.Metadata["naïve"]);
        Assert.Equal(tensors.Select(t => t.Item1).Order(StringComparer.Ordinal), file.Names);
        foreach (var (name, expected) in tensors)
        {
            var read = file.Read(name);
            Assert.Equal((expected.dtype, file.DtypeOf(name)), (read.dtype, read.dtype));
            Assert.Equal(expected.shape, read.shape);
            Assert.Equal(expected.shape, file.Shape(name));
            Assert.True(expected.bytes.SequenceEqual(read.bytes), name);
        }
    }

    [Fact]
    public void small_pieces_make_the_same_tensor_in_any_type()
    {
        using var folder = new TempFolder();
        using var scope = NewDisposeScope();
        var values = arange(1001, ScalarType.Float32).reshape(7, 143).to(ScalarType.BFloat16);
        SafetensorsWriter.Write(folder.File("f"), [("w", values), ("view", values.t())]);
        using var file = SafetensorsFile.Open(folder.File("f"), chunkBytes: 26);
        Assert.True(file.Read("w").bytes.SequenceEqual(values.bytes));
        var converted = file.Read("w", ScalarType.Float32);
        Assert.Equal(ScalarType.Float32, converted.dtype);
        Assert.True(converted.allclose(values.to(ScalarType.Float32), 0, 0));
        Assert.True(file.Read("view", ScalarType.Float64).allclose(values.t().to(ScalarType.Float64), 0, 0));
    }

    [Fact]
    public void a_tensor_beyond_two_gigabytes_of_file_is_found()
    {
        using var folder = new TempFolder();
        const long big = 3L << 30;
        var header = $$$"""{"big":{"dtype":"U8","shape":[{{{big}}}],"data_offsets":[0,{{{big}}}]},"small":{"dtype":"F32","shape":[2],"data_offsets":[{{{big}}},{{{big + 8}}}]}}""";
        using (var stream = File.Create(folder.File("f")))
        {
            stream.Write(Bytes(header, []));
            stream.Seek(big, SeekOrigin.Current);
            stream.Write([0, 0, 128, 63, 0, 0, 0, 64]);
        }
        using var file = SafetensorsFile.Open(folder.File("f"));
        using var small = file.Read("small");
        Assert.Equal([1f, 2f], small.data<float>().ToArray());
        Assert.Equal([big], file.Shape("big"));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "\"a\" of shape [2] and type F32 cannot lie at bytes 0 to 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "\"a\"")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "\"a\" ends at byte 4 of the data, but only 3 are there")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "describes 4 bytes of data, but the file has 5")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "\"b\" begins at byte 2 of the data, inside another")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12, "\"b\" begins at byte 8 of the data, after a gap")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}""", 1, "\"a\" has the element type F8_E4M3, which the kit does not read")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, "\"a\" has no dtype, shape and data_offsets of the right form")]
    [InlineData("""{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "\"a\"")]
    [InlineData("""{"a":{"dtype":"F64","shape":[1e99],"data_offsets":[0,8]}}""", 8, "\"a\"")]
    [InlineData("""{"a":7}""", 0, "\"a\"")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "not valid JSON")]
    [InlineData("""{"a":""", 0, "not valid JSON")]
    [InlineData("[]", 0, "not a JSON object")]
    [InlineData("""{"__metadata__":{"n":1}}""", 0, "\"__metadata__\" is not a map from text to text")]
    public void a_lying_header_is_refused_with_the_file_and_the_tensor(string header, int dataBytes, string expected)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("f.safetensors"), Bytes(header, new byte[dataBytes]));
        var message = Assert.Throws<InputException>(() => SafetensorsFile.Open(folder.File("f.safetensors"))).Message;
        Assert.StartsWith(folder.File("f.safetensors") + ": ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_file_cut_anywhere_is_refused_with_its_name()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Golden.Path("hf-models", "llama-bf16", "model.safetensors"));
        foreach (var length in new[] { 0, 7, 8, 9, 2000, 2120, whole.Length / 2, whole.Length - 1 })
        {
            File.WriteAllBytes(folder.File("f"), whole[..length]);
            Assert.StartsWith(folder.File("f"), Assert.Throws<InputException>(() => SafetensorsFile.Open(folder.File("f"))).Message, StringComparison.Ordinal);
        }
        File.WriteAllBytes(folder.File("f"), [255, 255, 255, 255, 255, 255, 255, 255, .. whole]);
        Assert.Contains("the header claims 18446744073709551615 bytes", Assert.Throws<InputException>(() => SafetensorsFile.Open(folder.File("f"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void random_damage_is_refused_or_harmless()
    {
        using var folder = new TempFolder();
        var whole = File.ReadAllBytes(Golden.Path("hf-models", "llama-bf16", "model.safetensors"));
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var damaged = (byte[])whole.Clone();
            for (var k = random.Next(1, 4); k > 0; k--)
            {
                damaged[random.Next(2120)] = (byte)random.Next(256);
            }
            File.WriteAllBytes(folder.File("f"), damaged);
            try
            {
                using var scope = NewDisposeScope();
                using var file = SafetensorsFile.Open(folder.File("f"));
                foreach (var name in file.Names)
                {
                    file.Read(name);
                }
            }
            catch (InputException e)
            {
                Assert.StartsWith(folder.File("f"), e.Message, StringComparison.Ordinal);
            }
        }
    }

    private static Tensor Of(ScalarType type, byte[] bits)
    {
        var result = empty([4, bits.Length / 4 / SafetensorsHeader.SizeOf(type)], type);
        bits.CopyTo(result.bytes);
        return result;
    }

    private static byte[] Bytes(string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }
}
