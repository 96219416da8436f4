using System.Text;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// GPT-2's spelling of bytes as visible characters: printable Latin-1 stands for itself, the other 68 bytes for
/// U+0100 onwards in byte order, so that a space reads as U+0120.
/// </summary>
internal static class ByteLevel
{
    private static readonly char[] s_charOfByte = MakeTable();
    private static readonly short[] s_byteOfChar = Invert(s_charOfByte);

    /// <summary>GPT-2's way to cut a text into words.</summary>
    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The character that stands for a byte.</summary>
    public static char CharOf(byte value) => s_charOfByte[value];

    /// <summary>UTF-8 bytes of a text, one character each.</summary>
    public static string Encode(string text) => Encode(CodePoints.Utf8.GetBytes(text));

    /// <summary>Bytes, one character each.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var result = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            result[i] = s_charOfByte[bytes[i]];
        }
        return new string(result);
    }

    /// <summary>Appends the bytes of a token; a token that is not byte-level is taken as UTF-8 text.</summary>
    public static void AppendBytes(string token, List<byte> bytes)
    {
        var start = bytes.Count;
        foreach (var c in token)
        {
            if (c >= s_byteOfChar.Length || s_byteOfChar[c] < 0)
            {
                bytes.RemoveRange(start, bytes.Count - start);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }
            bytes.Add((byte)s_byteOfChar[c]);
        }
    }

    private static char[] MakeTable()
    {
        var table = new char[256];
        var next = (char)256;
        for (var b = 0; b < 256; b++)
        {
            table[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)b : next++;
        }
        return table;
    }

    private static short[] Invert(char[] table)
    {
        var inverse = new short[table.Max() + 1];
        Array.Fill(inverse, (short)-1);
        for (var b = 0; b < 256; b++)
        {
            inverse[table[b]] = (short)b;
        }
        return inverse;
    }
}
