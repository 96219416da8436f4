using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

/// <summary>What must hold for every text and every sequence of ids.</summary>
public class TokenizerProperties
{
    private static readonly string[] s_snippets =
        [" ", "  ", "\n", "\r\n", "\t", "don't", " the", "▁", "<s>", "</s>", "<|eot_id|>", "é", "e\u0301", "日本", "🙂", "👍🏽", "𝐀𝐛", "१२३", "𝟙", "0x41", "\u00A0", "\u200B", "\0", "ſ", "'S"];

    [Fact]
    public void byte_level_tokenizers_give_every_text_back()
    {
        using var folder = new TempFolder();
        DemoTokenizer.Write(folder.Root);
        Tokenizer[] tokenizers =
        [
            Tokenizer.Load(folder.Root),
            GoldenTokenizerTests.Load("byte-level-gpt2-style"),
            GoldenTokenizerTests.Load("byte-level-llama3-style"),
        ];
        Prop.ForAll(Texts(), text => tokenizers.All(tokenizer =>
            tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: true), skipSpecialTokens: false) == text
            && tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: false)) == text)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void llama_style_tokenizers_give_texts_back_up_to_the_space_mark()
    {
        var json = GoldenTokenizerTests.Load("sentencepiece-llama2-style");
        var model = SentencePieceTokenizer.Load(Golden.Path("tokenizers", "sentencepiece", "bpe-llama-like.model"));
        Prop.ForAll(Texts(), text =>
        {
            var ids = json.Encode(text, parseSpecialTokens: false);
            return json.Decode(ids) == text.Replace('▁', ' ')
                && ids.SequenceEqual(model.Encode(text, parseSpecialTokens: false))
                && model.Decode(ids) == text.Replace('▁', ' ');
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("byte-level-gpt2-style")]
    [InlineData("byte-level-llama3-style")]
    [InlineData("sentencepiece-llama2-style")]
    public void streamed_pieces_joined_are_the_decoded_text_of_any_ids(string name) => StreamsLikeDecode(GoldenTokenizerTests.Load(name));

    [Theory]
    [InlineData("bpe-llama-like")]
    [InlineData("unigram-bytefallback")]
    [InlineData("unigram-deberta-like")]
    [InlineData("unigram-user-defined")]
    public void streamed_pieces_of_sentencepiece_ids_joined_are_the_decoded_text(string name) =>
        StreamsLikeDecode(SentencePieceTokenizer.Load(Golden.Path("tokenizers", "sentencepiece", name + ".model")));

    [Theory]
    [InlineData("byte-level-llama3-style")]
    [InlineData("sentencepiece-llama2-style")]
    public void streamed_pieces_never_end_inside_a_character(string name)
    {
        var tokenizer = GoldenTokenizerTests.Load(name);
        Prop.ForAll(Texts(), text =>
        {
            var stream = new StreamingDecoder(tokenizer);
            return tokenizer.Encode(text, parseSpecialTokens: false).Select(stream.Push).All(IsWhole) && IsWhole(stream.Flush());
        }).QuickCheckThrowOnFailure();

        static bool IsWhole(string piece) =>
            !piece.Contains('\uFFFD', StringComparison.Ordinal) && CodePoints.WellFormed(piece) == piece;
    }

    [Fact]
    public void merging_does_not_depend_on_the_order_in_which_pairs_are_found()
    {
        // The plain definition: merge the best-ranked pair, leftmost first, until there is none.
        using var folder = new TempFolder();
        DemoTokenizer.Write(folder.Root);
        var tokenizer = Tokenizer.Load(folder.Root);
        var letters = Gen.Elements('a', 'e', 'h', 'n', 'o', 'r', 't', 'h', 'e', 'i', 's').ArrayOf().Select(word => new string(word)).ToArbitrary();
        Prop.ForAll(letters, word => tokenizer.Encode(word).SequenceEqual(Naive(tokenizer, word))).QuickCheckThrowOnFailure();

        static int[] Naive(Tokenizer tokenizer, string word)
        {
            // Ids of merges are in the order of their ranks, so the smallest id is the best merge.
            var ids = word.Select(c => tokenizer.IdOf(c.ToString())!.Value).ToList();
            for (; ; )
            {
                var best = Enumerable.Range(0, Math.Max(0, ids.Count - 1))
                    .Select(i => (Id: tokenizer.IdOf(tokenizer.TokenOf(ids[i]) + tokenizer.TokenOf(ids[i + 1])) ?? int.MaxValue, At: i))
                    .DefaultIfEmpty((Id: int.MaxValue, At: 0)).Min();
                if (best.Id == int.MaxValue)
                {
                    return [.. ids];
                }
                ids[best.At] = best.Id;
                ids.RemoveAt(best.At + 1);
            }
        }
    }

    private static void StreamsLikeDecode(Tokenizer tokenizer) =>
        Prop.ForAll(Gen.Choose(0, tokenizer.VocabularySize - 1).ArrayOf().ToArbitrary(), ids =>
        {
            var stream = new StreamingDecoder(tokenizer);
            return string.Concat(ids.Select(stream.Push)) + stream.Flush() == tokenizer.Decode(ids);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    /// <summary>Texts of any code points but surrogates, mixed with what tokenizers treat specially.</summary>
    private static Arbitrary<string> Texts()
    {
        var ascii = Gen.Choose(0, 127).Select(code => ((char)code).ToString());
        var any = Gen.Choose(0, 0x10FFFF).Where(Rune.IsValid).Select(code => new Rune(code).ToString());
        var snippets = Gen.Elements(s_snippets);
        return Gen.OneOf(ascii, any, snippets).ArrayOf().Select(string.Concat).ToArbitrary();
    }
}
