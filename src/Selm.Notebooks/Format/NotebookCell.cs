using System.Text.Json.Nodes;

namespace Selm.Notebooks.Format;

/// <summary>A cell of a notebook.</summary>
/// <param name="json">The cell as it stands in the file.</param>
/// <param name="number">Its place among all cells, from 1.</param>
internal sealed class NotebookCell(JsonObject json, int number)
{
    public int Number => number;

    public string Id
    {
        get => (string)json["id"]!;
        set => json["id"] = value;
    }

    public string Type => (string)json["cell_type"]!;

    public bool IsCode => Type == "code";

    public JsonObject Metadata => json["metadata"]!.AsObject();

    /// <summary>The kernel that the cell is for, if it is not C#.</summary>
    public string? OtherLanguage =>
        new[] { (string?)Metadata["polyglot_notebook"]?["kernelName"], (string?)Metadata["dotnet_interactive"]?["language"] }
            .FirstOrDefault(name => name is not (null or "csharp" or "C#"));

    /// <summary>The cell's text.</summary>
    public string Source
    {
        get => TextOf(json["source"]);
        set => json["source"] = Lines(value);
    }

    /// <summary>What the last run left; an empty list for cells without code.</summary>
    public JsonArray Outputs
    {
        get => json["outputs"] as JsonArray ?? [];
        set => json["outputs"] = value;
    }

    public bool HasTag(string tag) => Metadata["tags"] is JsonArray tags && tags.Any(one => (string?)one == tag);

    /// <summary>A text of nbformat: one string or a list of lines.</summary>
    public static string TextOf(JsonNode? node) => node switch
    {
        JsonArray lines => string.Concat(lines.Select(line => (string?)line)),
        JsonValue text => text.GetValue<string>(),
        _ => "",
    };

    /// <summary>A text as a list of lines, each with its newline.</summary>
    public static JsonArray Lines(string text)
    {
        var lines = new JsonArray();
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start) + 1;
            end = end == 0 ? text.Length : end;
            lines.Add(text[start..end]);
            start = end;
        }
        return lines;
    }
}
