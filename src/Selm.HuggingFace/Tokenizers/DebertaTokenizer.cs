namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// The tokenizer of DeBERTa-v2 and v3, and so of PairRM: a SentencePiece Unigram model, texts wrapped as
/// <c>[CLS] x [SEP]</c>, and special tokens such as <c>&lt;|source|&gt;</c> cut out of the text.
/// </summary>
public sealed class DebertaTokenizer : Tokenizer
{
    private const string MaskToken = "[MASK]";

    /// <summary>PairRM's markers in the order in which LLM-Blender appends them to the encoder's tokens, by their fields of config.json.</summary>
    internal static readonly (string Field, string Token)[] BlenderMarkers =
        [("source_prefix", "<|source|>"), ("cand1_prefix", "<|candidate1|>"), ("cand2_prefix", "<|candidate2|>"), ("cand_prefix", "<|candidate|>")];

    private readonly SentencePieceModel _model;
    private readonly AddedTokens _added;
    private readonly HashSet<int> _special;
    private readonly bool _lowerCase;

    private DebertaTokenizer(SentencePieceFile file, TokenizerSettings settings, List<AddedToken> tokens, Vocabulary vocabulary)
        : base(vocabulary, settings)
    {
        _model = new SentencePieceModel(file);
        _added = new AddedTokens(tokens);
        _special = [.. tokens.Where(token => token.Special).Select(token => token.Id)];
        _lowerCase = settings.LowerCase;
        ClsId = Role(vocabulary, settings, "[CLS]", "cls_token").Value;
        SepId = Role(vocabulary, settings, "[SEP]", "sep_token").Value;
        MaskId = Role(vocabulary, settings, MaskToken, "mask_token").Value;
        BosId = ClsId;
        EosId = SepId;
        PadId = Role(vocabulary, settings, "[PAD]", "pad_token");
        UnkId = file.UnkId;
        Prefix = [ClsId];
        Suffix = [SepId];
    }

    /// <summary>Id of [CLS], which opens every text.</summary>
    public int ClsId { get; }

    /// <summary>Id of [SEP], which ends every text.</summary>
    public int SepId { get; }

    /// <summary>Id of [MASK]: the one after the last piece, unless a file says otherwise.</summary>
    public int MaskId { get; }

    /// <summary>
    /// Reads spm.model from a folder, or the .model file itself, and the special tokens of added_tokens.json,
    /// tokenizer_config.json and (PairRM) the prefixes of config.json.
    /// </summary>
    /// <exception cref="InputException">No such file, or a broken one.</exception>
    public static new DebertaTokenizer Load(string folderOrFile)
    {
        ArgumentNullException.ThrowIfNull(folderOrFile);
        var spm = Path.Combine(folderOrFile, "spm.model");
        var file = File.Exists(spm) ? spm : TokenizerFiles.Find(folderOrFile);
        return file.EndsWith(".model", StringComparison.OrdinalIgnoreCase)
            ? Create(file, new Dictionary<string, int>())
            : throw new InputException($"{folderOrFile} has no spm.model: copy the DeBERTa checkpoint's SentencePiece model into it.");
    }

