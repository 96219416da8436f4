using System.IO.Compression;
using System.Text;
using System.Text.Json.Serialization;
using Parquet.Serialization;
using Selm.Research.Data;
using Selm.Research.Runs;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

/// <summary>Files are recognised by their first bytes, whatever they are called.</summary>
public class RowFormatTests
{
    private const string Pair = """{"prompt":"p","chosen":"a","rejected":"b"}""";

    [Theory]
    [InlineData("f.jsonl", Pair + "\n" + Pair + "\n", "JSONL")]
    [InlineData("f.json", Pair + "\n\n" + Pair, "JSONL")]
    [InlineData("f.jsonl", "[" + Pair + ", " + Pair + "]", "JSON list")]
    [InlineData("f.txt", "\uFEFF\n[\n  {\n    \"prompt\": \"p\",\n    \"chosen\": \"a\",\n    \"rejected\": \"b\"\n  },\n  " + Pair + "\n]\n", "JSON list")]
    public void json_is_read_by_lines_or_as_a_list_and_packed_or_not(string name, string text, string format)
    {
        using var folder = new TempFolder();
        var plain = folder.Write(name, text);
        var packed = folder.File(name + ".gz");
        using (var gzip = new GZipStream(File.Create(packed), CompressionLevel.Optimal))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
        foreach (var path in (string[])[plain, packed])
        {
            var records = PreferenceFile.Read(path).Records;
            Assert.Equal([("p", "a", "b"), ("p", "a", "b")], records.Select(record => (record.Prompt, record.ChosenResponse, record.RejectedResponse)));
        }
        Assert.Equal(format, DataInspection.Of(plain).Format);
        Assert.Equal(format == "JSONL" ? "gzip of JSONL" : "gzip of a JSON list", DataInspection.Of(packed).Format);
    }

