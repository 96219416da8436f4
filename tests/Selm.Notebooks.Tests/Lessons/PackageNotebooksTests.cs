using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>notebooks/packages: notebooks on packages that the kit is not built with.</summary>
public sealed class PackageNotebooksTests
{
    [Fact]
    public void they_are_left_out_of_runs_of_a_folder_and_say_that_nobody_has_run_them()
    {
        var files = Directory.GetFiles(Path.Combine(Lesson.Folder, "packages"), "*.ipynb");

        Assert.Equal(3, files.Length);
        Assert.All(files, file =>
        {
            var notebook = JsonNode.Parse(File.ReadAllText(file))!;
            var cells = notebook["cells"]!.AsArray();
            Assert.Equal("needs the package feed", (string?)notebook["metadata"]!["runner"]!["skip"]);
            Assert.Contains("**Not run here.**", TempNotebooks.Joined(cells[0]!["source"]), StringComparison.Ordinal);
            Assert.All(cells.Where(cell => (string?)cell!["cell_type"] == "code"), cell => Assert.Empty(cell!["outputs"]!.AsArray()));
            Assert.Contains("#r \"nuget: ", TempNotebooks.Joined(cells[1]!["source"]), StringComparison.Ordinal);
        });
    }
}
