using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>What keeps a lesson open to .NET Interactive, to Jupyter and to the headless runner alike.</summary>
public sealed class PortabilityTests
{
    private const string Metadata = """
        {"kernelspec":{"display_name":".NET (C#)","language":"C#","name":".net-csharp"},"language_info":{"name":"polyglot-notebook"},
         "polyglot_notebook":{"kernelInfo":{"defaultKernelName":"csharp","items":[{"aliases":[],"languageName":"C#","name":"csharp"}]}}}
        """;

    private const int LongestLine = 100;

    private const long LargestLesson = 750_000, LargestFolder = 12_000_000;

    public static TheoryData<string> Names => Lesson.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void metadata_are_those_of_a_csharp_notebook_and_hold_nothing_that_changes(string name)
    {
        var lesson = Lesson.Of(name);

        Assert.Equal((4, 5), ((int)lesson.Json["nbformat"]!, (int)lesson.Json["nbformat_minor"]!));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Metadata), lesson.Json["metadata"]), lesson.Json["metadata"]!.ToJsonString());
        Assert.Equal(lesson.Cells.Count, lesson.Cells.Select(cell => cell.Id).Distinct().Count());
        Assert.All(lesson.Cells, cell => Assert.Matches("^[A-Za-z0-9_-]{1,64}$", cell.Id));
        Assert.All(lesson.Code, cell =>
        {
            Assert.Null(cell.Json["execution_count"]);
            Assert.Equal("csharp", (string?)cell.Json["metadata"]!["dotnet_interactive"]?["language"]);
            Assert.Equal("csharp", (string?)cell.Json["metadata"]!["polyglot_notebook"]?["kernelName"]);
        });
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void a_lesson_opens_with_its_parameters_and_its_setup(string name)
    {
        var code = Lesson.Of(name).Code.ToArray();

        Assert.True(code[0].Has("parameters"));
        Assert.Matches("""(?m)^var device = "cpu";""", code[0].Source);
        Assert.True(code[1].Has("setup"));
        Assert.StartsWith("#r \"../artifacts/lib/Selm.Research.dll\"\n", code[1].Source, StringComparison.Ordinal);
        Assert.DoesNotContain(code.Skip(1), cell => cell.Has("parameters"));
        Assert.DoesNotContain(code.Skip(2), cell => cell.Source.Contains("#r ", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void cells_keep_to_what_every_engine_has(string name) => Assert.All(Lesson.Of(name).Code, cell =>
    {
        foreach (var forbidden in new[] { @"\bnamespace\b", @"\bstatic class\b", @"(?m)^(ReadOnly)?Span<", @"Microsoft\.DotNet\.Interactive", @"(?m)^#!", "clear_output", "Console.ReadLine" })
        {
            Assert.DoesNotMatch(forbidden, cell.Source);
        }
    });

    [Theory]
    [MemberData(nameof(Names))]
    public void no_cell_names_a_place_of_one_machine_or_asks_the_network(string name)
    {
        var lesson = Lesson.Of(name);
        Assert.All(lesson.Code, cell => Assert.DoesNotMatch("""https?://|HttpClient|WebRequest|"nuget:|\bSocket\b""", cell.Source));
        // Outputs too: a message may quote a path.
        Assert.DoesNotMatch("""["' (](/(home|work|tmp|root|usr|var|mnt|Users)/|[A-Z]:\\\\)""", File.ReadAllText(lesson.Path));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void links_of_a_lesson_lead_somewhere(string name) => Assert.All(
        Lesson.Of(name).Cells.Where(cell => !cell.IsCode).SelectMany(cell => Regex.Matches(cell.Source, @"\]\(([^)#\s]+)[^)]*\)").Select(match => match.Groups[1].Value)),
        target => Assert.True(
            target.StartsWith("https://", StringComparison.Ordinal) || Path.Exists(Path.Combine(Lesson.Folder, target)), $"{name} links to {target}, which does not exist"));

    [Fact]
    public void code_of_notebooks_and_of_stored_answers_has_lines_of_at_most_100_characters()
    {
        var cells = Directory.EnumerateFiles(Lesson.Folder, "*.ipynb", SearchOption.AllDirectories).SelectMany(path => JsonNode.Parse(File.ReadAllText(path))!["cells"]!.AsArray()
            .Where(cell => (string?)cell!["cell_type"] == "code")
            .Select(cell => (Where: $"{Path.GetFileName(path)}, cell {cell!["id"]}", Code: TempNotebooks.Joined(cell["source"]))));
        var answers = Directory.EnumerateFiles(Path.Combine(Lesson.Folder, "exercises"), "*.yaml").Select(path => (Where: Path.GetFileName(path), Code: File.ReadAllText(path)));
        var code = cells.Concat(answers).ToArray();

        Assert.True(code.Length > 200, "notebooks were not found");
        Assert.Empty(code.SelectMany(one => one.Code.Split('\n').Where(line => line.TrimEnd('\r').Length > LongestLine).Select(line => $"{one.Where}: {line}")));
    }

    [Fact]
    public void lessons_11_to_16_open_the_lab_with_one_call()
    {
        const string Call = "var lab = LessonLab.Open(seed, device, pairs);\nConsole.WriteLine(lab.About);";
        var lessons = Lesson.All.Where(lesson => string.CompareOrdinal(lesson.Number, "11") >= 0 && string.CompareOrdinal(lesson.Number, "16") <= 0).ToArray();

        Assert.Equal(6, lessons.Length);
        Assert.All(lessons, lesson =>
        {
            var lines = lesson.Code.ElementAt(1).Source.Split('\n');
            Assert.Equal(Call, string.Join('\n', lines.Where(line => !line.StartsWith("#r ", StringComparison.Ordinal) && !line.StartsWith("using ", StringComparison.Ordinal))));
            Assert.InRange(lines.Length, 1, 16);
        });
    }

    [Fact]
    public void lessons_are_small_enough_to_be_read_on_a_code_host()
    {
        Assert.All(Lesson.All, lesson => Assert.InRange(new FileInfo(lesson.Path).Length, 1, LargestLesson));
        Assert.InRange(Directory.EnumerateFiles(Lesson.Folder, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length), 1, LargestFolder);
    }
}
