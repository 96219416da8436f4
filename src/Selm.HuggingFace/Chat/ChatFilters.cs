using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Selm.HuggingFace.Chat;

/// <summary>Jinja's filters, x | name(arguments), with transformers' tojson.</summary>
internal static partial class ChatFilters
{
    private const int LongestBatch = 1_000_000;
    private static readonly ChatParameters s_map = "attribute default";

    // Per filter its parameters and what it gives for a value and bound arguments.
    private static readonly Dictionary<string, (ChatParameters Parameters, Func<object?, ChatBound, object?> Body)> s_filters = new(StringComparer.Ordinal)
    {
        ["abs"] = ("", (value, a) => value switch { long.MinValue => throw ChatValues.TooLarge(a.At), long number => (object)Math.Abs(number), double number => Math.Abs(number), _ => throw a.Wrong("takes a number") }),
        ["attr"] = ("name", (value, a) => ChatValues.Member(value is Dictionary<string, object?> ? new Dictionary<string, object?>() : value, a.Text(0), a.At)), // no entries
        ["batch"] = ("linecount fill_with", Batch),
        ["capitalize"] = ("", (value, a) => ChatMethods.Capitalize(Text(value, a))),
        ["count"] = ("", (value, a) => ChatValues.Length(value, a.At)),
        ["d"] = ("default_value boolean", Default),
        ["default"] = ("default_value boolean", Default),
        ["dictsort"] = ("case_sensitive by reverse", DictSort),
        ["e"] = ("", Escape),
        ["escape"] = ("", Escape),
        ["first"] = ("", (value, a) => ChatValues.Items(value, a.At) is [var first, ..] ? first : new ChatUndefined("No first item, sequence was empty.")),
        ["float"] = ("default", (value, a) => Number(value) ?? a.Or(0, 0.0)),
        ["format"] = ("*", (value, a) => ChatPrinting.Format(Text(value, a), new ChatTuple(a.More), a.At)),
        ["indent"] = ("width first blank", Indent),
        ["int"] = ("default", ToInteger),
        ["items"] = ("", (value, a) => value switch
        {
            ChatUndefined => new ChatGenerator([]),
            Dictionary<string, object?> table => new ChatGenerator(ChatMethods.Pairs(table)),
            _ => throw new ChatTemplateFault(a.At, "Can only get item pairs from a mapping."),
        }),
        ["join"] = ("d attribute", (value, a) => ChatMethods.Join(a.Has(0) ? Text(a[0], a) : "", Attributes(value, a, 1).ConvertAll(item => Text(item, a)))),
        ["last"] = ("", (value, a) => ChatValues.Items(value, a.At) is [.., var last] ? last : new ChatUndefined("No last item, sequence was empty.")),
        ["length"] = ("", (value, a) => ChatValues.Length(value, a.At)),
        ["list"] = ("", (value, a) => new List<object?>(ChatValues.Items(value, a.At))),
        ["lower"] = ("", (value, a) => Text(value, a).ToLowerInvariant()),
        ["max"] = ("case_sensitive attribute", (value, a) => Sorted(ChatValues.Items(value, a.At), a, 0, 1) is [.., var last] ? last : new ChatUndefined("No aggregated item, sequence was empty.")),
        ["min"] = ("case_sensitive attribute", (value, a) => Sorted(ChatValues.Items(value, a.At), a, 0, 1) is [var first, ..] ? first : new ChatUndefined("No aggregated item, sequence was empty.")),
        ["replace"] = ("old new count", (value, a) => ChatMethods.Replace(Text(value, a), Text(a[0], a), Text(a[1], a), a.Or(2, null) is null ? -1 : a.Whole(2, -1), a.At)),
        ["reverse"] = ("", (value, a) => value is string ? ChatValues.Slice(value, null, null, -1, a.At) : new ChatGenerator(ChatValues.Items(value, a.At).AsEnumerable().Reverse())),
        ["round"] = ("precision method", Round),
        ["safe"] = ("", (value, a) => Text(value, a)),
        ["sort"] = ("reverse case_sensitive attribute", (value, a) => Sorted(ChatValues.Items(value, a.At), a, 1, 2) is var sorted && a.Flag(0) ? Reversed(value, a) : sorted),
        ["string"] = ("", (value, a) => Text(value, a)),
        ["sum"] = ("attribute start", (value, a) => Attributes(value, a, 0).Aggregate(a.Or(1, 0L), (sum, item) => ChatValues.Calculate("+", sum, item, a.At))),
        ["title"] = ("", (value, a) => string.Concat(WordStart().Split(Text(value, a)).Select(ChatMethods.Capitalize))),
        ["tojson"] = ("ensure_ascii indent separators sort_keys", ToJson),
        ["trim"] = ("chars", (value, a) => a.TextOrNull(0) is { } set ? Text(value, a).Trim(set.ToCharArray()) : ChatValues.TrimStart(ChatValues.TrimEnd(Text(value, a)))),
        ["unique"] = ("case_sensitive attribute", (value, a) => new ChatGenerator(ChatValues.Items(value, a.At).DistinctBy(item => ChatPrinting.Shown(Key(item, a, 0, 1), a.At)))),
        ["upper"] = ("", (value, a) => Text(value, a).ToUpperInvariant()),
        ["wordcount"] = ("", (value, a) => (long)Word().Count(Text(value, a))),
        ["select"] = ("*", (value, a) => Choose(value, a.More, null, wanted: true, a)),
        ["reject"] = ("*", (value, a) => Choose(value, a.More, null, wanted: false, a)),
        ["selectattr"] = ("attribute *", (value, a) => Choose(value, a.More, a[0], wanted: true, a)),
        ["rejectattr"] = ("attribute *", (value, a) => Choose(value, a.More, a[0], wanted: false, a)),
    };

