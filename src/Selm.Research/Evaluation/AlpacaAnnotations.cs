// A judge's annotations as they are published: a JSON list with both texts per row, or a compact file with the lengths
// alone. Programs write NaN into JSON where a number is missing, which no JSON reader accepts: the word is put in quotes
// first, so that the complaint can name the row.
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>One row of an annotation file.</summary>
/// <param name="Instruction">The instruction's number as the file gives it, or null.</param>
/// <param name="BaselineLength">Length of the baseline's answer in characters (code points).</param>
/// <param name="ModelLength">Length of the model's answer in characters (code points).</param>
/// <param name="Preference">The probability, 0 to 1, that the model's answer is better; null where the judge gave none.</param>
public readonly record struct AlpacaAnnotation(int? Instruction, int BaselineLength, int ModelLength, double? Preference);

/// <summary>The annotations of one model against one baseline.</summary>
/// <param name="Path">The file.</param>
/// <param name="Model">The model's name, or null where the file gives none.</param>
/// <param name="Baseline">The baseline's name, or null where the file gives none.</param>
/// <param name="NumbersArePlaces">The instruction numbers are named index, which in some published tables counts the rows that are left.</param>
/// <param name="Rows">In file order.</param>
public sealed record AlpacaAnnotations(string Path, string? Model, string? Baseline, bool NumbersArePlaces, IReadOnlyList<AlpacaAnnotation> Rows)
{
    /// <summary>
    /// Reads a public annotation list, as JSON or JSONL (per row output_1, output_2, preference; generator_1 the baseline,
    /// generator_2 the model; optionally index), or a compact file {model, rows: {index, len_1, len_2, preference}}, whose
    /// columns are lists of one length; evaluation_set_index, where present, is the instruction's number and index only the
    /// row's place.
    /// </summary>
    /// <remarks>A preference is 1 where the baseline wins and 2 where the model wins, or between; 1.5 and 0 are draws; null is missing.</remarks>
    /// <exception cref="InputException">The file is missing, empty or broken; the sentence names the row.</exception>
    public static AlpacaAnnotations Read(string path)
    {
        if (path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
        {
            return Some(path, FromList(path, Jsonl.Read(path).Select(row => row.Value)));
        }
        using var json = Parse(path);
        return Some(path, json.RootElement.ValueKind switch
        {
            JsonValueKind.Array => FromList(path, json.RootElement.EnumerateArray()),
            JsonValueKind.Object when json.RootElement.TryGetProperty("rows", out var rows) && rows.ValueKind == JsonValueKind.Object =>
                FromColumns(path, json.RootElement, rows),
            _ => throw new InputException($"{path} is neither a list of annotations nor an object with \"model\" and \"rows\"; give a file in one of these forms."),
        });
    }

    private static AlpacaAnnotations Some(string path, AlpacaAnnotations annotations) =>
        annotations.Rows.Count > 0 ? annotations : throw new InputException($"{path} holds no annotations; give the file that the judge wrote.");

    /// <summary>An error about a row, counted from 1. One sentence, without the full stop.</summary>
    internal static InputException Error(string path, int row, string what) => new($"{path} row {row + 1}: {what}.");

    private static AlpacaAnnotations FromColumns(string path, JsonElement file, JsonElement columns)
    {
        JsonElement[]? Column(string name) => columns.TryGetProperty(name, out var column) && column.ValueKind == JsonValueKind.Array
            ? [.. column.EnumerateArray()]
            : null;
        JsonElement[] Needed(string name) => Column(name) ?? throw new InputException($"{path} has no list \"{name}\" in \"rows\"; add it.");

        var (len1, len2, preference) = (Needed("len_1"), Needed("len_2"), Needed("preference"));
        var evaluationSet = Column("evaluation_set_index");
        var index = evaluationSet ?? Column("index");
        if (new[] { len1, len2, preference, index ?? len1 }.Select(column => column.Length).Distinct().Count() > 1)
        {
            throw new InputException($"{path} has lists of different lengths in \"rows\" ({len1.Length} len_1, {len2.Length} len_2, {preference.Length} preference, {index?.Length} index); give one entry per row.");
        }
        return new(path, Name(file, "model"), Name(file, "baseline"), evaluationSet is null, [.. len1.Select((_, row) => new AlpacaAnnotation(
            index is null ? null : Count(path, row, "index", index[row]),
            Count(path, row, "len_1", len1[row]), Count(path, row, "len_2", len2[row]), Preferred(path, row, preference[row])))]);
    }

    private static AlpacaAnnotations FromList(string path, IEnumerable<JsonElement> list)
    {
        var rows = new List<AlpacaAnnotation>();
        var seen = new Dictionary<(string, string), int>();
        var (model, baseline) = ((string?)null, (string?)null);
        foreach (var item in list)
        {
            var row = rows.Count;
            if (item.ValueKind != JsonValueKind.Object)
            {
                throw Error(path, row, "it is not an object; give one object per annotation");
            }
            model = Same(path, row, "generator_2", model, Name(item, "generator_2"));
            baseline = Same(path, row, "generator_1", baseline, Name(item, "generator_1"));
            var (output1, output2) = (Text(path, row, item, "output_1"), Text(path, row, item, "output_2"));
            if (Name(item, "instruction") is { Length: > 0 } instruction && !seen.TryAdd((instruction, output1), row))
            {
                throw Error(path, row, $"the instruction of row {seen[(instruction, output1)] + 1} is there again; keep one annotation of each instruction");
            }
            int? index = item.TryGetProperty("index", out var number) ? Count(path, row, "index", number) : null;
            rows.Add(new(index, CodePoints(output1), CodePoints(output2), Preferred(path, row, item.TryGetProperty("preference", out var value)
                ? value
                : throw Error(path, row, "the field preference is missing; add it, null where the judge gave none"))));
        }
        if (rows.Exists(row => row.Instruction is null) && rows.FindIndex(row => row.Instruction is not null) is >= 0 and var numbered)
        {
            throw Error(path, numbered, "only some rows have an index; give it to all or to none");
        }
        return new(path, model, baseline, true, rows);
    }

    private static string? Same(string path, int row, string field, string? before, string? name) =>
        row == 0 || before == name
            ? name
            : throw Error(path, row, $"{field} is {name ?? "missing"} but {before ?? "missing"} before; keep the annotations of one model against one baseline in a file");

    private static string? Name(JsonElement item, string field) =>
        item.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? Shown(value) : null;

    private static string Text(string path, int row, JsonElement item, string field)
    {
        if (!item.TryGetProperty(field, out var value) || value.ValueKind != JsonValueKind.String)
        {
            throw Error(path, row, $"the text {field} is missing; add it");
        }
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error(path, row, $"the text {field} holds half of a surrogate pair; repair it");
        }
    }

