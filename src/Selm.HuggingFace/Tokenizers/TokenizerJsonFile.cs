using System.Text.Json;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>Reads Hugging Face's tokenizer.json.</summary>
internal static class TokenizerJsonFile
{
    // Classes whose fast tokenizer builds its post-processor from add_bos_token and add_eos_token, not from the file.
    private static readonly string[] s_builtFromFlags = ["LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"];

    /// <exception cref="InputException">Broken, or of a kind that is not supported.</exception>
    public static Tokenizer Load(string path)
    {
        var file = SettingsNode.Read(path, "model.vocab", "model.merges");
        var settings = TokenizerFiles.ReadSettings(path);
        var vocabulary = new Vocabulary();
        var node = file.Object("model");
        var model = ReadModel(node, vocabulary);
        var added = ReadAddedTokens(file, settings, vocabulary);
        var (prefix, suffix) = s_builtFromFlags.Contains(settings.Class)
            ? FromFlags(settings, vocabulary)
            : Around(file["post_processor"], vocabulary);
        return new JsonTokenizer(vocabulary, settings, new TokenizerPipeline
        {
            AddedTokens = added,
            Normalize = JsonNormalizers.Read(file["normalizer"]),
            PreTokenize = JsonPreTokenizers.Read(file["pre_tokenizer"]),
            Model = model,
            Decode = JsonDecoders.Read(file["decoder"]),
            HasByteTokens = node.Flag("byte_fallback") ?? false,
            Prefix = prefix,
            Suffix = suffix,
        });
    }

    private static IWordModel ReadModel(SettingsNode node, Vocabulary vocabulary)
    {
        // The oldest files have no type; only BPE was written then.
        var type = node.OptionalText("type") ?? (node["merges"] is null ? "none" : "BPE");
        return type switch
        {
            "BPE" => ReadBpe(node, vocabulary),
            "Unigram" => ReadUnigram(node, vocabulary),
            "WordLevel" => ReadWordLevel(node, vocabulary),
            _ => throw node.Unsupported("tokenizer model", type),
        };
    }

    private static BpeModel ReadBpe(SettingsNode node, Vocabulary vocabulary)
    {
        foreach (var name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (node.OptionalText(name) is { Length: > 0 } affix)
            {
                throw node.Unsupported(name, affix);
            }
        }
        ReadTable(node, vocabulary);
        var unk = node.OptionalText("unk_token");
        return new BpeModel(vocabulary, BpeModel.RankedPairs(ReadMerges(node, vocabulary)))
        {
            UnkId = unk is null ? null : vocabulary.IdOf(unk),
            FuseUnk = node.Flag("fuse_unk") ?? false,
            IgnoreMerges = node.Flag("ignore_merges") ?? false,
            ByteIds = ReadByteIds(node, vocabulary),
        };
    }

    private static WordLevelModel ReadWordLevel(SettingsNode node, Vocabulary vocabulary)
    {
        ReadTable(node, vocabulary);
        var unk = node.OptionalText("unk_token");
        return new WordLevelModel(vocabulary, unk is null ? null : vocabulary.IdOf(unk), node.Path);
    }

