using System.Buffers.Binary;

namespace Selm.Research.Tokenizers;

/// <summary>Reads protobuf's wire format field by field; just enough for SentencePiece models.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes, string path)
{
    private ReadOnlySpan<byte> _rest = bytes;
    private int _wireType;

    /// <summary>Goes to the next field.</summary>
    /// <returns>Its number, or 0 at the end.</returns>
    public int NextField()
    {
        if (_rest.IsEmpty)
        {
            return 0;
        }
        var tag = ReadVarint();
        _wireType = (int)(tag & 7);
        return tag >> 3 is > 0 and < 1 << 29 ? (int)(tag >> 3) : throw Damaged();
    }

    /// <summary>The field's whole number; negative numbers are ten bytes long.</summary>
    public int Int32() => Expect(0) ? (int)(long)ReadVarint() : 0;

    /// <summary>The field's truth value.</summary>
    public bool Flag() => Int32() != 0;

    /// <summary>The field's 32-bit float.</summary>
    public float Single() => Expect(5) ? BinaryPrimitives.ReadSingleLittleEndian(Take(4)) : 0;

    /// <summary>The field's bytes: a text, a blob or a message.</summary>
    public ReadOnlySpan<byte> Bytes() => Expect(2) ? TakePrefixed() : default;

    /// <summary>The field's text.</summary>
    public string Text() => CodePoints.Utf8.GetString(Bytes());

    /// <summary>Passes over the field.</summary>
    public void Skip()
    {
        switch (_wireType)
        {
            case 0: ReadVarint(); break;
            case 1: Take(8); break;
            case 2: TakePrefixed(); break;
            case 5: Take(4); break;
            default: throw Damaged();
        }
    }

    private readonly bool Expect(int wireType) => _wireType == wireType ? true : throw Damaged();

    private ReadOnlySpan<byte> TakePrefixed()
    {
        var length = ReadVarint();
        return length <= (ulong)_rest.Length ? Take((int)length) : throw Damaged();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            throw Damaged();
        }
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Take(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
        throw Damaged();
    }

    private readonly InputException Damaged() =>
        new($"{path} is not a complete SentencePiece model: it may be cut off or a pointer file, copy it again.");
}

/// <summary>Writes protobuf's wire format.</summary>
internal sealed class ProtoWriter
{
    private readonly List<byte> _bytes = [];

    /// <summary>What was written so far.</summary>
    public byte[] ToArray() => [.. _bytes];

    public ProtoWriter Int32(int field, int value)
    {
        Varint((ulong)field << 3);
        Varint((ulong)(long)value);
        return this;
    }

    public ProtoWriter Flag(int field, bool value) => Int32(field, value ? 1 : 0);

    public ProtoWriter Single(int field, float value)
    {
        Varint(((ulong)field << 3) | 5);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public ProtoWriter Text(int field, string value) => Bytes(field, CodePoints.Utf8.GetBytes(value));

    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)value.Length);
        _bytes.AddRange(value);
        return this;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.Add((byte)(value | 0x80));
        }
        _bytes.Add((byte)value);
    }
}
