using System.Diagnostics;
using System.Text.Json.Nodes;
using Selm.Tests;

namespace Selm.Notebooks.Tests;

public sealed class RunTests : IDisposable
{
    private readonly TempNotebooks folder = new();

    [Fact]
    public void cells_share_variables_and_every_kind_of_output_is_kept()
    {
        folder.Write(
            "a.ipynb",
            "var x = 20;\nConsole.Write(\"a\\nb\");\nConsole.Write(\"c\");\nConsole.Error.Write(\"e\");",
            "x + 1",
            "var shown = display(\"old\");\nHTML(\"<b>h</b>\")",
            "shown.Update(\"new\");\nclear_output();\nawait Task.Delay(1);\nnew[] { 1, 2 }",
            "record Point(double X);\nnew Point(1.5)");

        var run = folder.Run("a.ipynb");

        Assert.Equal("", run.Error);
        Assert.Equal(0, run.Code);
        Assert.Contains("a.ipynb: cell 5 of 5, ", run.Out, StringComparison.Ordinal);
        Assert.Equal("stdout:a\nbc|stderr:e", Said("a.ipynb", 0));
        Assert.Equal("text/plain:21", Said("a.ipynb", 1));
        Assert.Equal("text/plain:new|text/html:<b>h</b>,text/plain:<b>h</b>", Said("a.ipynb", 2));
        Assert.Equal("text/plain:int[2] { 1, 2 }", Said("a.ipynb", 3));
        Assert.Equal("text/plain:Point { X = 1.5 }", Said("a.ipynb", 4));
    }

    [Fact]
    public void a_run_writes_what_a_second_run_writes_again_and_check_agrees()
    {
        folder.Write("a.ipynb", "Guid.NewGuid()", "DateTime.UtcNow", "Console.WriteLine($\"{Random.Shared.Next(9)}.5 ms\");", "\"fixed\"");

        Assert.Equal(0, folder.Run("a.ipynb").Code);
        var check = folder.Run("a.ipynb", "--check");

        Assert.Equal(0, check.Code);
        Assert.Contains("says what is committed", check.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\"execution_count\": 7", folder.Text("a.ipynb"), StringComparison.Ordinal);
        Assert.EndsWith("}\n", folder.Text("a.ipynb"), StringComparison.Ordinal);
    }

    [Fact]
    public void check_shows_the_place_where_outputs_part_and_writes_nothing()
    {
        folder.Write("a.ipynb", "var kept = \"the answer is 41\";\nkept", "2");
        folder.Run("a.ipynb");
        var changed = folder.Text("a.ipynb").Replace("answer is 41\\\"", "answer is 42\\\"", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(folder.Root, "a.ipynb"), changed);

        var check = folder.Run("a.ipynb", "--check");

        Assert.Equal(1, check.Code);
        Assert.Contains("cell 1: output 1 was '...", check.Out, StringComparison.Ordinal);
        Assert.Contains("the answer is 41' and is now", check.Out, StringComparison.Ordinal);
        Assert.Equal(changed, folder.Text("a.ipynb"));
    }

    [Fact]
    public void outputs_of_a_cell_tagged_volatile_are_not_compared()
    {
        folder.Write("a.ipynb", [TempNotebooks.Cell("Random.Shared.NextInt64()", "volatile")]);
        folder.Run("a.ipynb");

        Assert.Equal(0, folder.Run("a.ipynb", "--check").Code);
    }

