// The figures of an evaluation's page, drawn from what the runs recorded and nothing else. What is notable: a curve of sorted
// differences has a band without any assumption, because the places of a quantile among sorted values are binomial.
using Selm.Research.Evaluation;
using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Cli;

/// <summary>One figure per kind of result.</summary>
internal static class EvaluationFigures
{
    private const int LongestName = 22, ReadableCells = 7;
    private const int CurvePoints = 200;

    // What the names of measures from 0 to 100 have in them.
    private static readonly string[] percent = ["win_rate", "winrate", "accuracy", "exact_match", "mc2"];

    private static readonly (string Name, Func<ImplicitRewards, double> First, Func<ImplicitRewards, double?> Second)[] answers =
    [
        ("chosen", reward => reward.Chosen, reward => reward.OtherChosen),
        ("rejected", reward => reward.Rejected, reward => reward.OtherRejected),
        ("own", reward => reward.Own, reward => reward.OtherOwn),
    ];

    /// <summary>The first measure of each model as bars with its interval; null where no model has a number.</summary>
    public static Figure? Headline(string benchmark, IReadOnlyList<EvaluationResult> results)
    {
        var shown = results.Where(result => result.Measures is [var first, ..] && double.IsFinite(first.Value)).ToList();
        if (shown.Count == 0)
        {
            return null;
        }
        Measure[] measures = [.. shown.Select(result => result.Measures[0])];
        var largest = measures.Max(measure => Math.Abs(measure.Value));
        var bars = new BarTrace("", Origin.Measured, [.. measures.Select(measure => measure.Value)])
        {
            Errors = new Band([.. measures.Select(measure => measure.Low ?? double.NaN)], [.. measures.Select(measure => measure.High ?? double.NaN)]),
            ValueFormat = largest >= 10 ? "0.0" : largest >= 1 ? "0.00" : "0.0000",
        };
        var axis = new Axis(measures[0].Name.Replace('_', ' ')) { Bounds = percent.Any(word => measures[0].Name.Contains(word, StringComparison.Ordinal)) ? AxisRange.Percent : null };
        var panel = new Panel(new Axis("model") { Categories = Names([.. shown.Select(result => result.Model)]) }, axis, [bars]);
        return new($"{Id(benchmark)}-headline", $"{benchmark}: {measures[0].Name.Replace('_', ' ')}", [panel]) { Legend = false, Caption = "Error bars: 95 % intervals over items." };
    }

    /// <summary>Every model against every other, raw and length-controlled.</summary>
    public static Figure WinRates(string id, WinRateMatrix matrix)
    {
        var names = Names(matrix.Models);
        Panel Map(string title, double[][] rates, Func<int, int, bool> apart) => new(
            new("against") { Categories = names }, new("model") { Categories = names },
            [
                new HeatMapTrace("win rate of row against column, points; white at 50", Origin.Measured, rates)
                {
                    Midpoint = 50,
                    CellFormat = names.Length <= ReadableCells ? "0.0" : "0",
                    Framed = [.. from row in Enumerable.Range(0, names.Length) from column in Enumerable.Range(0, names.Length) where row != column && apart(row, column) select new HeatCell(row, column)],
                },
            ]) { Title = title, Height = Math.Max(90, 26 * names.Length) };
        Panel[] maps =
        [
            Map("length-controlled", matrix.Controlled, (i, j) => matrix.ControlledIntervals[i][j] is var interval && (interval.Low > 50 || interval.High < 50)),
            Map("raw", matrix.Raw, (i, j) => matrix.RawInterval(i, j) is var interval && (interval.Low > 50 || interval.High < 50)),
        ];
        var framed = maps.SelectMany(map => map.Traces).OfType<HeatMapTrace>().Any(heat => heat.Framed.Count > 0);
        return new(id, "Win rates of every model against every other", maps)
        {
            Caption = $"{(framed ? "Framed where the 95 % interval over prompts does not reach 50" : "Every 95 % interval over prompts reaches 50")}. A cell and its mirror image add up to 100 but for {Wording.Number(matrix.ControlledAsymmetry)} points (length-controlled) and {Wording.Number(matrix.RawAsymmetry)} (raw) at most.",
        };
    }

