using System.Text.Json;
using Selm.HuggingFace.Tokenizers;
using Selm.Tests;

namespace Selm.HuggingFace.Tests.Tokenizers;

public class DebertaTokenizerTests
{
    private static readonly string s_model = Golden.Path("tokenizers", "sentencepiece", "unigram-deberta-like.model");

    [Fact]
    public void texts_get_the_reference_ids()
    {
        var tokenizer = DebertaTokenizer.Create(s_model, new Dictionary<string, int>());
        foreach (var c in GoldenTokenizerTests.Cases("deberta-v2-python", "cases"))
        {
            var ids = tokenizer.Encode(GoldenTokenizerTests.Text(c), addSpecialTokens: true);
            Assert.Equal(GoldenTokenizerTests.Ids(c, "ids"), ids);
            Assert.Equal(c.GetProperty("tokens").GetArrayLength(), ids.Length - 2);
        }
        Assert.Equal((0, 1, 2, 3, 512), (tokenizer.PadId, tokenizer.ClsId, tokenizer.SepId, tokenizer.UnkId, tokenizer.MaskId));
        Assert.Equal(513, tokenizer.VocabularySize);
        Assert.True(tokenizer.AddsBos);
    }

    [Fact]
    public void pairs_get_the_reference_ids_and_types()
    {
        var tokenizer = DebertaTokenizer.Create(s_model, new Dictionary<string, int>());
        var pairs = GoldenTokenizerTests.Cases("deberta-v2-python", "pairs");
        Assert.Equal(7, pairs.Length);
        foreach (var c in pairs)
        {
            var (ids, types) = tokenizer.EncodePair(c.GetProperty("a").GetString()!, c.GetProperty("b").GetString()!);
            Assert.Equal(GoldenTokenizerTests.Ids(c, "ids"), ids);
            Assert.Equal(GoldenTokenizerTests.Ids(c, "token_type_ids"), types);
        }
    }

    [Fact]
    public void pairrm_sources_and_candidates_become_the_reference_ids()
    {
        var tokenizer = Assert.IsType<DebertaTokenizer>(Tokenizer.Load(Golden.Path("hf-models", "pairrm")));
        var compared = 0;
        foreach (var group in Golden.Json("hf-models", "pairrm", "expected.json").GetProperty("groups").EnumerateArray())
        {
            foreach (var (source, ids) in Rows(group, "sources", "source_ids"))
            {
                compared += Compare("<|source|>" + Clean(source.GetString()!), ids);
            }
            foreach (var (candidates, rows) in Rows(group, "candidates", "candidate_ids"))
            {
                foreach (var (candidate, ids) in candidates.EnumerateArray().Zip(rows.EnumerateArray()))
                {
                    compared += Compare("<|candidate|>" + Clean(candidate.GetString()!), ids);
                }
            }
        }
        Assert.True(compared > 10);

        // Long candidates are cut by PairRM's collator, which is not the tokenizer's business: those must agree up to the cut.
        int Compare(string text, JsonElement expected)
        {
            int[] padded = [.. expected.EnumerateArray().Select(id => id.GetInt32())];
            var kept = Array.FindLastIndex(padded, id => id != 0);
            var ids = tokenizer.Encode(text, addSpecialTokens: true);
            Assert.Equal(padded[..kept], ids[..kept]);
            Assert.Equal(padded[kept], ids[^1]);
            return ids.Length == kept + 1 ? 1 : 0;
        }
    }

    [Fact]
    public void explicit_tokens_and_those_of_the_files_are_found_in_a_text()
    {
        using var folder = new TempFolder();
        File.Copy(s_model, folder.File("spm.model"));
        File.WriteAllText(folder.File("added_tokens.json"), """{"<|source|>": 600, "[MASK]": 601}""");
        var tokenizer = DebertaTokenizer.Load(folder.Root);
        Assert.Equal((600, 601), (tokenizer.IdOf("<|source|>"), tokenizer.MaskId));
        Assert.Equal([600, 601, 170], tokenizer.Encode("<|source|> [MASK] a"));
        Assert.Equal("<|source|>[MASK] a", tokenizer.Decode([600, 601, 170], skipSpecialTokens: false));
        Assert.Equal("a", tokenizer.Decode([600, 601, 170]));
    }

    private static string Clean(string text) => text.Replace("[SEP]", " ", StringComparison.Ordinal);

    private static IEnumerable<(JsonElement Text, JsonElement Ids)> Rows(JsonElement group, string texts, string ids) =>
        group.GetProperty(texts).EnumerateArray().Zip(group.GetProperty(ids).EnumerateArray());
}
