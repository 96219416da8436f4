using System.Globalization;
using System.Numerics;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>Values as text: as Python prints and shows them, as JSON, and Python's % formatting.</summary>
internal static class ChatPrinting
{
    /// <summary>How a value prints: Python's str().</summary>
    public static string Text(object? value, int at) => value switch
    {
        string text => text,
        ChatUndefined => "",
        _ => Shown(value, at),
    };

    /// <summary>How a value looks inside a printed list: Python's repr().</summary>
    public static string Shown(object? value, int at)
    {
        ChatWork.Step();
        return (string)ChatWork.Spend(Written(value, at))!;
    }

    private static string Written(object? value, int at) => value switch
    {
        null => "None",
        true => "True",
        false => "False",
        string text => Quoted(text),
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => Real(number),
        ChatUndefined => "Undefined",
        ChatTuple tuple => $"({string.Join(", ", tuple.Select(item => Shown(item, at)))}{(tuple.Count == 1 ? "," : "")})",
        List<object?> list and not ChatGenerator => $"[{string.Join(", ", list.Select(item => Shown(item, at)))}]",
        Dictionary<string, object?> table => $"{{{string.Join(", ", table.Select(entry => $"{Quoted(entry.Key)}: {Shown(entry.Value, at)}"))}}}",
        _ => throw new ChatTemplateFault(at, $"printing a value of type '{ChatValues.TypeName(value)}' is not supported."),
    };

    /// <summary>JSON as Python's json.dumps writes it.</summary>
    /// <param name="value">What to write.</param>
    /// <param name="style">Spaces, separators and order.</param>
    /// <param name="at">Offset in the template, for errors.</param>
    public static string Json(object? value, ChatJsonStyle style, int at)
    {
        var output = new StringBuilder();
        WriteJson(output, value, style, depth: 1, at);
        return output.ToString();
    }

    private static void WriteJson(StringBuilder output, object? value, ChatJsonStyle style, int depth, int at)
    {
        ChatWork.Step();
        ChatWork.Spend(value as string);
        switch (value)
        {
            case null: output.Append("null"); break;
            case bool flag: output.Append(flag ? "true" : "false"); break;
            case double.PositiveInfinity: output.Append("Infinity"); break;
            case double.NegativeInfinity: output.Append("-Infinity"); break;
            case double.NaN: output.Append("NaN"); break;
            case long or double: output.Append(Shown(value, at)); break;
            case string text: WriteJsonText(output, text, style.EnsureAscii); break;
            case List<object?> list and not ChatGenerator:
                WriteItems(output, '[', ']', list, style, depth, item => WriteJson(output, item, style, depth + 1, at));
                break;
            case Dictionary<string, object?> table:
                var entries = style.SortKeys ? table.OrderBy(entry => entry.Key, StringComparer.Ordinal) : table.AsEnumerable();
                WriteItems(output, '{', '}', [.. entries], style, depth, entry =>
                {
                    WriteJsonText(output, entry.Key, style.EnsureAscii);
                    output.Append(style.KeySeparator);
                    WriteJson(output, entry.Value, style, depth + 1, at);
                });
                break;
            default:
                throw new ChatTemplateFault(at, $"Object of type {ChatValues.TypeName(value)} is not JSON serializable.");
        }
    }

    private static void WriteItems<T>(StringBuilder output, char open, char close, List<T> items, ChatJsonStyle style, int depth, Action<T> write)
    {
        output.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            ChatWork.Spend(style.ItemSeparator.Length + (long)depth * (style.Indent?.Length ?? 0));
            output.Append(i > 0 ? style.ItemSeparator : "");
            NewLine(depth);
            write(items[i]);
        }
        if (items.Count > 0)
        {
            NewLine(depth - 1);
        }
        output.Append(close);

