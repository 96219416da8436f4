using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>Python's methods of texts, lists and dictionaries; those that would change a list or dictionary are refused, as in transformers.</summary>
internal static class ChatMethods
{
    // All names count as methods, so that x.name means the same as in Python; Call runs the common ones.
    private static readonly HashSet<string> s_text =
    [
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "format_map", "index", "isalnum", "isalpha",
        "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace", "istitle", "isupper", "join", "ljust", "lower",
        "lstrip", "maketrans", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip",
        "split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill",
    ];
    private static readonly HashSet<string> s_list = ["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
    private static readonly HashSet<string> s_table = ["clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

    public static bool Has(object? value, string name) => value switch
    {
        string => s_text.Contains(name),
        List<object?> and not ChatGenerator => s_list.Contains(name),
        Dictionary<string, object?> => s_table.Contains(name),
        _ => false,
    };

    public static object? Call(object? owner, string name, ChatInputs inputs) => owner switch
    {
        string text => OfText(text, name, inputs),
        List<object?> list => OfList(list, name, inputs),
        Dictionary<string, object?> table => OfTable(table, name, inputs),
        _ => throw new ChatTemplateFault(inputs.At, $"the method '.{name}(..)' is not supported."),
    };

    private static object? OfText(string text, string name, ChatInputs inputs)
    {
        return name switch
        {
            "strip" => Bound("chars") is var a && a.TextOrNull(0) is { } set ? text.Trim(set.ToCharArray()) : ChatValues.TrimStart(ChatValues.TrimEnd(text)),
            "lstrip" => Bound("chars") is var a && a.TextOrNull(0) is { } set ? text.TrimStart(set.ToCharArray()) : ChatValues.TrimStart(text),
            "rstrip" => Bound("chars") is var a && a.TextOrNull(0) is { } set ? text.TrimEnd(set.ToCharArray()) : ChatValues.TrimEnd(text),
            "upper" => Bound("") is var _ ? text.ToUpperInvariant() : null,
            "lower" or "casefold" => Bound("") is var _ ? text.ToLowerInvariant() : null,
            "capitalize" => Bound("") is var _ ? Capitalize(text) : null,
            "title" => Bound("") is var _ ? Title(text) : null,
            "startswith" => Parts(Bound("prefix")).Exists(part => text.StartsWith(part, StringComparison.Ordinal)),
            "endswith" => Parts(Bound("suffix")).Exists(part => text.EndsWith(part, StringComparison.Ordinal)),
            "removeprefix" => Bound("prefix").Text(0) is var part && text.StartsWith(part, StringComparison.Ordinal) ? text[part.Length..] : text,
            "removesuffix" => Bound("suffix").Text(0) is var part && text.EndsWith(part, StringComparison.Ordinal) ? text[..^part.Length] : text,
            "replace" => Bound("old new count") is var a ? Replace(text, a.Text(0), a.Text(1), a.Whole(2, -1), a.At) : null,
            "find" => Characters(text, text.IndexOf(Bound("sub").Text(0), StringComparison.Ordinal)),
            "rfind" => Characters(text, text.LastIndexOf(Bound("sub").Text(0), StringComparison.Ordinal)),
            "index" => Found(text, text.IndexOf(Bound("sub").Text(0), StringComparison.Ordinal)),
            "rindex" => Found(text, text.LastIndexOf(Bound("sub").Text(0), StringComparison.Ordinal)),
            "count" => Bound("sub").Text(0) is { Length: > 0 } part ? text.Split(part).Length - 1L : ChatValues.Length(text, inputs.At) + 1,
            "split" => Bound("sep maxsplit") is var a ? Split(text, a.TextOrNull(0), a.Whole(1, -1), a) : null,
            "rsplit" => Bound("sep maxsplit") is var a ? SplitFromEnd(text, a.TextOrNull(0), a.Whole(1, -1), a) : null,
            "splitlines" => Bound("") is var _ ? Lines(text) : null,
            "partition" => Partition(text, Bound("sep").Text(0), fromEnd: false),
            "rpartition" => Partition(text, Bound("sep").Text(0), fromEnd: true),
            "join" => string.Join(text, ChatValues.Items(Bound("iterable")[0], inputs.At).Select((item, i) => item as string
                ?? throw new ChatTemplateFault(inputs.At, $"sequence item {i}: expected str instance, {ChatValues.TypeName(item)} found."))),
            "isdigit" or "isdecimal" or "isnumeric" => Bound("") is var _ && text.Length > 0 && text.All(char.IsDigit),
            "isalpha" => Bound("") is var _ && text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
            "isalnum" => Bound("") is var _ && text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
            "isspace" => Bound("") is var _ && text.Length > 0 && text.All(ChatValues.IsSpace),
            "islower" => Bound("") is var _ && IsCased(text, char.IsUpper),
            "isupper" => Bound("") is var _ && IsCased(text, char.IsLower),
            "ljust" => Bound("width") is var a ? text.PadRight((int)Math.Clamp(a.Whole(0, 0), 0, 10_000)) : null,
            "rjust" => Bound("width") is var a ? text.PadLeft((int)Math.Clamp(a.Whole(0, 0), 0, 10_000)) : null,
            "zfill" => Bound("width") is var a && text.StartsWith('-') ? "-" + text[1..].PadLeft(Width(a) - 1, '0') : text.PadLeft(Width(Bound("width")), '0'),
            _ => throw new ChatTemplateFault(inputs.At, $"the method '.{name}(..)' of a text is not supported."),
        };

        ChatBound Bound(string parameters) => new($"the method '.{name}(..)' of a text", parameters, inputs);
    }

    private static object? OfList(List<object?> list, string name, ChatInputs inputs) => name switch
    {
        "count" => (long)list.FindAll(item => ChatValues.AreEqual(item, Bound(list, name, "value", inputs)[0])).Count,
        "index" => list.FindIndex(item => ChatValues.AreEqual(item, Bound(list, name, "value", inputs)[0])) is >= 0 and var index ? (long)index
            : throw new ChatTemplateFault(inputs.At, "the value is not in list."),
        "copy" => Bound(list, name, "", inputs) is var _ ? new List<object?>(list) : null,
        _ => throw Unsafe(list, name, inputs),
    };

    private static object? OfTable(Dictionary<string, object?> table, string name, ChatInputs inputs) => name switch
    {
        "items" => Bound(table, name, "", inputs) is var _ ? Pairs(table) : null,
        "keys" => Bound(table, name, "", inputs) is var _ ? table.Keys.ToList<object?>() : null,
        "values" => Bound(table, name, "", inputs) is var _ ? table.Values.ToList() : null,
        "copy" => Bound(table, name, "", inputs) is var _ ? new Dictionary<string, object?>(table) : null,
        "get" => Bound(table, name, "key default", inputs) is var a && a[0] is string key && table.TryGetValue(key, out var found) ? found
            : Bound(table, name, "key default", inputs).Or(1, null),
        _ => throw Unsafe(table, name, inputs),
    };

    private static ChatBound Bound(object owner, string name, string parameters, ChatInputs inputs) =>
        new($"the method '.{name}(..)' of a {ChatValues.TypeName(owner)}", parameters, inputs);

    private static ChatTemplateFault Unsafe(object owner, string name, ChatInputs inputs) =>
        new(inputs.At, $"access to attribute '{name}' of '{ChatValues.TypeName(owner)}' object is unsafe.");

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static List<object?> Pairs(Dictionary<string, object?> table) =>
        [.. table.Select(object? (entry) => new ChatTuple([entry.Key, entry.Value]))];

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : text[..1].ToUpperInvariant() + text[1..].ToLowerInvariant();

    public static string Replace(string text, string old, string fresh, long count, int at)
    {
        if (old.Length == 0)
        {
            throw new ChatTemplateFault(at, "replacing an empty text is not supported.");
        }
        return count < 0 ? text.Replace(old, fresh, StringComparison.Ordinal) : string.Join(fresh, text.Split(old, (int)Math.Min(count, 1_000_000) + 1));
    }

    /// <summary>Whether a text has letters with case and none of the other case.</summary>
    public static bool IsCased(string text, Func<char, bool> isOther) => text.Any(c => char.IsUpper(c) || char.IsLower(c)) && !text.Any(isOther);

    private static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var startsWord = i == 0 || !char.IsLetter(text[i - 1]);
            result.Append(startsWord ? char.ToUpperInvariant(text[i]) : char.ToLowerInvariant(text[i]));
        }
        return result.ToString();
    }

