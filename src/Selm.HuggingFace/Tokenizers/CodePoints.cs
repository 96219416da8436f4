using System.Text;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Small functions on code points.</summary>
internal static class CodePoints
{
    /// <summary>UTF-8 without a byte order mark; invalid bytes become U+FFFD.</summary>
    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    /// <summary>The same text with each lone surrogate replaced by U+FFFD.</summary>
    public static string WellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
                continue;
            }
            return Utf8.GetString(Utf8.GetBytes(text));
        }
        return text;
    }

    /// <summary>UTF-16 length of the code point that starts at an index of a well-formed text.</summary>
    public static int LengthAt(ReadOnlySpan<char> text, int index) => char.IsHighSurrogate(text[index]) ? 2 : 1;

    /// <summary>The byte of a token of the form &lt;0x41&gt;, or -1.</summary>
    public static int ByteOfToken(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
            && byte.TryParse(token.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value)
            ? value
            : -1;
}
