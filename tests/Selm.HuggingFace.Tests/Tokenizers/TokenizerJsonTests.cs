using Google.Protobuf;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>Parts of tokenizer.json that the golden files do not use, on vocabularies small enough to check by hand.</summary>
public class TokenizerJsonTests
{
    private const string Vocabulary = """{"a": 0, "b": 1, "ab": 2, "▁": 3, "▁a": 4, "<s>": 5, "</s>": 6, "<unk>": 7, "c": 8, "X": 9}""";
    private const string Merges = """["a b", "▁ a"]""";

    [Theory]
    [InlineData("always", new[] { 4, 4, 9, 4 })]
    [InlineData("first", new[] { 4, 4, 9, 0 })]
    [InlineData("never", new[] { 0, 4, 9, 0 })]
    public void metaspace_marks_word_starts_as_its_scheme_says(string scheme, int[] expected)
    {
        var pre = $$"""{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "{{scheme}}", "split": true}""";
        Assert.Equal(expected, Load($"\"pre_tokenizer\": {pre}, \"decoder\": {pre}, \"added_tokens\": [{Added(9, "X")}]").Encode("a aXa"));
    }

    [Theory]
    [InlineData(true, new[] { 4, 4 }, "a a")]
    [InlineData(false, new[] { 0, 4 }, "a a")]
    public void an_older_metaspace_says_it_with_add_prefix_space(bool adds, int[] expected, string text)
    {
        var pre = $$"""{"type": "Metaspace", "replacement": "▁", "add_prefix_space": {{(adds ? "true" : "false")}}}""";
        var tokenizer = Load($"\"pre_tokenizer\": {pre}, \"decoder\": {pre}");
        Assert.Equal(expected, tokenizer.Encode(text));
        Assert.Equal(text, tokenizer.Decode(expected));
    }

    [Fact]
    public void flags_of_added_tokens_take_spaces_and_respect_words()
    {
        var tokenizer = Load($"\"added_tokens\": [{Added(9, "X", lstrip: true, rstrip: true)}, {Added(8, "c", singleWord: true)}]");
        Assert.Equal([0, 9, 1], tokenizer.Encode("a  X \n b"));
        Assert.Equal([0, 8, 1], tokenizer.Encode("acb"));
        Assert.Equal([8], tokenizer.Encode("c"));
        Assert.Equal([0, 9], tokenizer.Encode("aX"));
        Assert.True(tokenizer.Decode([0, 8]) == "a", "single_word tokens are special here and skipped");
    }

    [Fact]
    public void special_tokens_in_a_text_are_text_when_they_shall_not_be_parsed()
    {
        var tokenizer = Load($"\"added_tokens\": [{Added(9, "ab")}]");
        Assert.Equal([9, 8], tokenizer.Encode("abc"));
        Assert.Equal([2, 8], tokenizer.Encode("abc", parseSpecialTokens: false));
    }

    [Fact]
    public void a_normalized_added_token_is_found_in_the_normalized_text()
    {
        var tokenizer = Load($$"""
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip"}, {"type": "Lowercase"}, {"type": "Replace", "pattern": {"Regex": "b+"}, "content": "b"}]},
            "added_tokens": [{{Added(9, "BB", normalized: true)}}]
            """);
        Assert.Equal([0, 9, 8], tokenizer.Encode("  AbbbbC "));
    }

    [Theory]
    [InlineData("Isolated", false, new[] { "a", "-", "b", "-", "-", "c" })]
    [InlineData("Removed", false, new[] { "a", "b", "c" })]
    [InlineData("Removed", true, new[] { "-", "-", "-" })]
    [InlineData("MergedWithPrevious", false, new[] { "a-", "b-", "-", "c" })]
    [InlineData("MergedWithNext", false, new[] { "a", "-b", "-", "-c" })]
    [InlineData("Contiguous", false, new[] { "a", "-", "b", "--", "c" })]
    public void a_split_keeps_its_matches_as_its_behavior_says(string behavior, bool invert, string[] expected) =>
        Assert.Equal(expected, new SplitPattern("-", "test").Split("a-b--c", Enum.Parse<SplitBehavior>(behavior), invert));

