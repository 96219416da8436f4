using System.Text.Json;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>Ids, pieces and texts of the reference programs, case by case.</summary>
public class GoldenTokenizerTests
{
    [Fact]
    public void byte_level_gpt2_gives_the_reference_ids_and_texts()
    {
        var tokenizer = Load("byte-level-gpt2-style");
        var cases = Cases("byte-level-gpt2-style", "cases");
        Assert.Equal(84, cases.Length);
        foreach (var c in cases)
        {
            var ids = tokenizer.Encode(Text(c), addSpecialTokens: true);
            Assert.Equal(Ids(c, "ids"), ids);
            Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
        }
        Assert.Equal(421, tokenizer.VocabularySize);
        Assert.Equal(420, tokenizer.EosId);
        Assert.False(tokenizer.AddsBos);
    }

    [Fact]
    public void byte_level_llama3_gives_the_reference_ids_with_and_without_bos()
    {
        var tokenizer = Load("byte-level-llama3-style");
        var cases = Cases("byte-level-llama3-style", "cases");
        Assert.Equal(86, cases.Length);
        foreach (var c in cases)
        {
            Assert.Equal(Ids(c, "ids_without_special"), tokenizer.Encode(Text(c)));
            Assert.Equal(Ids(c, "ids_with_bos"), tokenizer.Encode(Text(c), addSpecialTokens: true));
            Assert.Equal(Text(c), tokenizer.Decode(tokenizer.Encode(Text(c)), skipSpecialTokens: false));
        }
        Assert.Equal(470, tokenizer.BosId);
        Assert.Equal(471, tokenizer.EosId);
        Assert.Equal(475, tokenizer.VocabularySize);
        Assert.True(tokenizer.AddsBos);
    }

    [Fact]
    public void llama2_style_json_gives_the_reference_ids_with_and_without_bos()
    {
        var tokenizer = Load("sentencepiece-llama2-style");
        var cases = Cases("sentencepiece-llama2-style", "cases");
        Assert.Equal(79, cases.Length);
        foreach (var c in cases)
        {
            Assert.Equal(Ids(c, "ids_without_special"), tokenizer.Encode(Text(c), parseSpecialTokens: false));
            Assert.Equal(Ids(c, "ids_with_bos"), tokenizer.Encode(Text(c), addSpecialTokens: true, parseSpecialTokens: false));
            // The mark for spaces cannot be told from a space afterwards; everything else comes back.
            Assert.Equal(Text(c).Replace('\u2581', ' '), tokenizer.Decode(Ids(c, "ids_with_bos")));
        }
        Assert.Equal((1, 2, 0), (tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId));
        Assert.True(tokenizer.AddsBos);
    }

    [Fact]
    public void llama2_style_json_treats_special_tokens_in_a_text_as_the_legacy_class_does()
    {
        var tokenizer = Load("sentencepiece-llama2-style");
        foreach (var c in Cases("sentencepiece-llama2-style", "special_token_cases_of_LlamaTokenizer_python"))
        {
            Assert.Equal(Ids(c, "ids_slow_legacy_true"), tokenizer.Encode(Text(c)));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void a_sentencepiece_file_treats_special_tokens_as_its_legacy_flag_says(bool legacy)
    {
        using var folder = new TempFolder();
        File.Copy(Golden.Path("tokenizers", "sentencepiece", "bpe-llama-like.model"), folder.File("tokenizer.model"));
        File.WriteAllText(folder.File("tokenizer_config.json"),
            $$"""{"tokenizer_class": "LlamaTokenizer", "legacy": {{(legacy ? "true" : "false")}}}""");
        var tokenizer = Tokenizer.Load(folder.Root);
        foreach (var c in Cases("sentencepiece-llama2-style", "special_token_cases_of_LlamaTokenizer_python"))
        {
            Assert.Equal(Ids(c, legacy ? "ids_slow_legacy_true" : "ids_slow_legacy_false"), tokenizer.Encode(Text(c)));
        }
        foreach (var c in Cases("sentencepiece-llama2-style", "cases"))
        {
            Assert.Equal(Ids(c, "ids_with_bos"), tokenizer.Encode(Text(c), addSpecialTokens: true, parseSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("bpe-llama-like")]
    [InlineData("bpe-plain")]
    [InlineData("unigram-bytefallback")]
    [InlineData("unigram-deberta-like")]
    [InlineData("unigram-default")]
    [InlineData("unigram-user-defined")]
    public void a_sentencepiece_model_gives_the_reference_ids_pieces_and_texts(string name)
    {
        var tokenizer = SentencePieceTokenizer.Load(Golden.Path("tokenizers", "sentencepiece", name + ".model"));
        var expected = Golden.Json("tokenizers", "sentencepiece", name + ".expected.json");
        foreach (var entry in expected.GetProperty("vocab").EnumerateArray())
        {
            Assert.Equal(entry.GetProperty("piece").GetString(), tokenizer.TokenOf(entry.GetProperty("id").GetInt32()));
        }
        Assert.Equal(expected.GetProperty("vocab").GetArrayLength(), tokenizer.VocabularySize);
        Assert.Equal(101, expected.GetProperty("cases").GetArrayLength());
        foreach (var c in expected.GetProperty("cases").EnumerateArray())
        {
            var ids = Ids(c, "ids");
            Assert.Equal(ids, tokenizer.Encode(Text(c), parseSpecialTokens: false));
            Assert.Equal(c.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString()!), tokenizer.EncodePieces(Text(c)).Select(piece => piece.Piece));
            Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecialTokens: false));
        }
    }

    internal static int[] Ids(JsonElement c, string name) => [.. c.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    internal static string Text(JsonElement c) => c.GetProperty("text").GetString()!;

    internal static JsonElement[] Cases(string folder, string name) =>
        [.. Golden.Json("tokenizers", "hf-tokenizer-json", folder, "expected.json").GetProperty(name).EnumerateArray()];

    internal static Tokenizer Load(string folder) => Tokenizer.Load(Golden.Path("tokenizers", "hf-tokenizer-json", folder));
}
