namespace Selm.HuggingFace.Tokenizers;

/// <summary>Cuts a stretch of normalized text into words.</summary>
/// <param name="text">The stretch.</param>
/// <param name="isFirst">Whether it starts where the whole text starts.</param>
internal delegate List<string> PreTokenizer(string text, bool isFirst);

/// <summary>When a word-start mark is put before a text.</summary>
internal enum PrependScheme
{
    Never,
    First,
    Always,
}

/// <summary>The pre_tokenizer section of tokenizer.json.</summary>
internal static class JsonPreTokenizers
{
    /// <exception cref="InputException">A pre-tokenizer that the kit does not have.</exception>
    public static PreTokenizer Read(SettingsNode? section)
    {
        if (section is not { } node)
        {
            return (text, _) => [text];
        }
        var type = node.Text("type");
        return type switch
        {
            "Sequence" => Sequence([.. node.Objects("pretokenizers").Select(item => Read(item))]),
            "ByteLevel" => ReadByteLevel(node),
            "Split" => ReadSplit(node),
            "Digits" => Digits(node.Flag("individual_digits") ?? false, node.Path),
            "Metaspace" => Metaspace(node),
            "WhitespaceSplit" => (text, _) => [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)],
            _ => throw node.Unsupported("pre-tokenizer", type),
        };
    }

    /// <summary>Words of a pattern, spelled byte by byte: what tiktoken's rank files need.</summary>
    public static PreTokenizer ByteLevelWords(SplitPattern pattern) => (text, _) =>
        pattern.Split(text).ConvertAll(ByteLevel.Encode);

    /// <summary>When Metaspace marks a word start; older files say it with add_prefix_space.</summary>
    public static PrependScheme Scheme(SettingsNode node) => node.OptionalText("prepend_scheme") switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        null => node.Flag("add_prefix_space") ?? true ? PrependScheme.Always : PrependScheme.Never,
        var other => throw node.Unsupported("prepend_scheme", other),
    };

    /// <summary>The mark of Metaspace, one character.</summary>
    public static string Mark(SettingsNode node) => node["replacement"] is null ? "\u2581" : JsonNormalizers.Short(node, "replacement");

    private static PreTokenizer Sequence(PreTokenizer[] steps) => (text, isFirst) =>
    {
        List<string> pieces = [text];
        foreach (var step in steps)
        {
            var next = new List<string>(pieces.Count);
            for (var i = 0; i < pieces.Count; i++)
            {
                next.AddRange(step(pieces[i], isFirst && i == 0));
            }
            pieces = next;
        }
        return pieces;
    };

    private static PreTokenizer ReadByteLevel(SettingsNode node)
    {
        var addSpace = node.Flag("add_prefix_space") ?? true;
        var pattern = node.Flag("use_regex") ?? true ? new SplitPattern(ByteLevel.Gpt2Pattern, node.Path) : null;
        return (text, _) =>
        {
            if (addSpace && !text.StartsWith(' '))
            {
                text = " " + text;
            }
            return pattern is null ? [ByteLevel.Encode(text)] : pattern.Split(text).ConvertAll(ByteLevel.Encode);
        };
    }

    private static PreTokenizer ReadSplit(SettingsNode node)
    {
        var source = node.Object("pattern");
        var pattern = new SplitPattern(
            source.OptionalText("String") is { } literal
                ? System.Text.RegularExpressions.Regex.Escape(literal)
                : source.Text("Regex"),
            node.Path);
        var name = node.Text("behavior");
        if (!Enum.TryParse<SplitBehavior>(name, out var behavior))
        {
            throw node.Unsupported("split behavior", name);
        }
        var invert = node.Flag("invert") ?? false;
        return (text, _) => pattern.Split(text, behavior, invert);
    }

    private static PreTokenizer Digits(bool individual, string path)
    {
        var pattern = new SplitPattern(@"\p{N}", path);
        var behavior = individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous;
        return (text, _) => pattern.Split(text, behavior);
    }

    private static PreTokenizer Metaspace(SettingsNode node)
    {
        var mark = Mark(node);
        var scheme = Scheme(node);
        var split = node.Flag("split") ?? true;
        return (text, isFirst) =>
        {
            text = text.Replace(" ", mark, StringComparison.Ordinal);
            var prepends = scheme == PrependScheme.Always || (scheme == PrependScheme.First && isFirst);
            if (prepends && !text.StartsWith(mark, StringComparison.Ordinal))
            {
                text = mark + text;
            }
            return split ? BeforeEach(mark, text) : [text];
        };
    }

    private static List<string> BeforeEach(string mark, string text)
    {
        var pieces = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var next = text.IndexOf(mark, start + 1, StringComparison.Ordinal);
            var end = next < 0 ? text.Length : next;
            pieces.Add(text[start..end]);
            start = end;
        }
        return pieces;
    }
}