    public static bool Exists(string name) => name == "map" || s_filters.ContainsKey(name);

    public static object? Apply(string name, object? value, ChatInputs inputs)
    {
        if (name == "map")
        {
            return Map(value, inputs);
        }
        if (!s_filters.TryGetValue(name, out var filter))
        {
            throw new ChatTemplateFault(inputs.At, $"the filter '{name}' is not supported.");
        }
        return filter.Body(value, new ChatBound("the filter '{0}'", name, filter.Parameters, inputs));
    }

    private static string Text(object? value, ChatBound a) => ChatPrinting.Text(value, a.At);

    private static object? Default(object? value, ChatBound a) =>
        value is ChatUndefined || (a.Flag(1) && !ChatValues.IsTrue(value)) ? a.Or(0, "") : value;

    private static ChatGenerator Batch(object? value, ChatBound a)
    {
        var size = a.Whole(0, 0);
        var parts = size is > 0 and <= LongestBatch ? ChatValues.Items(value, a.At).Chunk((int)size).Select(part => part.ToList()).ToList() : throw a.Wrong("needs a number from 1 to 1000000");
        if (a.Or(1, null) is { } filling && parts is [.., var last])
        {
            last.AddRange(Enumerable.Repeat<object?>(filling, (int)size - last.Count));
        }
        return new(parts);
    }

    private static List<object?> DictSort(object? value, ChatBound a)
    {
        var table = value as Dictionary<string, object?> ?? throw a.Wrong($"takes a dictionary, not a value of type '{ChatValues.TypeName(value)}'");
        var by = a.Or(1, "key") switch { "key" => 0, "value" => 1, _ => throw new ChatTemplateFault(a.At, "You can only sort by either \"key\" or \"value\".") };
        var pairs = Ordered(ChatMethods.Pairs(table), pair => Folded(((List<object?>)pair!)[by], a.Flag(0)), a.At);
        if (a.Flag(2))
        {
            pairs.Reverse();
        }
        return pairs;
    }

