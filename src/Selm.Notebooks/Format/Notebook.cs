// A notebook file, kept as JSON: what this tool does not know stays as it was. Written as Jupyter writes: one space of
// indentation, texts as lists of lines, a newline at the end.
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Format;

/// <summary>An nbformat 4.5 notebook.</summary>
internal sealed class Notebook
{
    private static readonly JsonSerializerOptions layout = new()
    {
        WriteIndented = true,
        IndentSize = 1,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly JsonObject root;

    private Notebook(string path, JsonObject root)
    {
        Path = path;
        this.root = root;
        Cells = [.. root["cells"]!.AsArray().Select((cell, index) => new NotebookCell(cell!.AsObject(), index + 1))];
    }

    public string Path { get; }

    public IReadOnlyList<NotebookCell> Cells { get; }

    public JsonObject Metadata => root["metadata"]!.AsObject();

    /// <summary>Why runs of a whole folder leave it out (metadata <c>runner.skip</c>), or null.</summary>
    public string? SkipReason => Metadata["runner"] is JsonObject runner ? runner["skip"]?.GetValue<string>() : null;

    /// <summary>Reads a notebook and brings older 4.x files to 4.5.</summary>
    /// <exception cref="NotebookException">The file is missing, no notebook, or not for C#.</exception>
    public static Notebook Read(string path)
    {
        try
        {
            return Read(path, Parse(path));
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or ArgumentException)
        {
            throw new NotebookException($"{path} is no notebook: a field has the wrong type or stands twice ({e.Message.TrimEnd('.')}); repair it or restore it from version control.");
        }
    }

    private static Notebook Read(string path, JsonObject root)
    {
        if (root["nbformat"]?.GetValueKind() != JsonValueKind.Number || (double)root["nbformat"]! != 4 || root["cells"] is not JsonArray cells)
        {
            throw new NotebookException($"{path} is no notebook of format 4; convert it with 'jupyter nbconvert --to notebook'.");
        }
        root["nbformat_minor"] = Math.Max(5, (int?)root["nbformat_minor"] ?? 0);
        root["metadata"] ??= new JsonObject();
        for (var i = 0; i < cells.Count; i++)
        {
            if (cells[i] is not JsonObject cell || cell["cell_type"]?.GetValueKind() != JsonValueKind.String)
            {
                throw new NotebookException($"{path}: cell {i + 1} has no cell_type.");
            }
            cell["id"] ??= $"cell-{i + 1}";
            cell["metadata"] ??= new JsonObject();
        }
        var notebook = new Notebook(path, root);
        notebook.RequireCSharp();
        notebook.RequireTypes();
        return notebook;
    }

    /// <summary>Removes what differs from front end to front end and from run to run though nothing has changed.</summary>
    public void Strip() => CommittedForm.Apply(root);

    /// <summary>The file's text.</summary>
    public string Text() => root.ToJsonString(layout) + "\n";

    /// <summary>Writes it whole or not at all.</summary>
    public void Write(string path)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        var temporary = path + ".new";
        try
        {
            File.WriteAllText(temporary, Text());
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw Unwritable(path, e);
        }
    }

    /// <summary>Finds out before a long run that its result could not be written.</summary>
    /// <exception cref="NotebookException">The folder takes no file.</exception>
    public static void RequireWritable(string path)
    {
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            using var trial = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, e);
        }
    }

    private static NotebookException Unwritable(string path, Exception e) => new($"{path} cannot be written: {e.Message}");

    private static JsonObject Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new NotebookException($"{path} is no notebook: it holds no JSON object.");
        }
        catch (JsonException e)
        {
            throw new NotebookException($"{path} is no notebook: line {e.LineNumber + 1} is no JSON; repair it or restore it from version control.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NotebookException($"{path} does not exist.");
        }
    }

    // Reads all that a run will read and write, so that a wrong type is found before anything runs.
    private void RequireTypes()
    {
        _ = SkipReason;
        foreach (var cell in Cells)
        {
            _ = (cell.Id, cell.Source, cell.Metadata.Count, cell.HasTag(""), cell.Outputs.Count);
        }
        var written = root.DeepClone().AsObject();
        CommittedForm.Apply(written);
        written.ToJsonString(layout);
    }

    private void RequireCSharp()
    {
        if (Metadata["kernelspec"] is JsonObject kernel && (string?)kernel["language"] is { } language && language != "C#" && (string?)kernel["name"] != ".net-csharp")
        {
            throw new NotebookException($"{Path} is written in {language}; only C# notebooks (kernel .net-csharp) run here.");
        }
        if (Cells.FirstOrDefault(cell => cell.IsCode && cell.OtherLanguage is not null) is { } other)
        {
            throw new NotebookException($"{Path}: cell {other.Number} is for the kernel '{other.OtherLanguage}'; only csharp runs here.");
        }
    }
}
