using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>What the finished cells of a sweep came to.</summary>
/// <param name="Root">The sweep's folder.</param>
/// <param name="Cells">A row per cell: its settings, how far it is, its measures.</param>
/// <param name="Means">Where the grid has seeds: a row per setting, means over seeds with 95 % intervals and differences from the first row; else null.</param>
/// <param name="Figure">The first measure of every row of <paramref name="Means"/>, or null.</param>
public sealed record SweepTables(string Root, ResultTable Cells, ResultTable? Means, Figure? Figure)
{
    private const string Seed = "seed";
    private const int LastSteps = 10, MostRows = 40;

    // A headline measure; a share lies between 0 and 1.
    private sealed record Measure(string Name, string Format, bool IsShare = false);

    private sealed record Row(SweepCellEntry Cell, SweepState State, IReadOnlyDictionary<Measure, double> Values)
    {
        public string Setting(string key) => Cell.Settings.GetValueOrDefault(key, "");
    }

    private static readonly Measure exactWinRate = new("exact win rate", "0.000", true), reward = new("true reward", "0.000"), lengthControlled = new("length-controlled win rate", "0.000", true),
        twoTurn = new("two-turn score", "0.00"), words = new("words", "0.0"), scoreGain = new("gain in the ranker's score", "+0.000;-0.000"), loss = new("loss", "0.0000"),
        accuracy = new("accuracy", "0.000", true), margin = new("margin", "0.0000"), evalAccuracy = new("accuracy, held out", "0.000", true), evalMargin = new("margin, held out", "0.0000");

    /// <summary>Reads a sweep.</summary>
    /// <param name="sweep">The sweep.</param>
    /// <exception cref="InputException">A result cannot be read.</exception>
    public static SweepTables Of(SweepFolder sweep)
    {
        Row[] rows = [.. sweep.Record.Cells.Select(cell => (Cell: cell, State: sweep.StateOf(cell))).Select(one => new Row(
            one.Cell, one.State, one.State.Status != SweepStatus.Finished ? new Dictionary<Measure, double>() : sweep.Record.Lab ? OfLab(sweep, one.Cell) : OfRun(sweep.RunOf(one.Cell))))];
        string[] keys = [.. rows.SelectMany(row => row.Cell.Settings.Keys).Distinct()];
        Measure[] measures = [.. rows.SelectMany(row => row.Values.Keys).Distinct()];
        var cells = new ResultTable("cells", $"Cells of the sweep {sweep.Record.Name}",
            [new("cell"), .. keys.Select(key => new Column(key)), new("state"), new("seconds", Format: "0.0"), .. measures.Select(measure => new Column(measure.Name, Format: measure.Format))],
            [.. rows.Select(row => (IReadOnlyList<Cell>)[
                row.Cell.Name, .. keys.Select(key => Cell.Text(row.Setting(key))), row.State.Status.ToString().ToLowerInvariant(), Cell.Number(row.State.Seconds ?? double.NaN),
                .. measures.Select(measure => Cell.Number(row.Values.GetValueOrDefault(measure, double.NaN))),
            ])]);
        return keys.Contains(Seed) && measures.Length > 0 ? OverSeeds(sweep, rows, [.. keys.Where(key => key != Seed)], measures, cells) : new SweepTables(sweep.Root, cells, null, null);
    }

    /// <summary>Writes the tables as CSV and JSON and the figure as SVG into the sweep's folder.</summary>
    /// <returns>The files.</returns>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public IReadOnlyList<string> Save()
    {
        var files = new List<string>();
        foreach (var table in new[] { Cells, Means }.OfType<ResultTable>())
        {
            var stem = Path.Combine(Root, table.Id);
            TableWriter.SaveCsv(table, $"{stem}.csv");
            AtomicFile.WriteJson($"{stem}.json", table);
            files.AddRange([$"{stem}.csv", $"{stem}.json"]);
        }
        if (Figure is not null)
        {
            files.Add(Path.Combine(Root, "figure.svg"));
            SvgWriter.Save(Figure, files[^1]);
        }
        return files;
    }

    private static SweepTables OverSeeds(SweepFolder sweep, Row[] rows, string[] keys, Measure[] measures, ResultTable cells)
    {
        Row[][] groups = [.. rows.Where(row => row.Values.Count > 0).GroupBy(row => string.Join('\n', keys.Select(row.Setting))).Select(group => group.ToArray())];
        var means = new ResultTable("means", $"Means of the sweep {sweep.Record.Name} over seeds, with 95 % intervals",
            [
                .. keys.Select(key => new Column(key)), new("seeds", Format: "0"), .. measures.Select(measure => new Column(measure.Name, Format: measure.Format)),
                .. groups.Length > 1 ? measures.Select(measure => new Column($"{measure.Name} minus the first row's", Format: $"+{measure.Format.TrimStart('+').Split(';')[0]};-{measure.Format.TrimStart('+').Split(';')[0]}")) : [],
            ],
            [.. groups.Select((group, k) => (IReadOnlyList<Cell>)[
                .. keys.Select(key => Cell.Text(group[0].Setting(key))), Cell.Number(group.Length), .. measures.Select(measure => Interval(Mean(group, measure), measure.IsShare)),
                .. groups.Length > 1 ? measures.Select(measure => k == 0 ? Cell.Empty : Interval(Difference(group, groups[0], measure), false)) : [],
            ])])
        {
            Notes = groups.Length > 1 ? ["Differences are paired: of the seeds that both rows have."] : [],
        };
        return new SweepTables(sweep.Root, cells, means, groups.Length is > 0 and <= MostRows ? Drawn(sweep, groups, keys, measures[0]) : null);
    }

