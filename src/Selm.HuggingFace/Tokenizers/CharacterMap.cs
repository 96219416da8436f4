using System.Buffers.Binary;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// SentencePiece's compiled normalisation map: a double-array trie from byte sequences to offsets into a block of
/// zero-terminated replacement texts. It carries NFKC and the like, so no Unicode tables are needed here.
/// </summary>
/// <remarks>
/// A trie unit holds, from the low bits: label 0-7, leaf flag 8, shift flag 9, offset 10-30, and bit 31 marks a value.
/// SentencePiece takes the longest match, Hugging Face's library the shortest within a user-perceived character.
/// </remarks>
internal sealed class CharacterMap
{
    private const int LongestText = 1000; // bytes; the longest of NFKC has 33
    private static readonly byte[] s_replacement = [0xEF, 0xBF, 0xBD];
    private readonly uint[] _units;
    private readonly byte[] _texts;

    /// <exception cref="InputException">The blob is cut off, or holds texts that no normalisation writes for a character.</exception>
    public CharacterMap(ReadOnlySpan<byte> blob, string path)
    {
        var trieBytes = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : uint.MaxValue;
        if (trieBytes > blob.Length - 4 || trieBytes % 4 != 0)
        {
            throw new InputException($"{path}: the normalisation map is cut off; the file is damaged, copy it again.");
        }
        _units = new uint[trieBytes / 4];
        for (var i = 0; i < _units.Length; i++)
        {
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(4 + 4 * i)..]);
        }
        _texts = blob[(4 + (int)trieBytes)..].ToArray();
        for (ReadOnlySpan<byte> rest = _texts; !rest.IsEmpty;)
        {
            var end = rest.IndexOf((byte)0);
            if ((end < 0 ? rest.Length : end) > LongestText)
            {
                throw new InputException($"{path}: the normalisation map writes more than {LongestText} bytes for a character; the file is damaged, copy it again.");
            }
            rest = end < 0 ? [] : rest[(end + 1)..];
        }
    }

    /// <summary>What the start of a text becomes: the replacement of the longest match, else its first character.</summary>
    public ReadOnlySpan<byte> NormalizePrefix(ReadOnlySpan<byte> text, out int consumed)
    {
        var value = Match(text, longest: true, out consumed);
        return TextAt(value, out var replacement) ? replacement : FirstCharacter(text, out consumed);
    }

    /// <summary>What the shortest match at the start of a text becomes, which is how Hugging Face's library asks.</summary>
    /// <returns>Whether there is one.</returns>
    public bool ReplacesPrefix(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> replacement) =>
        TextAt(Match(text, longest: false, out _), out replacement);

    /// <summary>The first character of UTF-8 text; an invalid byte counts as U+FFFD.</summary>
    public static ReadOnlySpan<byte> FirstCharacter(ReadOnlySpan<byte> text, out int consumed)
    {
        if (System.Text.Rune.DecodeFromUtf8(text, out _, out consumed) == System.Buffers.OperationStatus.Done)
        {
            return text[..consumed];
        }
        consumed = 1;
        return s_replacement;
    }

    private bool TextAt(int value, out ReadOnlySpan<byte> text)
    {
        text = [];
        if (value < 0 || value >= _texts.Length)
        {
            return false;
        }
        var end = _texts.AsSpan(value).IndexOf((byte)0);
        text = end < 0 ? _texts.AsSpan(value) : _texts.AsSpan(value, end);
        return true;
    }

    private int Match(ReadOnlySpan<byte> text, bool longest, out int length)
    {
        length = 0;
        var value = -1;
        if (_units.Length == 0)
        {
            return value;
        }
        var node = Offset(_units[0]);
        for (var i = 0; i < text.Length; i++)
        {
            node ^= text[i];
            if (node >= _units.Length || (_units[node] & 0x8000_00FF) != text[i])
            {
                break;
            }
            var unit = _units[node];
            node ^= Offset(unit);
            if ((unit & 0x100) != 0 && node < _units.Length)
            {
                value = (int)(_units[node] & 0x7FFF_FFFF);
                length = i + 1;
                if (!longest)
                {
                    break;
                }
            }
        }
        return value;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
