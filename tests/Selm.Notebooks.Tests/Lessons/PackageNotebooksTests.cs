using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests.Lessons;

/// <summary>notebooks/packages: what the kit does with the notebook packages, in the kit's own runner.</summary>
public sealed class PackageNotebooksTests(LessonKit kit) : IClassFixture<LessonKit>
{
    private const string Kit = "#r \"../../artifacts/lib/Selm.Interactive.dll\"";

    [Theory]
    [InlineData("plotly-net")]
    [InlineData("data-analysis")]
    public void charts_and_frames_need_one_line_of_set_up_and_come_out_as_committed(string name)
    {
        var setup = Cells(name).First(cell => (string?)cell["cell_type"] == "code");
        var run = kit.Run(Path.Combine("packages", $"{name}.ipynb"), "--check");

        Assert.Equal(Kit, Assert.Single(TempNotebooks.Joined(setup["source"]).Split('\n'), line => line.StartsWith("#r ", StringComparison.Ordinal)));
        Assert.True(run.Code == 0, run.Out + run.Error);
    }

    [Fact]
    public void what_needs_the_package_feed_is_left_out_of_runs_of_a_folder_but_has_been_run()
    {
        var notebook = JsonNode.Parse(File.ReadAllText(PathOf("dotnet-interactive")))!;

        Assert.Equal("needs the package feed", (string?)notebook["metadata"]!["runner"]!["skip"]);
        Assert.Contains("#r \"nuget: ", string.Concat(Cells("dotnet-interactive").Select(cell => TempNotebooks.Joined(cell["source"]))), StringComparison.Ordinal);
        Assert.All(Cells("dotnet-interactive").Where(cell => (string?)cell["cell_type"] == "code").Skip(1), cell => Assert.NotEmpty(cell["outputs"]!.AsArray()));
    }

    private static string PathOf(string name) => Path.Combine(Lesson.Folder, "packages", $"{name}.ipynb");

    private static JsonNode[] Cells(string name) => [.. JsonNode.Parse(File.ReadAllText(PathOf(name)))!["cells"]!.AsArray().Select(cell => cell!)];
}
