using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Selm.Notebooks.Format;
using Selm.Notebooks.Running;
using Selm.Notebooks.Tests;
using Selm.Notebooks.Tests.Lessons;

namespace Selm.OfficialKernel.Tests;

/// <summary>
/// The second judge of the lessons: .NET Interactive's own kernel computes what the kit's engine has committed. Four lessons
/// always; all of them when the variable SELM_ALL_LESSONS is set.
/// </summary>
public sealed partial class LessonTests(LessonKit kit) : IClassFixture<LessonKit>
{
    private static readonly string[] always = ["00", "05", "09", "17"];

    // On a busy machine a lesson may take minutes.
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(10);

    public static bool All => Environment.GetEnvironmentVariable("SELM_ALL_LESSONS") is { Length: > 0 };

    public static TheoryData<string> Names => [.. Lesson.All.Where(lesson => All || always.Contains(lesson.Number)).Select(lesson => lesson.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void the_official_kernel_says_what_is_committed(string name)
    {
        var lesson = Notebook.Read(Path.Combine(kit.Notebooks, name));

        var official = Run(lesson.Path);

        var differences = lesson.Cells
            .Where(cell => cell.IsCode && !cell.HasTag(OutputComparison.VolatileTag))
            .Select(cell => (cell.Number, Difference: OutputComparison.Difference(cell.Outputs, official[cell.Number])))
            .Where(cell => cell.Difference is not null)
            .Select(cell => $"{name}: cell {cell.Number}: {cell.Difference}")
            .ToList();
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void a_number_that_the_official_kernel_does_not_repeat_is_told()
    {
        using var folder = new TempNotebooks();
        var path = folder.Write("a.ipynb", "1.0 / 3", "Console.Write(1); Console.Error.Write(2); display(\"three\");");

        var official = Run(path);

        Assert.Null(OutputComparison.Difference(Result("0.3333333333333333"), official[1]));
        Assert.Contains("is now", OutputComparison.Difference(Result("0.3333333333333334"), official[1]), StringComparison.Ordinal);
        Assert.Equal(["stdout 1", "stderr 2", "three"], official[2].Select(output => output!["data"] is { } data ? (string?)data["text/plain"] : $"{output["name"]} {output["text"]}"));

        static JsonArray Result(string text) => [new JsonObject { ["output_type"] = "execute_result", ["data"] = new JsonObject { ["text/plain"] = text } }];
    }

    [SkippableFact]
    public void packages_show_themselves_in_the_official_kernel()
    {
        Skip.IfNot(All, "SELM_ALL_LESSONS is not set, and a package takes a restore");
        using var folder = new TempNotebooks();
        var path = folder.Write(
            "a.ipynb",
            "#r \"nuget: Plotly.NET.CSharp, 0.14.0\"\n#r \"nuget: Plotly.NET.Interactive, 6.0.0\"\nPlotly.NET.CSharp.Chart.Point<int, int, string>(x: [1, 2], y: [3, 4])",
            "#r \"nuget: Microsoft.Data.Analysis, 0.23.1\"\nnew Microsoft.Data.Analysis.DataFrame(new Microsoft.Data.Analysis.DoubleDataFrameColumn(\"margin\", [0.5, 1.5]))");

        var official = Run(path, normalise: false);

        Assert.Contains("Plotly.newPlot", (string?)official[1][^1]!["data"]!["text/html"], StringComparison.Ordinal);
        Assert.Contains("<th>margin</th>", (string?)official[2][^1]!["data"]!["text/html"], StringComparison.Ordinal);
    }

    // The outputs of every code cell by its number.
    private static Dictionary<int, JsonArray> Run(string notebook, bool normalise = true)
    {
        var target = notebook + ".outputs.json";
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [typeof(OfficialKernel).Assembly.Location, notebook, target])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(limit))
        {
            process.Kill();
            throw new TimeoutException($"{notebook} did not end within {limit}");
        }
        Assert.True(process.ExitCode == OfficialKernel.Success, output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult());
        return JsonNode.Parse(File.ReadAllText(target))!.AsObject()
            .ToDictionary(entry => int.Parse(entry.Key, System.Globalization.CultureInfo.InvariantCulture), entry => normalise ? Normalised(entry.Value!.AsArray()) : entry.Value!.AsArray());
    }

    // The kernel shows plain values as HTML alone, and in its first cell a script for its own front end.
    private static JsonArray Normalised(JsonArray outputs)
    {
        foreach (var output in outputs.OfType<JsonObject>().ToList())
        {
            if (output["data"] is not JsonObject { Count: 1 } data || (string?)data["text/html"] is not { } html)
            {
                continue;
            }
            if (html.Contains("<script", StringComparison.Ordinal))
            {
                outputs.Remove(output);
            }
            else if (PlainValue().Match(html) is { Success: true } plain)
            {
                output["data"] = new JsonObject { ["text/plain"] = WebUtility.HtmlDecode(plain.Groups[1].Value) };
            }
        }
        return outputs;
    }

    [GeneratedRegex("""^<div class="dni-plaintext"><pre>(.*?)</pre></div>""", RegexOptions.Singleline)]
    private static partial Regex PlainValue();
}
