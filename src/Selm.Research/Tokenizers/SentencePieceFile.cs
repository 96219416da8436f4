namespace Selm.Research.Tokenizers;

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
            file.ReadModel(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read: {error.Message}", error);
        }
        file.Check();
        return file;
    }

    private void ReadModel(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes, Path);
        for (var field = reader.NextField(); field != 0; field = reader.NextField())
        {
            switch (field)
            {
                case 1: Pieces.Add(ReadPiece(reader.Bytes())); break;
                case 2: ReadTrainer(reader.Bytes()); break;
                case 3: ReadNormalizer(reader.Bytes()); break;
                default: reader.Skip(); break;
            }
        }
    }

    private Piece ReadPiece(ReadOnlySpan<byte> bytes)
    {
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        var reader = new ProtoReader(bytes, Path);
        for (var field = reader.NextField(); field != 0; field = reader.NextField())
        {
            switch (field)
            {
                case 1: text = reader.Text(); break;
                case 2: score = reader.Single(); break;
                case 3: kind = (PieceKind)reader.Int32(); break;
                default: reader.Skip(); break;
            }
        }
        return new Piece(text, score, kind);
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes, Path);
        for (var field = reader.NextField(); field != 0; field = reader.NextField())
        {
            switch (field)
            {
                case 3: IsBpe = ReadModelType(reader.Int32()); break;
                case 24: SpaceIsSuffix = reader.Flag(); break;
                case 35: ByteFallback = reader.Flag(); break;
                case 41: BosId = reader.Int32(); break;
                case 42: EosId = reader.Int32(); break;
                case 43: PadId = reader.Int32(); break;
                case 44: UnkSurface = reader.Text(); break;
                default: reader.Skip(); break;
            }
        }
    }

    private bool ReadModelType(int type) => type switch
    {
        1 => false,
        2 => true,
        _ => throw new InputException($"{Path} is a SentencePiece model of type {(type == 3 ? "word" : type == 4 ? "char" : type)}, only BPE and Unigram are supported."),
    };

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        var reader = new ProtoReader(bytes, Path);
        for (var field = reader.NextField(); field != 0; field = reader.NextField())
        {
            switch (field)
            {
                case 2:
                    var blob = reader.Bytes();
                    Map = blob.IsEmpty ? null : new CharacterMap(blob, Path);
                    break;
                case 3: AddDummyPrefix = reader.Flag(); break;
                case 4: RemoveExtraSpaces = reader.Flag(); break;
                case 5: EscapeSpaces = reader.Flag(); break;
                default: reader.Skip(); break;
            }
        }
    }

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
