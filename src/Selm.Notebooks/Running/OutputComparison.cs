// Whether a new run says what the committed one says. What differs from run to run on the same machine is masked.
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Running;

/// <summary>Compares a cell's outputs with those that are committed.</summary>
internal static partial class OutputComparison
{
    private const int ShownCharacters = 160;
    private static readonly JsonSerializerOptions readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Cells whose outputs are never compared carry this tag.</summary>
    public const string VolatileTag = "volatile";

    /// <summary>The first difference in words, or null if there is none.</summary>
    public static string? Difference(JsonArray committed, JsonArray now)
    {
        var (before, after) = (Texts(committed), Texts(now));
        for (var i = 0; i < Math.Max(before.Count, after.Count); i++)
        {
            var (old, fresh) = (before.ElementAtOrDefault(i), after.ElementAtOrDefault(i));
            if (old != fresh)
            {
                return $"output {i + 1} was {Around(old, fresh)} and is now {Around(fresh, old)}";
            }
        }
        return null;
    }

    /// <summary>Times of day, durations, speeds, memory and random ids, replaced by a mark.</summary>
    public static string Masked(string text) => Volatile().Replace(text, "*");

    private static List<string> Texts(JsonArray outputs) =>
        [.. outputs.OfType<JsonObject>().Select(output => Masked(Canonical(output)))];

    private static string Canonical(JsonObject output)
    {
        var type = (string?)output["output_type"];
        var content = output["data"] is JsonObject data
            ? string.Join('\n', data.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key}: {Flat(entry.Value)}"))
            : NotebookCell.TextOf(output["text"]);
        return $"{type} {(string?)output["name"]}\n{content}";
    }

    private static string Flat(JsonNode? value) => value is JsonObject ? value.ToJsonString(readable) : NotebookCell.TextOf(value);

    // The place where two texts part, with a little of what comes before.
    private static string Around(string? text, string? other)
    {
        if (text is null)
        {
            return "absent";
        }
        var same = 0;
        while (other is not null && same < Math.Min(text.Length, other.Length) && text[same] == other[same])
        {
            same++;
        }
        var from = other is null ? text.IndexOf('\n', StringComparison.Ordinal) + 1 : Math.Max(0, same - 40);
        var part = text[from..Math.Min(text.Length, from + ShownCharacters)].Replace("\n", "\\n", StringComparison.Ordinal);
        return $"'{(from > 0 && other is not null ? "..." : "")}{part}'";
    }

    [GeneratedRegex("""
        \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?\b
        |\b\d{1,2}:\d\d:\d\d(?:\.\d+)?\b
        |\b\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?\s?(?:ns|µs|us|ms|s|sec|seconds?|min|minutes?|[KMG]i?B)\b
        |\b\d[\d,]*(?:\.\d+)?\s?[A-Za-z]+/s\b
        |\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Volatile();
}