    [Fact]
    public void a_split_pattern_sees_code_points_not_halves()
    {
        var pattern = new SplitPattern(ByteLevel.Gpt2Pattern, "test");
        Assert.Equal(["𝐀𝐛", " 𝟙𝟚", " 🙂", "x"], pattern.Split("𝐀𝐛 𝟙𝟚 🙂x"));
        Assert.Equal(["x", "'ſ", "y"], new SplitPattern("(?i:'s)|\\p{L}+", "test").Split("x'ſy"));
    }

    [Fact]
    public void ignore_merges_takes_a_whole_word_that_no_merge_reaches()
    {
        const string Model = """{"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1, "c": 2, "abc": 3}, "merges": []}""";
        Assert.Equal([3], LoadModel(Model).Encode("abc"));
        Assert.Equal([0, 1, 2], LoadModel(Model.Replace("true", "false", StringComparison.Ordinal)).Encode("abc"));
    }

    [Theory]
    [InlineData("""{"unk_token": "<unk>", "fuse_unk": true, """, new[] { 0, 7, 1 })]
    [InlineData("""{"unk_token": "<unk>", """, new[] { 0, 7, 7, 1 })]
    // Dropped characters leave no gap: a and b become neighbours and merge.
    [InlineData("{", new[] { 2 })]
    public void unknown_characters_are_fused_kept_or_dropped_as_the_model_says(string start, int[] expected) =>
        Assert.Equal(expected, LoadModel($"{start} \"type\": \"BPE\", \"vocab\": {Vocabulary}, \"merges\": {Merges}}}").Encode("a日本b"));

