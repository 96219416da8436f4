using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests;

/// <summary>A fresh folder for small notebooks that goes away with the test.</summary>
internal sealed class TempNotebooks : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("selm-notebooks-test-").FullName;

    /// <summary>Writes a notebook of code cells.</summary>
    public string Write(string name, params string[] cells) => Write(name, [.. cells.Select(source => Cell(source))]);

    public string Write(string name, JsonObject[] cells, JsonObject? metadata = null)
    {
        var path = Path.Combine(Root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        WriteTo(path, cells, metadata);
        return path;
    }

    /// <summary>Writes a notebook anywhere.</summary>
    public static void WriteTo(string path, JsonObject[] cells, JsonObject? metadata = null)
    {
        metadata ??= [];
        metadata["kernelspec"] = new JsonObject { ["display_name"] = ".NET (C#)", ["language"] = "C#", ["name"] = ".net-csharp" };
        File.WriteAllText(path, new JsonObject
        {
            ["cells"] = new JsonArray([.. cells]),
            ["metadata"] = metadata,
            ["nbformat"] = 4,
            ["nbformat_minor"] = 5,
        }.ToJsonString());
    }

    public static JsonObject Cell(string source, params string[] tags) => new()
    {
        ["cell_type"] = "code",
        ["execution_count"] = 7,
        ["id"] = $"id-{source.GetHashCode(StringComparison.Ordinal):x}",
        ["metadata"] = tags.Length == 0 ? [] : new JsonObject { ["tags"] = new JsonArray([.. tags.Select(tag => JsonValue.Create(tag))]) },
        ["outputs"] = new JsonArray(),
        ["source"] = source,
    };

    public NotebooksProcess Run(params string[] arguments) => NotebooksProcess.Run(Root, ["run", .. arguments]);

    public string Text(string name) => File.ReadAllText(Path.Combine(Root, name));

    /// <summary>The outputs of a cell of a notebook.</summary>
    public JsonArray Outputs(string name, int cell) => JsonNode.Parse(Text(name))!["cells"]![cell]!["outputs"]!.AsArray();

    /// <summary>The lines of a text in an output, joined.</summary>
    public static string Joined(JsonNode? lines) => string.Concat(lines!.AsArray().Select(line => (string?)line));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
