using System.Collections.Concurrent;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Turns one pre-tokenized word into ids.</summary>
internal interface IWordModel
{
    /// <summary>Appends the ids of a word.</summary>
    void Encode(string word, List<int> ids);
}

/// <summary>The BPE model of tokenizer.json: a vocabulary, ranked merges, and what to do with unknown characters.</summary>
internal sealed class BpeModel(Vocabulary vocabulary, MergeRule rule) : IWordModel
{
    // Natural text repeats its words; longer stretches are hardly ever met twice.
    private const int LongestCachedWord = 48;
    private const int MostCachedWords = 65_536;
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);

    /// <summary>Id for a character that is not in the vocabulary; null drops the character.</summary>
    public int? UnkId { get; init; }

    /// <summary>Whether a run of unknown characters becomes one unknown token.</summary>
    public bool FuseUnk { get; init; }

    /// <summary>Whether a word that is in the vocabulary is one token, whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Ids of the tokens &lt;0x00&gt; to &lt;0xFF&gt; that stand in for unknown characters, where used.</summary>
    public int[]? ByteIds { get; init; }

    /// <summary>The rule of an explicit merge list: (left id, right id) to (rank, merged id).</summary>
    public static MergeRule RankedPairs(Dictionary<(int Left, int Right), (int Rank, int Id)> merges) =>
        (in Symbol left, in Symbol right, ReadOnlySpan<char> _, out float priority, out int id) =>
        {
            var found = merges.TryGetValue((left.Id, right.Id), out var merge);
            priority = merge.Rank;
            id = merge.Id;
            return found;
        };

    /// <summary>The rule of tiktoken's rank files: two tokens merge if their bytes are a token, low ranks first.</summary>
    public static MergeRule RankIsId(Vocabulary vocabulary)
    {
        var ranks = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        return (in Symbol _, in Symbol _, ReadOnlySpan<char> joined, out float priority, out int id) =>
        {
            var found = ranks.TryGetValue(joined, out id);
            priority = id;
            return found;
        };
    }

    public void Encode(string word, List<int> ids)
    {
        if (IgnoreMerges && vocabulary.Ids.TryGetValue(word, out var whole))
        {
            ids.Add(whole);
            return;
        }
        if (_cache.TryGetValue(word, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var first = ids.Count;
        Merge(word, ids);
        if (word.Length <= LongestCachedWord && _cache.Count < MostCachedWords)
        {
            _cache[word] = [.. ids[first..]];
        }
    }

    private void Merge(string word, List<int> ids)
    {
        var symbols = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(Characters(word));
        for (var i = 0; i < symbols.Length; i++)
        {
            symbols[i].Previous = i - 1;
            symbols[i].Next = i + 1 < symbols.Length ? i + 1 : -1;
        }
        PairMerger.Merge(word, symbols, rule);
        for (var i = symbols.Length == 0 ? -1 : 0; i >= 0; i = symbols[i].Next)
        {
            ids.Add(symbols[i].Id);
        }
    }

    private List<Symbol> Characters(string word)
    {
        var lookup = vocabulary.Ids.GetAlternateLookup<ReadOnlySpan<char>>();
        var symbols = new List<Symbol>(word.Length);
        var lastIsUnk = false;
        for (int at = 0, length; at < word.Length; at += length)
        {
            length = CodePoints.LengthAt(word, at);
            var character = word.AsSpan(at, length);
            if (lookup.TryGetValue(character, out var id))
            {
                symbols.Add(new Symbol { Start = at, Length = length, Id = id });
                lastIsUnk = false;
            }
            else if (ByteIds is not null)
            {
                AddBytes(symbols, at, character);
                lastIsUnk = false;
            }
            else if (UnkId is { } unk)
            {
                if (lastIsUnk && FuseUnk)
                {
                    System.Runtime.InteropServices.CollectionsMarshal.AsSpan(symbols)[^1].Length += length;
                    continue;
                }
                symbols.Add(new Symbol { Start = at, Length = length, Id = unk });
                lastIsUnk = true;
            }
        }
        return symbols;
    }

    private void AddBytes(List<Symbol> symbols, int at, ReadOnlySpan<char> character)
    {
        Span<byte> bytes = stackalloc byte[4];
        var length = character.Length;
        var count = CodePoints.Utf8.GetBytes(character, bytes);
        foreach (var b in bytes[..count])
        {
            // The first byte stands for the character's stretch of text, the others for the empty stretch after it.
            symbols.Add(new Symbol { Start = at, Length = length, Id = ByteIds![b] });
            at += length;
            length = 0;
        }
    }
}