    private static string Escape(object? value, ChatBound a) => Text(value, a)
        .Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);

    private static string Indent(object? value, ChatBound a)
    {
        var margin = a.Or(0, null) as string ?? new string(' ', (int)Math.Clamp(a.Whole(0, 4), 0, 1000));
        var lines = Text(value, a).Split('\n');
        ChatWork.Spend((long)lines.Length * margin.Length);
        var indented = lines.Select((line, i) => i == 0 ? (a.Flag(1) ? margin : "") + line : line.Length > 0 || a.Flag(2) ? margin + line : line);
        return string.Join('\n', indented);
    }

    private static object? ToInteger(object? value, ChatBound a) => ChatValues.Defined(value, a.At) switch
    {
        long number => number,
        string text when long.TryParse(ChatValues.TrimStart(ChatValues.TrimEnd(text)), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        _ => Number(value) is { } real && Math.Abs(real) < 9e18 ? (long)real : a.Or(0, 0L),
    };

    private static double? Number(object? value) => value is string text
        ? double.TryParse(ChatValues.TrimStart(ChatValues.TrimEnd(text)), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null
        : ChatValues.Number(value);

    private static object? Round(object? value, ChatBound a)
    {
        var places = a.Whole(0, 0) is >= 0 and var wanted ? (int)Math.Min(wanted, 15) : throw a.Wrong("with a negative precision is not supported");
        var number = ChatValues.Number(value) ?? throw a.Wrong($"takes a number, not a value of type '{ChatValues.TypeName(value)}'");
        var scale = Math.Pow(10, places);
        return a.Or(1, "common") switch
        {
            "common" => value is long ? value : Math.Round(number, places, MidpointRounding.ToEven),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw new ChatTemplateFault(a.At, "method must be common, ceil or floor."),
        };
    }

    private static string ToJson(object? value, ChatBound a)
    {
        var indent = a.Or(1, null) switch
        {
            null => null,
            string text => text,
            _ => new string(' ', (int)Math.Clamp(a.Whole(1, 0), 0, 1000)),
        };
        var (item, key) = a.Or(2, null) switch
        {
            null => (indent is null ? ", " : ",", ": "),
            List<object?> and [string between, string after] => (between, after),
            _ => throw a.Wrong("takes two texts as separators"),
        };
        return ChatPrinting.Json(value, new(a.Flag(0), indent, item, key, a.Flag(3)), a.At);
    }

    private static ChatGenerator Map(object? value, ChatInputs inputs)
    {
        var items = ChatValues.Items(value, inputs.At);
        if (inputs.Positional is [string filter, .. var rest])
        {
            return new(items.ConvertAll(item => Apply(filter, item, inputs with { Positional = rest })));
        }
        var a = new ChatBound("the filter '{0}'", "map", s_map, inputs);
        return new(items.ConvertAll(item => Path(item, a[0], a.At) is var found && found is ChatUndefined ? a.Or(1, found) : found));
    }

    /// <summary>The items (or those whose attribute) pass a test; without a test those that are true.</summary>
    private static ChatGenerator Choose(object? value, List<object?> test, object? attribute, bool wanted, ChatBound a)
    {
        var name = test is [] ? null : test[0] as string ?? throw a.Wrong("takes the name of a test");
        var inputs = new ChatInputs(test is [] ? [] : test[1..], [], a.At);
        return new(ChatValues.Items(value, a.At).FindAll(item =>
        {
            var found = attribute is null ? item : Path(item, attribute, a.At);
            return wanted == (name is null ? ChatValues.IsTrue(found) : ChatTests.Holds(name, found, inputs));
        }));
    }

    private static List<object?> Attributes(object? value, ChatBound a, int index) =>
        ChatValues.Items(value, a.At).ConvertAll(item => a.Or(index, null) is { } attribute ? Path(item, attribute, a.At) : item);

    /// <summary>x.a.b by the name "a.b"; parts that are numbers count items.</summary>
    private static object? Path(object? value, object? attribute, int at) => attribute is not string path
        ? ChatValues.Element(value, attribute, at)
        : path.Split('.').Aggregate(value, (found, part) =>
            ChatValues.Element(found, long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : part, at));

    private static object? Key(object? item, ChatBound a, int caseSensitive, int attribute) =>
        Folded(a.Or(attribute, null) is { } path ? Path(item, path, a.At) : item, a.Flag(caseSensitive));

    private static object? Folded(object? value, bool caseSensitive) => value is string text && !caseSensitive ? text.ToLowerInvariant() : value;

    private static List<object?> Sorted(List<object?> items, ChatBound a, int caseSensitive, int attribute) =>
        Ordered(items, item => Key(item, a, caseSensitive, attribute), a.At);

    /// <summary>Descending order in which equal items keep their places.</summary>
    private static List<object?> Reversed(object? value, ChatBound a)
    {
        var sorted = Sorted([.. ChatValues.Items(value, a.At).AsEnumerable().Reverse()], a, 1, 2);
        sorted.Reverse();
        return sorted;
    }

    private static List<object?> Ordered(List<object?> items, Func<object?, object?> key, int at) =>
        [.. items.Select(item => (Item: item, Key: key(item))).OrderBy(entry => entry.Key, Comparer<object?>.Create((x, y) => ChatValues.Compare(x, y, at))).Select(entry => entry.Item)];

    [GeneratedRegex(@"(?<=[-\s({\[<])(?=[^-\s({\[<])")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
