namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// The pipeline of tokenizer.json: added tokens are cut out, the text between them is normalized, cut into words,
/// and each word goes through the model. tiktoken's rank files use the same pipeline.
/// </summary>
internal sealed class JsonTokenizer : Tokenizer
{
    private readonly TokenizerPipeline _pipeline;
    private readonly AddedTokens _rawTokens;
    private readonly AddedTokens _normalizedTokens;
    private readonly HashSet<int> _special;
    private readonly Vocabulary _vocabulary;

    public JsonTokenizer(Vocabulary vocabulary, TokenizerSettings settings, TokenizerPipeline pipeline)
        : base(vocabulary, settings)
    {
        _vocabulary = vocabulary;
        _pipeline = pipeline;
        _special = [.. pipeline.AddedTokens.Where(token => token.Special).Select(token => token.Id)];
        _rawTokens = new AddedTokens(pipeline.AddedTokens.Where(token => !token.Normalized));
        _normalizedTokens = new AddedTokens(pipeline.AddedTokens
            .Where(token => token.Normalized)
            .Select(token => token with { Content = pipeline.Normalize(token.Content) }));
        Prefix = pipeline.Prefix;
        Suffix = pipeline.Suffix;
        // What goes before every text is the bos, whatever its name; the usual names serve where no file says it.
        BosId = Role(vocabulary, settings, settings.BosToken, "bos_token")
            ?? (pipeline.Prefix is [var first, ..] ? first : Usual("<s>", "<|begin_of_text|>", "<bos>"));
        EosId = settings.EosToken is null
            ? Usual("</s>", "<|end_of_text|>", "<|endoftext|>", "<eos>")
            : Role(vocabulary, settings, settings.EosToken, "eos_token");
        PadId = Role(vocabulary, settings, settings.PadToken, "pad_token") ?? Usual("<pad>", "[PAD]");
        UnkId = Role(vocabulary, settings, settings.UnkToken, "unk_token") ?? Usual("<unk>", "[UNK]");
    }

    internal override bool IsSpecial(int id) => _special.Contains(id);

    internal override bool IsByteToken(int id) => _pipeline.HasByteTokens && CodePoints.ByteOfToken(TokenOf(id)) >= 0;

    private protected override void EncodeText(string text, bool parseSpecialTokens, List<int> ids)
    {
        foreach (var part in _rawTokens.Split(text, parseSpecialTokens))
        {
            if (part.Id >= 0)
            {
                ids.Add(part.Id);
                continue;
            }
            foreach (var inner in _normalizedTokens.Split(_pipeline.Normalize(part.Text), parseSpecialTokens))
            {
                if (inner.Id >= 0)
                {
                    ids.Add(inner.Id);
                    continue;
                }
                foreach (var word in _pipeline.PreTokenize(inner.Text, part.Start == 0 && inner.Start == 0))
                {
                    _pipeline.Model.Encode(word, ids);
                }
            }
        }
    }

    private protected override string DecodeIds(List<int> ids) =>
        string.Concat(_pipeline.Decode(ids.ConvertAll(TokenOf)));

    /// <summary>A special token of one of the usual names.</summary>
    private int? Usual(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (_vocabulary.IdOf(name) is { } id && _special.Contains(id))
            {
                return id;
            }
        }
        return null;
    }
}

/// <summary>The parts of a <see cref="JsonTokenizer"/>.</summary>
internal sealed record TokenizerPipeline
{
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    public Normalizer Normalize { get; init; } = text => text;

    public required PreTokenizer PreTokenize { get; init; }

    public required IWordModel Model { get; init; }

    public required DecodeStep Decode { get; init; }

    /// <summary>Whether tokens such as &lt;0xE2&gt; stand for bytes.</summary>
    public bool HasByteTokens { get; init; }

    public int[] Prefix { get; init; } = [];

    public int[] Suffix { get; init; } = [];
}
