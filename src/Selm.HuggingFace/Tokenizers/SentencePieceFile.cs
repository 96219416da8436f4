using Google.Protobuf;
using Selm.HuggingFace.Files;
using static Google.Protobuf.WireFormat;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>What a SentencePiece piece is for.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>A piece of a SentencePiece vocabulary.</summary>
internal readonly record struct Piece(string Text, float Score, PieceKind Kind);

/// <summary>A SentencePiece model file: its pieces and the settings that matter for encoding and decoding.</summary>
internal sealed class SentencePieceFile
{
    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>The vocabulary; the index is the id.</summary>
    public List<Piece> Pieces { get; } = [];

    /// <summary>BPE; otherwise Unigram.</summary>
    public bool IsBpe { get; private set; }

    /// <summary>Whether unknown characters become the pieces of their bytes.</summary>
    public bool ByteFallback { get; private set; }

    /// <summary>Ids of the pieces &lt;0x00&gt; to &lt;0xFF&gt;; -1 where there is none.</summary>
    public int[] ByteIds { get; } = [.. Enumerable.Repeat(-1, 256)];

    public bool SpaceIsSuffix { get; private set; }

    public int UnkId { get; private set; } = -1;

    public int BosId { get; private set; } = 1;

    public int EosId { get; private set; } = 2;

    public int PadId { get; private set; } = -1;

    /// <summary>The text that an unknown token decodes to.</summary>
    public string UnkSurface { get; private set; } = " \u2047 ";

    /// <summary>The compiled normalisation, where there is one.</summary>
    public CharacterMap? Map { get; private set; }

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraSpaces { get; private set; } = true;

    public bool EscapeSpaces { get; private set; } = true;

    /// <summary>Reads a .model file (protobuf message ModelProto).</summary>
    /// <exception cref="InputException">The file is missing, cut off, or of a kind that is not supported.</exception>
    public static SentencePieceFile Read(string path)
    {
        var file = new SentencePieceFile { Path = path };
        try
        {
            var bytes = File.ReadAllBytes(path);
            InputFile.RefusePointer(path, bytes);
            file.ReadModel(bytes);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw file.Damaged(error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read: {error.Message}", error);
        }
        file.Check();
        return file;
    }

    private void ReadModel(byte[] bytes)
    {
        var input = new CodedInputStream(bytes);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 1: Pieces.Add(ReadPiece(Message(input, tag))); break;
                case 2: ReadTrainer(Message(input, tag)); break;
                case 3: ReadNormalizer(Message(input, tag)); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private Piece ReadPiece(CodedInputStream input)
    {
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 1: text = Text(input, tag); break;
                case 2: score = Value(tag, WireType.Fixed32, input.ReadFloat); break;
                case 3: kind = (PieceKind)Value(tag, WireType.Varint, input.ReadInt32); break;
                default: input.SkipLastField(); break;
            }
        }
        return new Piece(text, score, kind);
    }

    private void ReadTrainer(CodedInputStream input)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 3: IsBpe = ReadModelType(Value(tag, WireType.Varint, input.ReadInt32)); break;
                case 24: SpaceIsSuffix = Value(tag, WireType.Varint, input.ReadBool); break;
                case 35: ByteFallback = Value(tag, WireType.Varint, input.ReadBool); break;
                case 41: BosId = Value(tag, WireType.Varint, input.ReadInt32); break;
                case 42: EosId = Value(tag, WireType.Varint, input.ReadInt32); break;
                case 43: PadId = Value(tag, WireType.Varint, input.ReadInt32); break;
                case 44: UnkSurface = Text(input, tag); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private bool ReadModelType(int type) => type switch
    {
        1 => false,
        2 => true,
        _ => throw new InputException($"{Path} is a SentencePiece model of type {(type == 3 ? "word" : type == 4 ? "char" : type)}, only BPE and Unigram are supported."),
    };

    private void ReadNormalizer(CodedInputStream input)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            switch (GetTagFieldNumber(tag))
            {
                case 2:
                    var blob = Value(tag, WireType.LengthDelimited, input.ReadBytes);
                    Map = blob.IsEmpty ? null : new CharacterMap(blob.Span, Path);
                    break;
                case 3: AddDummyPrefix = Value(tag, WireType.Varint, input.ReadBool); break;
                case 4: RemoveExtraSpaces = Value(tag, WireType.Varint, input.ReadBool); break;
                case 5: EscapeSpaces = Value(tag, WireType.Varint, input.ReadBool); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private CodedInputStream Message(CodedInputStream input, uint tag) => Value(tag, WireType.LengthDelimited, input.ReadBytes).CreateCodedInput();

    private string Text(CodedInputStream input, uint tag) => CodePoints.Utf8.GetString(Value(tag, WireType.LengthDelimited, input.ReadBytes).Span);

    // Protobuf passes over a known field of another type; here it is damage, because a setting would be lost without a word.
    private T Value<T>(uint tag, WireType type, Func<T> read) => GetTagWireType(tag) == type ? read() : throw Damaged(null);

    private InputException Damaged(Exception? cause) =>
        new($"{Path} is not a complete SentencePiece model: it may be cut off or a pointer file, copy it again.", cause);

    private void Check()
    {
        for (var id = 0; id < Pieces.Count; id++)
        {
            var (text, _, kind) = Pieces[id];
            if (kind == PieceKind.Unknown)
            {
                UnkId = id;
            }
            else if (kind == PieceKind.Byte && CodePoints.ByteOfToken(text) is >= 0 and var value)
            {
                ByteIds[value] = id;
            }
        }
        if (UnkId < 0)
        {
            throw new InputException($"{Path} has no piece for unknown characters: it is damaged or no SentencePiece model, copy it again.");
        }
        if (ByteFallback && Array.IndexOf(ByteIds, -1) is >= 0 and var missing)
        {
            throw new InputException($"{Path} uses byte fallback but lacks the piece <0x{missing:X2}>: the file is damaged, copy it again.");
        }
    }
}