    [Theory]
    [InlineData("<unk>")]
    [InlineData("not there")]
    public void a_word_level_model_knows_whole_words_or_none(string unk)
    {
        var tokenizer = LoadModel(
            $$"""{"type": "WordLevel", "unk_token": "{{unk}}", "vocab": {"the": 0, "cat": 1, "<unk>": 2} }""", "\"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, ");
        Assert.Equal([0, 1, 0], tokenizer.Encode(" the \n cat\u00a0the "));
        Assert.Equal("the cat the", tokenizer.Decode([0, 1, 0]));
        if (unk == "<unk>")
        {
            Assert.Equal([0, 2, 2], tokenizer.Encode("the catthe The"));
        }
        else
        {
            Assert.Contains("'catthe' is not one of its 3 words", Assert.Throws<InputException>(() => tokenizer.Encode("the catthe")).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("byte-level-llama3-style")]
    [InlineData("sentencepiece-llama2-style")]
    public void a_word_of_fifty_thousand_letters_takes_well_under_a_second(string name)
    {
        var tokenizer = GoldenTokenizerTests.Load(name);
        foreach (var text in (string[])[new string('a', 50_000), new string(' ', 50_000), string.Concat(Enumerable.Repeat("therefore", 5_500))])
        {
            var watch = System.Diagnostics.Stopwatch.StartNew();
            var ids = tokenizer.Encode(text);
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"{watch.Elapsed}");
            Assert.Equal(text, tokenizer.Decode(ids));
        }
    }

    [Fact]
    public void newer_merge_lists_of_pairs_are_read()
    {
        Assert.Equal([2], LoadModel($$"""{"type": "BPE", "vocab": {{Vocabulary}}, "merges": [["a", "b"]]}""").Encode("ab"));
    }

    [Fact]
    public void unigram_takes_the_likeliest_cut_and_fuses_unknown_characters()
    {
        const string Model = """{"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["▁", -2], ["a", -3], ["b", -3], ["▁ab", -7.5], ["▁a", -4], ["ba", -9]]}""";
        const string Metaspace = """{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}""";
        var tokenizer = LoadModel(Model, $"\"pre_tokenizer\": {Metaspace}, \"decoder\": {Metaspace}, ");
        Assert.Equal([5, 3], tokenizer.Encode("ab"));
        Assert.Equal([5, 3, 2], tokenizer.Encode("aba"));
        Assert.Equal([5, 0, 3], tokenizer.Encode("a日本b"));
        Assert.Equal("ab a", tokenizer.Decode([5, 3, 5]));
    }

    [Fact]
    public void a_unigram_json_agrees_with_its_sentencepiece_model()
    {
        var path = Golden.Path("tokenizers", "sentencepiece", "unigram-default.model");
        var model = SentencePieceFile.Read(path);
        var pieces = string.Join(", ", model.Pieces.Select(piece => System.Text.Json.JsonSerializer.Serialize(new object[] { piece.Text, piece.Score })));
        var tokenizer = LoadModel(
            $$"""{"type": "Unigram", "unk_id": 0, "vocab": [{{pieces}}]}""",
            $$"""
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "{{CharacterMapOf(path)}}"}, {"type": "Strip"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
            """);
        var reference = SentencePieceTokenizer.Load(path);
        foreach (var text in (string[])["Hello world", "ﬁne ﬂuﬀ ½", "  two   spaces ", "Ｆｕｌｌ", "e\u0301", "你好，世界", "tab\tand\nnewline"])
        {
            Assert.Equal(reference.Encode(text), tokenizer.Encode(text));
        }
    }

    [Theory]
    [InlineData("""{}""", true)]
    [InlineData("""{"tokenizer_class": "LlamaTokenizerFast"}""", true)]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "add_bos_token": false}""", false)]
    [InlineData("""{"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": false}""", true)]
    public void bos_is_added_as_the_class_of_the_settings_would(string config, bool adds)
    {
        using var folder = new TempFolder();
        File.Copy(Golden.Path("tokenizers", "hf-tokenizer-json", "sentencepiece-llama2-style", "tokenizer.json"), folder.File("tokenizer.json"));
        folder.Write("tokenizer_config.json", config);
        var tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal(adds, tokenizer.AddsBos);
        Assert.Equal(adds ? 1 : 0, tokenizer.Encode("", addSpecialTokens: true).Length);
    }

    [Fact]
    public void settings_beside_the_file_give_roles_tokens_templates_and_count_for_the_hash()
    {
        using var folder = new TempFolder();
        File.Copy(Golden.Path("tokenizers", "hf-tokenizer-json", "byte-level-llama3-style", "tokenizer.json"), folder.File("tokenizer.json"));
        var bare = Tokenizer.Load(folder.Root);
        Assert.Null(bare.ChatTemplateSource);
        Assert.Contains("has no chat template", Assert.Throws<InputException>(() => bare.ChatTemplate()).Message, StringComparison.Ordinal);
        Assert.StartsWith("<|begin_of_text|><|start_header_id|>", bare.ChatTemplate("llama3").Render([new("user", "Hi")], false), StringComparison.Ordinal);
        folder.Write("tokenizer_config.json", """
            {"eos_token": "<|eot_id|>", "pad_token": {"content": "<|pad|>"}, "chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "{{ eos_token }}"}],
             "added_tokens_decoder": {"475": {"content": "<|pad|>", "special": true}}}
            """);
        var tokenizer = Tokenizer.Load(folder.Root);
        Assert.Equal((474, 475, 470), (tokenizer.EosId, tokenizer.PadId, tokenizer.BosId));
        Assert.Equal([475], tokenizer.Encode("<|pad|>"));
        Assert.Equal("<|eot_id|>", tokenizer.ChatTemplate().Render([], false));
        Assert.NotEqual(bare.ContentHash, tokenizer.ContentHash);
        folder.Write("chat_template.jinja", "from the file");
        Assert.Equal("from the file", Tokenizer.Load(folder.Root).ChatTemplateSource);
    }

    private static string CharacterMapOf(string path)
    {
        var normalizer = Field(new CodedInputStream(File.ReadAllBytes(path)), 3);
        return Field(normalizer.CreateCodedInput(), 2).ToBase64();

        static ByteString Field(CodedInputStream input, int number)
        {
            while (input.ReadTag() is var tag and not 0)
            {
                if (WireFormat.GetTagFieldNumber(tag) == number)
                {
                    return input.ReadBytes();
                }
                input.SkipLastField();
            }
            throw new InvalidDataException($"no field {number}");
        }
    }

    private static string Added(int id, string content, bool singleWord = false, bool lstrip = false, bool rstrip = false, bool normalized = false) =>
        System.Text.Json.JsonSerializer.Serialize(new { id, content, single_word = singleWord, lstrip, rstrip, normalized, special = true });

    private static Tokenizer Load(string sections) =>
        LoadModel($$"""{"type": "BPE", "unk_token": "<unk>", "vocab": {{Vocabulary}}, "merges": {{Merges}}}""", sections + ", ");

    private static Tokenizer LoadModel(string model, string sections = "")
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", $$"""{ {{sections}} "model": {{model}} }""");
        return Tokenizer.Load(folder.Root);
    }
}