    /// <summary>Implicit rewards of two policies subtracted pair by pair and sorted, one curve for each kind of answer (the paper's Figure 4).</summary>
    public static Figure SortedDifferences(string id, string model, string other, IReadOnlyList<ImplicitRewards> rewards) => new(
        id, $"Implicit reward of {Short(model)} minus that of {Short(other)}",
        [
            new Panel(new Axis("pairs, sorted", "%"), new Axis("difference of implicit rewards"),
                [.. answers.Select(answer => Sorted(answer.Name, ImplicitReward.SortedDifferences(rewards, answer.First, answer.Second)))])
            {
                Annotations = [new Rule(0)],
            },
        ])
    {
        Caption = $"{rewards.Count} pairs, each curve sorted by itself; own: greedy answers of {Short(model)}. Bands: 95 % intervals of the quantiles, point by point.",
    };

    /// <summary>What implicit rewards predict for the chosen answer against what the ranker says, in bins of equal size.</summary>
    public static Figure Calibration(string id, IReadOnlyList<(string Model, IReadOnlyList<ImplicitRewards> Rewards)> models)
    {
        var names = Names([.. models.Select(model => model.Model)]);
        var points = models.Zip(names, (model, name) =>
        {
            var bins = ImplicitReward.Calibration(model.Rewards);
            MeanInterval[] observed = [.. bins.Select(bin => new PairedEstimate(bin.Count, bin.Observed, bin.StandardError).Share())];
            return new ScatterTrace(name, Origin.Measured, [.. bins.Select(bin => bin.Predicted)], [.. observed.Select(bin => bin.Mean)])
            {
                Errors = new Band([.. observed.Select(bin => bin.Low)], [.. observed.Select(bin => bin.High)]),
            };
        }).ToList();
        double[] ends = [points.SelectMany(trace => trace.X).Min(), points.SelectMany(trace => trace.X).Max()];
        return new(id, "Calibration of the implicit reward against the ranker",
        [
            new Panel(new Axis("predicted: σ(r(chosen) - r(rejected))") { Bounds = AxisRange.Share }, new Axis("ranker: σ(score margin)") { Bounds = AxisRange.Share },
                [new LineTrace("calibrated", Origin.Exact, ends, ends) { Markers = false }, .. points]),
        ])
        {
            Caption = "Mean of each bin; bins hold equal numbers of pairs, in order of the prediction. Error bars: 95 % intervals over the pairs of a bin.",
        };
    }

    /// <summary>The share of answers per bin of the score, one outline per model (the paper's Figure 3, right).</summary>
    public static Figure Distribution(string id, string ranker, IReadOnlyList<(string Model, double[] Scores)> models)
    {
        var names = Names([.. models.Select(model => model.Model)]);
        return new(id, "Scores of greedy answers",
        [
            new Panel(new Axis($"score ({Short(ranker)})"), new Axis("share of answers per bin") { Bounds = AxisRange.Share }, [.. models.Zip(names, (model, name) => new HistogramTrace(name, Origin.Measured, model.Scores))]),
        ])
        {
            Caption = $"{string.Join(", ", models.Zip(names, (model, name) => $"{name}: {model.Scores.Length} answers"))}.",
        };
    }

    /// <summary>A name as part of an id.</summary>
    public static string Id(string name) => new([.. name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);

    private static LineTrace Sorted(string name, double[] sorted)
    {
        var count = sorted.Length;
        int[] ranks = [.. Enumerable.Range(0, Math.Min(count, CurvePoints)).Select(k => count <= CurvePoints ? k : (int)((k + 0.5) * count / CurvePoints))];
        var places = ranks.Select(rank => Statistics.QuantilePlaces(count, (rank + 0.5) / count)).ToList();
        return new(name, Origin.Measured, [.. ranks.Select(rank => 100 * (rank + 0.5) / count)], [.. ranks.Select(rank => sorted[rank])])
        {
            Band = new Band([.. places.Select(place => sorted[place.Low])], [.. places.Select(place => sorted[place.High])]),
            Markers = count < 2,
        };
    }

    // Names that fit under an axis, each of its own.
    private static string[] Names(IReadOnlyList<string> names)
    {
        string[] cut = [.. names.Select(Short)];
        return cut.Distinct().Count() == cut.Length ? cut : [.. cut.Select((name, i) => $"{i + 1} {name}")];
    }

    private static string Short(string name) => name.Length <= LongestName ? name : $"{name[..(LongestName / 2)]}…{name[^((LongestName / 2) - 1)..]}";
}
