using System.Text;
using Selm.Notebooks.Format;
using Selm.Notebooks.Jupyter;
using Selm.Notebooks.Running;
using Selm.Tests;
using Selm.Tests.Hostile;
using Xunit.Abstractions;

namespace Selm.Notebooks.Tests;

/// <summary>Tests that measure memory and time run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class RunsAlone
{
    public const string Name = "hostile";
}

/// <summary>Damaged and malicious notebooks: no crash, no hang, no flood of memory, one sentence that names the file.</summary>
[Collection(RunsAlone.Name)]
public class HostileNotebookTests(ITestOutputHelper output)
{
    private const string Small = """{"cells":[{"cell_type":"markdown","id":"a","metadata":{},"source":["# T\n","t"]},{"cell_type":"code","id":"b","metadata":{"tags":["parameters"]},"execution_count":1,"outputs":[{"output_type":"stream","name":"stdout","text":["a\n"]},{"output_type":"display_data","data":{"text/plain":["1"],"text/html":"<b>"},"metadata":{}}],"source":"var x = 1;"}],"metadata":{"kernelspec":{"name":".net-csharp","language":"C#","display_name":".NET (C#)"},"language_info":{"name":"C#"},"runner":{"skip":"no"}},"nbformat":4,"nbformat_minor":4}""";

    private static readonly HostileReader[] all =
    [
        new("notebook", "a.ipynb", () => [Text(Small), Lesson("05-derivation.ipynb"), Lesson("00-tour.ipynb")], Use) { IsRefusal = Refuses },
        new("cell journal", "journal.jsonl", () => [Text("""{"cell":1}""" + "\n" + """{"cell":1,"outputs":[{"output_type":"stream"}]}""" + "\n" + """{"cell":2}""" + "\n")], path => CellJournal.Read(path)) { IsRefusal = Refuses },
        new("connection file", "kernel.json", () => [Text("""{"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5,"ip":"127.0.0.1","key":"k","transport":"tcp","signature_scheme":"hmac-sha256"}""")], path => ConnectionFile.Read(path)) { IsRefusal = Refuses },
    ];

    public static TheoryData<string> Readers() => [.. all.Select(reader => reader.Name)];

    [Theory]
    [MemberData(nameof(Readers))]
    public void a_sound_file_is_read(string name) => HostileTest.Sound(Of(name));

    [Theory]
    [MemberData(nameof(Readers))]
    public void a_mutated_file_is_read_or_refused_in_one_sentence(string name) => HostileTest.Mutated(Of(name), output);

    [Theory]
    [MemberData(nameof(Readers))]
    public void what_was_found_once_is_read_or_refused_in_one_sentence(string name) => HostileTest.Found(Of(name), Path.Combine(Golden.Root, "tests", "hostile"));

    [Theory]
    [InlineData("{\"cells\":", "[", 100_000)]
    [InlineData("{\"metadata\":", "{\"a\":", 100_000)]
    [InlineData("{\"cells\":[],\"nbformat\":", "9", 100_000)]
    public void a_notebook_nested_or_counting_without_end_is_refused(string start, string again, int times)
    {
        using var run = new HostileRun(Of("notebook"));
        var outcome = run.Written(Encoding.UTF8.GetBytes(start + string.Concat(Enumerable.Repeat(again, times))));
        Assert.Equal((null, true), (outcome.Fault, outcome.Refused));
    }

    private static HostileReader Of(string name) => all.Single(reader => reader.Name == name);

    private static bool Refuses(Exception e) => e is NotebookException;

    private static Sound Text(string text) => new(Encoding.UTF8.GetBytes(text));

    private static Sound Lesson(string name) => new(File.ReadAllBytes(Path.Combine(Golden.Root, "notebooks", name)));

    private static void Use(string path)
    {
        var notebook = Notebook.Read(path);
        notebook.Strip();
        _ = notebook.Text();
    }
}
