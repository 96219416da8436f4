using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>The functions, methods, filters and tests that templates may use.</summary>
internal static class ChatFunctions
{
    private const int LongestRange = 100_000;
    private static readonly string[] s_functions = ["raise_exception", "namespace", "range", "dict"];
    private static readonly string[] s_filters =
        ["trim", "upper", "lower", "capitalize", "title", "length", "count", "first", "last", "join", "default", "d", "list", "string", "int", "tojson", "replace", "safe", "reverse", "items", "selectattr", "rejectattr", "map"];
    private static readonly string[] s_tests =
        ["defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "boolean", "true", "false", "odd", "even"];

    /// <summary>Whether the environment has a function of this name.</summary>
    public static bool Exists(string function) => s_functions.Contains(function);

    public static void CheckFilter(int at, string name)
    {
        if (!s_filters.Contains(name))
        {
            throw new ChatTemplateFault(at, $"the filter '{name}' is not supported.");
        }
    }

    public static void CheckTest(int at, string name)
    {
        if (!s_tests.Contains(name))
        {
            throw new ChatTemplateFault(at, $"the test 'is {name}' is not supported.");
        }
    }

    public static object? Call(string name, ChatArguments arguments, ChatScope scope, int at)
    {
        var values = arguments.Values(scope);
        switch (name, values)
        {
            case ("raise_exception", [var message]):
                throw new ChatTemplateFault(at, ChatValues.Text(message, at), isRefusal: true);
            case ("namespace", []):
                var space = new ChatNamespace();
                arguments.Named.ForEach(argument => space.Values[argument.Name] = argument.Value.Evaluate(scope));
                return space;
            case ("dict", []):
                return arguments.Named.ToDictionary(argument => argument.Name, argument => argument.Value.Evaluate(scope));
            case ("range", [long stop]):
                return Range(0, stop, 1, at);
            case ("range", [long start, long stop]):
                return Range(start, stop, 1, at);
            case ("range", [long start, long stop, long step]) when step != 0:
                return Range(start, stop, step, at);
            default:
                throw new ChatTemplateFault(at, $"the function '{name}' with these arguments is not supported.");
        }
    }

    public static object? CallMethod(object? value, string name, ChatArguments arguments, ChatScope scope, int at)
    {
        var values = arguments.Values(scope);
        if (arguments.Named.Count > 0)
        {
            throw new ChatTemplateFault(at, $"named arguments of '.{name}(..)' are not supported.");
        }
        return (value, name, values) switch
        {
            (string text, "strip", []) => ChatValues.TrimStart(ChatValues.TrimEnd(text)),
            (string text, "lstrip", []) => ChatValues.TrimStart(text),
            (string text, "rstrip", []) => ChatValues.TrimEnd(text),
            (string text, "strip", [string set]) => text.Trim(set.ToCharArray()),
            (string text, "lstrip", [string set]) => text.TrimStart(set.ToCharArray()),
            (string text, "rstrip", [string set]) => text.TrimEnd(set.ToCharArray()),
            (string text, "upper", []) => text.ToUpperInvariant(),
            (string text, "lower", []) => text.ToLowerInvariant(),
            (string text, "capitalize", []) => Capitalize(text),
            (string text, "title", []) => Title(text),
            (string text, "startswith", [string part]) => text.StartsWith(part, StringComparison.Ordinal),
            (string text, "endswith", [string part]) => text.EndsWith(part, StringComparison.Ordinal),
            (string text, "replace", [string old, string fresh]) when old.Length > 0 => text.Replace(old, fresh, StringComparison.Ordinal),
            (string text, "find", [string part]) => (long)text.IndexOf(part, StringComparison.Ordinal),
            (string text, "split", [string part]) when part.Length > 0 => text.Split(part).ToList<object?>(),
            (string text, "split", []) => Words(text),
            (string text, "join", [var items]) => string.Join(text, ChatValues.Items(items, at).Select(item => ChatValues.Text(item, at))),
            (Dictionary<string, object?> table, "items", []) => Pairs(table),
            (Dictionary<string, object?> table, "keys", []) => table.Keys.ToList<object?>(),
            (Dictionary<string, object?> table, "values", []) => table.Values.ToList(),
            (Dictionary<string, object?> table, "get", [string key]) => table.GetValueOrDefault(key),
            (Dictionary<string, object?> table, "get", [string key, var otherwise]) => table.GetValueOrDefault(key, otherwise),
            (ChatUndefined undefined, _, _) => throw new ChatTemplateFault(at, $"'{undefined.Name}' is not defined, so it has no '{name}'."),
            _ => throw new ChatTemplateFault(at, $"the method '.{name}(..)' of {ChatValues.Kind(value)} with these arguments is not supported."),
        };
    }

    public static object? Filter(string name, object? value, ChatArguments arguments, ChatScope scope, int at)
    {
        var values = arguments.Values(scope);
        return (name, value, values, arguments.Named) switch
        {
            ("trim", _, [], []) => ChatValues.TrimStart(ChatValues.TrimEnd(ChatValues.Text(value, at))),
            ("trim", string text, [string set], []) => text.Trim(set.ToCharArray()),
            ("upper", _, [], []) => ChatValues.Text(value, at).ToUpperInvariant(),
            ("lower", _, [], []) => ChatValues.Text(value, at).ToLowerInvariant(),
            ("capitalize", _, [], []) => Capitalize(ChatValues.Text(value, at)),
            ("title", _, [], []) => Title(ChatValues.Text(value, at)),
            ("string", _, [], []) => ChatValues.Text(value, at),
            ("safe", _, [], []) => value,
            ("int", long or bool, [], []) => value is bool flag ? (flag ? 1L : 0L) : value,
            ("int", string text, [], []) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0L,
            ("length" or "count", Dictionary<string, object?> table, [], []) => (long)table.Count,
            ("length" or "count", _, [], []) => (long)ChatValues.Items(value, at).Count,
            ("first", _, [], []) => ChatValues.Items(value, at) is [var first, ..] ? first : ChatUndefined.Of("the first item"),
            ("last", _, [], []) => ChatValues.Items(value, at) is [.., var last] ? last : ChatUndefined.Of("the last item"),
            ("list", _, [], []) => ChatValues.Items(value, at),
            ("reverse", _, [], []) => ChatValues.Slice(value, null, null, -1, at),
            ("items", Dictionary<string, object?> table, [], []) => Pairs(table),
            ("join", _, [], []) => string.Concat(ChatValues.Items(value, at).Select(item => ChatValues.Text(item, at))),
            ("join", _, [string glue], []) => string.Join(glue, ChatValues.Items(value, at).Select(item => ChatValues.Text(item, at))),
            ("replace", _, [string old, string fresh], []) when old.Length > 0 => ChatValues.Text(value, at).Replace(old, fresh, StringComparison.Ordinal),
            ("default" or "d", _, [], []) => value is ChatUndefined ? "" : value,
            ("default" or "d", _, [var otherwise], []) => value is ChatUndefined ? otherwise : value,
            ("default" or "d", _, [var otherwise, bool all], []) => value is ChatUndefined || (all && !ChatValues.IsTrue(value)) ? otherwise : value,
            ("tojson", _, [], []) => Json(value, at),
            ("selectattr", _, [string member, ..], []) => Choose(value, member, values, wanted: true, at),
            ("rejectattr", _, [string member, ..], []) => Choose(value, member, values, wanted: false, at),
            ("map", _, [], [("attribute", var member)]) when member.Evaluate(scope) is string named =>
                ChatValues.Items(value, at).ConvertAll(item => ChatValues.Element(item, named, at)),
            _ => throw new ChatTemplateFault(at, $"the filter '{name}' on {ChatValues.Kind(value)} with these arguments is not supported."),
        };
    }

    public static bool Test(string name, object? value) => name switch
    {
        "defined" => value is not ChatUndefined,
        "undefined" => value is ChatUndefined,
        "none" => value is null,
        "string" => value is string,
        "mapping" => value is Dictionary<string, object?>,
        "iterable" or "sequence" => value is string or List<object?> or Dictionary<string, object?>,
        "number" => value is long or double or bool,
        "integer" => value is long,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "odd" => value is long number && number % 2 != 0,
        _ => value is long number && number % 2 == 0,
    };

    /// <summary>The items whose member passes a test: being true, being equal to a value, or a test without value.</summary>
    private static List<object?> Choose(object? value, string member, List<object?> arguments, bool wanted, int at) =>
        ChatValues.Items(value, at).FindAll(item => wanted == (ChatValues.Element(item, member, at) is var found && arguments switch
        {
            [_] => ChatValues.IsTrue(found),
            [_, "equalto" or "eq" or "==", var other] => ChatValues.AreEqual(found, other),
            [_, string test] when s_tests.Contains(test) => Test(test, found),
            _ => throw new ChatTemplateFault(at, "choosing items by this test is not supported."),
        }));

    private static List<object?> Range(long start, long stop, long step, int at)
    {
        var result = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            if (result.Count == LongestRange)
            {
                throw new ChatTemplateFault(at, $"a range of more than {LongestRange} numbers is refused.");
            }
            result.Add(i);
        }
        return result;
    }

    private static List<object?> Pairs(Dictionary<string, object?> table) =>
        [.. table.Select(object? (entry) => new List<object?> { entry.Key, entry.Value })];

    private static List<object?> Words(string text) =>
        [.. string.Concat(text.Select(c => ChatValues.IsSpace(c) ? ' ' : c)).Split(' ', StringSplitOptions.RemoveEmptyEntries)];

    private static string Capitalize(string text) =>
        text.Length == 0 ? text : text[..1].ToUpperInvariant() + text[1..].ToLowerInvariant();

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

    private static string Json(object? value, int at) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        long or double => ChatValues.Text(value, at),
        string text => Quote(text),
        List<object?> list => $"[{string.Join(", ", list.Select(item => Json(item, at)))}]",
        Dictionary<string, object?> table => $"{{{string.Join(", ", table.Select(entry => $"{Quote(entry.Key)}: {Json(entry.Value, at)}"))}}}",
        _ => throw new ChatTemplateFault(at, $"{ChatValues.Kind(value)} cannot be written as JSON."),
    };

    private static string Quote(string text)
    {
        var result = new StringBuilder("\"");
        foreach (var c in text)
        {
            result.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        }
        return result.Append('"').ToString();
    }
}
