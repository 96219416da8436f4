using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Selm.HuggingFace.Models;
using Selm.Tests;
using Selm.Tests.Hostile;
using Xunit.Abstractions;

namespace Selm.Research.Tests.Hostile;

/// <summary>Files that are too large to keep, made here: bombs, loops, depths and lengths that a small file can ask for.</summary>
[Collection(RunsAlone.Name)]
public class GiantFilesTests(ITestOutputHelper output)
{
    private const int Mega = 1 << 20;
    private static readonly string deep = string.Concat(Enumerable.Repeat("[", 100_000));

    private static readonly (string Reader, string What, bool Refused, Func<byte[]> Make)[] all =
    [
        ("tokenizer json", "a million merges", false, () => Merges(100)),
        ("tokenizer json", "normalizers nested without end", true, () => Utf8("{\"normalizer\":" + string.Concat(Enumerable.Repeat("{\"type\":\"Sequence\",\"normalizers\":[", 100_000)))),
        ("tokenizer json", "normalizers that double a text forty times", true, () => Tokenizer("normalizer", Many("normalizers", 40, """{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"""))),
        ("tokenizer json", "a normalizer that writes a megabyte for a letter", true, () => Tokenizer("normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"" + new string('b', Mega) + "\"}")),
        ("tokenizer json", "a normalizer whose pattern tries every way", true, () => Tokenizer("normalizer", """{"type":"Replace","pattern":{"Regex":"(a+)+b"},"content":"b"}""")),
        ("tokenizer json", "a pattern that tries every way", true, () => Tokenizer("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(a+)+\\d"},"behavior":"Isolated"}""")),
        ("tokenizer json", "a decoder that strips nothing without end", false, () => Tokenizer("decoder", """{"type":"Strip","content":"","start":2147483647,"stop":2147483647}""")),
        ("tokenizer json", "decoders that double a text forty times", true, () => Tokenizer("decoder", Many("decoders", 40, """{"type":"Replace","pattern":{"String":"a"},"content":"aa"}"""))),
        ("sentencepiece", "a user-defined piece without letters", false, () => Pieces(("<unk>", 2), ("a", 1), ("", 4))),
        ("sentencepiece", "ten thousand user-defined pieces", false, () => Pieces([("<unk>", 2), .. Enumerable.Range(0, 10_000).Select(i => ($"a{i}", 4))])),
        ("sentencepiece", "unused pieces that fall apart a thousand times", false, () => Pieces([("<unk>", 2), ("a", 1), .. Enumerable.Range(2, 1500).Select(i => (new string('a', i), 5))])),
        ("sentencepiece", "a map whose units point at themselves", false, () => Mapped(Enumerable.Repeat(0x80000100u, 1000), "b\0")),
        ("sentencepiece", "a map that writes a megabyte for a letter", true, () => Mapped([1u << 10, 0], new string('b', Mega))),
        ("pairs jsonl", "a million short rows", false, () => Utf8(Rows("", "\n", "\n"))),
        ("pairs jsonl", "a line of 100 MB", true, () => Utf8($$"""{"prompt":"{{new string('a', 100 * Mega)}}","chosen":"b","rejected":"c"}""")),
        ("pairs jsonl", "100 MB without a line end", true, () => Utf8(new string('a', 100 * Mega))),
        ("pairs jsonl", "100 MB of empty lines", true, () => Utf8(new string('\n', 100 * Mega))),
        ("pairs jsonl", "an object nested without end", true, () => Utf8("{\"prompt\":" + deep)),
        ("pairs list", "a million short rows", false, () => Utf8(Rows("[", ",", "]"))),
        ("pairs list", "a list nested without end", true, () => Utf8(deep)),
        ("pairs list", "an element of 100 MB", true, () => Utf8($$"""[{"prompt":"{{new string('a', 100 * Mega)}}","chosen":"b","rejected":"c"}]""")),
        ("pairs gzip", "a gigabyte of zeros", true, () => Zip(1024)),
        ("pairs gzip", "a gigabyte of zeros that says it is little", true, () => [.. Zip(1024)[..^4], 1, 0, 0, 0]),
        ("pairs csv", "a million short rows", false, () => Utf8("prompt,chosen,rejected\n" + string.Concat(Enumerable.Repeat("a,b,c\n", 1_000_000)))),
        ("pairs csv", "a quote that never ends", true, () => Utf8("prompt,chosen,rejected\n\"" + new string('a', 40 * Mega))),
        ("pairs csv", "a million columns", true, () => Utf8(string.Join(',', Enumerable.Range(0, 1_000_000)) + "\n1\n")),
        ("recipe", "a billion laughs", true, () => Utf8(Laughs("name: x\n", "loss: *i\n"))),
        ("recipe", "a billion laughs as a key", true, () => Utf8(Laughs("name: x\n", "? *i\n: 1\n"))),
        ("recipe", "lists nested without end", true, () => Utf8("name: " + deep)),
        ("recipe", "blocks nested without end", true, () => Utf8("name:\n" + string.Concat(Enumerable.Repeat("- ", 100_000)))),
        ("recipe", "a list that holds itself", true, () => Utf8("name: x\ndatasets: &a [*a]\n")),
        ("sweep", "a billion laughs", true, () => Utf8(Laughs("name: x\nrecipe: demo\n", "grid: {seed: *i}\n"))),
        ("sweep", "blocks nested without end", true, () => Utf8("name: x\nrecipe: demo\ngrid:\n" + string.Concat(Enumerable.Repeat("- ", 100_000)))),
        ("sweep", "a grid of ten thousand million cells", true, () => Utf8("name: x\nrecipe: demo\ngrid:\n" + string.Concat(((string[])["seed", "batch_size", "epochs", "iterations", "checkpoint_every"]).Select(key => $"  {key}: [{string.Join(',', Enumerable.Range(1, 100))}]\n")))),
        ("claims", "a billion laughs", true, () => Utf8(Laughs("protocol: x\n", "claims: *i\n"))),
        ("claims", "lists nested without end", true, () => Utf8("claims: " + deep)),
        ("inspected data", "columns that no other row has", false, () => Utf8(string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{{\"c{i}\":1}}\n")))),
        ("rank rows", "half a million short rows", false, () => Utf8(string.Concat(Enumerable.Repeat("{\"prompt\":\"a\",\"candidates\":[\"b\",\"c\"]}\n", 500_000)))),
        ("mt-bench", "a hundred thousand questions", false, () => Utf8(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"{{\"question_id\":{i},\"category\":\"w\",\"turns\":[\"a\",\"b\"]}}\n")))),
        ("mt-bench answers", "a hundred thousand answers", false, () => Utf8(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"{{\"question_id\":{i},\"model_id\":\"m\",\"choices\":[{{\"turns\":[\"a\",\"b\"]}}]}}\n")))),
        ("tokenizer config", "a hundred thousand added tokens", false, () => Utf8("{\"added_tokens_decoder\":{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{1000 + i}\":{{\"content\":\"<t{i}>\"}}")) + "}}")),
        ("tokenizer config", "added tokens that are a list", true, () => Utf8("""{"added_tokens_decoder":[]}""")),
        ("added tokens", "a hundred thousand", false, () => Utf8("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"<t{i}>\":{1000 + i}")) + "}")),
        ("safetensors", "a header of 100,000 tensors", false, () => Header("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}")),
        ("safetensors", "a tensor of a million dimensions", true, () => Header("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + string.Join(',', Enumerable.Repeat("1", 1_000_000)) + "],\"data_offsets\":[0,8]}}")),
        ("safetensors", "a header nested without end", true, () => Header("{\"a\":" + deep)),
        ("model config", "two thousand million layers", true, () => Config("num_hidden_layers", 2_000_000_000)),
        ("model config", "a width of two thousand million", true, () => Config("hidden_size", 2_000_000_000)),
        ("model config", "a vocabulary of two thousand million", true, () => Config("vocab_size", 2_000_000_000)),
        ("model config", "heads of a thousand million", true, () => Config("head_dim", 1_000_000_000)),
        ("model config", "two thousand million positions", false, () => Config("max_position_embeddings", 2_000_000_000)),
        ("adapter config", "a pattern that tries every way", true, () => Utf8("""{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":"(([a-z_.0-9])+)+!","base_model_name_or_path":"base"}""")),
        ("adapter config", "a rank of two thousand million", true, () => Utf8("""{"peft_type":"LORA","r":2000000000,"lora_alpha":4,"target_modules":"all-linear","base_model_name_or_path":"base"}""")),
        ("judge reply", "40 MB", true, () => Utf8("{\"choices\":[{\"message\":{\"content\":\"" + new string('a', 40 * Mega) + "\"}}]}")),
        ("judge reply", "lists nested without end", true, () => Utf8("{\"choices\":" + deep)),
        ("metrics", "a line of 100 MB", true, () => Utf8($$"""{"step":1,"text":"{{new string('a', 100 * Mega)}}"}""" + "\n")),
        ("run file", "lists nested without end", true, () => Utf8("{\"recipe\":" + deep)),
        .. Templates().Select(template => ("chat template", template.What, template.Refused, (Func<byte[]>)(() => Utf8(template.Text)))),
    ];

    private static IEnumerable<(string What, bool Refused, string Text)> Templates()
    {
        const string hundred = "range(100000)";
        yield return ("loops in loops", true, $"{{% for i in {hundred} %}}{{% for j in {hundred} %}}{{% for k in {hundred} %}}{{% endfor %}}{{% endfor %}}{{% endfor %}}");
        yield return ("loops that print", true, $"{{% for i in {hundred} %}}{{% for j in {hundred} %}}0123456789{{% endfor %}}{{% endfor %}}");
        yield return ("a text that doubles", true, "{% set n = namespace(x='ab') %}{% for i in range(100) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}");
        yield return ("a list that doubles", true, "{% set n = namespace(x=[1]) %}{% for i in range(100) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x | length }}");
        yield return ("a list of itself twice, printed", true, "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}");
        yield return ("a list of itself twice, as JSON", true, "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}");
        yield return ("two lists of themselves twice, compared", true, "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}");
        yield return ("a list nested in a loop, printed", true, "{% set n = namespace(x=[]) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}");
        yield return ("a list nested in a loop, compared", true, "{% set n = namespace(x=[], y=[]) %}{% for i in range(100000) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}{% endfor %}{{ n.x == n.y }}");
        yield return ("a separator of a megabyte", true, $"{{% set s = 'a' * 900000 %}}{{{{ {hundred} | map('string') | join(s) }}}}");
        yield return ("letters that become megabytes", true, "{% set s = 'a' * 900000 %}{{ s | replace('a', s) }}");
        yield return ("JSON with wide margins", true, $"{{{{ {hundred} | list | tojson(indent=1000) }}}}");
        yield return ("lines with wide margins", true, "{{ ('\n' * 900000) | indent('a' * 900000) }}");
        yield return ("a sum without end", true, "{{ 0" + Many("+1") + " }}");
        yield return ("texts joined without end", true, "{{ ''" + Many("~''") + " }}");
        yield return ("filters without end", true, "{{ ''" + Many("|trim") + " }}");
        yield return ("members without end", true, "{{ a" + Many(".a") + " }}");
        yield return ("conditions without end", true, "{{ 1" + Many(" if 1") + " }}");
        yield return ("parentheses without end", true, "{{ " + Many("("));
        yield return ("signs without end", true, "{{ " + Many("-") + "1 }}");
        yield return ("blocks without end", true, Many("{% if true %}"));
        yield return ("texts side by side", false, "{{ " + Many("'a' ") + " }}");
        yield return ("a macro that calls itself", true, "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
        yield return ("a macro that calls itself twice", true, "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}");
        yield return ("a million messages' worth of text", true, "{% for i in range(100000) %}{% for m in messages %}{{ m.content * 1000 }}{% endfor %}{% endfor %}");
    }

    public static IEnumerable<object[]> Names() => all.Select(giant => (object[])[giant.Reader, giant.What]);

    [Theory]
    [MemberData(nameof(Names))]
    public void a_giant_is_read_or_refused_within_the_limits(string reader, string what)
    {
        using var readers = new HostileReaders();
        var giant = all.Single(one => one.Reader == reader && one.What == what);
        using var run = new HostileRun(readers.All.Single(one => one.Name == reader));
        var bytes = giant.Make();
        var outcome = run.Written(bytes);
        output.WriteLine(FormattableString.Invariant($"{reader}, {what} | {bytes.Length >> 10} KB | {outcome.Seconds:0.00} s | {outcome.Bytes >> 20} MB"));
        Assert.Null(outcome.Fault);
        if (reader != "chat template" || !what.EndsWith("without end", StringComparison.Ordinal)) // how deep the stack goes depends on what has been optimised by then
        {
            Assert.Equal(giant.Refused, outcome.Refused);
        }
    }

    [SkippableTheory]
    [InlineData("tokenizer json", "a million merges")]
    [InlineData("pairs jsonl", "a million short rows")]
    [InlineData("pairs list", "a million short rows")]
    [InlineData("pairs csv", "a million short rows")]
    [InlineData("rank rows", "half a million short rows")]
    public void a_fresh_process_holds_a_giant_in_twice_its_size_and_200_megabytes(string reader, string what)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "memory is read from /proc");
        using var folder = new TempFolder();
        using var readers = new HostileReaders();
        var file = folder.File(readers.All.Single(one => one.Name == reader).File);
        var bytes = all.Single(one => one.Reader == reader && one.What == what).Make();
        File.WriteAllBytes(file, bytes);

        var taken = MemoryProbe.Run("reader", reader, file).Single() << 10;

        output.WriteLine($"{reader}, {what} | {bytes.Length >> 20} MB | {taken >> 20} MB");
        Assert.InRange(taken, 1, (2L * bytes.Length) + (200 * Mega));
    }

    private static string Many(string what) => string.Concat(Enumerable.Repeat(what, 100_000));

    private static string Rows(string before, string between, string after) =>
        before + string.Join(between, Enumerable.Repeat("""{"prompt":"a","chosen":"b","rejected":"c"}""", 1_000_000)) + after;

    private static string Many(string name, int count, string item) => $$"""{"type":"Sequence","{{name}}":[{{string.Join(',', Enumerable.Repeat(item, count))}}]}""";

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Tokenizer(string section, string json)
    {
        var file = JsonNode.Parse(File.ReadAllText(Golden.Path("tokenizers", "hf-tokenizer-json", "byte-level-gpt2-style", "tokenizer.json")))!.AsObject();
        file[section] = JsonNode.Parse(json);
        return Utf8(file.ToJsonString());
    }

    // Merges of two letters each, and of two and one: a million of 100 letters.
    private static byte[] Merges(int count)
    {
        var letters = Enumerable.Range(0, count).Select(i => (char)(0x100 + i)).ToArray();
        var (vocabulary, merges) = (new StringBuilder(), new StringBuilder());
        var id = 0;
        foreach (var letter in letters)
        {
            vocabulary.Append($"\"{letter}\":{id++},");
        }
        foreach (var pair in letters.SelectMany(a => letters.Select(b => (Left: $"{a}", Right: $"{b}"))).ToArray())
        {
            vocabulary.Append($"\"{pair.Left}{pair.Right}\":{id++},");
            merges.Append($"\"{pair.Left} {pair.Right}\",");
            foreach (var letter in letters)
            {
                vocabulary.Append($"\"{pair.Left}{pair.Right}{letter}\":{id++},");
                merges.Append($"\"{pair.Left}{pair.Right} {letter}\",");
            }
        }
        return Utf8($"{{\"version\":\"1.0\",\"added_tokens\":[],\"model\":{{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"vocab\":{{{vocabulary}\"<unk>\":{id}}},\"merges\":[{merges.ToString(0, merges.Length - 1)}]}}}}");
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        var bytes = new MemoryStream();
        var output = new CodedOutputStream(bytes);
        write(output);
        output.Flush();
        return bytes.ToArray();
    }

    private static void Field(CodedOutputStream output, int number, byte[] value)
    {
        output.WriteTag(number, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
    }

    // A BPE model.
    private static byte[] Pieces(params (string Text, int Kind)[] pieces) => Message(model =>
    {
        foreach (var (text, kind) in pieces)
        {
            Field(model, 1, Message(piece =>
            {
                Field(piece, 1, Utf8(text));
                piece.WriteTag(3, WireFormat.WireType.Varint);
                piece.WriteInt32(kind);
            }));
        }
        Field(model, 2, Message(trainer =>
        {
            trainer.WriteTag(3, WireFormat.WireType.Varint);
            trainer.WriteInt32(2);
        }));
    });

    private static byte[] Mapped(IEnumerable<uint> units, string texts)
    {
        var trie = units.SelectMany(BitConverter.GetBytes).ToArray();
        byte[] map = [.. BitConverter.GetBytes(trie.Length), .. trie, .. Utf8(texts)];
        return [.. Pieces(("<unk>", 2), ("a", 1), ("b", 1)), .. Message(model => Field(model, 3, Message(normalizer => Field(normalizer, 2, map))))];
    }

    private static byte[] Header(string json) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(json)), .. Utf8(json)];

    private static byte[] Config(string field, int value)
    {
        var json = JsonNode.Parse(File.ReadAllText(Golden.Path("hf-models", "llama-gqa-untied", HfConfig.FileName)))!.AsObject();
        json[field] = value;
        return Utf8(json.ToJsonString());
    }

    private static string Laughs(string before, string after) =>
        before + "a: &a [lol]\n" + string.Concat(Enumerable.Range(1, 8).Select(k => $"{(char)('a' + k)}: &{(char)('a' + k)} [{string.Join(", ", Enumerable.Repeat($"*{(char)('a' + k - 1)}", 10))}]\n")) + after;

    private static byte[] Zip(int megabytes)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var zeros = new byte[Mega];
            for (var i = 0; i < megabytes; i++)
            {
                gzip.Write(zeros);
            }
        }
        return packed.ToArray();
    }
}
