// YAML <-> records, by the records' own properties. YamlDotNet parses; the binding is here because its errors must name
// the file, the line, the key and what was probably meant.
using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Selm.HuggingFace.Files;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Selm.Research.Runs;

/// <summary>Reads one YAML document into records and remembers the line of every key.</summary>
/// <param name="source">What errors call the document.</param>
internal sealed class RecipeYaml(string source)
{
    private readonly Dictionary<string, long> lines = [];

    /// <summary>Reads the document into a record; keys that are absent keep the record's defaults.</summary>
    public T Read<T>(string yaml)
        where T : new() => (T)ReadRecord(Load(yaml) ?? throw new InputException($"{source} is empty; start from a recipe in data/recipes."), typeof(T), "");

    /// <summary>The document's root as it is, or null of an empty one. It is not deep, and no key is a list.</summary>
    /// <exception cref="InputException">It is no YAML, or has a shape that no file of the kit has; with its line.</exception>
    public YamlNode? Load(string yaml)
    {
        var stream = new YamlStream();
        try
        {
            YamlShape.Check(yaml, source);
            stream.Load(new StringReader(yaml));
        }
        catch (YamlException e)
        {
            throw new InputException($"{source} line {e.Start.Line}: not valid YAML ({e.Message.TrimEnd('.')}); correct that line.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InputException($"{source}: not valid YAML ({e.Message.TrimEnd('.')}); correct it.", e); // from the parser itself
        }
        return stream.Documents is [var document, ..] ? document.RootNode : null;
    }

    /// <summary>A copy of a record with another value for one key; <see cref="Error"/> knows its line.</summary>
    /// <param name="record">The record.</param>
    /// <param name="key">The key, with dots: <c>loss.alpha</c>. A section as a whole is replaced, not merged.</param>
    /// <param name="at">Where the document has the key.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="InputException">There is no such key (the nearest is told), or the value has the wrong type.</exception>
    public T With<T>(T record, string key, YamlNode at, YamlNode value)
        where T : notnull
    {
        lines[key] = at.Start.Line;
        return (T)Set(record, "", key);

        object Set(object old, string prefix, string rest)
        {
            var (name, below) = rest.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? (rest[..dot], rest[(dot + 1)..]) : (rest, null);
            var copy = Clone(old);
            if (Fields(old.GetType()).FirstOrDefault(field => Key(field) == name && !IsNumbers(field.PropertyType)) is { } field && (below is null || IsRecord(field.PropertyType)))
            {
                field.SetValue(copy, below is null
                    ? ReadValue(value, field, key)
                    : Set(field.GetValue(old) ?? Activator.CreateInstance(field.PropertyType)!, $"{prefix}{name}.", below));
                return copy;
            }
            if (below is null && Fields(old.GetType()).FirstOrDefault(field => IsNumbers(field.PropertyType)) is { } numbers)
            {
                var number = (double?)ReadScalar((value as YamlScalarNode)?.Value ?? "", typeof(double)) ?? throw Wrong(key, value, Describe(typeof(double)));
                numbers.SetValue(copy, new Dictionary<string, double>((IReadOnlyDictionary<string, double>)numbers.GetValue(old)!) { [name] = number });
                return copy;
            }
            throw new InputException($"{source} line {at.Start.Line}: unknown key '{key}'; did you mean '{NearestKey(key, typeof(T))}'?");
        }
    }

    // A word without dots may be the last part of a key: alpha means loss.alpha.
    private static string? NearestKey(string key, Type type)
    {
        var keys = Keys(type, "").ToArray();
        var nearest = NearestName.Of(key, [.. keys, .. keys.Select(known => known[(known.LastIndexOf('.') + 1)..])]);
        return Array.Find(keys, known => known == nearest || known.EndsWith($".{nearest}", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Keys(Type type, string prefix) => Fields(type).Where(field => !IsNumbers(field.PropertyType)).SelectMany(field =>
        IsRecord(field.PropertyType) ? [prefix + Key(field), .. Keys(field.PropertyType, $"{prefix}{Key(field)}.")] : (IEnumerable<string>)[prefix + Key(field)]);

    private static object Clone(object record) => record.GetType().GetMethod("<Clone>$")!.Invoke(record, null)!;

    /// <summary>An error about a key, with the line where the document has it.</summary>
    public InputException Error(string key, string what) =>
        new($"{source}{(lines.TryGetValue(key, out var line) ? $" line {line}" : "")}: {key} {what}.");

    /// <summary>All fields of a record as YAML.</summary>
    public static string Write(object record)
    {
        var text = new StringBuilder();
        WriteRecord(record, "", text);
        return text.ToString();
    }

    private object ReadRecord(YamlNode node, Type type, string prefix)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw new InputException($"{source} line {node.Start.Line}: {(prefix.Length == 0 ? "a recipe" : prefix.TrimEnd('.'))} must be a list of 'key: value' lines.");
        }
        var record = Activator.CreateInstance(type)!;
        var fields = Fields(type).ToDictionary(Key);
        // A record with numbers beyond its own keys takes any key here; whoever knows the names checks them afterwards.
        var rest = fields.Values.FirstOrDefault(field => IsNumbers(field.PropertyType));
        var more = rest is null ? null : new Dictionary<string, double>();
        if (rest is not null)
        {
            fields.Remove(Key(rest));
            rest.SetValue(record, more);
        }
        foreach (var (keyNode, value) in mapping.Children)
        {
            var name = (keyNode as YamlScalarNode)?.Value ?? "";
            lines[prefix + name] = keyNode.Start.Line;
            if (!fields.TryGetValue(name, out var field))
            {
                if (more is not null && name.Length > 0)
                {
                    more[name] = (double?)ReadScalar((value as YamlScalarNode)?.Value ?? "", typeof(double)) ?? throw Wrong(prefix + name, value, Describe(typeof(double)));
                    continue;
                }
                throw new InputException($"{source} line {keyNode.Start.Line}: unknown key '{prefix}{name}'; did you mean '{prefix}{NearestName.Of(name, fields.Keys)}'?");
            }
            field.SetValue(record, ReadValue(value, field, prefix + name));
        }
        return record;
    }

    private object? ReadValue(YamlNode node, PropertyInfo field, string key)
    {
        var type = field.PropertyType;
        if (IsRecord(type) && !(IsNull(node) && IsNullable(field)))
        {
            return ReadRecord(node, type, key + ".");
        }
        if (ElementType(type) is { } element)
        {
            return node is YamlSequenceNode items ? ReadList(items, element, key)
                : field.DeclaringType == typeof(AdapterRecipe) && node is YamlScalarNode { Value: { } word } && !IsNull(node) ? new[] { word } // target_modules: all-linear, as PEFT writes it
                : throw Wrong(key, node, $"a list such as [a, b], each element {Describe(element)},");
        }
        if (node is not YamlScalarNode { Value: { } text } scalar)
        {
            throw Wrong(key, node, Describe(type));
        }
        if (IsNull(scalar))
        {
            return IsNullable(field) ? null : throw Wrong(key, node, Describe(type));
        }
        return ReadScalar(text, Nullable.GetUnderlyingType(type) ?? type) ?? throw Unknown(key, node, text, type);
    }

    private Array ReadList(YamlSequenceNode items, Type element, string key)
    {
        var list = Array.CreateInstance(element, items.Children.Count);
        for (var i = 0; i < list.Length; i++)
        {
            list.SetValue((items.Children[i] is YamlScalarNode { Value: { } text } ? ReadScalar(text, element) : null)
                ?? throw Wrong(key, items.Children[i], $"a list, each element {Describe(element)},"), i);
        }
        return list;
    }

    private static object? ReadScalar(string text, Type type)
    {
        if (type == typeof(string))
        {
            return text;
        }
        if (type == typeof(int))
        {
            return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;
        }
        if (type == typeof(ulong))
        {
            return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : null;
        }
        if (type == typeof(double))
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
        }
        if (type == typeof(bool))
        {
            return text switch { "true" => true, "false" => false, _ => null };
        }
        return Enum.GetValues(type).Cast<object>().FirstOrDefault(value => Kebab(value) == text);
    }

    private static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "~" or "null" };

