using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Changes a stretch of text before it is cut into words.</summary>
internal delegate string Normalizer(string text);

/// <summary>The normalizer section of tokenizer.json.</summary>
internal static class JsonNormalizers
{
    // Real normalizers write a few characters for one; more is a file that wants to fill the memory.
    private const int LongestReplacement = 1000, MostPerCharacter = 100;

    /// <exception cref="InputException">A normalizer that the kit does not have.</exception>
    public static Normalizer Read(SettingsNode? section)
    {
        if (section is not { } node)
        {
            return text => text;
        }
        var type = node.Text("type");
        return type switch
        {
            "Sequence" => Sequence([.. node.Objects("normalizers").Select(item => Read(item))], node),
            "Prepend" => Prepend(Short(node, "prepend")),
            "Replace" => Replace(node),
            "Strip" => Strip(node.Flag("strip_left") ?? true, node.Flag("strip_right") ?? true),
            "Lowercase" => text => text.ToLowerInvariant(),
            "Precompiled" => Precompiled(node),
            "NFC" => CanonicalForms.Nfc,
            "NFD" => CanonicalForms.Nfd,
            // NFKC and NFKD need compatibility mappings, for which the kit has no table.
            _ => throw node.Unsupported("normalizer", type),
        };
    }

    /// <summary>The replacement that normalizers and decoders share.</summary>
    public static Normalizer Replace(SettingsNode node)
    {
        var content = Short(node, "content");
        var pattern = node.Object("pattern");
        if (pattern.OptionalText("String") is { Length: > 0 } literal)
        {
            return text => text.Replace(literal, content, StringComparison.Ordinal);
        }
        var source = pattern.Text("Regex");
        try
        {
            var regex = new Regex(source, RegexOptions.CultureInvariant, SplitPattern.LongestMatch);
            return text => Replaced(regex, text, content, node);
        }
        catch (ArgumentException error)
        {
            throw new InputException($"{node.Path}: the pattern '{source}' at '{node.Place}' is not supported here; use a tokenizer with a plain pattern.", error);
        }
    }

    /// <summary>A text that is written for many others, or for a character.</summary>
    /// <exception cref="InputException">It is missing or too long.</exception>
    public static string Short(SettingsNode node, string name) => node.Text(name) is { Length: <= LongestReplacement } text
        ? text
        : throw node.Wrong($"a setting whose {name} has at most {LongestReplacement} characters");

    /// <summary>Refuses a step after which a text has grown out of all proportion.</summary>
    /// <param name="before">Characters that it had.</param>
    /// <param name="after">Characters that it has.</param>
    /// <param name="node">The setting.</param>
    /// <exception cref="InputException">It has.</exception>
    public static void RefuseGrowth(long before, long after, SettingsNode node)
    {
        if (after > LongestReplacement + MostPerCharacter * before)
        {
            throw node.Wrong($"a setting that keeps texts in proportion (it makes {after} characters of {before})");
        }
    }

    private static string Replaced(Regex regex, string text, string content, SettingsNode node)
    {
        try
        {
            return regex.Replace(text, _ => content);
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new InputException($"{node.Path}: the pattern '{regex}' at '{node.Place}' takes longer than {SplitPattern.LongestMatch.TotalSeconds} seconds; use a tokenizer with a plain pattern.", error);
        }
    }

    private static Normalizer Sequence(Normalizer[] steps, SettingsNode node) => text =>
    {
        var before = text.Length;
        foreach (var step in steps)
        {
            text = step(text);
            RefuseGrowth(before, text.Length, node);
        }
        return text;
    };

    private static Normalizer Prepend(string prefix) => text => text.Length == 0 ? text : prefix + text;

    private static Normalizer Strip(bool left, bool right) => text =>
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    };

    private static Normalizer Precompiled(SettingsNode node)
    {
        byte[] blob;
        try
        {
            blob = Convert.FromBase64String(node.Text("precompiled_charsmap"));
        }
        catch (FormatException)
        {
            throw node.Wrong("a base64 map of characters");
        }
        var map = new CharacterMap(blob, node.Path);
        return text =>
        {
            var result = new List<byte>(text.Length);
            for (int at = 0, length; at < text.Length; at += length)
            {
                length = StringInfo.GetNextTextElementLength(text, at);
                Append(map, text.AsSpan(at, length), result);
            }
            return CodePoints.Utf8.GetString([.. result]);
        };
    }

    // Hugging Face's library looks up a user-perceived character of at most five bytes as a whole, and what follows
    // the match in it is lost; longer ones it takes code point by code point.
    private static void Append(CharacterMap map, ReadOnlySpan<char> element, List<byte> result)
    {
        Span<byte> bytes = stackalloc byte[5];
        if (CodePoints.Utf8.TryGetBytes(element, bytes, out var count) && map.ReplacesPrefix(bytes[..count], out var whole))
        {
            result.AddRange(whole);
            return;
        }
        foreach (var rune in element.EnumerateRunes())
        {
            var one = bytes[..rune.EncodeToUtf8(bytes)];
            result.AddRange(map.ReplacesPrefix(one, out var replacement) ? replacement : one);
        }
    }
}
