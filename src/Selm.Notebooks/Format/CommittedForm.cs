// Front ends write the same notebook differently: VS Code, Jupyter with .NET Interactive's kernel and the runner each have
// their own metadata, order of fields and counts. This is the one form in which notebooks are committed.
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Format;

/// <summary>Brings a notebook into the form in which it is committed.</summary>
internal static class CommittedForm
{
    private const string Json = "+json", KernelName = "csharp", Kernel = """
        {"kernelspec":{"display_name":".NET (C#)","language":"C#","name":".net-csharp"},
         "language_info":{"name":"polyglot-notebook"},
         "polyglot_notebook":{"kernelInfo":{"defaultKernelName":"csharp","items":[{"aliases":[],"languageName":"C#","name":"csharp"}]}}}
        """;

    // How the notebook was looked at or run, not what it is.
    private static readonly string[] views = ["execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "jupyter", "vscode", "editable"];

    // Which language a cell has; for text there is nothing to say.
    private const string Interactive = "dotnet_interactive", Polyglot = "polyglot_notebook";

    public static void Apply(JsonObject root)
    {
        var metadata = root["metadata"]!.AsObject();
        metadata.Remove("vscode");
        foreach (var (name, value) in JsonNode.Parse(Kernel)!.AsObject())
        {
            metadata[name] = value!.DeepClone();
        }
        Sort(metadata);
        foreach (var cell in root["cells"]!.AsArray())
        {
            Apply(cell!.AsObject(), (string?)cell["cell_type"] == "code");
        }
        Sort(root);
    }

    private static void Apply(JsonObject cell, bool isCode)
    {
        var metadata = cell["metadata"]!.AsObject();
        foreach (var view in views)
        {
            metadata.Remove(view);
        }
        metadata.Remove(Interactive);
        metadata.Remove(Polyglot);
        if (isCode)
        {
            metadata[Interactive] = new JsonObject { ["language"] = KernelName };
            metadata[Polyglot] = new JsonObject { ["kernelName"] = KernelName };
            cell["execution_count"] = null;
            cell["outputs"] ??= new JsonArray();
            foreach (var output in cell["outputs"]!.AsArray().OfType<JsonObject>())
            {
                ApplyToOutput(output);
            }
        }
        cell["source"] = NotebookCell.Lines(NotebookCell.TextOf(cell["source"]));
        Sort(metadata);
        Sort(cell);
    }

    private static void ApplyToOutput(JsonObject output)
    {
        output.Remove("transient");
        switch ((string?)output["output_type"])
        {
            case "stream":
                output["text"] = NotebookCell.Lines(NotebookCell.TextOf(output["text"]));
                break;
            case "execute_result":
                output["execution_count"] = null;
                goto case "display_data";
            case "display_data":
                output["metadata"] ??= new JsonObject();
                if (output["data"] is JsonObject data)
                {
                    output["data"] = Stored(data);
                }
                break;
        }
        Sort(output);
    }

    /// <summary>Values by MIME type as a file keeps them: JSON as objects, binary images as one base64 string, any text as a list of lines.</summary>
    public static JsonObject Stored(JsonObject data) => new(data.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry =>
        KeyValuePair.Create(entry.Key, Stored(entry.Key, entry.Value))));

    private static JsonNode? Stored(string mime, JsonNode? value)
    {
        if (mime.StartsWith("text/", StringComparison.Ordinal) || mime is "image/svg+xml" or "application/javascript")
        {
            return NotebookCell.Lines(NotebookCell.TextOf(value));
        }
        return mime.EndsWith(Json, StringComparison.Ordinal) && IsText(value) && Parsed(NotebookCell.TextOf(value)) is { } parsed ? parsed : value?.DeepClone();
    }

    private static bool IsText(JsonNode? value) => value is JsonArray lines
        ? lines.Count > 0 && lines.All(line => line?.GetValueKind() == JsonValueKind.String)
        : value?.GetValueKind() == JsonValueKind.String;

    // .NET Interactive gives JSON as text.
    private static JsonNode? Parsed(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Sort(JsonObject fields)
    {
        var entries = fields.OrderBy(entry => entry.Key, StringComparer.Ordinal).ToList();
        fields.Clear();
        foreach (var (name, value) in entries)
        {
            fields[name] = value;
        }
    }
}