    private static PairedEstimate Mean(Row[] group, Measure measure) => PairedEstimate.Of(Values(group, measure));

    private static double[] Values(Row[] group, Measure measure) => [.. group.Select(row => row.Values.GetValueOrDefault(measure, double.NaN)).Where(double.IsFinite)];

    private static PairedEstimate Difference(Row[] these, Row[] first, Measure measure) => PairedEstimate.Of(
    [
        .. from mine in these
           join its in first on mine.Setting(Seed) equals its.Setting(Seed)
           let difference = mine.Values.GetValueOrDefault(measure, double.NaN) - its.Values.GetValueOrDefault(measure, double.NaN)
           where double.IsFinite(difference)
           select difference,
    ]);

    private static Cell Interval(PairedEstimate estimate, bool isShare) =>
        estimate.N < 2 ? Cell.Number(estimate.Mean) : isShare ? Of(estimate.Share()) : Of(estimate.Interval());

    private static Cell Of(MeanInterval interval) => Cell.Interval(interval.Mean, interval.Low, interval.High);

    // One row per setting, the first on top.
    private static Figure Drawn(SweepFolder sweep, Row[][] groups, string[] keys, Measure measure)
    {
        var intervals = groups.Select(group => Mean(group, measure)).Select(mean => mean.N < 2 ? new MeanInterval(mean.Mean, double.NaN, double.NaN) : measure.IsShare ? mean.Share() : mean.Interval()).ToArray();
        var trace = new ScatterTrace("", Origin.Measured, [.. intervals.Select(interval => interval.Mean)], [.. groups.Select((_, k) => (double)k)])
        {
            XErrors = new Band([.. intervals.Select(interval => interval.Low)], [.. intervals.Select(interval => interval.High)]),
            Seeds = [.. groups.Select(group => Values(group, measure))],
        };
        string[] names = [.. groups.Select(group => string.Join(", ", keys.Select(key => $"{key[(key.LastIndexOf('.') + 1)..]} {group[0].Setting(key)}")) is { Length: > 0 } name ? name : "all")];
        return new Figure("figure", $"{sweep.Record.Name}: {measure.Name} by setting", [new Panel(new Axis(measure.Name), new Axis("setting") { Categories = names }, [trace]) { Height = 40 + (18 * groups.Length) }])
        {
            Caption = "Means over seeds with 95 % intervals; a dot is a seed.",
            Legend = false,
        };
    }

    private static Dictionary<Measure, double> OfLab(SweepFolder sweep, SweepCellEntry cell) => LabCells.Find(sweep.LabOf(cell), sweep.Record.Cache)?.Last is { } last
        ? new() { [exactWinRate] = last.ExactWinRate, [reward] = last.MeanReward, [lengthControlled] = last.LengthControlledWinRate, [twoTurn] = last.TwoTurnScore, [words] = last.MeanWords }
        : [];

    // Means of the last steps of the last iteration; evaluations on held-out pairs where there are some; the ranker's scores of the answers before and after.
    private static Dictionary<Measure, double> OfRun(string run)
    {
        var values = new Dictionary<Measure, double>();
        var answers = Jsonl.Read(Path.Combine(run, "answers.jsonl")).Select(row => row.NumberOrNull("score_after") - row.NumberOrNull("score_before")).OfType<double>().ToArray();
        if (answers.Length > 0)
        {
            values[scoreGain] = answers.Average();
        }
        var rows = MetricsLog.Read(Path.Combine(run, "metrics.jsonl"));
        foreach (var (phase, count, itsLoss, itsAccuracy, itsMargin) in new[] { ("train", LastSteps, loss, accuracy, margin), ("eval", 1, null, evalAccuracy, evalMargin) })
        {
            var last = rows.Where(row => row.GetProperty("phase").ValueEquals(phase)).TakeLast(count).ToArray();
            double Mean(Func<System.Text.Json.JsonElement, double> of) => last.Average(of);
            if (last.Length > 0)
            {
                values[itsAccuracy] = Mean(row => row.GetProperty("accuracy").GetDouble());
                values[itsMargin] = Mean(row => row.GetProperty("chosen_reward").GetDouble() - row.GetProperty("rejected_reward").GetDouble());
                if (itsLoss is not null)
                {
                    values[itsLoss] = Mean(row => row.GetProperty("loss").GetDouble());
                }
            }
        }
        return values;
    }
}
