using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>Published vocabularies at full size; they stay outside the project.</summary>
public class TiktokenTests
{
    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("cl100k_base")]
    public void published_ranks_give_the_reference_ids(string name)
    {
        var tokenizer = Load(name);
        foreach (var c in Read(name + ".cases.json").GetProperty("cases").EnumerateArray())
        {
            Assert.Equal(GoldenTokenizerTests.Ids(c, "ids"), tokenizer.Encode(GoldenTokenizerTests.Text(c)));
            Assert.Equal(GoldenTokenizerTests.Text(c), tokenizer.Decode(GoldenTokenizerTests.Ids(c, "ids")));
        }
    }

    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("cl100k_base")]
    public void long_texts_give_the_reference_ids_in_well_under_a_second(string name)
    {
        var tokenizer = Load(name);
        var cases = Read(name + ".long_texts.json").GetProperty("cases").EnumerateArray().ToArray();
        string[] texts = [TurnsOfQuestions(), TurnsOfAnswers()];
        Assert.Equal(cases.Length, texts.Length);
        foreach (var (text, c) in texts.Zip(cases))
        {
            var watch = Stopwatch.StartNew();
            var ids = tokenizer.Encode(text);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"{text.Length} characters took {watch.Elapsed}");
            Assert.Equal(GoldenTokenizerTests.Ids(c, "ids"), ids);
        }
    }

    [SkippableFact]
    public void ordinary_text_of_llama_3_has_the_ids_of_its_published_ranks()
    {
        var tokenizer = Load("cl100k_base");
        var lines = File.ReadAllLines(Folder("approved.llama3_1.txt"));
        var compared = 0;
        for (var i = 0; i + 1 < lines.Length; i += 2)
        {
            if (!lines[i].Contains("<|", StringComparison.Ordinal))
            {
                Assert.Equal(lines[i + 1].Split(", ").Select(id => int.Parse(id, CultureInfo.InvariantCulture)), tokenizer.Encode(lines[i]));
                compared++;
            }
        }
        Assert.Equal(3, compared);
    }

    [Fact]
    public void a_small_rank_file_merges_by_rank_and_keeps_special_tokens_apart()
    {
        using var folder = new TempFolder();
        // a, b, c, space, bc, ab, abc in this order of ranks.
        File.WriteAllLines(folder.File("x.tiktoken"), ["YQ== 0", "Yg== 1", "Yw== 2", "IA== 3", "YmM= 4", "YWI= 5", "YWJj 6"]);
        var tokenizer = TiktokenFile.Load(folder.File("x.tiktoken"), ByteLevel.Gpt2Pattern, new Dictionary<string, int> { ["<|endoftext|>"] = 7 });
        Assert.Equal([6, 7, 5, 0, 3, 0], tokenizer.Encode("abc<|endoftext|>aba a"));
        Assert.Equal("abcaba a", tokenizer.Decode([6, 7, 5, 0, 3, 0]));
    }

    [Fact]
    public void a_broken_rank_file_is_refused_with_its_line()
    {
        using var folder = new TempFolder();
        File.WriteAllLines(folder.File("x.tiktoken"), ["YQ== 0", "Yg=="]);
        var error = Assert.Throws<InputException>(() => TiktokenFile.Load(folder.File("x.tiktoken"), ByteLevel.Gpt2Pattern, new Dictionary<string, int>()));
        Assert.Contains("line 2", error.Message, StringComparison.Ordinal);
    }

    private static Tokenizer Load(string name)
    {
        var pattern = Read(name + ".cases.json").GetProperty("equivalent_published_pattern").GetString()!;
        return TiktokenFile.Load(Folder(name + ".tiktoken"), pattern, new Dictionary<string, int>());
    }

    private static string TurnsOfQuestions() => string.Join("\n\n",
        Lines("mt_bench_questions.jsonl").Select(line => string.Join('\n', line.GetProperty("turns").EnumerateArray().Select(turn => turn.GetString()))));

    private static string TurnsOfAnswers() => string.Join('\n',
        Lines("mt_bench_reference_gpt4.jsonl").SelectMany(line => line.GetProperty("choices").EnumerateArray())
            .SelectMany(choice => choice.GetProperty("turns").EnumerateArray()).Select(turn => turn.GetString()));

    private static IEnumerable<JsonElement> Lines(string name)
    {
        var path = Golden.Outside("benchmark-samples", name);
        Skip.If(path is null, "benchmark-samples is not there");
        return File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement);
    }

    private static JsonElement Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Folder(name))).RootElement;

    private static string Folder(string name)
    {
        var folder = Golden.Outside("tokenizers", "tiktoken");
        Skip.If(folder is null, "the tiktoken fixtures are not there");
        return Path.Combine(folder, name);
    }
}
