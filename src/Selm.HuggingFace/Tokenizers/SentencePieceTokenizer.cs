namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// A SentencePiece .model file with the special tokens of Llama's slow tokenizer: literal special tokens are cut out
/// of the text and every stretch between them is encoded alone.
/// </summary>
/// <remarks>
/// Two behaviours are published under one name. Legacy (the default where tokenizer_config.json does not say
/// otherwise) marks a word start at the start of every stretch; not legacy, only at the start of the text.
/// </remarks>
internal sealed class SentencePieceTokenizer : Tokenizer
{
    private const string Mark = "\u2581";
    private static readonly string[] s_classes = ["LlamaTokenizer", "CodeLlamaTokenizer", "PreTrainedTokenizer"];

    private readonly SentencePieceModel _model;
    private readonly AddedTokens _added;
    private readonly HashSet<int> _special;
    private readonly Dictionary<string, int> _addedIds;
    private readonly bool _legacy;

    /// <param name="file">The model.</param>
    /// <param name="settings">What the files beside it say.</param>
    public SentencePieceTokenizer(SentencePieceFile file, TokenizerSettings settings)
        : this(file, settings, MakeVocabulary(file, settings))
    {
    }

    private SentencePieceTokenizer(SentencePieceFile file, TokenizerSettings settings, Vocabulary vocabulary)
        : base(vocabulary, settings)
    {
        _model = new SentencePieceModel(file);
        _legacy = settings.Legacy ?? true;
        var tokens = SpecialPieces(file).ExceptBy(settings.AddedTokens.Select(token => token.Id), token => token.Id)
            .Concat(settings.AddedTokens).ToList();
        _added = new AddedTokens(tokens);
        _special = [.. tokens.Where(token => token.Special).Select(token => token.Id)];
        _addedIds = tokens.DistinctBy(token => token.Content).ToDictionary(token => token.Content, token => token.Id);
        BosId = Role(vocabulary, settings, settings.BosToken, "bos_token") ?? InRange(file.BosId, vocabulary);
        EosId = Role(vocabulary, settings, settings.EosToken, "eos_token") ?? InRange(file.EosId, vocabulary);
        PadId = Role(vocabulary, settings, settings.PadToken, "pad_token") ?? InRange(file.PadId, vocabulary);
        UnkId = file.UnkId;
        Prefix = (settings.AddBos ?? true) && BosId is { } bos ? [bos] : [];
        Suffix = (settings.AddEos ?? false) && EosId is { } eos ? [eos] : [];
    }

    /// <summary>Reads a .model file and the settings beside it.</summary>
    public static new SentencePieceTokenizer Load(string file)
    {
        var settings = TokenizerFiles.ReadSettings(file);
        return settings.Class is null || s_classes.Contains(settings.Class)
            ? new SentencePieceTokenizer(SentencePieceFile.Read(file), settings)
            : throw new InputException(
                $"{settings.Folder}: tokenizer class {settings.Class} is not supported from a .model file; add the checkpoint's tokenizer.json.");
    }

    internal override bool IsSpecial(int id) => _special.Contains(id);

    internal override bool IsByteToken(int id) => id < _model.File.Pieces.Count && _model.File.Pieces[id].Kind == PieceKind.Byte;

    /// <summary>The pieces of a text as SentencePiece itself gives them, for comparison with its own output.</summary>
    internal List<(string Piece, int Id)> EncodePieces(string text) =>
        _model.EncodePieces(CodePoints.WellFormed(text), _model.File.AddDummyPrefix);

    private protected override void EncodeText(string text, bool parseSpecialTokens, List<int> ids)
    {
        if (_legacy)
        {
            EncodeParts(text, parseSpecialTokens, _model.File.AddDummyPrefix, ids);
            return;
        }
        if (text.Length == 0)
        {
            return;
        }
        // The start mark is put before the whole text and nowhere else, and vanishes before a special token.
        text = Mark + text.Replace(Mark, " ", StringComparison.Ordinal);
        var first = ids.Count;
        EncodeParts(text, parseSpecialTokens, dummyPrefix: false, ids);
        if (ids.Count > first + 1 && TokenOf(ids[first]) == Mark && _special.Contains(ids[first + 1]))
        {
            ids.RemoveAt(first);
        }
    }

    private protected override string DecodeIds(List<int> ids) => _model.Decode(ids, TokenOf);

    private void EncodeParts(string text, bool parseSpecialTokens, bool dummyPrefix, List<int> ids)
    {
        foreach (var part in _added.Split(text, parseSpecialTokens))
        {
            if (part.Id >= 0)
            {
                ids.Add(part.Id);
            }
            else
            {
                _model.Encode(part.Text, dummyPrefix, ids);
            }
        }
    }

    private static Vocabulary MakeVocabulary(SentencePieceFile file, TokenizerSettings settings)
    {
        var vocabulary = new Vocabulary();
        for (var id = 0; id < file.Pieces.Count; id++)
        {
            vocabulary.Add(file.Pieces[id].Text, id, file.Path);
        }
        foreach (var token in settings.AddedTokens)
        {
            vocabulary.Add(token.Content, token.Id, file.Path);
        }
        return vocabulary;
    }

    private static IEnumerable<AddedToken> SpecialPieces(SentencePieceFile file) =>
        file.Pieces.Select((piece, id) => (piece, id))
            .Where(entry => entry.piece.Kind is PieceKind.Control or PieceKind.Unknown)
            .Select(entry => new AddedToken(entry.id, entry.piece.Text));

    private static int? InRange(int id, Vocabulary vocabulary) => vocabulary.TokenOf(id) is null ? null : id;
}
