using System.Buffers.Binary;
using System.Text;

namespace Selm.HuggingFace.Engine;

/// <summary>
/// What the dynamic linker reads in a 64-bit little-endian ELF library: the symbol versions it asks of other libraries
/// and the symbols it leaves to them. Layout: System V ABI, "Dynamic Section" and LSB "Symbol Versioning".
/// </summary>
internal sealed class ElfFile
{
    private const int Load = 1, Dynamic = 2; // program header types
    private const int StringTable = 5, SymbolTable = 6, GnuHash = 0x6ffffef5, VersionNeed = 0x6ffffffe, VersionNeedCount = 0x6fffffff;
    private const byte WeakBinding = 2;
    private readonly byte[] image;
    private readonly List<(long Address, long Offset, long Size)> segments = [];
    private readonly Dictionary<long, long> dynamic = [];

    /// <summary>Reads the headers.</summary>
    /// <param name="image">The whole file.</param>
    /// <exception cref="InvalidDataException">This is no 64-bit little-endian ELF library.</exception>
    public ElfFile(byte[] image)
    {
        this.image = image;
        if (image.Length < 64 || !image.AsSpan(0, 6).SequenceEqual("\u007fELF\u0002\u0001"u8))
        {
            throw new InvalidDataException("not a 64-bit little-endian ELF file");
        }
        try
        {
            ReadHeaders();
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new InvalidDataException("the ELF headers point beyond the end of the file");
        }
    }

    /// <summary>Names of the versions asked of a library, such as GLIBCXX_3.4.32 of libstdc++.so.6, and where the flags of each stand in the file.</summary>
    public IEnumerable<(string Library, string Version, int FlagsAt)> NeededVersions()
    {
        var at = dynamic.TryGetValue(VersionNeed, out var address) ? Offset(address) : 0;
        for (var left = dynamic.GetValueOrDefault(VersionNeedCount); left > 0; left--)
        {
            var library = Text(Word(at + 4));
            var entry = at + (long)Word(at + 8);
            for (var entries = Half(at + 2); entries > 0; entries--)
            {
                yield return (library, Text(Word(entry + 8)), checked((int)entry + 4));
                entry += Word(entry + 12);
            }
            at += Word(at + 12);
        }
    }

    /// <summary>Symbols that other libraries must define, without the weak ones.</summary>
    public IEnumerable<string> UndefinedSymbols()
    {
        var first = Offset(dynamic[SymbolTable]);
        // With a GNU hash table the undefined symbols stand before the hashed ones.
        var count = Word(Offset(dynamic[GnuHash]) + 4);
        for (var k = 1L; k < count; k++)
        {
            var at = first + (24 * k);
            var (binding, section) = (image[at + 4] >> 4, Half(at + 6));
            if (section == 0 && binding != WeakBinding)
            {
                yield return Text(Word(at));
            }
        }
    }

    private void ReadHeaders()
    {
        long table = Long(32), size = Half(54);
        (long At, long Size) dynamicPart = (0, 0);
        for (var k = 0; k < Half(56); k++)
        {
            var at = table + (k * size);
            switch (Word(at))
            {
                case Load: segments.Add((Long(at + 16), Long(at + 8), Long(at + 32))); break;
                case Dynamic: dynamicPart = (Long(at + 8), Long(at + 32)); break;
            }
        }
        for (var at = dynamicPart.At; at < dynamicPart.At + dynamicPart.Size && Long(at) != 0; at += 16)
        {
            dynamic.TryAdd(Long(at), Long(at + 8));
        }
    }

    private long Offset(long address)
    {
        foreach (var segment in segments)
        {
            if (address >= segment.Address && address < segment.Address + segment.Size)
            {
                return address - segment.Address + segment.Offset;
            }
        }
        throw new InvalidDataException($"address {address:x} is in no segment");
    }

    private string Text(long index)
    {
        var text = image.AsSpan(checked((int)(Offset(dynamic[StringTable]) + index)));
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }

    private ushort Half(long at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(checked((int)at), 2));

    private uint Word(long at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(checked((int)at), 4));

    private long Long(long at) => BinaryPrimitives.ReadInt64LittleEndian(image.AsSpan(checked((int)at), 8));
}
