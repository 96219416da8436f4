using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Files;

namespace Selm.HuggingFace.Tokenizers;

/// <summary>What the small files beside a vocabulary say about it. Null: the files do not say.</summary>
internal sealed record TokenizerSettings
{
    public required string Folder { get; init; }

    public required string ContentHash { get; init; }

    public string? ChatTemplate { get; init; }

    /// <summary>Name of Hugging Face's class, without the ending "Fast".</summary>
    public string? Class { get; init; }

    public string? BosToken { get; init; }

    public string? EosToken { get; init; }

    public string? PadToken { get; init; }

    public string? UnkToken { get; init; }

    public bool? AddBos { get; init; }

    public bool? AddEos { get; init; }

    /// <summary>Whether a word-start mark is put also after a special token inside a text.</summary>
    public bool? Legacy { get; init; }

    public bool LowerCase { get; init; }

    /// <summary>Tokens beyond the vocabulary file.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];
}

/// <summary>Finds and reads the files of a tokenizer.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] s_settingsFiles = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"];

    /// <summary>Names under which Hugging Face's tools keep a tokenizer, besides other *.model files.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["tokenizer.json", "spm.model", "tokenizer.model", .. s_settingsFiles, "chat_template.jinja", "vocab.json", "merges.txt"];

    /// <summary>Whether a folder holds a tokenizer, whole or broken.</summary>
    public static bool AreIn(string folder) =>
        Directory.Exists(folder) && (File.Exists(Path.Combine(folder, "tokenizer.json")) || Directory.EnumerateFiles(folder, "*.model").Any());

    /// <summary>The file that defines the tokenizer of a folder, or the file itself.</summary>
    /// <exception cref="InputException">There is none.</exception>
    public static string Find(string folderOrFile)
    {
        if (File.Exists(folderOrFile))
        {
            return folderOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || folderOrFile.EndsWith(".model", StringComparison.OrdinalIgnoreCase)
                ? folderOrFile
                : throw new InputException($"{folderOrFile} is no tokenizer: name a tokenizer.json, a SentencePiece .model file, or the folder that holds one.");
        }
        if (!Directory.Exists(folderOrFile))
        {
            throw new InputException($"There is no tokenizer at {folderOrFile}: no such file or folder, check the path.");
        }
        foreach (var name in (string[])["tokenizer.json", "spm.model", "tokenizer.model"])
        {
            var path = Path.Combine(folderOrFile, name);
            if (File.Exists(path))
            {
                return path;
            }
        }
        var models = Directory.GetFiles(folderOrFile, "*.model");
        return models.Length == 1
            ? models[0]
            : throw new InputException(models.Length == 0
                ? $"{folderOrFile} has no tokenizer: copy tokenizer.json, or tokenizer.model or spm.model, of the checkpoint into it."
                : $"{folderOrFile} has {models.Length} .model files: name the one to use.");
    }

    /// <summary>Reads the settings beside a vocabulary file.</summary>
    public static TokenizerSettings ReadSettings(string file)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var config = ReadIfThere(folder, "tokenizer_config.json");
        var map = ReadIfThere(folder, "special_tokens_map.json");
        if (config?.Flag("split_by_punct") == true)
        {
            throw new InputException($"{config.Value.Path}: split_by_punct is not supported; use a checkpoint without it.");
        }
        return new TokenizerSettings
        {
            Folder = folder,
            ContentHash = ContentHash.OfFiles(s_settingsFiles.Select(name => Path.Combine(folder, name)).Where(File.Exists).Append(file)),
            ChatTemplate = ReadTemplate(folder, config),
            Class = ClassName(config),
            BosToken = TokenText(config, "bos_token") ?? TokenText(map, "bos_token"),
            EosToken = TokenText(config, "eos_token") ?? TokenText(map, "eos_token"),
            PadToken = TokenText(config, "pad_token") ?? TokenText(map, "pad_token"),
            UnkToken = TokenText(config, "unk_token") ?? TokenText(map, "unk_token"),
            AddBos = config?.Flag("add_bos_token"),
            AddEos = config?.Flag("add_eos_token"),
            Legacy = config?.Flag("legacy"),
            LowerCase = config?.Flag("do_lower_case") ?? false,
            AddedTokens = ReadAddedTokens(folder, config),
        };
    }

    /// <summary>One entry of an added-token list.</summary>
    public static AddedToken ReadToken(SettingsNode node, int id) => new(
        id,
        node.Text("content"),
        node.Flag("single_word") ?? false,
        node.Flag("lstrip") ?? false,
        node.Flag("rstrip") ?? false,
        node.Flag("normalized") ?? false,
        node.Flag("special") ?? false);

    private static SettingsNode? ReadIfThere(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) ? SettingsNode.Read(path) : null;
    }

    private static string? ClassName(SettingsNode? config)
    {
        var name = config?.OptionalText("tokenizer_class");
        return name is not null && name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^4] : name;
    }

    private static string? TokenText(SettingsNode? file, string name) => file?[name] switch
    {
        null => null,
        { Element.ValueKind: JsonValueKind.Object } node => node.Text("content"),
        { } node => node.AsText(),
    };

    private static string? ReadTemplate(string folder, SettingsNode? config)
    {
        var path = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(path))
        {
            return File.ReadAllText(path);
        }
        if (config?["chat_template"] is not { } node)
        {
            return null;
        }
        if (node.Element.ValueKind == JsonValueKind.String)
        {
            return node.AsText();
        }
        // A list of named templates: "default" is the one for plain chats.
        return config.Value.Objects("chat_template").Find(entry => entry.Text("name") == "default") is { Path: not null } entry
            ? entry.Text("template")
            : throw node.Wrong("a template or a list with one named default");
    }

    private static List<AddedToken> ReadAddedTokens(string folder, SettingsNode? config)
    {
        var tokens = new Dictionary<int, AddedToken>();
        if (ReadIfThere(folder, "added_tokens.json") is { } list)
        {
            foreach (var (content, node) in list.Members())
            {
                var id = node.WholeNumber ?? throw node.Wrong("a whole number");
                Vocabulary.RefuseImpossible(content, id, list.Path);
                tokens[id] = new AddedToken(id, content);
            }
        }
        if (config?["added_tokens_decoder"] is { } decoder)
        {
            foreach (var (name, node) in decoder.Members())
            {
                if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                {
                    throw decoder.Wrong("a list of tokens by id");
                }
                Vocabulary.RefuseImpossible(name, id, decoder.Path);
                tokens[id] = ReadToken(node.Element.ValueKind == JsonValueKind.Object ? node : throw node.Wrong("an object"), id);
            }
        }
        return [.. tokens.Values.OrderBy(token => token.Id)];
    }
}