    /// <summary>Reads a SentencePiece model with explicit special tokens beyond its own.</summary>
    /// <param name="modelFile">The .model file.</param>
    /// <param name="addedTokens">Id of each special token, for instance 513 for <c>&lt;|source|&gt;</c>.</param>
    /// <exception cref="InputException">No such file, or a broken one.</exception>
    public static DebertaTokenizer Create(string modelFile, IReadOnlyDictionary<string, int> addedTokens)
    {
        ArgumentNullException.ThrowIfNull(modelFile);
        ArgumentNullException.ThrowIfNull(addedTokens);
        var file = SentencePieceFile.Read(modelFile);
        var settings = TokenizerFiles.ReadSettings(modelFile);
        var tokens = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        for (var id = 0; id < file.Pieces.Count; id++)
        {
            if (file.Pieces[id].Kind is PieceKind.Control or PieceKind.Unknown)
            {
                tokens[file.Pieces[id].Text] = new AddedToken(id, file.Pieces[id].Text);
            }
        }
        tokens[MaskToken] = new AddedToken(file.Pieces.Count, MaskToken);
        foreach (var token in ReadPrefixes(settings.Folder, file).Concat(settings.AddedTokens)
            .Concat(addedTokens.Select(entry => new AddedToken(entry.Value, entry.Key))))
        {
            tokens[token.Content] = token;
        }
        var vocabulary = new Vocabulary();
        for (var id = 0; id < file.Pieces.Count; id++)
        {
            vocabulary.Add(file.Pieces[id].Text, id, modelFile);
        }
        foreach (var token in tokens.Values)
        {
            vocabulary.Add(token.Content, token.Id, modelFile);
        }
        return new DebertaTokenizer(file, settings, [.. tokens.Values], vocabulary);
    }

    /// <summary>Two texts as one input: <c>[CLS] a [SEP] b [SEP]</c>.</summary>
    /// <param name="first">The first text.</param>
    /// <param name="second">The second text.</param>
    /// <returns>The ids, and for each 0 (first text) or 1 (second).</returns>
    public (int[] Ids, int[] TypeIds) EncodePair(string first, string second)
    {
        var a = Encode(first);
        var b = Encode(second);
        int[] ids = [ClsId, .. a, SepId, .. b, SepId];
        var types = new int[ids.Length];
        Array.Fill(types, 1, a.Length + 2, b.Length + 1);
        return (ids, types);
    }

    /// <summary>Whether a .model file is a DeBERTa tokenizer: by class, or by name where no class is given.</summary>
    internal static bool Owns(string file) => TokenizerFiles.ReadSettings(file).Class switch
    {
        null => Path.GetFileName(file) == "spm.model",
        var name => name is "DebertaV2Tokenizer",
    };

    internal override bool IsSpecial(int id) => _special.Contains(id);

    internal override bool IsByteToken(int id) => id < _model.File.Pieces.Count && _model.File.Pieces[id].Kind == PieceKind.Byte;

    private protected override void EncodeText(string text, bool parseSpecialTokens, List<int> ids)
    {
        foreach (var part in _added.Split(text, parseSpecialTokens))
        {
            if (part.Id >= 0)
            {
                ids.Add(part.Id);
            }
            else
            {
                var stretch = _lowerCase ? part.Text.ToLowerInvariant() : part.Text;
                _model.Encode(stretch, _model.File.AddDummyPrefix, ids);
            }
        }
    }

    private protected override string DecodeIds(List<int> ids) => _model.Decode(ids, TokenOf);

    /// <summary>Id of the first of LLM-Blender's markers: [MASK] follows the pieces, the markers follow [MASK].</summary>
    internal static int FirstMarker(SentencePieceFile file) => file.Pieces.Count + 1;

    /// <summary>PairRM names its markers in config.json: source_prefix and source_prefix_id, and so on; LLM-Blender appends them when it loads.</summary>
    private static List<AddedToken> ReadPrefixes(string folder, SentencePieceFile file)
    {
        var tokens = new List<AddedToken>();
        var path = Path.Combine(folder, "config.json");
        if (File.Exists(path))
        {
            var config = SettingsNode.Read(path);
            if (config["ranker_type"] is not null)
            {
                return [.. BlenderMarkers.Select((marker, k) => new AddedToken(FirstMarker(file) + k, marker.Token))];
            }
            foreach (var name in BlenderMarkers.Select(marker => marker.Field))
            {
                if (config.OptionalText(name) is { } token && config[name + "_id"] is not null)
                {
                    tokens.Add(new AddedToken(config.Number(name + "_id"), token));
                }
            }
        }
        return tokens;
    }
}