    private InputException Unknown(string key, YamlNode node, string text, Type type) => type.IsEnum
        ? new($"{source} line {node.Start.Line}: '{text}' is not a value of {key}; did you mean '{NearestName.Of(text, Names(type))}' (it is one of {string.Join(", ", Names(type))})?")
        : Wrong(key, node, Describe(type));

    private InputException Wrong(string key, YamlNode node, string expected) =>
        new($"{source} line {node.Start.Line}: {key} must be {expected}{(node is YamlScalarNode { Value: { } text } ? $" but is '{text}'" : "")}.");

    private static void WriteRecord(object record, string indent, StringBuilder text)
    {
        foreach (var field in Fields(record.GetType()))
        {
            var value = field.GetValue(record);
            if (value is IReadOnlyDictionary<string, double> numbers)
            {
                foreach (var (name, number) in numbers)
                {
                    text.Append(indent).Append(name).Append(": ").Append(Plain(number)).Append('\n');
                }
                continue;
            }
            if (value is not null && IsRecord(field.PropertyType))
            {
                text.Append(indent).Append(Key(field)).Append(":\n");
                WriteRecord(value, indent + "  ", text);
                continue;
            }
            text.Append(indent).Append(Key(field)).Append(": ").Append(Plain(value)).Append('\n');
        }
    }

    private static string Plain(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string s => JsonSerializer.Serialize(s, JsonFormat.Line),
        Enum => Kebab(value),
        IEnumerable items => $"[{string.Join(", ", items.Cast<object>().Select(Plain))}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"{value.GetType()} in a recipe"),
    };

    private static IEnumerable<PropertyInfo> Fields(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).OrderBy(p => p.MetadataToken);

    private static string Key(PropertyInfo field) => JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name);

    private static string Kebab(object value) => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()!);

    private static string[] Names(Type type) => [.. Enum.GetValues(type).Cast<object>().Select(Kebab)];

    private static bool IsRecord(Type type) => type.Namespace == typeof(Recipe).Namespace && !type.IsEnum;

    private static bool IsNumbers(Type type) => type == typeof(IReadOnlyDictionary<string, double>);

    private static Type? ElementType(Type type) =>
        type.IsArray ? type.GetElementType()
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GetGenericArguments()[0] : null;

    private static bool IsNullable(PropertyInfo field) =>
        Nullable.GetUnderlyingType(field.PropertyType) is not null
        || (!field.PropertyType.IsValueType && new NullabilityInfoContext().Create(field).WriteState == NullabilityState.Nullable);

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(string) ? "text"
            : type == typeof(int) ? "a whole number"
            : type == typeof(ulong) ? "a whole number from 0"
            : type == typeof(double) ? "a finite number"
            : type == typeof(bool) ? "true or false"
            : $"one of {string.Join(", ", Names(type))}";
    }
}
