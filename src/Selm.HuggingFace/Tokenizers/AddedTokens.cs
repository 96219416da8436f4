using System.Buffers;
using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>A token that is cut out of the text before the model sees it, with Hugging Face's flags.</summary>
internal sealed record AddedToken(
    int Id, string Content, bool SingleWord = false, bool LStrip = false, bool RStrip = false, bool Normalized = false, bool Special = true);

/// <summary>A stretch of text: ordinary (Id -1) or one added token.</summary>
internal readonly record struct TextPart(string Text, int Id, int Start);

/// <summary>Finds added tokens in a text: the leftmost, and of those that start there the longest.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<string, AddedToken[]>.AlternateLookup<ReadOnlySpan<char>> _byContent;
    private readonly Dictionary<(char, char), int[]> _lengths; // of the tokens that begin with two characters, the longest first
    private readonly SearchValues<char> _firstChars;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        var byContent = tokens.Where(token => token.Content.Length > 0).GroupBy(token => token.Content).ToDictionary(group => group.Key, group => group.ToArray(), StringComparer.Ordinal);
        _byContent = byContent.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = byContent.Keys.Where(content => content.Length > 1).GroupBy(content => (content[0], content[1]))
            .ToDictionary(group => group.Key, group => group.Select(content => content.Length).Distinct().OrderDescending().ToArray());
        _firstChars = SearchValues.Create([.. byContent.Keys.Select(content => content[0]).Distinct()]);
    }

    /// <summary>Cuts a text at its added tokens. Empty stretches are left out.</summary>
    /// <param name="text">The text.</param>
    /// <param name="parseSpecial">Whether special tokens are cut out too, or stay ordinary text.</param>
    public List<TextPart> Split(string text, bool parseSpecial)
    {
        var parts = new List<TextPart>();
        var done = 0;
        for (var at = 0; at < text.Length;)
        {
            var offset = text.AsSpan(at).IndexOfAny(_firstChars);
            if (offset < 0)
            {
                break;
            }
            at += offset;
            if (Match(text, at, parseSpecial) is not { } token)
            {
                at++;
                continue;
            }
            var start = at;
            var end = at + token.Content.Length;
            if (token.SingleWord && !StandsAlone(text, start, end))
            {
                // As in Hugging Face's library, what lies inside a match that does not count is not looked at again.
                at = end;
                continue;
            }
            while (token.LStrip && start > done && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }
            while (token.RStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }
            AddOrdinary(parts, text, done, start);
            parts.Add(new TextPart(token.Content, token.Id, start));
            done = at = end;
        }
        AddOrdinary(parts, text, done, text.Length);
        return parts;
    }

    private AddedToken? Match(string text, int at, bool parseSpecial)
    {
        var rest = text.AsSpan(at);
        foreach (var length in rest.Length > 1 && _lengths.TryGetValue((rest[0], rest[1]), out var lengths) ? lengths : [])
        {
            if (length <= rest.Length && Find(rest[..length], parseSpecial) is { } found)
            {
                return found;
            }
        }
        return Find(rest[..1], parseSpecial);
    }

    private AddedToken? Find(ReadOnlySpan<char> content, bool parseSpecial) =>
        _byContent.TryGetValue(content, out var tokens) ? Array.Find(tokens, token => parseSpecial || !token.Special) : null;

    private static bool StandsAlone(string text, int start, int end)
    {
        _ = Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out var before, out _);
        _ = Rune.DecodeFromUtf16(text.AsSpan(end), out var after, out _);
        return (start == 0 || !IsWord(before)) && (end == text.Length || !IsWord(after));
    }

    // \w of Unicode's annex on regular expressions: with the joiners, and the letters in circles and squares that are classed as symbols.
    private static bool IsWord(Rune rune) =>
        Rune.IsLetter(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        || rune.Value is 0x200C or 0x200D
            or (>= 0x24B6 and <= 0x24E9)
            or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    private static void AddOrdinary(List<TextPart> parts, string text, int start, int end)
    {
        if (end > start)
        {
            parts.Add(new TextPart(text[start..end], -1, start));
        }
    }
}
