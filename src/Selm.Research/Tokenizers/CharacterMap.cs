using System.Buffers.Binary;

namespace Selm.Research.Tokenizers;

/// <summary>
/// SentencePiece's compiled normalisation map: a double-array trie from byte sequences to offsets into a block of
/// zero-terminated replacement texts. It carries NFKC and the like, so no Unicode tables are needed here.
/// </summary>
/// <remarks>
/// A trie unit holds, from the low bits: label 0-7, leaf flag 8, shift flag 9, offset 10-30, and bit 31 marks a value.
/// The longest match wins, as in SentencePiece itself.
/// </remarks>
internal sealed class CharacterMap
{
    private static readonly byte[] s_replacement = [0xEF, 0xBF, 0xBD];
    private readonly uint[] _units;
    private readonly byte[] _texts;

    /// <exception cref="InputException">The blob is cut off.</exception>
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
    }

    /// <summary>What the start of a text becomes: the replacement of the longest match, else its first character.</summary>
    public ReadOnlySpan<byte> NormalizePrefix(ReadOnlySpan<byte> text, out int consumed)
    {
        var value = LongestMatch(text, out consumed);
        if (value >= 0 && value < _texts.Length)
        {
            var end = _texts.AsSpan(value).IndexOf((byte)0);
            return end < 0 ? _texts.AsSpan(value) : _texts.AsSpan(value, end);
        }
        return FirstCharacter(text, out consumed);
    }

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

    private int LongestMatch(ReadOnlySpan<byte> text, out int length)
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
            }
        }
        return value;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
