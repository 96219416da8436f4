using System.Diagnostics.CodeAnalysis;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>
/// Text to token ids and back, exactly as the checkpoint's own tokenizer does it.
/// </summary>
/// <remarks>
/// Reads <c>tokenizer.json</c> (byte-level BPE, Llama-2 style BPE with byte fallback, Unigram, WordLevel) and SentencePiece
/// <c>.model</c> files. All normalisation is done here, by code points, so results depend neither on the culture nor
/// on ICU. Lone surrogates in a text become U+FFFD first. Instances may be used from several threads.
/// </remarks>
public abstract class Tokenizer
{
    private readonly Vocabulary _vocabulary;
    private readonly TokenizerSettings _settings;

    private protected Tokenizer(Vocabulary vocabulary, TokenizerSettings settings)
    {
        _vocabulary = vocabulary;
        _settings = settings;
    }

    /// <summary>One more than the highest token id, added tokens included.</summary>
    public int VocabularySize => _vocabulary.Size;

    /// <summary>Id of the token that opens a text, where the tokenizer has one.</summary>
    public int? BosId { get; private protected init; }

    /// <summary>Id of the token that ends a text, where the tokenizer has one.</summary>
    public int? EosId { get; private protected init; }

    /// <summary>Id of the padding token, where the tokenizer has one.</summary>
    public int? PadId { get; private protected init; }

    /// <summary>Id of the token for unknown characters, where the tokenizer has one.</summary>
    public int? UnkId { get; private protected init; }

    /// <summary>
    /// Whether <c>Encode(text, addSpecialTokens: true)</c> starts with <see cref="BosId"/>: what Hugging Face's
    /// tokenizer of the same files does by default.
    /// </summary>
    public bool AddsBos => BosId is { } bos && Prefix.Contains(bos);

    /// <summary>SHA-256 (lower-case hex) over the names and bytes of the files that define the tokenizer: its vocabulary file and the settings beside it.</summary>
    public string ContentHash => _settings.ContentHash;

    /// <summary>The checkpoint's chat template in Jinja, from tokenizer_config.json or chat_template.jinja.</summary>
    public string? ChatTemplateSource => _settings.ChatTemplate;

    /// <summary>Ids that <c>addSpecialTokens</c> puts before a text.</summary>
    private protected int[] Prefix { get; init; } = [];

    /// <summary>Ids that <c>addSpecialTokens</c> puts after a text.</summary>
    private protected int[] Suffix { get; init; } = [];

    /// <summary>
    /// Reads a tokenizer: from a folder its tokenizer.json, else its SentencePiece model (spm.model,
    /// tokenizer.model or the only *.model); from a file that file with the settings beside it.
    /// </summary>
    /// <param name="folderOrFile">A checkpoint folder, a tokenizer.json or a .model file.</param>
    /// <exception cref="InputException">Nothing to read there, or what is there is broken or unsupported.</exception>
    public static Tokenizer Load(string folderOrFile)
    {
        ArgumentNullException.ThrowIfNull(folderOrFile);
        var file = TokenizerFiles.Find(folderOrFile);
        if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return TokenizerJsonFile.Load(file);
        }
        return DebertaTokenizer.Owns(file) ? DebertaTokenizer.Load(file) : SentencePieceTokenizer.Load(file);
    }

    /// <summary>Token ids of a text.</summary>
    /// <param name="text">Any text; lone surrogates count as U+FFFD.</param>
    /// <param name="addSpecialTokens">Adds what the tokenizer puts around a text, for instance bos.</param>
    /// <param name="parseSpecialTokens">
    /// Literal special tokens in the text, such as <c>&lt;s&gt;</c>, become their ids; otherwise they are ordinary text.
    /// </param>
    /// <returns>The ids, in reading order.</returns>
    public int[] Encode(string text, bool addSpecialTokens = false, bool parseSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 3 + 4);
        if (addSpecialTokens)
        {
            ids.AddRange(Prefix);
        }
        EncodeText(CodePoints.WellFormed(text), parseSpecialTokens, ids);
        if (addSpecialTokens)
        {
            ids.AddRange(Suffix);
        }
        return [.. ids];
    }

    /// <summary>The text of token ids. Bytes that are no valid UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Leaves special tokens out of the text.</param>
    /// <exception cref="InputException">An id that the vocabulary does not have.</exception>
    /// <remarks>No clean-up of spaces before punctuation is done: that would lose what the model wrote.</remarks>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        var kept = new List<int>(ids.Length);
        foreach (var id in ids)
        {
            _ = TokenOf(id);
            if (!skipSpecialTokens || !IsSpecial(id))
            {
                kept.Add(id);
            }
        }
        return DecodeIds(kept);
    }

    /// <summary>The id of a token as it is spelled in the vocabulary, or null.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _vocabulary.IdOf(token);
    }

    /// <summary>The token of an id, as it is spelled in the vocabulary.</summary>
    /// <exception cref="InputException">The vocabulary has no such id.</exception>
    public string TokenOf(int id) => _vocabulary.TokenOf(id)
        ?? throw new InputException(
            $"Token id {id} is outside the tokenizer's vocabulary of {VocabularySize}: the ids were made with another tokenizer, encode the text again with this one.");

    /// <summary>
    /// The checkpoint's chat template, ready to render, or the named built-in one where the checkpoint has none.
    /// </summary>
    /// <param name="fallback">Name of a built-in template (<see cref="Chat.ChatTemplate.Names"/>), or null.</param>
    /// <exception cref="InputException">There is no template, or it uses what the kit cannot render.</exception>
    public Chat.ChatTemplate ChatTemplate(string? fallback = null)
    {
        var bos = BosId is { } b ? TokenOf(b) : "";
        var eos = EosId is { } e ? TokenOf(e) : "";
        if (ChatTemplateSource is { } source)
        {
            return Chat.ChatTemplate.Parse(source, bos, eos);
        }
        return fallback is not null
            ? Chat.ChatTemplate.Named(fallback, bos, eos)
            : throw new InputException(
                $"{_settings.Folder} has no chat template: add chat_template to its tokenizer_config.json, or give prompts as text instead of messages.");
    }

    /// <summary>Whether the vocabulary has a token of that id; models are often a little wider than their tokenizer.</summary>
    internal bool Has(int id) => _vocabulary.TokenOf(id) is not null;

    /// <summary>Whether an id belongs to a special token, which decoding may skip.</summary>
    internal abstract bool IsSpecial(int id);

    /// <summary>Whether an id stands for one raw byte whose text depends on the byte tokens around it.</summary>
    internal virtual bool IsByteToken(int id) => false;

    /// <summary>Appends the ids of a well-formed text.</summary>
    private protected abstract void EncodeText(string text, bool parseSpecialTokens, List<int> ids);

    /// <summary>The text of ids that are all in the vocabulary and all wanted.</summary>
    private protected abstract string DecodeIds(List<int> ids);

    /// <summary>The id that the settings, or else the usual names, give to a role such as eos.</summary>
    [return: NotNullIfNotNull(nameof(named))]
    private protected static int? Role(Vocabulary vocabulary, TokenizerSettings settings, string? named, string role, params string[] usual)
    {
        if (named is not null)
        {
            return vocabulary.IdOf(named) ?? throw new InputException(
                $"{settings.Folder} names '{named}' as its {role}, which is not in the vocabulary: correct tokenizer_config.json or add the token.");
        }
        foreach (var name in usual)
        {
            if (vocabulary.IdOf(name) is { } id)
            {
                return id;
            }
        }
        return null;
    }
}
