using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>What the figures of the lab's experiments share.</summary>
internal static class LabCharts
{
    /// <summary>A line of means with their intervals as its band.</summary>
    internal static LineTrace Line(string name, IReadOnlyList<double> x, IReadOnlyList<MeanInterval> means) => new(name, Origin.Measured, x, [.. means.Select(mean => mean.Mean)])
    {
        Band = Ends(means),
    };

    /// <summary>The ends of intervals.</summary>
    internal static Band Ends(IReadOnlyList<MeanInterval> means) => new([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]);

    /// <summary>A mean over results with its interval.</summary>
    internal static MeanInterval Mean(this IReadOnlyList<LabCellResult> results, Func<LabCellResult, double> measure) => LabMeasures.Mean(results.Select(measure));

    /// <summary>A mean of shares over results with its interval between 0 and 1.</summary>
    internal static MeanInterval Share(this IReadOnlyList<LabCellResult> results, Func<LabCellResult, double> measure) => LabMeasures.Share(results.Select(measure));

    /// <summary>A number per iteration, from the first policy (0 iterations) on.</summary>
    internal static MeanInterval[] ByIteration(this IReadOnlyList<LabCellResult> results, Func<Func<LabCellResult, LabCellEvaluation>, MeanInterval> mean) => results.Count == 0 ? [] :
    [
        .. Enumerable.Range(-1, 1 + results.Min(result => result.Iterations.Count)).Select(k => mean(result => result.After(k))),
    ];

    /// <summary>The figures without those that have nothing to draw because every seed of a cell ran away.</summary>
    internal static IReadOnlyList<Figure> Drawable(params IEnumerable<Figure> figures) =>
        [.. figures.Where(figure => figure.Panels.Count > 0 && figure.Panels.All(panel => panel.Traces.Count > 0 && panel.Traces.All(HasPoints)))];

    /// <summary>The median; NaN of nothing.</summary>
    internal static double Median(double[] values) => values.Length == 0 ? double.NaN : Shown.Median(values);

    /// <summary>One sentence per cell that lost seeds: those are in no mean and no difference.</summary>
    internal static IReadOnlyList<string> RanAway(LabRecords records, IEnumerable<(string Name, LabCellSpec Cell)> cells) =>
        LabRow.Failures(records, cells.Select(cell => new LabRow(cell.Name, cell.Cell)));

    /// <summary>The same for the cells of a claim, in one string.</summary>
    internal static string Lost(LabRecords records, params IEnumerable<(string Name, LabCellSpec Cell)> cells) => string.Join(' ', RanAway(records, cells));

    private static bool HasPoints(Trace trace) => trace is not (LineTrace { X.Count: 0 } or ScatterTrace { X.Count: 0 });
}
