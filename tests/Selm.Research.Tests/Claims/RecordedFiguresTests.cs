using System.Text.Json;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Tests;

namespace Selm.Research.Tests.Claims;

public class RecordedFiguresTests
{
    private static readonly string folder = Path.Combine(Golden.Root, "data", "results");

    private static readonly ExperimentRecord[] records =
        [.. Directory.GetFiles(folder, "*.json").Where(file => Path.GetFileName(file) != "claims.json").Order(StringComparer.Ordinal).Select(ExperimentRecord.Read)];

    public static TheoryData<string> Names => [.. records.Select(record => record.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void no_recorded_figure_has_a_complaint(string name)
    {
        var wrong = records.Single(record => record.Name == name).Figures.SelectMany(figure => FigureChecks.Problems(figure).Select(problem => $"\n{figure.Id}: {problem}"));
        Assert.True(!wrong.Any(), string.Concat(wrong));
    }

    [Fact]
    public void no_figure_is_drawn_twice()
    {
        var drawn = records.SelectMany(record => record.Figures)
            .GroupBy(figure => JsonSerializer.Serialize(figure.Panels)).Where(same => same.Count() > 1).Select(same => string.Join(" and ", same.Select(figure => figure.Id)));
        Assert.Empty(drawn);
    }

    [Fact]
    public void every_svg_in_figures_belongs_to_a_recorded_figure()
    {
        var recorded = records.SelectMany(record => record.Figures).Select(figure => $"{figure.Id}.svg").Order(StringComparer.Ordinal);
        Assert.Equal(recorded, Directory.GetFiles(Path.Combine(Golden.Root, "figures"), "*.svg").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal));
    }
}
