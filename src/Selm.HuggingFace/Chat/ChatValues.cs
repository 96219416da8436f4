using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>A value that is not there: prints nothing, is false and has no items; using it any further is an error.</summary>
/// <param name="Message">What is missing, in Jinja's words.</param>
internal sealed record ChatUndefined(string Message)
{
    public static ChatUndefined Name(string name) => new($"'{name}' is undefined");

    public static ChatUndefined Member(object? owner, string name) => new($"'{ChatValues.PythonType(owner)}' has no attribute '{name}'");

    public static ChatUndefined Element(object? owner, object? index) =>
        new($"{ChatValues.PythonType(owner)} has no element {ChatPrinting.Shown(index, 0)}");
}

/// <summary>A Python tuple: a list that prints with parentheses and equals no list.</summary>
internal sealed class ChatTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>What a lazy filter gives: items to go through, always true, without a length.</summary>
internal sealed class ChatGenerator(IEnumerable<object?> items) : List<object?>(items);

/// <summary>namespace(..): a bag of values that inner scopes may change.</summary>
internal sealed class ChatNamespace
{
    public Dictionary<string, object?> Values { get; } = [];
}

/// <summary>Python's rules for a template's values. Errors speak Python's words, so that they can be looked up.</summary>
internal static class ChatValues
{
    public static bool IsTrue(object? value) => value switch
    {
        null or ChatUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        ChatGenerator => true,
        List<object?> list => list.Count > 0,
        Dictionary<string, object?> table => table.Count > 0,
        _ => true,
    };

    /// <summary>The items of a list, the keys of a dictionary, the characters of a text.</summary>
    public static List<object?> Items(object? value, int at) => value switch
    {
        List<object?> list => list,
        Dictionary<string, object?> table => [.. table.Keys],
        string text => Characters(text),
        ChatUndefined => [],
        _ => throw new ChatTemplateFault(at, $"'{TypeName(value)}' object is not iterable."),
    };

    private static List<object?> Characters(string text)
    {
        ChatWork.Spend(4L * text.Length);
        return [.. text.EnumerateRunes().Select(rune => rune.ToString())];
    }

    public static bool IsIterable(object? value) => value is string or List<object?> or Dictionary<string, object?> or ChatUndefined;

    /// <summary>The number of items; of a text its characters, not its UTF-16 units.</summary>
    public static long Length(object? value, int at) => value switch
    {
        Dictionary<string, object?> table => table.Count,
        string or List<object?> or ChatUndefined when value is not ChatGenerator => Items(value, at).Count,
        _ => throw new ChatTemplateFault(at, $"object of type '{TypeName(value)}' has no len()."),
    };

    public static bool AreEqual(object? a, object? b)
    {
        ChatWork.Step();
        return AreSame(a, b);
    }

