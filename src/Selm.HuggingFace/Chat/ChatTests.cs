namespace Selm.HuggingFace.Chat;

/// <summary>Jinja's tests, x is name(arguments).</summary>
internal static class ChatTests
{
    private static readonly Dictionary<string, (ChatParameters Parameters, Func<object?, ChatBound, bool> Body)> s_tests = new(StringComparer.Ordinal)
    {
        ["boolean"] = ("", (value, _) => value is bool),
        ["callable"] = ("", (value, _) => value is ChatCallable or ChatUndefined),
        ["defined"] = ("", (value, _) => value is not ChatUndefined),
        ["divisibleby"] = ("num", (value, a) => ChatValues.Calculate("%", value, a[0], a.At) is 0L or 0.0),
        ["even"] = ("", (value, a) => ChatValues.Calculate("%", value, 2L, a.At) is 0L or 0.0),
        ["false"] = ("", (value, _) => value is false),
        ["filter"] = ("", (value, _) => value is string name && ChatFilters.Exists(name)),
        ["float"] = ("", (value, _) => value is double),
        ["in"] = ("seq", (value, a) => ChatValues.Contains(a[0], value, a.At)),
        ["integer"] = ("", (value, _) => value is long),
        ["iterable"] = ("", (value, _) => ChatValues.IsIterable(value)),
        ["lower"] = ("", (value, a) => ChatMethods.IsCased(ChatPrinting.Text(value, a.At), char.IsUpper)),
        ["mapping"] = ("", (value, _) => value is Dictionary<string, object?>),
        ["none"] = ("", (value, _) => value is null),
        ["number"] = ("", (value, _) => value is long or double or bool),
        ["odd"] = ("", (value, a) => ChatValues.Calculate("%", value, 2L, a.At) is 1L or 1.0),
        ["sameas"] = ("other", (value, a) => value is null or bool or string or long or double ? Equals(value, a[0]) : ReferenceEquals(value, a[0])),
        ["sequence"] = ("", (value, _) => ChatValues.IsIterable(value) && value is not ChatGenerator),
        ["string"] = ("", (value, _) => value is string),
        ["test"] = ("", (value, _) => value is string name && Exists(name)),
        ["true"] = ("", (value, _) => value is true),
        ["undefined"] = ("", (value, _) => value is ChatUndefined),
        ["upper"] = ("", (value, a) => ChatMethods.IsCased(ChatPrinting.Text(value, a.At), char.IsLower)),
    };

    private const string Form = "the test 'is {0}'";
    private static readonly ChatParameters s_other = "other";

    private static readonly Dictionary<string, string> s_comparisons = new(StringComparer.Ordinal)
    {
        ["eq"] = "==",
        ["equalto"] = "==",
        ["ne"] = "!=",
        ["lt"] = "<",
        ["lessthan"] = "<",
        ["le"] = "<=",
        ["gt"] = ">",
        ["greaterthan"] = ">",
        ["ge"] = ">=",
        ["=="] = "==",
        ["!="] = "!=",
        ["<"] = "<",
        ["<="] = "<=",
        [">"] = ">",
        [">="] = ">=",
    };

    public static bool Exists(string name) => s_tests.ContainsKey(name) || s_comparisons.ContainsKey(name);

    public static bool Holds(string name, object? value, ChatInputs inputs)
    {
        if (s_comparisons.TryGetValue(name, out var sign))
        {
            return ChatComparison.Holds(sign, value, new ChatBound(Form, name, s_other, inputs)[0], inputs.At);
        }
        return s_tests.TryGetValue(name, out var test)
            ? test.Body(value, new ChatBound(Form, name, test.Parameters, inputs))
            : throw new ChatTemplateFault(inputs.At, $"the test 'is {name}' is not supported.");
    }
}
