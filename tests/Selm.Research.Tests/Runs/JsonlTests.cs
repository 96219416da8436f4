using Selm.Tests;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Runs;

public class JsonlTests
{
    [Fact]
    public void rows_come_with_their_line_numbers_and_empty_lines_are_skipped()
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", "\uFEFF{\"a\":1}\r\n\n  \n{\"a\":2}");
        Assert.Equal([(1, 1), (4, 2)], Jsonl.Read(path).Select(row => (row.Line, row.WholeNumber("a"))));
    }

    [Theory]
    [InlineData("{\"a\":1")]
    [InlineData("{\"a\":-Infinity}")]
    [InlineData("{\"a\":NaN")]
    [InlineData("{\"a\":1} {\"b\":2}")]
    [InlineData("[1,2]")]
    [InlineData("nonsense")]
    public void a_broken_line_is_named(string broken)
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", $"{{\"a\":1}}\n\n{broken}\n");
        var error = Assert.Throws<InputException>(() => Jsonl.Read(path).ToList());
        Assert.StartsWith($"{path} line 3: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void a_bare_nan_as_python_writes_it_is_a_missing_value_and_infinity_a_sentence()
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", "{\"text\": \"NaN: \\\"NaN\", \"score\": NaN, \"list\": [1, NaN]}\n{\"score\": -Infinity}\n");

        var row = Jsonl.Read(path).First();

        Assert.Equal("NaN: \"NaN", row.Text("text"));
        Assert.Null(row.NumberOrNull("score"));
        Assert.StartsWith($"{path} line 1: the field \"score\" is missing", Assert.Throws<InputException>(() => row.Number("score")).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{path} line 1: element 1 of \"list\" is not a number", Assert.Throws<InputException>(() => row.Numbers("list")).Message, StringComparison.Ordinal);
        Assert.Equal(
            $"{path} line 2: -Infinity is not JSON, although Python writes it; write a finite number, or null where there is none.",
            Assert.Throws<InputException>(() => Jsonl.Read(path).ToList()).Message);
    }

    [Fact]
    public void a_folder_in_place_of_a_file_is_one_sentence()
    {
        using var folder = new TempFolder();
        Assert.Equal($"{folder.Root} is a folder, not a file; give the path of a readable JSONL file.", Assert.Throws<InputException>(() => Jsonl.Read(folder.Root).ToList()).Message);
        Assert.StartsWith($"{folder.Root} is a folder, not a file; ", Assert.Throws<InputException>(() => Recipe.Read(folder.Root)).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{folder.Root} is a folder, not a file; ", Assert.Throws<InputException>(() => ContentHash.OfFile(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void bytes_that_are_not_utf8_are_named_with_their_line()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("f.jsonl"), [.. "{\"a\":\""u8, 0xFF, .. "\"}\n"u8]);
        Assert.Contains("f.jsonl line 1: ", Assert.Throws<InputException>(() => Jsonl.Read(folder.File("f.jsonl")).ToList()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void lines_longer_than_the_buffer_arrive_whole()
    {
        using var folder = new TempFolder();
        var texts = new[] { new string('ä', 100_000), "short", new string('b', 65_536) };
        Jsonl.Write(folder.File("f.jsonl"), texts.Select(text => new { Text = text }));
        Assert.Equal(texts, Jsonl.Read(folder.File("f.jsonl")).Select(row => row.Text("text")));
    }

    [Fact]
    public void a_missing_file_is_one_sentence()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<InputException>(() => Jsonl.Read(folder.File("no.jsonl")).ToList());
        Assert.Equal($"{folder.File("no.jsonl")} does not exist; give the path of a JSONL file.", error.Message);
    }

    [Fact]
    public void field_errors_name_file_line_and_field()
    {
        using var folder = new TempFolder();
        var path = folder.Write("f.jsonl", """{"t":"x","n":1.5,"i":[1,2],"bad":[1,"2"],"z":null,"inf":"-Infinity","half":"\ud800","c":["a","b"]}""");
        var row = Jsonl.Read(path).Single();
        Assert.Equal("x", row.Text("t"));
        Assert.Equal(1.5, row.Number("n"));
        Assert.Equal(double.NegativeInfinity, row.Number("inf"));
        Assert.Equal([1, 2], row.WholeNumbers("i"));
        Assert.Equal([1.0, 2.0], row.Numbers("i"));
        Assert.Equal(["a", "b"], row.Texts("c"));
        Assert.Null(row.TextOrNull("z"));
        Assert.Null(row.NumberOrNull("absent"));
        foreach (var (name, action) in new (string, Action)[]
        {
            ("n", () => row.Text("n")), ("t", () => row.Number("t")), ("n", () => row.WholeNumber("n")), ("bad", () => row.WholeNumbers("bad")),
            ("t", () => row.WholeNumbers("t")), ("absent", () => row.Text("absent")), ("half", () => row.Text("half")), ("i", () => row.Texts("i")),
        })
        {
            var message = Assert.Throws<InputException>(action).Message;
            Assert.StartsWith($"{path} line 1: ", message, StringComparison.Ordinal);
            Assert.Contains($"\"{name}\"", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void a_row_with_further_fields_keeps_its_own_as_they_were()
    {
        using var folder = new TempFolder();
        var row = Jsonl.Read(folder.Write("f.jsonl", """{"prompt":"ü","n":1.50,"logprob":0,"deep":{"a":[1]}}""")).Single();
        Jsonl.Write(folder.File("g.jsonl"), [row.Plus(new { Logprob = -1.5, TokenLogprobs = new[] { -0.5, -1 } })]);
        Assert.Equal("""{"prompt":"ü","n":1.50,"logprob":-1.5,"deep":{"a":[1]},"token_logprobs":[-0.5,-1]}""" + "\n", File.ReadAllText(folder.File("g.jsonl")));
    }

    [Fact]
    public void a_writer_that_is_not_committed_leaves_nothing()
    {
        using var folder = new TempFolder();
        using (var writer = new JsonlWriter(folder.File("f.jsonl")))
        {
            writer.Write(new { a = 1 });
        }
        Assert.Empty(folder.Names());
    }

    [SkippableFact]
    public void writing_rows_to_a_full_device_is_one_sentence()
    {
        Skip.IfNot(File.Exists("/dev/full"), "no /dev/full on this system");
        var error = Assert.Throws<InputException>(() => Jsonl.Write("/dev/full", Enumerable.Range(0, 100_000).Select(i => new { i })));
        Assert.Equal("/dev/full cannot be written: the disk is full; free some space or choose another disk, nothing was changed.", error.Message);
    }
}