    [Fact]
    public void a_cut_gzip_file_is_told_as_such()
    {
        using var folder = new TempFolder();
        var whole = new MemoryStream();
        using (var gzip = new GZipStream(whole, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 5000).Select(i => $$"""{"prompt":"{{i * 7919 % 4999}}","chosen":"{{i}}","rejected":"b"}"""))));
        }
        File.WriteAllBytes(folder.File("f.gz"), whole.ToArray()[..(int)(whole.Length / 2)]);
        Assert.Equal(
            $"{folder.File("f.gz")} is gzip that is cut off or damaged, or of several parts; copy it again, or unpack it with gunzip.",
            Assert.Throws<InputException>(() => PreferenceFile.Read(folder.File("f.gz"))).Message);
    }

    [Theory]
    [InlineData("1F8B")]
    [InlineData("1F8B0800")]
    [InlineData("1F8B08000000000000030000000000000000")]
    public void a_gzip_file_of_a_few_bytes_is_told_as_cut_off(string bytes)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("f.gz"), Convert.FromHexString(bytes));
        var message = Assert.Throws<InputException>(() => PreferenceFile.Read(folder.File("f.gz"))).Message;
        Assert.StartsWith($"{folder.File("f.gz")} is gzip that is cut off", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task a_pipe_is_opened_once()
    {
        Skip.If(OperatingSystem.IsWindows(), "named pipes are files elsewhere");
        using var folder = new TempFolder();
        var pipe = folder.File("pairs");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe))
        {
            await made.WaitForExitAsync();
        }
        // A second opening would wait for another writer for ever.
        var write = Task.Run(() => File.WriteAllText(pipe, Pair + "\n" + Pair + "\n"));
        var read = Task.Run(() => DataInspection.Of(pipe));
        Assert.Equal(read, await Task.WhenAny(read, Task.Delay(TimeSpan.FromMinutes(2))));
        await write;
        Assert.Equal(("JSONL", 2), ((await read).Format, (await read).Pairs));
    }

    [Fact]
    public async Task parquet_columns_of_odd_types_and_maps_are_left_out_unless_they_are_asked_for()
    {
        using var folder = new TempFolder();
        var path = folder.File("f.parquet");
        await ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, 3).Select(k => new Odd
            {
                Prompt = $"p{k}", Chosen = "a", Rejected = "b", When = new(2026, 11, 30), Price = 1.5m, Raw = [1, 2], Tags = new Dictionary<string, string> { ["k"] = "v" },
                Judge = new() { Name = $"j{k}", When = new(2026, 11, 30) }, Only = new() { When = new(2026, 11, 30) }, Count = 7,
            }), path);
        Assert.Equal([("p0", "a", "b"), ("p1", "a", "b"), ("p2", "a", "b")], PreferenceFile.Read(path).Records.Select(record => (record.Prompt, record.ChosenResponse, record.RejectedResponse)));
        Assert.Equal("""{"Prompt":"p1","Chosen":"a","Rejected":"b","Judge":{"Name":"j1"},"Count":7}""".Replace("Prompt", "prompt", StringComparison.Ordinal).Replace("Chosen", "chosen", StringComparison.Ordinal).Replace("Rejected", "rejected", StringComparison.Ordinal), RowFile.Read(path).ElementAt(1).Value.GetRawText());
        Assert.Equal($"{path}: the column Tags holds map, which is not read; write it as text.", Assert.Throws<InputException>(() => RowFile.Read(path, ["Tags"]).Count()).Message);
        Assert.Contains("the column When holds DateTime, which is not read", Assert.Throws<InputException>(() => RowFile.Read(path, ["When"]).Count()).Message, StringComparison.Ordinal);
    }

    private sealed class Moment
    {
        public DateTime When { get; set; }
    }

    private sealed class Judge
    {
        public string Name { get; set; } = "";

        public DateTime When { get; set; }
    }

    private sealed class Odd
    {
        [JsonPropertyName("prompt")]
        public string Prompt { get; set; } = "";

        [JsonPropertyName("chosen")]
        public string Chosen { get; set; } = "";

        [JsonPropertyName("rejected")]
        public string Rejected { get; set; } = "";

        public DateTime When { get; set; }

        public decimal Price { get; set; }

        public byte[] Raw { get; set; } = [];

        public Dictionary<string, string> Tags { get; set; } = [];

        public Judge Judge { get; set; } = new();

        public Moment Only { get; set; } = new();

        public ushort Count { get; set; }
    }

    [Theory]
    [InlineData("504B0304AA", "a zip archive; unpack it")]
    [InlineData("FFFE7B002200", "UTF-16 text; save it as UTF-8")]
    [InlineData("FEFF007B0022", "UTF-16 text; save it as UTF-8")]
    [InlineData("7B0022007000", "UTF-16 text; save it as UTF-8")]
    [InlineData("28B52FFD00", "packed with Zstandard; unpack it with zstd -d")]
    [InlineData("425A6839", "packed with bzip2")]
    [InlineData("FD377A585A00", "packed with xz")]
    [InlineData("4152524F5731", "an Arrow file")]
    [InlineData("3C68746D6C3E", "a web page; download the raw file")]
    public void what_is_not_read_is_named_with_its_cure(string bytes, string sentence)
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("f.jsonl"), Convert.FromHexString(bytes));
        Assert.StartsWith($"{folder.File("f.jsonl")} is {sentence}", Assert.Throws<InputException>(() => PreferenceFile.Read(folder.File("f.jsonl"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", " is a Git LFS pointer and not the file itself; fetch the file with git lfs pull.")]
    [InlineData("{\n  \"prompt\": \"p\"\n}\n", " line 1: an object that goes on over several lines; put each object on one line, or all into one list [..].")]
    [InlineData("[" + Pair + ",\n7]", " row 2: expected a JSON object {…} but found a number; put objects into the list.")]
    [InlineData("[" + Pair + ",\n{]", " line 2: not valid JSON at byte 2 of a file that begins as a list; repair it, or put one object on each line without the list.")]
    [InlineData("[" + Pair + ", {\"prompt\":\" \",\"chosen\":\"a\",\"rejected\":\"b\"}]", " row 2: the prompt is empty; write one or delete that line.")]
    public void a_broken_text_is_told_with_its_place(string text, string sentence)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", text);
        Assert.Equal(path + sentence, Assert.Throws<InputException>(() => PreferenceFile.Read(path)).Message);
    }

    [SkippableTheory]
    [InlineData("duckdb-snappy.parquet")]
    [InlineData("duckdb-snappy-rowgroups.parquet")]
    [InlineData("duckdb-zstd.parquet")]
    [InlineData("duckdb-zstd-v2.parquet")]
    [InlineData("arrow-rs-snappy-rowgroups.parquet")]
    [InlineData("arrow-rs-zstd-rowgroups.parquet")]
    [InlineData("arrow-cpp-snappy-rowgroups.parquet")]
    [InlineData("arrow-cpp-zstd-rowgroups.parquet")]
    public void parquet_gives_the_rows_of_its_json_lines_exactly(string name)
    {
        var folder = Golden.Outside("parquet");
        Skip.If(folder is null, "fixtures/parquet is not there");
        var want = Jsonl.Read(Path.Combine(folder, "rows.jsonl")).ToList();
        var have = RowFile.Read(Path.Combine(folder, name)).ToList();
        Assert.Equal(60, have.Count);
        Assert.Equal(Enumerable.Range(1, 60), have.Select(row => row.Line));
        Assert.All(want.Zip(have), pair => Assert.True(System.Text.Json.JsonElement.DeepEquals(pair.First.Value, pair.Second.Value), $"row {pair.Second.Line}: {pair.Second.Value}"));
        Assert.Contains("row 5", have[4].Error("x").Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void parquet_that_is_cut_off_of_another_schema_or_none_is_refused()
    {
        var folder = Golden.Outside("parquet");
        Skip.If(folder is null, "fixtures/parquet is not there");
        string Message(string name, params string[][] columns) => Assert.Throws<InputException>(() => RowFile.Read(Path.Combine(folder, name), columns).Count()).Message;
        Assert.EndsWith("truncated.parquet begins as Parquet but is cut off (its end is missing); copy it again.", Message("truncated.parquet"), StringComparison.Ordinal);
        Assert.Contains("is not Parquet although its name says so", Message("not-a-parquet-file.parquet"), StringComparison.Ordinal);
        Assert.Contains("has the columns prompt, prompt_id, chosen, rejected, messages, score_chosen, score_rejected, but question, answer or a are expected", Message("duckdb-snappy.parquet", ["question", "answer"], ["a"]), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void damaged_parquet_is_refused_and_never_ends_the_process()
    {
        var fixtures = Golden.Outside("parquet");
        Skip.If(fixtures is null, "fixtures/parquet is not there");
        using var folder = new TempFolder();
        var (good, refused) = (File.ReadAllBytes(Path.Combine(fixtures, "arrow-cpp-snappy-rowgroups.parquet")), 0);
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Selm.Research.Numerics.PhiloxStream(9, "damage", seed);
            var bytes = (byte[])good.Clone();
            for (var k = 0; k < 4; k++)
            {
                bytes[seed % 2 == 0 ? random.NextInt(bytes.Length - 8) : bytes.Length - 9 - random.NextInt(2000)] = (byte)random.NextInt(256);
            }
            File.WriteAllBytes(folder.File("f.parquet"), bytes);
            try
            {
                Assert.InRange(RowFile.Read(folder.File("f.parquet")).Count(), 0, int.MaxValue);
            }
            catch (InputException)
            {
                refused++; // anything else fails the test
            }
        }
        Assert.InRange(refused, 20, 200);
    }

    // The schema of a file as nested groups, each in the one before; Arrow's own reader overflows its stack at 100,000.
    [Theory]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(100_000)]
    public void parquet_fields_that_are_nested_without_end_are_refused(int depth)
    {
        using var folder = new TempFolder();
        var schema = new MemoryStream();
        schema.Write([0x15, 0x02, 0x19, 0xFC]); // version 1; a list of structs
        for (var rest = depth + 2; rest > 0; rest >>= 7)
        {
            schema.WriteByte((byte)((rest & 127) | (rest > 127 ? 128 : 0)));
        }
        schema.Write([0x48, 1, (byte)'r', 0x15, 2, 0]); // the root's name, one child
        for (var k = 0; k < depth; k++)
        {
            schema.Write([0x35, 2, 0x18, 1, (byte)'a', 0x15, 2, 0]); // optional, its name, one child
        }
        schema.Write([0x15, 6, 0x25, 2, 0x18, 1, (byte)'p', 0]); // int96
        schema.Write([0x16, 0, 0x19, 0x0C, 0]); // no rows, no row groups
        File.WriteAllBytes(folder.File("f.parquet"), [.. "PAR1"u8, .. schema.ToArray(), .. BitConverter.GetBytes((int)schema.Length), .. "PAR1"u8]);
        Assert.EndsWith("is damaged Parquet; copy it again.", Assert.Throws<InputException>(() => RowFile.Read(folder.File("f.parquet")).Count()).Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task twenty_thousand_rows_in_one_row_group_take_a_small_part_of_what_they_hold()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "memory is read from /proc");
        using var folder = new TempFolder();
        var words = string.Concat(Enumerable.Range(0, 150).Select(k => $"word{k * 7919 % 997} "));
        UltraFeedbackTurn[] Chat(int k, string answer) => [new() { Role = "user", Content = $"{k} {words}" }, new() { Role = "assistant", Content = $"{answer} {k} {words}" }];
        await ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, 20_000).Select(k => new UltraFeedbackRow { Prompt = $"{k} {words}", PromptId = $"{k:x64}", Chosen = Chat(k, "yes"), Rejected = Chat(k, "no"), Messages = Chat(k, "yes"), ScoreChosen = k % 11, ScoreRejected = k % 7 }),
            folder.File("f.parquet"));
        var taken = MemoryProbe.Run("rows", folder.File("f.parquet"));
        Assert.Equal(20_000, taken[0]);
        Assert.InRange(taken[1], 1, 250_000); // kB; the rows are some 170 MB of text, twice that in .NET's strings
    }
}
