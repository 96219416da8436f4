using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests;

/// <summary>Packages in cells. They come from the feed, or from the user's cache where they are there already.</summary>
public sealed class PackageTests : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(5);

    private readonly TempNotebooks folder = new();

    [SkippableFact]
    public void packages_show_their_types_and_fsharp_is_there_once()
    {
        folder.Write(
            "a.ipynb",
            "#r \"nuget: Plotly.NET.CSharp, 0.14.0\"\n#r \"nuget: Plotly.NET.Interactive, 6.0.0\"\nusing Plotly.NET;\nvar chart = Plotly.NET.CSharp.Chart.Point<int, int, string>(x: [1, 2], y: [3, 4]);\nchart",
            "GenericChart.ofTraceObjects(true, Microsoft.FSharp.Collections.ListModule.OfSeq(new[] { new Trace(\"bar\") }))",
            "#r \"nuget: Microsoft.Data.Analysis, 0.23.1\"\nusing Microsoft.Data.Analysis;\nnew DataFrame(new DoubleDataFrameColumn(\"margin\", [0.5, 1.5]))",
            "AppDomain.CurrentDomain.GetAssemblies().Count(one => one.GetName().Name == \"FSharp.Core\")",
            "chart");

        Run();

        Assert.Contains("Plotly.newPlot", Html(0), StringComparison.Ordinal);
        Assert.Contains("\"bar\"", Html(1), StringComparison.Ordinal);
        Assert.Matches("<th>margin</th>.*1[.]5", Html(2));
        Assert.Equal("1", TempNotebooks.Joined(folder.Outputs("a.ipynb", 3)[0]!["data"]!["text/plain"]));
        Assert.Contains("Plotly.newPlot", Html(4), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void without_an_extension_a_package_of_fsharp_works_and_its_values_are_text()
    {
        folder.Write(
            "a.ipynb",
            "#r \"nuget: Plotly.NET.CSharp, 0.14.0\"",
            "Plotly.NET.CSharp.Chart.Point<int, int, string>(x: [1, 2], y: [3, 4])",
            "Plotly.NET.GenericChart.toChartHTML(Plotly.NET.CSharp.Chart.Point<int, int, string>(x: [1, 2], y: [3, 4])).Contains(\"Plotly.newPlot\")");

        Run();

        Assert.Equal(["text/plain"], folder.Outputs("a.ipynb", 1)[0]!["data"]!.AsObject().Select(entry => entry.Key));
        Assert.Equal("True", TempNotebooks.Joined(folder.Outputs("a.ipynb", 2)[0]!["data"]!["text/plain"]));
    }

    public void Dispose() => folder.Dispose();

    private void Run()
    {
        var run = NotebooksProcess.Run(folder.Root, limit, ["run", "a.ipynb"]);
        Skip.If(run.Out.Contains(" cannot be restored: ", StringComparison.Ordinal), "no package feed here");
        Assert.True(run.Code == 0, run.Out + run.Error);
    }

    private string Html(int cell)
    {
        var outputs = folder.Outputs("a.ipynb", cell);
        Assert.True(outputs.Count == 1 && outputs[0]!["data"]!["text/html"] is not null, outputs.ToJsonString());
        return TempNotebooks.Joined(outputs[0]!["data"]!["text/html"]);
    }
}