    private static List<string> Parts(ChatBound a) => a[0] is ChatTuple tuple
        ? tuple.ConvertAll(part => part as string ?? throw a.Wrong("takes texts"))
        : [a.Text(0)];

    private static int Width(ChatBound a) => (int)Math.Clamp(a.Whole(0, 0), 1, 10_000);

    /// <summary>A position in UTF-16 units as Python counts it, in characters.</summary>
    private static long Characters(string text, int units) => units < 0 ? -1 : ChatValues.Length(text[..units], 0);

    private static long Found(string text, int units) => units < 0 ? throw new ChatTemplateFault(0, "substring not found.") : Characters(text, units);

    private static List<object?> Split(string text, string? separator, long most, ChatBound a)
    {
        if (separator is not null)
        {
            return separator.Length == 0 ? throw a.Wrong("needs a separator that is not empty") : [.. most < 0 ? text.Split(separator) : text.Split(separator, (int)Math.Min(most, 1_000_000) + 1)];
        }
        var parts = new List<object?>();
        var rest = ChatValues.TrimStart(text);
        while (rest.Length > 0)
        {
            var end = parts.Count == most ? rest.Length : rest.TakeWhile(c => !ChatValues.IsSpace(c)).Count();
            parts.Add(rest[..end]);
            rest = ChatValues.TrimStart(rest[end..]);
        }
        return parts;
    }

    private static List<object?> SplitFromEnd(string text, string? separator, long most, ChatBound a)
    {
        if (most < 0 || separator is null)
        {
            return most < 0 ? Split(text, separator, most, a) : throw a.Wrong("with a number of parts needs a separator");
        }
        var parts = Split(text, separator, -1, a).ConvertAll(part => (string)part!);
        var head = Math.Max(parts.Count - (int)Math.Min(most, parts.Count), 1);
        return [string.Join(separator, parts[..head]), .. parts[head..]];
    }

    private static List<object?> Lines(string text)
    {
        var lines = text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029');
        return [.. lines is [.. var all, ""] ? all : lines];
    }

    private static ChatTuple Partition(string text, string separator, bool fromEnd)
    {
        var at = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        return at >= 0 ? new([text[..at], separator, text[(at + separator.Length)..]]) : fromEnd ? new(["", "", text]) : new([text, "", ""]);
    }
}