    private static bool AreSame(object? a, object? b) => (a, b) switch
    {
        (List<object?> x, List<object?> y) => x is ChatTuple == y is ChatTuple && x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second)),
        (Dictionary<string, object?> x, Dictionary<string, object?> y) =>
            x.Count == y.Count && x.All(entry => y.TryGetValue(entry.Key, out var other) && AreEqual(entry.Value, other)),
        (ChatUndefined, ChatUndefined) => true,
        _ when Number(a) is { } x && Number(b) is { } y => x == y,
        _ => Equals(a, b),
    };

    public static int Compare(object? a, object? b, int at, string sign = "<")
    {
        ChatWork.Step();
        switch (a, b)
        {
            case (string x, string y):
                return CompareCodePoints(x, y);
            case (List<object?> x, List<object?> y) when x is ChatTuple == y is ChatTuple:
                var first = x.Zip(y).FirstOrDefault(pair => !AreEqual(pair.First, pair.Second), (null, null));
                return first == (null, null) ? x.Count.CompareTo(y.Count) : Compare(first.First, first.Second, at, sign);
        }
        Defined(a, at);
        Defined(b, at);
        return Number(a) is { } left && Number(b) is { } right
            ? left.CompareTo(right)
            : throw new ChatTemplateFault(at, $"'{sign}' not supported between instances of '{TypeName(a)}' and '{TypeName(b)}'.");
    }

    public static bool Contains(object? container, object? item, int at) => (container, item) switch
    {
        (string text, string part) => text.Contains(part, StringComparison.Ordinal),
        (string, _) => throw new ChatTemplateFault(at, $"'in <string>' requires string as left operand, not {TypeName(item)}."),
        (List<object?> list, _) => list.Exists(entry => AreEqual(entry, item)),
        (Dictionary<string, object?> table, string key) => table.ContainsKey(key),
        (Dictionary<string, object?> or ChatUndefined, _) => false,
        _ => throw new ChatTemplateFault(at, $"argument of type '{TypeName(container)}' is not iterable."),
    };

    public static object? Calculate(string sign, object? a, object? b, int at)
    {
        try
        {
            return Whole(sign, a, b, at) ?? Real(sign, Number(a), Number(b)) ?? throw Impossible(sign, a, b, at);
        }
        catch (OverflowException)
        {
            throw TooLarge(at);
        }
    }

    public static ChatTemplateFault TooLarge(int at) => new(at, "whole numbers beyond 64 bits are not supported.");

    /// <summary>Results on texts, lists and whole numbers; null where there is none.</summary>
    private static object? Whole(string sign, object? a, object? b, int at)
    {
        checked
        {
            return (sign, a is bool p ? (p ? 1L : 0L) : a, b is bool q ? (q ? 1L : 0L) : b) switch
            {
                ("+", string x, string y) => x + y,
                ("+", ChatTuple x, ChatTuple y) => new ChatTuple([.. x, .. y]),
                ("+", List<object?> x, List<object?> y) when x is not (ChatTuple or ChatGenerator) && y is not (ChatTuple or ChatGenerator) => (List<object?>)[.. x, .. y],
                ("*", long x, string y) => Whole("*", y, x, at),
                ("*", List<object?> x, long y) when x is not ChatGenerator && x.Count * Math.Clamp(y, 0, 1_000_000) < 1_000_000 =>
                    Enumerable.Repeat(x, (int)Math.Clamp(y, 0, 1_000_000)).SelectMany(items => items) is var all && x is ChatTuple ? new ChatTuple(all) : all.ToList(),
                ("*", string x, long y) when x.Length * Math.Clamp(y, 0, 1_000_000) < 1_000_000 => new StringBuilder().Insert(0, x, (int)Math.Max(y, 0)).ToString(),
                ("%", string x, _) => ChatPrinting.Format(x, b, at),
                ("+", long x, long y) => x + y,
                ("-", long x, long y) => x - y,
                ("*", long x, long y) => x * y,
                ("**", long x, long y and >= 0) => Power(x, y),
                // Python rounds down and gives the remainder the divisor's sign.
                ("//", long x, long y) when y != 0 => x / y - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0),
                ("%", long x, long y) when y != 0 => FloorMod(x, y),
                ("/" or "//" or "%", long or double, 0L or 0.0) => throw new ChatTemplateFault(at, "division by zero."),
                _ => null,
            };
        }
    }

    private static object? Real(string sign, double? a, double? b) => (sign, a, b) switch
    {
        ("+", { } x, { } y) => x + y,
        ("-", { } x, { } y) => x - y,
        ("*", { } x, { } y) => x * y,
        ("/", { } x, { } y) => x / y,
        ("//", { } x, { } y) => Math.Floor(x / y),
        ("%", { } x, { } y) => x - y * Math.Floor(x / y),
        ("**", { } x, { } y) => Math.Pow(x, y),
        _ => null,
    };

    private static ChatTemplateFault Impossible(string sign, object? a, object? b, int at)
    {
        Defined(a, at);
        Defined(b, at);
        return new(at, sign == "+" && a is string
            ? $"can only concatenate str (not \"{TypeName(b)}\") to str."
            : $"unsupported operand type(s) for {sign}: '{TypeName(a)}' and '{TypeName(b)}'.");
    }

    /// <summary>x.name: a method or property first, then an entry.</summary>
    public static object? Member(object? value, string name, int at) => Defined(value, at) switch
    {
        _ when ChatMethods.Has(value, name) => new ChatMethod(value, name),
        ChatLoop loop => loop.Member(name),
        ChatNamespace space when space.Values.TryGetValue(name, out var found) => found,
        Dictionary<string, object?> table when table.TryGetValue(name, out var found) => found,
        _ => ChatUndefined.Member(value, name),
    };

    /// <summary>x[index]: an entry first, then a method or property.</summary>
    public static object? Element(object? value, object? index, int at)
    {
        Defined(value, at);
        switch (value, index is bool flag ? (flag ? 1L : 0L) : index)
        {
            case (Dictionary<string, object?> table, string name) when table.TryGetValue(name, out var found):
                return found;
            case (_, string name):
                return Member(value, name, at);
            case (List<object?> or string, long position) when value is not ChatGenerator:
                var items = Items(value, at);
                position += position < 0 ? items.Count : 0;
                return position >= 0 && position < items.Count ? items[(int)position] : ChatUndefined.Element(value, index);
            default:
                return ChatUndefined.Element(value, index);
        }
    }

    /// <summary>Python's slice: negative bounds count from the end, too large ones are cut.</summary>
    public static object? Slice(object? value, long? start, long? stop, long step, int at)
    {
        if (Defined(value, at) is not (string or List<object?>) || value is ChatGenerator)
        {
            throw new ChatTemplateFault(at, $"'{TypeName(value)}' object is not subscriptable.");
        }
        if (step == 0)
        {
            throw new ChatTemplateFault(at, "slice step cannot be zero.");
        }
        var items = Items(value, at);
        step = Math.Clamp(step, -items.Count - 1L, items.Count + 1L);
        var (lowest, highest) = step > 0 ? (0L, (long)items.Count) : (-1L, items.Count - 1L);
        var from = Bound(start, step > 0 ? lowest : highest);
        var to = Bound(stop, step > 0 ? highest : lowest);
        var result = new List<object?>();
        for (var i = from; step > 0 ? i < to : i > to; i += step)
        {
            result.Add(items[(int)i]);
        }
        return value is string ? string.Concat(result) : value is ChatTuple ? new ChatTuple(result) : result;

        long Bound(long? bound, long otherwise) =>
            bound is not { } b ? otherwise : Math.Clamp(b < 0 ? b + items.Count : b, lowest, highest);
    }

    /// <summary>The value itself, unless it is undefined, which is an error.</summary>
    public static object? Defined(object? value, int at) =>
        value is ChatUndefined undefined ? throw new ChatTemplateFault(at, undefined.Message + ".") : value;

    /// <summary>The number that a value is in a calculation, or null.</summary>
    public static double? Number(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

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

    /// <summary>The name of a value's type in Python.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        long => "int",
        double => "float",
        string => "str",
        ChatTuple => "tuple",
        ChatGenerator => "generator",
        List<object?> => "list",
        Dictionary<string, object?> => "dict",
        ChatNamespace => "Namespace",
        ChatLoop => "LoopContext",
        ChatUndefined => "Undefined",
        ChatMacro => "Macro",
        _ => "function",
    };

    /// <summary>What Jinja calls a value where it misses something of it.</summary>
    public static string PythonType(object? value) => value is null ? "None" : TypeName(value) + " object";

    private static long Power(long x, long y)
    {
        var result = 1L;
        for (; y > 0; y >>= 1)
        {
            result = (y & 1) == 1 ? checked(result * x) : result;
            x = y > 1 ? checked(x * x) : x;
        }
        return result;
    }

    private static long FloorMod(long x, long y) => y == -1 ? 0 : x % y is var rest && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;

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
