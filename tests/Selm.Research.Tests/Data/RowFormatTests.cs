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
    public void parquet_that_is_cut_off_of_another_schema_or_encoding_or_none_is_refused()
    {
        var folder = Golden.Outside("parquet");
        Skip.If(folder is null, "fixtures/parquet is not there");
        string Message(string name, params string[][] columns) => Assert.Throws<InputException>(() => RowFile.Read(Path.Combine(folder, name), columns).Count()).Message;
        Assert.EndsWith("truncated.parquet begins as Parquet but is cut off (its end is missing); copy it again.", Message("truncated.parquet"), StringComparison.Ordinal);
        Assert.Contains("is not Parquet although its name says so", Message("not-a-parquet-file.parquet"), StringComparison.Ordinal);
        Assert.Contains("has the columns prompt, prompt_id, chosen, rejected, messages, score_chosen, score_rejected, but question, answer or a are expected", Message("duckdb-snappy.parquet", ["question", "answer"], ["a"]), StringComparison.Ordinal);
        Assert.Contains("uses a Parquet encoding that is not read", Message("arrow-rs-zstd-rowgroups.parquet"), StringComparison.Ordinal);
    }
}