    private static int Count(string path, int row, string field, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= 0 && number <= int.MaxValue && Math.Floor(number) == number
            ? (int)number
            : throw Error(path, row, $"{field} is {Shown(value)} and must be a whole number from 0 on; correct it");

    private static double? Preferred(string path, int row, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Number when value.GetDouble() is 0 => 0.5,
        JsonValueKind.Number when value.GetDouble() is >= 1 and <= 2 => value.GetDouble() - 1,
        _ => throw Error(path, row, $"the preference is {Shown(value)} and must be from 1 (baseline wins) to 2 (model wins), 0 for a draw, or null where the judge gave none"),
    };

    private static string Shown(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        }
        catch (InvalidOperationException)
        {
            return value.GetRawText(); // half of a surrogate pair
        }
    }

    private static int CodePoints(string text) => text.EnumerateRunes().Count();

    private static JsonDocument Parse(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw InputFile.NotRead(path, e, "give the path of a readable JSON file");
        }
        if (!Utf8.IsValid(bytes))
        {
            throw new InputException($"{path}: not valid UTF-8; save the file as UTF-8.");
        }
        if (bytes.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
        {
            throw new InputException($"{path} is empty; give the annotations that the judge wrote.");
        }
        try
        {
            return JsonDocument.Parse(PythonJson.Replace(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes, word => $"\"{word}\""));
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} line {e.LineNumber + 1}: not valid JSON; repair or download the file again.", e);
        }
    }
}
