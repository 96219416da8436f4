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

    private static readonly Dictionary<string, (ChatParameters Parameters, Func<string, ChatBound, object?> Body)> s_ofText = new(StringComparer.Ordinal)
    {
        ["strip"] = ("chars", (text, a) => a.TextOrNull(0) is { } set ? text.Trim(set.ToCharArray()) : ChatValues.TrimStart(ChatValues.TrimEnd(text))),
        ["lstrip"] = ("chars", (text, a) => a.TextOrNull(0) is { } set ? text.TrimStart(set.ToCharArray()) : ChatValues.TrimStart(text)),
        ["rstrip"] = ("chars", (text, a) => a.TextOrNull(0) is { } set ? text.TrimEnd(set.ToCharArray()) : ChatValues.TrimEnd(text)),
        ["upper"] = ("", (text, _) => text.ToUpperInvariant()),
        ["lower"] = ("", (text, _) => text.ToLowerInvariant()),
        ["casefold"] = ("", (text, _) => text.ToLowerInvariant()),
        ["capitalize"] = ("", (text, _) => Capitalize(text)),
        ["title"] = ("", (text, _) => Title(text)),
        ["startswith"] = ("prefix", (text, a) => Parts(a).Exists(part => text.StartsWith(part, StringComparison.Ordinal))),
        ["endswith"] = ("suffix", (text, a) => Parts(a).Exists(part => text.EndsWith(part, StringComparison.Ordinal))),
        ["removeprefix"] = ("prefix", (text, a) => a.Text(0) is var part && text.StartsWith(part, StringComparison.Ordinal) ? text[part.Length..] : text),
        ["removesuffix"] = ("suffix", (text, a) => a.Text(0) is var part && text.EndsWith(part, StringComparison.Ordinal) ? text[..^part.Length] : text),
        ["replace"] = ("old new count", (text, a) => Replace(text, a.Text(0), a.Text(1), a.Whole(2, -1), a.At)),
        ["find"] = ("sub", (text, a) => Characters(text, text.IndexOf(a.Text(0), StringComparison.Ordinal))),
        ["rfind"] = ("sub", (text, a) => Characters(text, text.LastIndexOf(a.Text(0), StringComparison.Ordinal))),
        ["index"] = ("sub", (text, a) => Found(text, text.IndexOf(a.Text(0), StringComparison.Ordinal), a.At)),
        ["rindex"] = ("sub", (text, a) => Found(text, text.LastIndexOf(a.Text(0), StringComparison.Ordinal), a.At)),
        ["count"] = ("sub", (text, a) => a.Text(0) is { Length: > 0 } part ? text.Split(part).Length - 1L : ChatValues.Length(text, a.At) + 1),
        ["split"] = ("sep maxsplit", (text, a) => Split(text, a.TextOrNull(0), a.Whole(1, -1), a)),
        ["rsplit"] = ("sep maxsplit", (text, a) => SplitFromEnd(text, a.TextOrNull(0), a.Whole(1, -1), a)),
        ["splitlines"] = ("", (text, _) => Lines(text)),
        ["partition"] = ("sep", (text, a) => Partition(text, a.Text(0), fromEnd: false)),
        ["rpartition"] = ("sep", (text, a) => Partition(text, a.Text(0), fromEnd: true)),
        ["join"] = ("iterable", (text, a) => Join(text, [.. ChatValues.Items(a[0], a.At).Select((item, i) => item as string
            ?? throw new ChatTemplateFault(a.At, $"sequence item {i}: expected str instance, {ChatValues.TypeName(item)} found."))])),
        ["isdigit"] = ("", (text, _) => text.Length > 0 && text.All(char.IsDigit)),
        ["isdecimal"] = ("", (text, _) => text.Length > 0 && text.All(char.IsDigit)),
        ["isnumeric"] = ("", (text, _) => text.Length > 0 && text.All(char.IsDigit)),
        ["isalpha"] = ("", (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter)),
        ["isalnum"] = ("", (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit)),
        ["isspace"] = ("", (text, _) => text.Length > 0 && text.All(ChatValues.IsSpace)),
        ["islower"] = ("", (text, _) => IsCased(text, char.IsUpper)),
        ["isupper"] = ("", (text, _) => IsCased(text, char.IsLower)),
        ["ljust"] = ("width", (text, a) => text.PadRight(Width(a))),
        ["rjust"] = ("width", (text, a) => text.PadLeft(Width(a))),
        ["zfill"] = ("width", (text, a) => text.StartsWith('-') ? "-" + text[1..].PadLeft(Math.Max(Width(a) - 1, 0), '0') : text.PadLeft(Width(a), '0')),
    };

    private static readonly Dictionary<string, (ChatParameters Parameters, Func<List<object?>, ChatBound, object?> Body)> s_ofList = new(StringComparer.Ordinal)
    {
        ["count"] = ("value", (list, a) => a[0] is var value ? (long)list.FindAll(item => ChatValues.AreEqual(item, value)).Count : null),
        ["index"] = ("value", (list, a) => a[0] is var value && list.FindIndex(item => ChatValues.AreEqual(item, value)) is >= 0 and var index ? (long)index
            : throw new ChatTemplateFault(a.At, "the value is not in list.")),
        ["copy"] = ("", (list, _) => new List<object?>(list)),
    };

    private static readonly Dictionary<string, (ChatParameters Parameters, Func<Dictionary<string, object?>, ChatBound, object?> Body)> s_ofTable = new(StringComparer.Ordinal)
    {
        ["items"] = ("", (table, _) => Pairs(table)),
        ["keys"] = ("", (table, _) => table.Keys.ToList<object?>()),
        ["values"] = ("", (table, _) => table.Values.ToList()),
        ["copy"] = ("", (table, _) => new Dictionary<string, object?>(table)),
        ["get"] = ("key default", (table, a) => a[0] is string key && table.TryGetValue(key, out var found) ? found : a.Or(1, null)),
    };

    public static object? Call(object? owner, string name, ChatInputs inputs)
    {
        ChatWork.Spend(owner);
        return Called(owner, name, inputs);
    }

    private static object? Called(object? owner, string name, ChatInputs inputs) => owner switch
    {
        string text when s_ofText.TryGetValue(name, out var method) => method.Body(text, new("the method '.{0}(..)' of a text", name, method.Parameters, inputs)),
        List<object?> list when s_ofList.TryGetValue(name, out var method) => method.Body(list, new("the method '.{0}(..)' of a list", name, method.Parameters, inputs)),
        Dictionary<string, object?> table when s_ofTable.TryGetValue(name, out var method) => method.Body(table, new("the method '.{0}(..)' of a dict", name, method.Parameters, inputs)),
        List<object?> or Dictionary<string, object?> => throw Unsafe(owner, name, inputs),
        _ => throw new ChatTemplateFault(inputs.At, $"the method '.{name}(..)'{(owner is string ? " of a text" : "")} is not supported."),
    };

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
        ChatWork.Spend((text.Length / old.Length + 1L) * fresh.Length);
        return count < 0 ? text.Replace(old, fresh, StringComparison.Ordinal) : string.Join(fresh, text.Split(old, (int)Math.Min(count, 1_000_000) + 1));
    }

    /// <summary>Texts with another between them.</summary>
    public static string Join(string between, List<string> texts)
    {
        ChatWork.Spend((long)between.Length * texts.Count + texts.Sum(text => (long)text.Length));
        return string.Join(between, texts);
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

    private static int Width(ChatBound a) => (int)Math.Clamp(a.Whole(0, 0), 0, 10_000);

    /// <summary>A position in UTF-16 units as Python counts it, in characters.</summary>
    private static long Characters(string text, int units) => units < 0 ? -1 : ChatValues.Length(text[..units], 0);

    private static long Found(string text, int units, int at) => units < 0 ? throw new ChatTemplateFault(at, "substring not found.") : Characters(text, units);

    private static List<object?> Split(string text, string? separator, long most, ChatBound a)
    {
        if (separator is not null)
        {
            return separator.Length == 0 ? throw a.Wrong("needs a separator that is not empty") : [.. most < 0 ? text.Split(separator) : text.Split(separator, (int)Math.Min(most, 1_000_000) + 1)];
        }
        var parts = new List<object?>();
        for (var at = Past(0, spaces: true); at < text.Length;)
        {
            var end = parts.Count == most ? text.Length : Past(at, spaces: false);
            parts.Add(text[at..end]);
            at = Past(end, spaces: true);
        }
        return parts;

        int Past(int at, bool spaces)
        {
            while (at < text.Length && ChatValues.IsSpace(text[at]) == spaces)
            {
                at++;
            }
            return at;
        }
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
