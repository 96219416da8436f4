using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>The results of a folder as one page: per benchmark a table and its figures, drawn from the files beside the results.</summary>
internal static class EvaluationPage
{
    private const string Fraction = "fraction ", WinRate = "win-rate", RewardDistribution = "reward-distribution", ImplicitRewards = "implicit-reward";

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">Where <c>selm evaluate --out</c> wrote.</param>
    /// <param name="date">Printed on the page.</param>
    /// <exception cref="InputException">The folder is not there or holds no result, or a file is broken.</exception>
    public static Report Of(string folder, DateOnly date)
    {
        if (!Directory.Exists(folder))
        {
            throw new InputException($"{folder} does not exist; give the folder that --out named.");
        }
        var results = Directory.EnumerateFiles(folder, "*.json").Order(StringComparer.Ordinal)
            .Select(path => (Path: path, Result: EvaluationResult.Read(path))).Where(file => file.Result is not null).Select(file => new Kept(file.Path, file.Result!)).ToList();
        return results.Count > 0
            ? new Report("Evaluation", date, [.. results.GroupBy(kept => kept.Result.Benchmark).Select(group => Section(group.Key, [.. group]))])
            : throw new InputException($"{folder} holds no result of selm evaluate; run a benchmark with --out {folder} first.");
    }

    /// <summary>Where the whole matrix of a win-rate result is kept.</summary>
    public static string MatrixPath(string result) => Path.ChangeExtension(result, ".matrix.json");

    /// <summary>Where the scores of a model's greedy answers are kept.</summary>
    public static string RewardsPath(string folder, string model) => Path.Combine(folder, $"rewards-{model}.jsonl");

    /// <summary>Where a model's implicit rewards are kept.</summary>
    public static string ImplicitRewardsPath(string folder, string model) => Path.Combine(folder, $"implicit-rewards-{model}.jsonl");

    // A result with the place of its file.
    private sealed record Kept(string Path, EvaluationResult Result)
    {
        public string Folder => System.IO.Path.GetDirectoryName(Path)!;

        public string Setting(string name) => Result.Settings.GetValueOrDefault(name, "");
    }

    private static ReportSection Section(string benchmark, List<Kept> kept)
    {
        var (figures, gone) = (new List<Figure>(), new List<string>());
        // A figure whose data are not beside the result any more is left out, and the page says so.
        bool Has(string path)
        {
            if (!File.Exists(path))
            {
                gone.Add($"{Path.GetFileName(path)} is not there, so its figure is missing.");
            }
            return File.Exists(path);
        }

        switch (benchmark)
        {
            case WinRate:
                var matrices = kept.Select(one => MatrixPath(one.Path)).Where(Has).Select(Matrix).ToList();
                figures.AddRange(matrices.Select((matrix, i) => EvaluationFigures.WinRates($"win-rate-{i + 1}", matrix)));
                return new(benchmark, string.Join(' ', gone)) { Figures = figures, Tables = [.. matrices.SelectMany(Tables), Results(benchmark, kept)] };
            case RewardDistribution:
                figures.AddRange(kept.Where(one => Has(RewardsPath(one.Folder, one.Result.Model))).GroupBy(one => one.Setting("ranker")).Select((group, i) => EvaluationFigures.Distribution(
                    $"reward-distribution-{i + 1}", group.Key,
                    [.. group.Select(one => (one.Result.Model, Jsonl.Read(RewardsPath(one.Folder, one.Result.Model)).Select(row => row.Number("score")).ToArray()))])));
                break;
            case ImplicitRewards:
                figures.AddRange(Implicit([.. kept.Where(one => Has(ImplicitRewardsPath(one.Folder, one.Result.Model)))
                    .Select(one => (one, Research.Evaluation.ImplicitReward.Read(ImplicitRewardsPath(one.Folder, one.Result.Model))))]));
                break;
        }
        return new(benchmark, $"Numbers in brackets are 95 % intervals. {string.Join(' ', gone)}".Trim())
        {
            Tables = [Results(benchmark, kept)],
            Figures = EvaluationFigures.Headline(benchmark, [.. kept.Select(one => one.Result)]) is { } headline ? [headline, .. figures] : figures,
        };
    }