    [Theory]
    [InlineData("int F(int z) => 1 / z;\nF(0)", "cell 2, line 1: DivideByZeroException: Attempted to divide by zero.")]
    [InlineData("int a = 1;\nint b = a + nowhere;", "cell 2, line 2: does not compile: CS0103: The name 'nowhere' does not exist in the current context")]
    [InlineData("#!csharp\n#!time\n1", "cell 2, line 2: unknown magic '#!time'; cells may use #!csharp and #!markdown.")]
    [InlineData("#r \"nuget: , 1\"", "cell 2, line 1: 'nuget: , 1' names no package; write #r \"nuget: Id, Version\".")]
    [InlineData("Environment.Exit(0);", "cell 2: the cell has ended the process; leave Environment.Exit out of notebooks.")]
    [InlineData("var t = new System.Threading.Thread(() => throw new Exception(\"no\")); t.Start(); t.Join();", "cell 2: a thread that a cell started has ended with Exception: no")]
    [InlineData("\nConsole.ReadLine();", "cell 2: a headless run has nobody to type; give the value as a parameter instead of Console.ReadLine().")]
    public void the_first_error_is_told_with_its_cell_and_line_and_the_file_stays_as_it_was(string cell, string message)
    {
        folder.Write("a.ipynb", "1", cell, "3");
        var before = folder.Text("a.ipynb");

        var run = folder.Run("a.ipynb");

        Assert.Equal(1, run.Code);
        Assert.Contains($"a.ipynb: {message}\n", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("cell 3", run.Out, StringComparison.Ordinal);
        Assert.Equal(before, folder.Text("a.ipynb"));
    }

    [Fact]
    public void a_missing_kit_dll_is_one_sentence_with_the_build_command()
    {
        folder.Write("notebooks/a.ipynb", "#r \"../artifacts/lib/Kit.dll\"\nusing Kit;");

        var run = folder.Run("notebooks/a.ipynb");

        Assert.Equal(1, run.Code);
        Assert.Contains($"cell 1, line 1: ../artifacts/lib/Kit.dll is not built yet; run ./selm build in {folder.Root} and run this cell again.\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void a_type_that_names_formatters_by_the_convention_shows_itself_in_each_of_its_types()
    {
        folder.Write(
            "a.ipynb",
            """
            using System.IO;
            public class TypeFormatterSourceAttribute(Type source) : Attribute
            {
                public Type FormatterSourceType => source;
                public string[] PreferredMimeTypes { get; set; } = [];
            }
            public class Writes(string mime, string text)
            {
                public string MimeType => mime;
                public bool Format(object value, TextWriter writer) { writer.Write(text); return true; }
            }
            public class Source
            {
                public IEnumerable<object> CreateTypeFormatters() =>
                    [new Writes("text/plain", "p"), new Writes("text/html", "<i>h</i>"), new Writes("application/vnd.plotly.v1+json", "{\"a\":1}"), new Writes("image/gif", "unwanted")];
            }
            [TypeFormatterSource(typeof(Source), PreferredMimeTypes = ["text/html", "application/vnd.plotly.v1+json", "text/plain"])]
            public class Rich;
            public class Heir : Rich;
            """,
            "new Heir()");

        Assert.Equal("", Assert.Single(folder.Run("a.ipynb").Error.Split('\n')));

        var data = folder.Outputs("a.ipynb", 1)[0]!["data"]!;
        Assert.Equal(["application/vnd.plotly.v1+json", "text/html", "text/plain"], data.AsObject().Select(entry => entry.Key));
        Assert.Equal(1, (int)data["application/vnd.plotly.v1+json"]!["a"]!);
        Assert.Equal("<i>h</i>", TempNotebooks.Joined(data["text/html"]));
    }

    [Fact]
    public void an_endless_cell_is_stopped_by_the_timeout()
    {
        folder.Write("a.ipynb", "while (true) { }");

        var run = folder.Run("a.ipynb", "--timeout", "0.5");

        Assert.Equal(1, run.Code);
        Assert.Contains("cell 1: the cell took longer than 0.5 s; --timeout SECONDS allows more.", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void parameters_replace_defaults_and_unknown_ones_are_refused()
    {
        folder.Write("a.ipynb", [TempNotebooks.Cell("var device = \"cpu\";\nvar n = -3; var fast = false;", "parameters"), TempNotebooks.Cell("$\"{device} {n} {fast}\"")]);

        Assert.Equal(0, folder.Run("a.ipynb", "--parameter", "device=cuda", "--parameter", "n=5", "--parameter", "fast=true", "--out", "done").Code);
        Assert.Equal("text/plain:cuda 5 True", Said("done/a.ipynb", 1));
        Refused("a.ipynb has no parameter 'devise'; it has device, n, fast.", "a.ipynb", "--parameter", "devise=x");
        Refused("parameter n is a number such as -3, not 'many'.", "a.ipynb", "--parameter", "n=many");
        Refused("parameter n is a number such as -3, not 'NaN'.", "a.ipynb", "--parameter", "n=NaN");
    }

    [Fact]
    public void a_text_as_parameter_may_hold_quotes_and_backslashes()
    {
        folder.Write("a.ipynb", [TempNotebooks.Cell("var s = @\"c:\\x\";", "parameters"), TempNotebooks.Cell("s")]);

        Assert.Equal(0, folder.Run("a.ipynb", "--parameter", "s=it\"s \\ {0} =").Code);
        Assert.Equal("text/plain:it\"s \\ {0} =", Said("a.ipynb", 1));
    }

    [Fact]
    public void a_million_lines_and_half_a_surrogate_pair_are_written()
    {
        folder.Write("a.ipynb", "for (var i = 0; i < 1_000_000; i++) Console.WriteLine(i);", "Console.Write(\"a\\ud800b\"); Console.Write('\\ud83d'); Console.Write('\\ude00');");

        Assert.Equal(0, folder.Run("a.ipynb").Code);
        Assert.EndsWith("\n999999\n", Said("a.ipynb", 0), StringComparison.Ordinal);
        Assert.Equal("stdout:a\ufffdb😀", Said("a.ipynb", 1));
    }

    [Fact]
    public void a_result_that_cannot_be_written_is_known_before_the_first_cell_runs()
    {
        folder.Write("a.ipynb", "1");
        File.WriteAllText(Path.Combine(folder.Root, "file"), "");

        var run = folder.Run("a.ipynb", "--out", "file/sub");

        Assert.Equal(2, run.Code);
        Assert.Contains("a.ipynb cannot be written: ", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.Equal("", run.Out);
    }

    [SkippableFact]
    public void a_full_disk_is_told_and_leaves_nothing_behind()
    {
        Skip.IfNot(File.Exists("/dev/full"), "no /dev/full here");
        folder.Write("a.ipynb", "System.IO.File.CreateSymbolicLink(\"done/a.ipynb.new\", \"/dev/full\");");

        var run = folder.Run("a.ipynb", "--out", "done");

        Assert.Equal(2, run.Code);
        Assert.Contains("a.ipynb cannot be written: ", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(folder.Root, "done")));
    }

    [Theory]
    [InlineData("SIGINT")]
    [InlineData("SIGTERM")]
    public void a_run_of_several_ends_with_the_notebook_that_is_running(string signal)
    {
        folder.Write("a.ipynb", "System.IO.File.WriteAllText(\"pid\", Environment.ProcessId.ToString());\nSystem.Threading.Thread.Sleep(-1);");
        folder.Write("b.ipynb", "1");
        using var run = NotebooksProcess.Start(folder.Root, "run", "a.ipynb", "b.ipynb");
        var file = Path.Combine(folder.Root, "pid");
        Assert.True(SpinWait.SpinUntil(() => File.Exists(file) && File.ReadAllText(file) != "", TimeSpan.FromSeconds(30)));
        var child = File.ReadAllText(file);

        using (var kill = Process.Start("kill", ["-s", signal[3..], $"{run.Id}"]))
        {
            kill.WaitForExit();
        }

        Assert.True(run.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.NotEqual(0, run.ExitCode);
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{child}"), TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void a_folder_runs_in_order_each_notebook_in_its_own_process_without_those_that_ask_to_be_left_out()
    {
        folder.Write("all/1.ipynb", "Console.Write(Environment.ProcessId); Environment.SetEnvironmentVariable(\"SEEN\", \"1\");");
        folder.Write("all/sub/2.ipynb", "Console.Write(Environment.GetEnvironmentVariable(\"SEEN\") ?? \"fresh\"); Console.Write(System.IO.Path.GetFileName(Environment.CurrentDirectory));");
        folder.Write("all/3.ipynb", [TempNotebooks.Cell("1")], new() { ["runner"] = new JsonObject { ["skip"] = "needs the package feed" } });

        var run = folder.Run("all", "--out", "done");

        Assert.Equal(0, run.Code);
        Assert.Contains("all/3.ipynb: left out, needs the package feed\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("2 notebooks done", run.Out, StringComparison.Ordinal);
        Assert.Equal("stdout:freshsub", Said("done/sub/2.ipynb", 0));
    }

    [Fact]
    public void cells_find_the_namespaces_of_the_official_kernel_and_no_others()
    {
        folder.Write("a.ipynb", "ArrayList mixed = [1];\nnew StringBuilder().Append(new List<int> { 2 }.Sum()).ToString()", "File.Exists(\"x\")");

        var run = folder.Run("a.ipynb");

        Assert.Contains("cell 2, line 1: does not compile: CS0103: The name 'File' does not exist", run.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("public Type FormatterSource => source;", "public class Source(int n) { public IEnumerable<object> CreateTypeFormatters() => []; }")]
    [InlineData("public Type FormatterSourceType => source;", "public class Source(int n) { public IEnumerable<object> CreateTypeFormatters() => []; }")]
    [InlineData("public Type FormatterSourceType => source;", "public class Source { public Source() => throw new Exception(); public IEnumerable<object> CreateTypeFormatters() => []; }")]
    [InlineData("public Type FormatterSourceType => source;", "public class Source { public IEnumerable<object> CreateTypeFormatters() => [\"no formatter\"]; }")]
    [InlineData("public Type FormatterSourceType => source;", "public class Source;")]
    public void a_type_whose_formatters_are_misshapen_is_shown_as_text(string property, string source)
    {
        folder.Write(
            "a.ipynb",
            $"{source}\npublic class TypeFormatterSourceAttribute(Type source) : Attribute {{ {property} }}\n[TypeFormatterSource(typeof(Source))]\npublic class Odd {{ public override string ToString() => \"odd\"; }}",
            "new Odd()");

        Assert.Equal(0, folder.Run("a.ipynb").Code);
        Assert.Equal("text/plain:odd", Said("a.ipynb", 1));
    }

    [Fact]
    public void a_stack_overflow_names_its_cell_and_the_outputs_of_the_cells_before_it_are_kept()
    {
        folder.Write("a.ipynb", "1 + 1", "Console.Write(\"two\");", "int F(int n) => F(n + 1) + 1;\nF(0)", "4");
        folder.Write("b.ipynb", "1");

        var check = folder.Run("a.ipynb", "--check");
        Assert.Equal(1, check.Code);
        Assert.Contains("a.ipynb: cell 3 of a.ipynb overflowed the stack of 16 MB; a method that calls itself must come to an end.\n", check.Out, StringComparison.Ordinal);
        Assert.Empty(folder.Outputs("a.ipynb", 0));

        var run = folder.Run("a.ipynb", "b.ipynb", "--out", "done");
        Assert.Equal(1, run.Code);
        Assert.Contains("cell 3 of a.ipynb overflowed the stack", run.Out, StringComparison.Ordinal);
        Assert.EndsWith("done/a.ipynb has the outputs of the cells before it.\n", run.Out, StringComparison.Ordinal);
        Assert.Equal("", run.Error); // not a page of frames
        Assert.Equal("text/plain:2", Said("done/a.ipynb", 0));
        Assert.Equal("stdout:two", Said("done/a.ipynb", 1));
        Assert.Equal("cell 3 of a.ipynb overflowed the stack", (string?)Assert.Single(folder.Outputs("done/a.ipynb", 2))!["evalue"]);
        Assert.Empty(folder.Outputs("done/a.ipynb", 3));
    }

    [SkippableFact]
    public void a_process_started_where_interrupts_are_ignored_is_interrupted_all_the_same()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "needs env --default-signal");
        using var deaf = Ignoring(new("sleep", ["30"]));
        using var hearing = Ignoring(DefaultSignals.Start("sleep", ["30"], ignored: true));
        Assert.True(SpinWait.SpinUntil(() => IsSleep(deaf) && IsSleep(hearing), TimeSpan.FromSeconds(30)));

        Interrupt(deaf);
        Interrupt(hearing);

        Assert.True(hearing.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.False(deaf.WaitForExit(TimeSpan.FromSeconds(1)));
        deaf.Kill();

        static Process Ignoring(ProcessStartInfo start) => Process.Start("bash", ["-c", "trap '' INT; exec \"$@\"", "-", start.FileName, .. start.ArgumentList])!;

        static bool IsSleep(Process process) => File.ReadAllText($"/proc/{process.Id}/comm").Trim() == "sleep";

        static void Interrupt(Process process)
        {
            using var kill = Process.Start("kill", ["-s", "INT", $"{process.Id}"]);
            kill.WaitForExit();
        }
    }

    [Theory]
    [InlineData("absent.ipynb does not exist.", "run", "absent.ipynb")]
    [InlineData("selm notebooks run has no option '--ckeck'; it has --check, --out, --parameter, --timeout.", "run", "--ckeck", "a.ipynb")]
    [InlineData("--parameter 'x' is not of the form NAME=VALUE.", "run", "a.ipynb", "--parameter", "x")]
    [InlineData("py.ipynb is written in python; only C# notebooks (kernel .net-csharp) run here.", "run", "py.ipynb")]
    [InlineData("old.ipynb is no notebook of format 4; convert it with 'jupyter nbconvert --to notebook'.", "run", "old.ipynb")]
    [InlineData("odd.ipynb is no notebook: a field has the wrong type or stands twice (The node must be of type 'JsonObject'); repair it or restore it from version control.", "run", "odd.ipynb")]
    [InlineData("torn.ipynb is no notebook: line 2 is no JSON; repair it or restore it from version control.", "run", "torn.ipynb")]
    public void what_is_no_notebook_is_refused_in_one_sentence(string sentence, params string[] arguments)
    {
        folder.Write("a.ipynb", "1");
        File.WriteAllText(Path.Combine(folder.Root, "py.ipynb"), """{"nbformat":4,"cells":[],"metadata":{"kernelspec":{"name":"python3","language":"python"}}}""");
        File.WriteAllText(Path.Combine(folder.Root, "torn.ipynb"), "{\n");
        File.WriteAllText(Path.Combine(folder.Root, "old.ipynb"), """{"nbformat":3,"metadata":{},"worksheets":[]}""");
        File.WriteAllText(Path.Combine(folder.Root, "odd.ipynb"), """{"nbformat":4,"metadata":{},"cells":[{"cell_type":"code","metadata":1}]}""");

        var run = NotebooksProcess.Run(folder.Root, arguments);

        Assert.Equal(sentence + "\n", run.Error);
        Assert.Equal(2, run.Code);
    }

    public void Dispose() => folder.Dispose();

    private void Refused(string sentence, params string[] arguments)
    {
        var run = folder.Run(arguments);
        Assert.Equal(sentence + "\n", run.Error);
        Assert.Equal(2, run.Code);
    }

    // "stdout:text" or "mime:text,mime:text" for each output.
    private string Said(string name, int cell) => string.Join('|', folder.Outputs(name, cell).Select(output =>
        output!["data"] is JsonObject data
            ? string.Join(',', data.Select(entry => $"{entry.Key}:{TempNotebooks.Joined(entry.Value)}"))
            : $"{output["name"]}:{TempNotebooks.Joined(output["text"])}"));
}
