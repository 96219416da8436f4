using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>A name that has no value: prints nothing and is false; using it any further is an error.</summary>
internal sealed record ChatUndefined(string Name)
{
    public static ChatUndefined Of(string name) => new(name);
}

/// <summary>namespace(..): a bag of values that inner scopes may change.</summary>
internal sealed class ChatNamespace
{
    public Dictionary<string, object?> Values { get; } = [];
}

/// <summary>Python's rules for a template's values.</summary>
internal static class ChatValues
{
    public static bool IsTrue(object? value) => value switch
    {
        null or ChatUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> table => table.Count > 0,
        _ => true,
    };

    /// <summary>How a value prints.</summary>
    public static string Text(object? value, int at) => value switch
    {
        null => "None",
        ChatUndefined => "",
        string text => text,
        true => "True",
        false => "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number when double.IsInteger(number) && Math.Abs(number) < 1e16 => number.ToString("0.0", CultureInfo.InvariantCulture),
        double number when Math.Abs(number) is >= 1e-4 and < 1e16 => number.ToString("R", CultureInfo.InvariantCulture),
        _ => throw new ChatTemplateFault(at, $"printing {Kind(value)} is not supported; the tojson filter prints lists and dictionaries."),
    };

    /// <summary>The items of a list, the keys of a dictionary, the characters of a text.</summary>
    public static List<object?> Items(object? value, int at) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> table => [.. table.Keys],
        string text => [.. text.EnumerateRunes().Select(rune => rune.ToString())],
        ChatUndefined => [],
        _ => throw new ChatTemplateFault(at, $"{Kind(value)} has no items to go through."),
    };

    public static bool AreEqual(object? a, object? b) => (a, b) switch
    {
        (List<object?> x, List<object?> y) => x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second)),
        (Dictionary<string, object?> x, Dictionary<string, object?> y) =>
            x.Count == y.Count && x.All(entry => y.TryGetValue(entry.Key, out var other) && AreEqual(entry.Value, other)),
        (ChatUndefined, ChatUndefined) => true,
        _ when Number(a) is { } x && Number(b) is { } y => x == y,
        _ => Equals(a, b),
    };

    public static int Compare(object? a, object? b, int at) => (a, b) switch
    {
        (string x, string y) => CompareCodePoints(x, y),
        _ when Number(a) is { } x && Number(b) is { } y => x.CompareTo(y),
        _ => throw new ChatTemplateFault(at, $"{Kind(a)} and {Kind(b)} have no order."),
    };

    public static bool Contains(object? container, object? item, int at) => (container, item) switch
    {
        (string text, string part) => text.Contains(part, StringComparison.Ordinal),
        (List<object?> list, _) => list.Exists(entry => AreEqual(entry, item)),
        (Dictionary<string, object?> table, string key) => table.ContainsKey(key),
        (Dictionary<string, object?>, _) => false,
        _ => throw new ChatTemplateFault(at, $"'in' cannot look for {Kind(item)} inside {Kind(container)}."),
    };

    public static object? Calculate(string sign, object? a, object? b, int at)
    {
        switch (sign, a, b)
        {
            case ("+", string x, string y): return x + y;
            case ("+", List<object?> x, List<object?> y): return (List<object?>)[.. x, .. y];
            case ("*", string x, long y) when x.Length * Math.Max(y, 0) < 1_000_000: return new StringBuilder().Insert(0, x, (int)Math.Max(y, 0)).ToString();
            case ("+", long x, long y): return x + y;
            case ("-", long x, long y): return x - y;
            case ("*", long x, long y): return x * y;
            // Python rounds down and gives the remainder the divisor's sign.
            case ("//", long x, long y) when y != 0: return (x - FloorMod(x, y)) / y;
            case ("%", long x, long y) when y != 0: return FloorMod(x, y);
        }
        return (sign, Number(a), Number(b)) switch
        {
            ("+", { } x, { } y) => x + y,
            ("-", { } x, { } y) => x - y,
            ("*", { } x, { } y) => x * y,
            ("/", { } x, { } y) when y != 0 => x / y,
            _ => throw new ChatTemplateFault(at, $"'{sign}' between {Kind(a)} and {Kind(b)} is not supported."),
        };
    }

    public static object? Member(object? value, string name, int at) => value switch
    {
        Dictionary<string, object?> table => table.TryGetValue(name, out var found) ? found : ChatUndefined.Of(name),
        ChatNamespace space => space.Values.TryGetValue(name, out var found) ? found : ChatUndefined.Of(name),
        ChatUndefined undefined => throw new ChatTemplateFault(at, $"'{undefined.Name}' is not defined, so it has no '{name}'."),
        _ => ChatUndefined.Of(name),
    };

    public static object? Element(object? value, object? index, int at)
    {
        switch (value, index)
        {
            case (_, string name): return Member(value, name, at);
            case (List<object?> or string, long position):
                var items = Items(value, at);
                position += position < 0 ? items.Count : 0;
                return position >= 0 && position < items.Count ? items[(int)position] : ChatUndefined.Of($"item {index}");
            default: throw new ChatTemplateFault(at, $"{Kind(value)} has no items by {Kind(index)}.");
        }
    }

    /// <summary>Python's slice: negative bounds count from the end, too large ones are cut.</summary>
    public static object? Slice(object? value, long? start, long? stop, long step, int at)
    {
        if (value is not (string or List<object?>) || step == 0)
        {
            throw new ChatTemplateFault(at, $"{Kind(value)} cannot be cut with a slice{(step == 0 ? " of step 0" : "")}.");
        }
        var items = Items(value, at);
        var (lowest, highest) = step > 0 ? (0L, (long)items.Count) : (-1L, items.Count - 1L);
        var from = Bound(start, step > 0 ? lowest : highest);
        var to = Bound(stop, step > 0 ? highest : lowest);
        var result = new List<object?>();
        for (var i = from; step > 0 ? i < to : i > to; i += step)
        {
            result.Add(items[(int)i]);
        }
        return value is string ? string.Concat(result) : result;

        long Bound(long? bound, long otherwise) =>
            bound is not { } b ? otherwise : Math.Clamp(b < 0 ? b + items.Count : b, lowest, highest);
    }

    /// <summary>What Python's strip() takes for white space.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';

    public static string TrimStart(string text)
    {
        var start = 0;
        while (start < text.Length && IsSpace(text[start]))
        {
            start++;
        }
        return text[start..];
    }

    public static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }
        return text[..end];
    }

    /// <summary>What a value is, for errors.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        bool => "a truth value",
        long or double => "a number",
        string => "a text",
        List<object?> => "a list",
        Dictionary<string, object?> => "a dictionary",
        ChatUndefined undefined => $"'{undefined.Name}', which is not defined,",
        _ => "a namespace",
    };

    private static double? Number(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    private static long FloorMod(long x, long y) => (x % y + y) % y;

    private static int CompareCodePoints(string x, string y)
    {
        var common = 0;
        while (common < x.Length && common < y.Length && x[common] == y[common])
        {
            common++;
        }
        if (common == x.Length || common == y.Length)
        {
            return x.Length.CompareTo(y.Length);
        }
        // Surrogates stand for code points above all other characters.
        var (a, b) = (x[common], y[common]);
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }
}
