using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.Notebooks.Tests.Lessons;

namespace Selm.Notebooks.Tests;

/// <summary>What a front end has saved comes back into the form in which notebooks are committed.</summary>
public sealed class StripTests : IDisposable
{
    private const string Name = "a.ipynb";

    private readonly TempNotebooks folder = new();
    private readonly string committed;

    public StripTests()
    {
        folder.Write(Name, [Markdown("# Title\n\nText."), Cell("one", "1 + 1", "parameters"), Cell("two", "Console.Write(\"a\\nb\");\ndisplay(\"c\");"), Cell("three", "HTML(\"<b>\")")]);
        Assert.Equal(0, folder.Run(Name).Code);
        committed = folder.Text(Name);
    }

    [Fact]
    public void what_is_committed_stays_as_it_is()
    {
        Assert.Equal("", Strip());
        Assert.Equal(committed, folder.Text(Name));
    }

    [Fact]
    public void committed_lessons_stay_as_they_are()
    {
        Directory.CreateDirectory(Path.Combine(folder.Root, "lessons"));
        foreach (var lesson in Lesson.All)
        {
            File.Copy(lesson.Path, Path.Combine(folder.Root, "lessons", lesson.Name));
        }

        Assert.Equal("", Strip("lessons"));
    }

    [Fact]
    public void jupyter_with_the_official_kernel_diffs_clean()
    {
        var saved = Saved();
        saved["metadata"]!["language_info"] = JsonNode.Parse("""{"file_extension":".cs","mimetype":"text/x-csharp","name":"C#","pygments_lexer":"csharp","version":"13.0"}""");
        saved["metadata"]!.AsObject().Remove("polyglot_notebook");
        foreach (var (cell, number) in Code(saved))
        {
            cell["execution_count"] = number;
            cell["metadata"] = new JsonObject
            {
                ["editable"] = true, ["execution"] = JsonNode.Parse("""{"iopub.execute_input":"2026-11-30T10:00:00.1Z","shell.execute_reply":"2026-11-30T10:00:00.2Z"}"""),
                ["jupyter"] = new JsonObject { ["outputs_hidden"] = false }, ["scrolled"] = true, ["tags"] = cell["metadata"]!["tags"]?.DeepClone() ?? new JsonArray(),
            };
            if (cell["metadata"]!["tags"]!.AsArray().Count == 0)
            {
                cell["metadata"]!.AsObject().Remove("tags");
            }
            foreach (var output in cell["outputs"]!.AsArray().Where(output => (string?)output!["output_type"] == "execute_result"))
            {
                output!["execution_count"] = number;
            }
        }

        Assert.Equal($"{Name}: stripped\n", StripSaved(saved));
        Assert.Equal(committed, folder.Text(Name));
    }

    [SkippableFact]
    public void vs_code_diffs_clean_and_the_ids_that_it_dropped_come_back_from_the_last_commit()
    {
        Skip.IfNot(Commit(), "no git here");
        var saved = Saved();
        saved["metadata"] = JsonNode.Parse("""
            {"kernelspec":{"display_name":".NET (C#)","language":"C#","name":".net-csharp"},"language_info":{"name":"polyglot-notebook"},
             "polyglot_notebook":{"kernelInfo":{"defaultKernelName":"csharp","items":[{"aliases":[],"languageName":"csharp","name":"csharp"},{"aliases":["frontend"],"languageName":null,"name":"vscode"}]}},
             "vscode":{"interpreter":{"hash":"31f2"}}}
            """);
        saved["nbformat_minor"] = 2;
        foreach (var node in saved["cells"]!.AsArray())
        {
            var cell = node!.AsObject();
            var language = (string?)cell["cell_type"] == "code" ? "csharp" : "markdown";
            cell.Remove("id");
            cell["source"] = string.Concat(cell["source"]!.AsArray().Select(line => (string?)line));
            cell["metadata"]!["vscode"] = new JsonObject { ["languageId"] = "polyglot-notebook" };
            cell["metadata"]!["dotnet_interactive"] = new JsonObject { ["language"] = language };
            cell["metadata"]!["polyglot_notebook"] = new JsonObject { ["kernelName"] = language };
        }
        foreach (var (cell, number) in Code(saved))
        {
            cell["execution_count"] = number;
            cell["outputs"]!.AsArray().OfType<JsonObject>().Where(output => (string?)output["output_type"] == "execute_result").ToList().ForEach(output => output["execution_count"] = number);
        }

        Assert.Equal($"{Name}: stripped\n", StripSaved(saved));
        Assert.Equal(committed, folder.Text(Name));
    }

    [SkippableFact]
    public void a_cell_that_was_edited_keeps_its_id_and_a_new_one_its_own()
    {
        Skip.IfNot(Commit(), "no git here");
        var edited = Saved();
        edited["cells"]![1]!["id"] = "5d2c";
        edited["cells"]![1]!["source"] = "1 + 2";
        StripSaved(edited);
        Assert.Equal("one", (string?)JsonNode.Parse(folder.Text(Name))!["cells"]![1]!["id"]);

        var longer = Saved();
        longer["cells"]!.AsArray().Insert(1, Cell("5d2c", "0"));
        longer["cells"]![2]!["id"] = "77ab";
        StripSaved(longer);
        Assert.Equal(["5d2c", "one"], JsonNode.Parse(folder.Text(Name))!["cells"]!.AsArray().Skip(1).Take(2).Select(cell => (string?)cell!["id"]));
    }

    [Fact]
    public void json_that_the_official_kernel_gives_as_text_is_kept_as_an_object()
    {
        var saved = Saved();
        saved["cells"]![3]!["outputs"]![0]!["data"] = JsonNode.Parse("""{"text/plain":"x\ny","application/vnd.plotly.v1+json":["{\"data\":\n","[1]}"],"image/png":"aGk="}""");

        StripSaved(saved);

        var data = folder.Outputs(Name, 3)[0]!["data"]!;
        const string Kept = """{"application/vnd.plotly.v1+json":{"data":[1]},"image/png":"aGk=","text/plain":["x\n","y"]}""";
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Kept), data), data.ToJsonString());
    }

    public void Dispose() => folder.Dispose();

    private JsonObject Saved() => JsonNode.Parse(committed)!.AsObject();

    private static IEnumerable<(JsonObject Cell, int Number)> Code(JsonObject notebook) =>
        notebook["cells"]!.AsArray().Where(cell => (string?)cell!["cell_type"] == "code").Select((cell, index) => (cell!.AsObject(), index + 1));

    private static JsonObject Cell(string id, string source, params string[] tags)
    {
        var cell = TempNotebooks.Cell(source, tags);
        cell["id"] = id;
        return cell;
    }

    private static JsonObject Markdown(string text) => new() { ["cell_type"] = "markdown", ["id"] = "title", ["metadata"] = new JsonObject(), ["source"] = text };

    private string StripSaved(JsonObject saved)
    {
        File.WriteAllText(Path.Combine(folder.Root, Name), saved.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        return Strip();
    }

    private string Strip(string name = Name)
    {
        var strip = NotebooksProcess.Run(folder.Root, "strip", name);
        Assert.Equal("", strip.Error);
        return strip.Out;
    }

    private bool Commit()
    {
        try
        {
            return Git("init", "-q") && Git("add", Name) && Git("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "a");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }

        bool Git(params string[] arguments)
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder.Root })!;
            git.WaitForExit();
            return git.ExitCode == 0;
        }
    }
}
