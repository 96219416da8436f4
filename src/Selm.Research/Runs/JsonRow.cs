using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// One object of a JSONL file with its place, so that every complaint about a field can name file, line and field.
/// </summary>
/// <param name="Path">The file it came from.</param>
/// <param name="Line">Its line, counted from 1.</param>
/// <param name="Value">The object.</param>
public readonly record struct JsonRow(string Path, int Line, JsonElement Value)
{
    /// <summary>What <see cref="Line"/> counts: lines of a file, or rows of a JSON list.</summary>
    public string Counted { get; init; } = "line";

    /// <summary>File and line as complaints name them: "F.jsonl line 4711".</summary>
    public string Place => $"{Path} {Counted} {Line}";

    /// <summary>Whether the field is there and not null. What is no object, such as an element of a list, has none.</summary>
    public bool Has(string name) => Value.ValueKind == JsonValueKind.Object && Value.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>The field itself.</summary>
    /// <exception cref="InputException">It is missing or null.</exception>
    public JsonElement Field(string name) => Has(name)
        ? Value.GetProperty(name)
        : throw Error($"the field \"{name}\" is missing; add it");

    /// <summary>A text field.</summary>
    /// <exception cref="InputException">It is missing or not text.</exception>
    public string Text(string name)
    {
        var value = Field(name);
        if (value.ValueKind != JsonValueKind.String)
        {
            throw Wrong(name, "text", value);
        }
        return Text(name, value);
    }

    /// <summary>A text field, or null where it is missing or null.</summary>
    /// <exception cref="InputException">It is there but not text.</exception>
    public string? TextOrNull(string name) => Has(name) ? Text(name) : null;

    /// <summary>A number; "NaN", "Infinity" and "-Infinity" are read too.</summary>
    /// <exception cref="InputException">It is missing or not a number.</exception>
    public double Number(string name)
    {
        var value = Field(name);
        return AsNumber(value) ?? throw Wrong(name, "a number", value);
    }

    /// <summary>A number, or null where it is missing or null.</summary>
    /// <exception cref="InputException">It is there but not a number.</exception>
    public double? NumberOrNull(string name) => Has(name) ? Number(name) : null;

    /// <summary>A whole number of 32 bits.</summary>
    /// <exception cref="InputException">It is missing or not a whole number.</exception>
    public int WholeNumber(string name)
    {
        var value = Field(name);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : throw Wrong(name, "a whole number", value);
    }

    /// <summary>A whole number, or null where it is missing or null.</summary>
    /// <exception cref="InputException">It is there but not a whole number.</exception>
    public int? WholeNumberOrNull(string name) => Has(name) ? WholeNumber(name) : null;

    /// <summary>True or false.</summary>
    /// <exception cref="InputException">It is missing or neither.</exception>
    public bool Flag(string name)
    {
        var value = Field(name);
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "true or false", value);
    }

    /// <summary>A list of whole numbers, such as token ids.</summary>
    /// <exception cref="InputException">It is missing, not a list, or an element is not a whole number.</exception>
    public int[] WholeNumbers(string name)
    {
        var items = Items(name, "a list of whole numbers");
        var result = new int[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (items[i].ValueKind != JsonValueKind.Number || !items[i].TryGetInt32(out result[i]))
            {
                throw Error($"element {i} of \"{name}\" is not a whole number; give a list such as [1, 2, 3]");
            }
        }
        return result;
    }

    /// <summary>A list of numbers; "NaN", "Infinity" and "-Infinity" are read too.</summary>
    /// <exception cref="InputException">It is missing, not a list, or an element is not a number.</exception>
    public double[] Numbers(string name)
    {
        var items = Items(name, "a list of numbers");
        var result = new double[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            result[i] = AsNumber(items[i]) ?? throw Error($"element {i} of \"{name}\" is not a number; give a list such as [0.5, 1]");
        }
        return result;
    }

    /// <summary>A list of texts, such as the candidates of a ranking.</summary>
    /// <exception cref="InputException">It is missing, not a list, or an element is not text.</exception>
    public string[] Texts(string name)
    {
        var items = Items(name, "a list of texts");
        var result = new string[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            result[i] = items[i].ValueKind == JsonValueKind.String
                ? Text(name, items[i])
                : throw Error($"element {i} of \"{name}\" is not text; give a list such as [\"a\", \"b\"]");
        }
        return result;
    }

    /// <summary>The elements of a list field.</summary>
    /// <exception cref="InputException">It is missing or not a list.</exception>
    public JsonElement[] Items(string name, string expected = "a list")
    {
        var value = Field(name);
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Wrong(name, expected, value);
    }

    /// <summary>The same object with further fields behind its own; a field of the same name is replaced.</summary>
    /// <param name="fields">An object or dictionary whose fields are added, e.g. <c>new { Logprob = -1.5 }</c>.</param>
    public JsonObject Plus<T>(T fields)
    {
        var row = JsonObject.Create(Value)!;
        foreach (var (name, value) in JsonSerializer.SerializeToNode(fields, JsonFormat.Line)!.AsObject().ToList())
        {
            row[name] = value?.DeepClone();
        }
        return row;
    }

    /// <summary>The row itself, which is written again with further fields later.</summary>
    /// <exception cref="InputException">It cannot be written: a field is there twice, or a text holds half of a surrogate pair.</exception>
    internal JsonRow Repeatable()
    {
        try
        {
            JsonSerializer.SerializeToUtf8Bytes(Plus(new { Logprob = 0 }), JsonFormat.Line);
            return this;
        }
        catch (Exception e) when (e is InvalidOperationException or JsonException or ArgumentException)
        {
            throw Error("it has a field twice or half of a surrogate pair in a text; repair that line");
        }
    }

    /// <summary>An error about this row: "F.jsonl line 4711: what." ("F.json row 4711: what." in a list) One sentence, without the full stop.</summary>
    public InputException Error(string what) => new($"{Place}: {what}.");

    private InputException Wrong(string name, string expected, JsonElement found) =>
        Error($"the field \"{name}\" must be {expected} but is {Jsonl.Kind(found)}; correct that line");

    private string Text(string name, JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error($"the field \"{name}\" holds half of a surrogate pair; repair the text");
        }
    }

    private static double? AsNumber(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.String => value.GetRawText() switch
        {
            "\"NaN\"" => double.NaN,
            "\"Infinity\"" => double.PositiveInfinity,
            "\"-Infinity\"" => double.NegativeInfinity,
            _ => null,
        },
        _ => null,
    };
}