        void NewLine(int steps)
        {
            if (style.Indent is { } indent)
            {
                output.Append('\n').Insert(output.Length, indent, steps);
            }
        }
    }

    private static void WriteJsonText(StringBuilder output, string text, bool ensureAscii)
    {
        output.Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => output.Append("\\\""),
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\b' => output.Append("\\b"),
                '\f' => output.Append("\\f"),
                < ' ' => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when ensureAscii => output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => output.Append(c),
            };
        }
        output.Append('"');
    }

    /// <summary>The shortest digits that give the same double, in Python's spelling.</summary>
    private static string Real(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        var digits = value.ToString("E16", CultureInfo.InvariantCulture);
        var exponent = int.Parse(digits[(digits.IndexOf('E', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        if (value != 0 && exponent is < -4 or >= 16)
        {
            var scientific = shortest.Contains('E', StringComparison.Ordinal) ? shortest : Scientific(value);
            var mark = scientific.IndexOf('E', StringComparison.Ordinal);
            return string.Create(CultureInfo.InvariantCulture, $"{scientific[..mark]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }
        var plain = shortest.Contains('E', StringComparison.Ordinal) ? value.ToString("0." + new string('#', 20), CultureInfo.InvariantCulture) : shortest;
        return plain.Contains('.', StringComparison.Ordinal) ? plain : plain + ".0";
    }

    /// <summary>The shortest scientific spelling that reads back as the same double.</summary>
    private static string Scientific(double value)
    {
        for (var places = 0; ; places++)
        {
            var text = value.ToString("E" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            if (places == 16 || double.Parse(text, CultureInfo.InvariantCulture) == value)
            {
                return text;
            }
        }
    }

    private static string Quoted(string text)
    {
        var quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        var output = new StringBuilder().Append(quote);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\\' => output.Append("\\\\"),
                var code when code == quote => output.Append('\\').Append(quote),
                var code when IsShown(rune) => output.Append(rune.ToString()),
                var code and < 256 => output.Append(CultureInfo.InvariantCulture, $"\\x{code:x2}"),
                var code and < 65536 => output.Append(CultureInfo.InvariantCulture, $"\\u{code:x4}"),
                var code => output.Append(CultureInfo.InvariantCulture, $"\\U{code:x8}"),
            };
        }
        return output.Append(quote).ToString();
    }

    private static bool IsShown(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>Python's "text %s" % values, with %s, %r, %d, %i, %f and %%, a width and a precision.</summary>
    public static string Format(string format, object? values, int at)
    {
        var rest = new Queue<object?>(values is ChatTuple tuple ? tuple : [values]);
        var output = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                output.Append(format[i]);
                continue;
            }
            var start = ++i;
            while (i < format.Length && (char.IsAsciiDigit(format[i]) || format[i] is '.' or '-'))
            {
                i++;
            }
            var width = format[start..Math.Min(i, format.Length)];
            var kind = i < format.Length ? format[i] : ' ';
            output.Append(kind == '%' ? "%" : Padded(FormatOne(kind, width, rest, at), width, at));
        }
        return rest.Count == 0 || values is Dictionary<string, object?>
            ? output.ToString()
            : throw new ChatTemplateFault(at, "not all arguments converted during string formatting.");
    }

    private static string FormatOne(char kind, string width, Queue<object?> values, int at)
    {
        if (kind is not ('s' or 'r' or 'd' or 'i' or 'f'))
        {
            throw new ChatTemplateFault(at, $"the format '%{kind}' is not supported.");
        }
        if (!values.TryDequeue(out var value))
        {
            throw new ChatTemplateFault(at, "not enough arguments for format string.");
        }
        var places = width.Contains('.', StringComparison.Ordinal) ? Count(width[(width.IndexOf('.', StringComparison.Ordinal) + 1)..], at) : 6;
        return (kind, ChatValues.Number(value)) switch
        {
            ('s', _) => Text(value, at),
            ('r', _) => Shown(value, at),
            ('f', { } number) => number.ToString("F" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
            (not 'f', { } number) when value is long || double.IsFinite(number) => (value is long whole ? whole : new BigInteger(number)).ToString(CultureInfo.InvariantCulture),
            (_, { } number) => throw new ChatTemplateFault(at, $"%{kind} format: cannot convert {Shown(number, at)} to a whole number."),
            _ => throw new ChatTemplateFault(at, $"%{kind} format: a real number is required, not {ChatValues.TypeName(value)}."),
        };
    }

    // A width or a number of places; none is 0.
    private static int Count(string digits, int at) => digits.Length == 0 ? 0
        : int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= 1000 ? number
        : throw new ChatTemplateFault(at, $"the width or precision '{digits}' of a format is not supported.");

    private static string Padded(string text, string width, int at)
    {
        var digits = width.Split('.')[0];
        var wanted = Count(digits.TrimStart('-', '0'), at);
        return digits.StartsWith('-') ? text.PadRight(wanted)
            : digits.StartsWith('0') && text.StartsWith('-') ? "-" + text[1..].PadLeft(Math.Max(wanted - 1, 0), '0')
            : text.PadLeft(wanted, digits.StartsWith('0') ? '0' : ' ');
    }
}

/// <summary>The arguments of Python's json.dumps that transformers gives to tojson.</summary>
internal sealed record ChatJsonStyle(bool EnsureAscii, string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys);
