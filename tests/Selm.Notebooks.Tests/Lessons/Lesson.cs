using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>A cell of a lesson as it is committed.</summary>
internal sealed record LessonCell(string Id, bool IsCode, string Source, IReadOnlyList<string> Tags, JsonObject Json)
{
    public bool Has(string tag) => Tags.Contains(tag);
}

/// <summary>A notebook of the folder notebooks/ whose name begins with its number.</summary>
internal sealed record Lesson(string Number, string Path, JsonObject Json, IReadOnlyList<LessonCell> Cells)
{
    /// <summary>The checkout: the folder that holds Selm.Research.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Folder { get; } = System.IO.Path.Combine(Root, "notebooks");

    /// <summary>All lessons in the order in which they are read.</summary>
    public static IReadOnlyList<Lesson> All { get; } =
        [.. Directory.EnumerateFiles(Folder, "*.ipynb").Where(path => char.IsDigit(System.IO.Path.GetFileName(path)[0])).Order(StringComparer.Ordinal).Select(Read)];

    /// <summary>Their file names, as data of theories.</summary>
    public static TheoryData<string> Names => [.. All.Select(lesson => lesson.Name)];

    public string Name => System.IO.Path.GetFileName(Path);

    public IEnumerable<LessonCell> Code => Cells.Where(cell => cell.IsCode);

    public static Lesson Of(string name) => All.Single(lesson => lesson.Name == name);

    public override string ToString() => Name;

    private static Lesson Read(string path)
    {
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        var cells = json["cells"]!.AsArray().Select(node =>
        {
            var cell = node!.AsObject();
            var tags = cell["metadata"]!["tags"] is JsonArray list ? list.Select(tag => (string)tag!).ToArray() : [];
            return new LessonCell((string)cell["id"]!, (string?)cell["cell_type"] == "code", TempNotebooks.Joined(cell["source"]), tags, cell);
        });
        return new(System.IO.Path.GetFileName(path)[..2], path, json, [.. cells]);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Selm.Research.sln")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException($"no Selm.Research.sln above {AppContext.BaseDirectory}");
        }
        return folder.FullName;
    }
}