    private static IEnumerable<Figure> Implicit(List<(Kept Kept, IReadOnlyList<ImplicitRewards> Rewards)> all)
    {
        foreach (var (i, (kept, rewards)) in all.Where(one => one.Rewards.All(reward => reward.OtherChosen is not null)).Index())
        {
            yield return EvaluationFigures.SortedDifferences($"implicit-reward-sorted-{i + 1}", kept.Result.Model, kept.Setting("other") is { Length: > 0 } other ? other : "the other policy", rewards);
        }
        if (all.Where(one => one.Rewards.All(reward => reward.RankerMargin is not null)).ToList() is { Count: > 0 } ranked)
        {
            yield return EvaluationFigures.Calibration("implicit-reward-calibration", [.. ranked.Select(one => (one.Kept.Result.Model, one.Rewards))]);
        }
    }

    private static WinRateMatrix Matrix(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<WinRateMatrix>(File.ReadAllBytes(path), JsonFormat.Line) is { } matrix && matrix.ControlledIntervals.Length == matrix.Models?.Count
                ? matrix
                : throw new JsonException("it lacks models or intervals");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} is no matrix of selm evaluate win-rate ({e.Message.TrimEnd('.')}); delete it or run the command again.", e);
        }
    }

    private static IEnumerable<ResultTable> Tables(WinRateMatrix matrix)
    {
        ResultTable Table(string name, Func<int, int, Cell> cell) => new(
            $"win-rate-{EvaluationFigures.Id(name)}", $"Win rate of row against column, {name}, in points",
            [new("model", Format: ""), .. matrix.Models.Select(model => new Column(model, Format: "0.0"))],
            [.. matrix.Models.Select((model, i) => (IReadOnlyList<Cell>)[model, .. matrix.Models.Select((_, j) => i == j ? Cell.Empty : cell(i, j))])])
        {
            Notes = [$"Over {matrix.Prompts[0][1]} prompts, with 95 % intervals{(name == "raw" ? "" : " that resample the prompts and refit")}."],
        };

        yield return Table("length-controlled", (i, j) => matrix.ControlledIntervals[i][j] is var interval ? Cell.Interval(interval.Mean, interval.Low, interval.High) : Cell.Empty);
        yield return Table("raw", (i, j) => matrix.RawInterval(i, j) is var interval ? Cell.Interval(interval.Mean, interval.Low, interval.High) : Cell.Empty);
    }

    // One row per model, one column per measure. The measures of a matrix are its cells, those of a distribution its bins: they have tables and figures of their own.
    private static ResultTable Results(string benchmark, List<Kept> kept)
    {
        List<EvaluationResult> results = [.. kept.Select(one => one.Result)];
        string[] names = [.. results.SelectMany(result => result.Measures).Select(measure => measure.Name)
            .Where(name => benchmark == WinRate ? name.StartsWith("asymmetry", StringComparison.Ordinal) : !name.StartsWith(Fraction, StringComparison.Ordinal)).Distinct()];
        var notes = results.SelectMany(result => result.Notes.Concat(result.Partial ? [$"{result.Model} is partial: {result.Missing} items have no score."] : []));
        return new(
            $"{EvaluationFigures.Id(benchmark)}-results", benchmark,
            [new("model", Format: ""), .. names.Select(name => new Column(name, Format: name.StartsWith("asymmetry", StringComparison.Ordinal) ? "0.###" : "0.000")), new("n", Format: "0"), new("settings"), new("measured")],
            [.. results.Select(result => (IReadOnlyList<Cell>)
            [
                result.Partial ? $"{result.Model} (partial)" : result.Model, .. names.Select(name => CellOf(result.Measures.FirstOrDefault(measure => measure.Name == name))),
                result.Measures.Count == 0 ? 0 : result.Measures[0].N, string.Join(", ", result.Settings.Select(setting => $"{setting.Key} {setting.Value}")),
                string.Create(CultureInfo.InvariantCulture, $"{result.Provenance.Utc:yyyy-MM-dd}, {result.Provenance.Cpu}, kit {result.Provenance.Commit?[..Math.Min(8, result.Provenance.Commit.Length)] ?? result.Provenance.Kit}"),
            ])])
        {
            Notes = [.. notes.Distinct()],
        };
    }

    private static Cell CellOf(Measure? measure) => measure switch
    {
        null => Cell.Empty,
        { Low: { } low, High: { } high } => Cell.Interval(measure.Value, low, high),
        _ => measure.Value,
    };
}
