using Selm.Research;
using Selm.Research.Evaluation;
using Selm.Research.Figures;

namespace Selm.Cli;

/// <summary>The results of a folder as one page: per benchmark a table, and a figure where models can be compared.</summary>
internal static class EvaluationPage
{
    private const string Fraction = "fraction ";

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">Where <c>selm evaluate --out</c> wrote.</param>
    /// <param name="date">Printed on the page.</param>
    /// <exception cref="InputException">The folder is not there or holds no result, or a result is broken.</exception>
    public static Report Of(string folder, DateOnly date)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException($"{folder} does not exist; give the folder that --out named.");
        }
        var results = Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal).Select(EvaluationResult.Read).OfType<EvaluationResult>().ToList();
        return results.Count > 0
            ? new Report("Evaluation", date, [.. results.GroupBy(result => result.Benchmark).Select(group => Section(group.Key, [.. group]))])
            : throw new InputException($"{folder} holds no result of selm evaluate; run a benchmark with --out {folder} first.");
    }

    private static ReportSection Section(string benchmark, List<EvaluationResult> results)
    {
        var id = new string([.. benchmark.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
        string[] names = [.. results.SelectMany(result => result.Measures).Select(measure => measure.Name).Where(name => !name.StartsWith(Fraction, StringComparison.Ordinal)).Distinct()];
        var notes = results.SelectMany(result => result.Notes.Concat(result.Partial ? [$"{result.Model} is partial: {result.Missing} items have no score."] : []));
        var table = new ResultTable(
            $"{id}-results", benchmark,
            [new("model", Format: ""), .. names.Select(name => new Column(name, Format: "0.000")), new("n", Format: "0"), new("settings"), new("measured")],
            [.. results.Select(result => (IReadOnlyList<Cell>)
            [
                result.Model, .. names.Select(name => CellOf(result.Measures.FirstOrDefault(measure => measure.Name == name))), result.Measures.Count == 0 ? 0 : result.Measures[0].N,
                string.Join(", ", result.Settings.Select(setting => $"{setting.Key} {setting.Value}")),
                $"{result.Provenance.Utc:yyyy-MM-dd}, {result.Provenance.Cpu}, kit {result.Provenance.Commit?[..Math.Min(8, result.Provenance.Commit.Length)] ?? result.Provenance.Kit}",
            ])])
        {
            Notes = [.. notes.Distinct()],
        };
        return new(benchmark, "Numbers in brackets are 95 % intervals.") { Tables = [table], Figures = [.. Headline(id, benchmark, results), .. Distribution(id, results)] };
    }

    // Shares per bin as one line per model, over the middles of the bins.
    private static IEnumerable<Figure> Distribution(string id, List<EvaluationResult> results)
    {
        var lines = new List<Trace>();
        foreach (var result in results)
        {
            var bins = result.Measures.Where(measure => measure.Name.StartsWith(Fraction, StringComparison.Ordinal)).ToList();
            if (bins.Count > 1)
            {
                lines.Add(new LineTrace(result.Model, Origin.Measured, [.. bins.Select(bin => Middle(bin.Name))], [.. bins.Select(bin => bin.Value)]));
            }
        }
        if (lines.Count > 0)
        {
            yield return new Figure($"{id}-distribution", "Share of answers per bin of the score", [new Panel(new Axis("score"), new Axis("share"), lines)]);
        }
    }

    private static double Middle(string name) =>
        name[Fraction.Length..].Split(" to ").Average(end => double.Parse(end, System.Globalization.CultureInfo.InvariantCulture));

    private static Cell CellOf(Measure? measure) => measure switch
    {
        null => Cell.Empty,
        { Low: { } low, High: { } high } => Cell.Interval(measure.Value, low, high),
        _ => measure.Value,
    };

    // The first measure of each model, where it is a number.
    private static List<Figure> Headline(string id, string benchmark, List<EvaluationResult> results)
    {
        var shown = results.Where(result => result.Measures.Count > 0 && double.IsFinite(result.Measures[0].Value)).ToList();
        if (shown.Count == 0)
        {
            return [];
        }
        double[] values = [.. shown.Select(result => result.Measures[0].Value)];
        var bars = new BarTrace("", Origin.Measured, values)
        {
            Errors = new Band([.. shown.Select(result => result.Measures[0].Low ?? double.NaN)], [.. shown.Select(result => result.Measures[0].High ?? double.NaN)]),
            ValueFormat = "0.0",
        };
        var panel = new Panel(new Axis("model") { Categories = [.. shown.Select(result => result.Model)] }, new Axis(shown[0].Measures[0].Name), [bars]);
        return [new Figure($"{id}-headline", $"{benchmark}: {shown[0].Measures[0].Name}", [panel]) { Legend = false, Caption = "Bars: 95 % intervals over items." }];
    }
}
