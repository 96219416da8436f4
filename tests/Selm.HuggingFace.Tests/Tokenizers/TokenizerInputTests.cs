using System.Text;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>What is wrong with a file is said in one sentence that names it.</summary>
public class TokenizerInputTests
{
    private const string Vocabulary = """{"a": 0, "b": 1, "ab": 2, "▁": 3, "▁ab": 4, "<s>": 5, "</s>": 6, "<unk>": 7}""";

    [Fact]
    public void a_missing_tokenizer_is_refused_with_the_cure()
    {
        using var folder = new TempFolder();
        Assert.Contains("has no tokenizer: copy tokenizer.json", Refusal(folder.Root), StringComparison.Ordinal);
        Assert.Contains("no such file or folder", Refusal(folder.File("nowhere")), StringComparison.Ordinal);
        folder.Write("a.model", "");
        folder.Write("b.model", "");
        Assert.Contains("2 .model files", Refusal(folder.Root), StringComparison.Ordinal);
        Assert.Contains("is no tokenizer", Refusal(folder.Write("vocab.txt", "a")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "not valid JSON (line 1)")]
    [InlineData("{\n\"model\": {", "not valid JSON (line 2)")]
    [InlineData("[]", "a JSON object")]
    [InlineData("{}", "'model' is missing")]
    [InlineData("""{"model": {"type": "WordPiece", "vocab": {}}}""", "the tokenizer model 'WordPiece'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": "x"}, "merges": []}}""", "a table of whole numbers")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 2000000000}, "merges": []}}""", "impossible id 2000000000")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}""", "impossible id -1")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}""", "'model.merges[0]' is not a merge")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 3]]}}""", "'model.merges[0]' is not a merge")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "byte_fallback": true}}""", "lacks <0x00>")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"}}""", "end_of_word_suffix '</w>'")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [["a"]]}}""", "'model.vocab[0]' is not a piece and its score")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": []}}""", "Unigram model with a vocabulary")]
    public void a_broken_tokenizer_json_is_refused_with_the_place(string json, string message)
    {
        using var folder = new TempFolder();
        var path = folder.Write("tokenizer.json", json);
        Assert.StartsWith(path, Refusal(folder.Root), StringComparison.Ordinal);
        Assert.Contains(message, Refusal(folder.Root), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("normalizer", """{"type": "NFKD"}""", "the normalizer 'NFKD'")]
    [InlineData("normalizer", """{"type": "Sequence", "normalizers": [{"type": "Nmt"}]}""", "'normalizer.normalizers[0]'")]
    [InlineData("normalizer", """{"type": "Precompiled", "precompiled_charsmap": "%"}""", "a base64 map")]
    [InlineData("normalizer", """{"type": "Precompiled", "precompiled_charsmap": "/////w=="}""", "normalisation map is cut off")]
    [InlineData("pre_tokenizer", """{"type": "BertPreTokenizer"}""", "the pre-tokenizer 'BertPreTokenizer'")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "\\p{Han}"}, "behavior": "Isolated"}""", "the split pattern '\\p{Han}'")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"String": " "}, "behavior": "Sideways"}""", "the split behavior 'Sideways'")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace", "prepend_scheme": "sometimes"}""", "prepend_scheme 'sometimes'")]
    [InlineData("post_processor", """{"type": "Magic"}""", "the post-processor 'Magic'")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<x>", "type_id": 0}}]}""", "uses '<x>'")]
    [InlineData("decoder", """{"type": "CTC"}""", "the decoder 'CTC'")]
    [InlineData("added_tokens", """[{"id": "x", "content": "y"}]""", "'added_tokens[0].id'")]
    public void an_unsupported_part_is_refused_by_name(string section, string json, string message)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", $$"""{"{{section}}": {{json}}, "model": {"type": "BPE", "vocab": {{Vocabulary}}, "merges": ["a b"]} }""");
        Assert.Contains(message, Refusal(folder.Root), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bpe-llama-like")]
    [InlineData("unigram-default")]
    public void a_sentencepiece_model_cut_anywhere_is_refused_or_still_whole(string name)
    {
        var bytes = File.ReadAllBytes(Golden.Path("tokenizers", "sentencepiece", name + ".model"));
        using var folder = new TempFolder();
        var path = folder.File("tokenizer.model");
        for (var length = 0; length < bytes.Length; length += 1 + bytes.Length / 97)
        {
            File.WriteAllBytes(path, bytes[..length]);
            try
            {
                // A cut between two fields leaves a readable model with fewer settings, as protobuf has no end mark.
                Assert.NotNull(Tokenizer.Load(path).Encode("some text"));
            }
            catch (InputException error)
            {
                Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void a_file_of_another_kind_is_no_sentencepiece_model()
    {
        using var folder = new TempFolder();
        var pointer = folder.Write("tokenizer.model", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 499723\n");
        Assert.StartsWith(pointer, Refusal(pointer), StringComparison.Ordinal);
        folder.Write("tokenizer.model", "");
        Assert.Contains("no piece for unknown characters", Refusal(pointer), StringComparison.Ordinal);
        File.WriteAllBytes(pointer, [0x12, 2, 0x18, 4]); // trainer_spec { model_type: CHAR }
        Assert.Contains("type char", Refusal(pointer), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0A0A0A0141")] // a piece of ten bytes, of which three follow
    [InlineData("0AFFFFFFFF07")] // a piece of 2 GB
    [InlineData("0AFFFFFFFFFFFFFFFFFF01")] // a piece of -1 bytes
    [InlineData("0A030A0541")] // a text that is longer than its piece
    [InlineData("0A0515000080")] // a score of three bytes
    [InlineData("120418FFFFFF")] // a number that does not end within the message
    [InlineData("1218FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")] // a tag that never ends
    [InlineData("0803")] // a number where a piece belongs
    [InlineData("12051D00000000")] // a float where the type of the model belongs
    [InlineData("0000")] // field 0
    [InlineData("0F00")] // no wire type
    [InlineData("2C")] // the end of a group that did not begin
    public void hostile_bytes_are_no_complete_sentencepiece_model(string hexadecimal)
    {
        using var folder = new TempFolder();
        var path = folder.File("tokenizer.model");
        File.WriteAllBytes(path, Convert.FromHexString(hexadecimal));
        Assert.Equal($"{path} is not a complete SentencePiece model: it may be cut off or a pointer file, copy it again.", Refusal(path));
    }

    [Fact]
    public void groups_nested_a_million_deep_do_not_overflow_the_stack()
    {
        using var folder = new TempFolder();
        var path = folder.File("tokenizer.model");
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)0x2B, 1_000_000)]); // the beginning of a group in field 5
        Assert.Contains("is not a complete SentencePiece model", Refusal(path), StringComparison.Ordinal);
    }

    [Fact]
    public void random_bytes_never_crash_the_sentencepiece_reader()
    {
        using var folder = new TempFolder();
        var path = folder.File("tokenizer.model");
        var original = File.ReadAllBytes(Golden.Path("tokenizers", "sentencepiece", "bpe-llama-like.model"));
        for (var round = 0; round < 60; round++)
        {
            byte[] bytes = [.. original];
            for (var i = 0; i < 20; i++)
            {
                bytes[(round * 7919 + i * 104_729) % bytes.Length] ^= (byte)(1 + (round * 31 + i) % 255);
            }
            File.WriteAllBytes(path, bytes);
            try
            {
                _ = Tokenizer.Load(path).Encode("The river, 42 🙂");
            }
            catch (InputException error)
            {
                Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void another_familys_sentencepiece_model_is_refused_by_class()
    {
        using var folder = new TempFolder();
        File.Copy(Golden.Path("tokenizers", "sentencepiece", "unigram-default.model"), folder.File("tokenizer.model"));
        folder.Write("tokenizer_config.json", """{"tokenizer_class": "XLMRobertaTokenizer"}""");
        Assert.Contains("tokenizer class XLMRobertaTokenizer", Refusal(folder.Root), StringComparison.Ordinal);
    }

    [Fact]
    public void a_special_token_that_is_not_in_the_vocabulary_is_refused()
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", $$"""{"model": {"type": "BPE", "vocab": {{Vocabulary}}, "merges": ["a b"]} }""");
        folder.Write("tokenizer_config.json", """{"eos_token": {"content": "<|end|>"}}""");
        Assert.Contains("'<|end|>' as its eos_token", Refusal(folder.Root), StringComparison.Ordinal);
    }

    [Fact]
    public void an_id_outside_the_vocabulary_is_refused()
    {
        var tokenizer = GoldenTokenizerTests.Load("sentencepiece-llama2-style");
        Assert.Throws<InputException>(() => tokenizer.Decode([5, 600]));
        Assert.Throws<InputException>(() => tokenizer.TokenOf(-1));
        Assert.Null(tokenizer.IdOf("no such token"));
    }

    [Fact]
    public void a_lone_surrogate_counts_as_the_replacement_character()
    {
        var tokenizer = GoldenTokenizerTests.Load("byte-level-gpt2-style");
        Assert.Equal(tokenizer.Encode("a\uFFFDb"), tokenizer.Encode("a\uD83Db"));
        Assert.Equal(Encoding.UTF8.GetBytes("\uFFFD").Select(b => (int)b), tokenizer.Encode("\uDE00"));
    }

    private static string Refusal(string path)
    {
        var message = Assert.Throws<InputException>(() => Tokenizer.Load(path)).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }
}
