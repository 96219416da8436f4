using System.Globalization;
using System.Text.RegularExpressions;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>What becomes of the matches when a text is cut with a pattern (Hugging Face's names).</summary>
internal enum SplitBehavior
{
    Isolated,
    Removed,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>
/// Cuts texts with a regular expression that was written for code points. .NET matches UTF-16 units, where half
/// of an emoji or of a rare letter has no category, so characters beyond U+FFFF are replaced by one character of the
/// same Unicode category before matching, and the cuts are carried back.
/// </summary>
internal sealed class SplitPattern
{
    // For one word: a pattern of a hostile file may try more ways than there is time.
    internal static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(2);

    private readonly Regex _regex;
    private readonly string _path;
    private readonly bool _foldsLongS;

    /// <exception cref="InputException">The pattern uses what .NET's regular expressions do not have.</exception>
    public SplitPattern(string pattern, string path)
    {
        _path = path;
        try
        {
            _regex = new Regex(pattern, RegexOptions.CultureInvariant, LongestMatch);
        }
        catch (ArgumentException error)
        {
            throw new InputException($"{path}: the split pattern '{pattern}' is not supported here; use a tokenizer with plain quantifiers and \\p{{..}} categories.", error);
        }
        _foldsLongS = pattern.Contains("(?i:", StringComparison.Ordinal);
    }

    /// <summary>Cuts a text; empty pieces are left out.</summary>
    public List<string> Split(string text, SplitBehavior behavior = SplitBehavior.Isolated, bool invert = false)
    {
        try
        {
            return Cut(text, behavior, invert);
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new InputException($"{_path}: the split pattern '{_regex}' takes longer than {LongestMatch.TotalSeconds} seconds for one word; use a tokenizer with plain quantifiers.", error);
        }
    }

    private List<string> Cut(string text, SplitBehavior behavior, bool invert)
    {
        var (shadow, offsets) = Shadow(text);
        var cuts = new List<(int Start, int End, bool IsMatch)>();
        var done = 0;
        for (var match = _regex.Match(shadow); match.Success; match = match.NextMatch())
        {
            if (match.Length == 0)
            {
                continue;
            }
            Add(cuts, done, match.Index, invert);
            Add(cuts, match.Index, match.Index + match.Length, !invert);
            done = match.Index + match.Length;
        }
        Add(cuts, done, shadow.Length, invert);
        var pieces = new List<string>(cuts.Count);
        foreach (var (start, end) in Arrange(cuts, behavior))
        {
            pieces.Add(offsets is null ? text[start..end] : text[offsets[start]..offsets[end]]);
        }
        return pieces;
    }

    private static void Add(List<(int Start, int End, bool IsMatch)> cuts, int start, int end, bool isMatch)
    {
        if (end > start)
        {
            cuts.Add((start, end, isMatch));
        }
    }

    private static List<(int Start, int End)> Arrange(List<(int Start, int End, bool IsMatch)> cuts, SplitBehavior behavior)
    {
        var result = new List<(int Start, int End)>(cuts.Count);
        for (var i = 0; i < cuts.Count; i++)
        {
            var (start, end, isMatch) = cuts[i];
            if (behavior == SplitBehavior.Removed && isMatch)
            {
                continue;
            }
            var joins = i > 0 && behavior switch
            {
                SplitBehavior.MergedWithPrevious => isMatch && !cuts[i - 1].IsMatch,
                SplitBehavior.MergedWithNext => !isMatch && cuts[i - 1].IsMatch,
                SplitBehavior.Contiguous => isMatch == cuts[i - 1].IsMatch,
                _ => false,
            };
            if (joins)
            {
                result[^1] = (result[^1].Start, end);
            }
            else
            {
                result.Add((start, end));
            }
        }
        return result;
    }

    /// <summary>The text with one UTF-16 unit per code point, and where each unit starts in the original.</summary>
    private (string Text, int[]? Offsets) Shadow(string text)
    {
        var hasLongS = _foldsLongS && text.Contains('\u017F', StringComparison.Ordinal);
        if (!hasLongS && !text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return (text, null);
        }
        var shadow = new char[text.Length];
        var offsets = new int[text.Length + 1];
        var count = 0;
        for (int at = 0, length; at < text.Length; at += length)
        {
            length = CodePoints.LengthAt(text, at);
            offsets[count] = at;
            shadow[count++] = length == 2 ? Representative(char.ConvertToUtf32(text, at))
                // The long s folds to s where case is ignored; .NET's own table leaves it out.
                : hasLongS && text[at] == '\u017F' ? 's'
                : text[at];
        }
        offsets[count] = text.Length;
        return (new string(shadow, 0, count), offsets);
    }

    private static char Representative(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        UnicodeCategory.UppercaseLetter => '\u0100',
        UnicodeCategory.LowercaseLetter => '\u0101',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u05D0',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u0488',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u00B2',
        UnicodeCategory.ConnectorPunctuation => '\u203F',
        UnicodeCategory.DashPunctuation => '\u2010',
        UnicodeCategory.OpenPunctuation => '\u2045',
        UnicodeCategory.ClosePunctuation => '\u2046',
        UnicodeCategory.InitialQuotePunctuation => '\u00AB',
        UnicodeCategory.FinalQuotePunctuation => '\u00BB',
        UnicodeCategory.OtherPunctuation => '\u00A7',
        UnicodeCategory.MathSymbol => '\u00B1',
        UnicodeCategory.CurrencySymbol => '\u00A2',
        UnicodeCategory.ModifierSymbol => '\u00B4',
        UnicodeCategory.OtherSymbol => '\u00A9',
        UnicodeCategory.Format => '\u00AD',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\u0378', // unassigned
    };
}
