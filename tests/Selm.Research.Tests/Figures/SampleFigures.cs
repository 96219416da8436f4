using Selm.Research.Figures;

namespace Selm.Research.Tests.Figures;

/// <summary>Small figures that together use every trace, axis and annotation of the model.</summary>
internal static class SampleFigures
{
    private static readonly double[] steps = [1, 3, 10, 30, 100];

    /// <summary>All of them by name.</summary>
    public static IReadOnlyDictionary<string, Figure> All { get; } = new[]
    {
        Lines(), Scatter(), Bars(), Waterfall(), Histograms(), Boxes(), HeatMap(), Facets(), Forest(),
    }.ToDictionary(figure => figure.Id);

    /// <summary>Deterministic values that look like noise, in (0, 1).</summary>
    public static double[] Noise(int count, double phase) =>
        [.. Enumerable.Range(0, count).Select(i => 0.5 + (0.49 * Math.Sin((12.9898 * i) + phase) * Math.Cos((4.1414 * i) - phase)))];

    private static Figure Lines() => new("lines", "A gap that grows and a bound on it",
    [
        new(new("optimiser step") { Log = true }, new("implicit reward gap", "nats"),
        [
            new LineTrace("SELM", Origin.Measured, steps, [0.02, 0.05, 0.3, 0.8, 1.9]) { Band = new([0.01, 0.02, 0.2, 0.6, 1.5], [0.03, 0.09, 0.4, 1.0, 2.3]) },
            new LineTrace("iterative DPO", Origin.Recorded, steps, [0.02, 0.04, double.NaN, 0.5, 1.1]) { Band = new([0.01, 0.02, double.NaN, 0.4, 0.9], [0.03, 0.06, double.NaN, 0.6, 1.3]) },
            new LineTrace("bound", Origin.Exact, steps, [0.1, 0.2, 0.6, 1.3, 2.6]) { Markers = false },
        ])
        {
            Annotations = [new Region(1, 8, "small steps", Vertical: true), new Rule(1, "ln(1/α − 1)"), new Note(30, 0.8, "here they part")],
        },
    ])
    { Caption = "Bands are 95 % intervals over seeds." };

    private static Figure Scatter() => new("scatter", "Win rate against length, one dot per seed",
    [
        new(new("mean length", "tokens"), new("win rate", "%") { Bounds = AxisRange.Percent },
        [
            new ScatterTrace("SELM", Origin.Measured, [20, 24, 29], [50, 55, 58]) { Errors = new([48, 53, 55], [52, 57, 61]), Seeds = [[49, 50, 51], [54, 55, 56], [56, 58, 60]] },
            new ScatterTrace("DPO", Origin.Measured, [21, 25, 31], [49, 52, 53]) { Errors = new([47, 50, 51], [51, 54, 55]) },
        ]),
    ]);

    private static Figure Bars() => new("bars", "Grouped bars with error bars and seeds",
    [
        new(new("method") { Categories = ["DPO", "iterative DPO", "SELM", "XPO"] }, new("regret", "nats"),
        [
            new BarTrace("tabular", Origin.Measured, [0.42, 0.31, 0.28, double.NaN]) { Errors = new([0.39, 0.29, 0.25, double.NaN], [0.45, 0.33, 0.31, double.NaN]), ValueFormat = "0.00" },
            new BarTrace("log-linear", Origin.Measured, [0.36, -0.12, 0.2, 0.3]) { Errors = new([0.3, -0.2, 0.15, 0.25], [0.4, -0.05, 0.25, 0.35]), Seeds = [[0.33, 0.36, 0.39], [-0.15, -0.12, -0.1], [0.18, 0.2, 0.22], [0.28, 0.3, 0.33]], ValueFormat = "0.00" },
        ]),
    ]);

    private static Figure Waterfall() => new("waterfall", "From a start to an end",
    [
        new(new("stage"), new("LC win rate", "%") { Bounds = AxisRange.Percent },
            [new WaterfallTrace("", Origin.Paper, [new("start", 8.01, true), new("first step", 7.4), new("a step back", -1.25), new("last step", 2), new("end", 16.16, true)])]),
    ]);

    private static Figure Histograms() => new("histograms", "Two distributions on shared bins",
    [
        new(new("reward"), new("share of responses") { Bounds = AxisRange.Share },
        [
            new HistogramTrace("before", Origin.Recorded, Noise(200, 0.3)) { Bins = 12 },
            new HistogramTrace("after", Origin.Recorded, [.. Noise(200, 1.7).Select(v => v + 0.4)]) { Bins = 12 },
        ]),
    ]);

    private static Figure Boxes() => new("boxes", "Boxes and violins",
    [
        new(new("iteration") { Categories = ["1", "2", "3"] }, new("margin", "nats"),
            [new BoxTrace("SELM", Origin.Measured, [Noise(30, 0.1), Noise(30, 0.2), [.. Noise(30, 0.3), 2.6]]), new BoxTrace("DPO", Origin.Paper, [Noise(30, 1), [], Noise(30, 3)])]) { SameQuantity = true },
        new(new("iteration") { Categories = ["1", "2", "3"] }, new("margin", "nats"),
            [new BoxTrace("SELM", Origin.Measured, [Noise(40, 0.5), Noise(40, 0.7), Noise(40, 0.9)]) { Violin = true }]),
    ])
    { Columns = 2 };

    private static Figure HeatMap() => new("heat", "Row against column",
    [
        new(new("against") { Categories = ["SELM", "DPO", "base"] }, new("model") { Categories = ["SELM", "DPO", "a base model with a long name"] },
        [
            new HeatMapTrace("win rate (%), white at 50", Origin.Exact, [[50, 52.5, 61], [47.5, 50, 60], [39, 40, double.NaN]]) { Midpoint = 50, CellFormat = "0.0", Framed = [new(0, 1), new(1, 0)] },
        ]) { Height = 110 },
    ]);

    private static Figure Facets() => new("facets", "The paper's numbers and ours stand apart",
    [
        new(new("iteration") { Categories = ["1", "2", "3"] }, new("LC win rate", "%") { Bounds = AxisRange.Percent }, [new LineTrace("SELM", Origin.Paper, [0, 1, 2], [20.52, 21.84, 24.25])]) { Title = "paper, 7B" },
        new(new("iteration") { Categories = ["1", "2", "3"] }, new("oracle win rate", "%") { Bounds = AxisRange.Percent },
            [new LineTrace("SELM", Origin.Measured, [0, 1, 2], [51, 54, 55]) { Band = new([49, 52, 53], [53, 56, 57]) }]) { Title = "lab, 0.1 M parameters" },
    ])
    { Columns = 2 };

    private static Figure Forest() => new("forest", "Differences with intervals, on a fixed range",
    [
        new(new("difference", "points") { Range = new(-4, 4) }, new("comparison") { Categories = ["SELM minus DPO, tabular world", "XPO minus DPO", "VPO minus DPO"] },
            [new ScatterTrace("difference", Origin.Measured, [1.2, -0.3, 3.2], [0, 1, 2]) { XErrors = new([0.4, -1.1, 1], [2, 0.5, 5.4]) }])
        { Annotations = [new Rule(0, "no difference", Vertical: true)], Height = 90 },
    ]);
}