    private static void ReadTable(SettingsNode node, Vocabulary vocabulary)
    {
        var table = node.Table("vocab", JsonValueKind.Object);
        vocabulary.MakeRoom(table.Count);
        var reader = table.Open();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var token = reader.GetString()!;
            reader.Read();
            vocabulary.Add(token, reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var id) ? id : throw node.Object("vocab").Wrong("a table of whole numbers"), node.Path);
        }
    }

    private static Dictionary<(int Left, int Right), (int Rank, int Id)> ReadMerges(SettingsNode node, Vocabulary vocabulary)
    {
        var table = node.Table("merges", JsonValueKind.Array);
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Id)>(table.Count);
        var reader = table.Open();
        for (var rank = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; rank++)
        {
            if (Halves(ref reader) is not [var first, var second]
                || vocabulary.IdOf(first) is not { } left
                || vocabulary.IdOf(second) is not { } right
                || vocabulary.IdOf(first + second) is not { } id)
            {
                throw node.Wrong("merges", rank, "a merge of two tokens of the vocabulary into a third");
            }
            merges[(left, right)] = (rank, id);
        }
        return merges;
    }

    // "a b" in older files, ["a", "b"] in newer ones, where a token may hold a space; null where it is neither.
    private static string[]? Halves(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return reader.GetString()!.Split(' ');
        }
        return reader.TokenType == JsonTokenType.StartArray
            && Next(ref reader, JsonTokenType.String) && reader.GetString() is { } left
            && Next(ref reader, JsonTokenType.String) && reader.GetString() is { } right
            && Next(ref reader, JsonTokenType.EndArray) ? [left, right] : null;
    }

    private static bool Next(ref Utf8JsonReader reader, JsonTokenType type) => reader.Read() && reader.TokenType == type;

    private static int[]? ReadByteIds(SettingsNode node, Vocabulary vocabulary)
    {
        if (node.Flag("byte_fallback") != true)
        {
            return null;
        }
        var ids = new int[256];
        for (var b = 0; b < 256; b++)
        {
            ids[b] = vocabulary.IdOf($"<0x{b:X2}>")
                ?? throw new InputException($"{node.Path}: byte_fallback is on but the vocabulary lacks <0x{b:X2}>; the file is damaged, copy it again.");
        }
        return ids;
    }

    private static UnigramWordModel ReadUnigram(SettingsNode node, Vocabulary vocabulary)
    {
        var table = node.Table("vocab", JsonValueKind.Array);
        var pieces = new List<ScoredPiece>(table.Count);
        var reader = table.Open();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var piece = reader.TokenType == JsonTokenType.StartArray
                && Next(ref reader, JsonTokenType.String) && reader.GetString() is { } text
                && Next(ref reader, JsonTokenType.Number) && reader.GetDouble() is var score
                && Next(ref reader, JsonTokenType.EndArray)
                ? new ScoredPiece(text, pieces.Count, score)
                : throw node.Wrong("vocab", pieces.Count, "a piece and its score");
            vocabulary.Add(piece.Text, piece.Id, node.Path);
            pieces.Add(piece);
        }
        if (pieces.Count == 0)
        {
            throw node.Wrong("a Unigram model with a vocabulary");
        }
        // Ten below the worst piece, as the reference has it.
        var model = new UnigramModel(pieces, pieces.Min(piece => piece.Score) - 10, singlePrecision: false);
        return new UnigramWordModel(model, node["unk_id"] is null ? null : node.Number("unk_id"), ReadByteIds(node, vocabulary), node.Path);
    }

    private static List<AddedToken> ReadAddedTokens(SettingsNode file, TokenizerSettings settings, Vocabulary vocabulary)
    {
        var tokens = file.Objects("added_tokens").ConvertAll(entry => TokenizerFiles.ReadToken(entry, entry.Number("id")));
        // The settings may add tokens that the file does not know; where both know one, the file counts.
        var known = tokens.Select(token => token.Content).ToHashSet();
        tokens.AddRange(settings.AddedTokens.Where(token => known.Add(token.Content)));
        foreach (var token in tokens)
        {
            vocabulary.Add(token.Content, token.Id, file.Path);
        }
        return tokens;
    }

    private static (int[] Prefix, int[] Suffix) FromFlags(TokenizerSettings settings, Vocabulary vocabulary)
    {
        return (Wanted(settings.AddBos ?? true, settings.BosToken ?? "<s>"), Wanted(settings.AddEos ?? false, settings.EosToken ?? "</s>"));

        int[] Wanted(bool wanted, string token) => wanted && vocabulary.IdOf(token) is { } id ? [id] : [];
    }

    /// <summary>The ids that a post-processor puts before and after a single text.</summary>
    private static (int[] Prefix, int[] Suffix) Around(SettingsNode? section, Vocabulary vocabulary)
    {
        if (section is not { } node)
        {
            return ([], []);
        }
        var type = node.Text("type");
        switch (type)
        {
            case "ByteLevel":
                return ([], []);
            case "Sequence":
                var parts = node.Objects("processors").ConvertAll(item => Around(item, vocabulary));
                // Each processor wraps what the earlier ones made.
                return ([.. Enumerable.Reverse(parts).SelectMany(part => part.Prefix)], [.. parts.SelectMany(part => part.Suffix)]);
            case "TemplateProcessing":
                return ReadTemplate(node, vocabulary);
            case "BertProcessing" or "RobertaProcessing":
                return ([EndToken(node, "cls")], [EndToken(node, "sep")]);
            default:
                throw node.Unsupported("post-processor", type);
        }
    }

    private static (int[] Prefix, int[] Suffix) ReadTemplate(SettingsNode node, Vocabulary vocabulary)
    {
        var (prefix, suffix) = (new List<int>(), new List<int>());
        var target = prefix;
        foreach (var item in node.Objects("single"))
        {
            if (item["Sequence"] is not null)
            {
                target = suffix;
                continue;
            }
            var name = item.Object("SpecialToken").Text("id");
            target.Add(vocabulary.IdOf(name)
                ?? throw new InputException($"{node.Path}: the post-processor uses '{name}', which is not in the vocabulary; the file is damaged, copy it again."));
        }
        return ([.. prefix], [.. suffix]);
    }

    private static int EndToken(SettingsNode node, string name) =>
        node.Items(name).ToArray() is [_, var id] && id.WholeNumber is { } value ? value : throw node.Wrong("a token and its id");
}
