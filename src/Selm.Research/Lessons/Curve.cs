using Selm.Research.Figures;
using Selm.Research.Numerics;

namespace Selm.Research.Lessons;

/// <summary>The traces that lessons draw most.</summary>
public static class Curve
{
    /// <summary>A computed function as a line without markers.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="x">Abscissas.</param>
    /// <param name="function">The ordinate of an abscissa.</param>
    public static LineTrace Exact(string name, IReadOnlyList<double> x, Func<double, double> function) => Exact(name, x, [.. x.Select(function)]);

    /// <summary>Computed values as a line without markers.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="x">Abscissas.</param>
    /// <param name="y">Ordinates, as many.</param>
    public static LineTrace Exact(string name, IReadOnlyList<double> x, IReadOnlyList<double> y) => new(name, Origin.Exact, x, y) { Markers = false };

    /// <summary>Measured values as a line without markers.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="x">Abscissas.</param>
    /// <param name="y">Ordinates, as many.</param>
    public static LineTrace Measured(string name, IReadOnlyList<double> x, IReadOnlyList<double> y) => new(name, Origin.Measured, x, y) { Markers = false };
}

/// <summary>Means over seeds, worlds or prompts, and how lessons draw them.</summary>
public static class Means
{
    /// <summary>A mean with its 95 % interval.</summary>
    /// <param name="perUnit">One number per seed, world or prompt.</param>
    public static MeanInterval Of(IEnumerable<double> perUnit) => PairedEstimate.Of([.. perUnit]).Interval();

    /// <summary>Means as a line in the band of their intervals.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="x">Abscissas.</param>
    /// <param name="means">A mean for each.</param>
    /// <param name="markers">Whether points are marked.</param>
    public static LineTrace Line(string name, IReadOnlyList<double> x, IReadOnlyList<MeanInterval> means, bool markers = true) =>
        new(name, Origin.Measured, x, Middles(means)) { Band = Ends(means), Markers = markers };

    /// <summary>Means as points with error bars.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="origin">Where the numbers come from.</param>
    /// <param name="x">Abscissas, or places of categories.</param>
    /// <param name="means">A mean for each.</param>
    public static ScatterTrace Dots(string name, Origin origin, IReadOnlyList<double> x, IReadOnlyList<MeanInterval> means) =>
        new(name, origin, x, Middles(means)) { Errors = Ends(means) };

    /// <summary>Means along the horizontal axis, one below the other, with error bars.</summary>
    /// <param name="name">Its name in the legend.</param>
    /// <param name="origin">Where the numbers come from.</param>
    /// <param name="means">From the top.</param>
    /// <param name="shift">How far below its category's middle a point stands, as a share of the distance between two.</param>
    public static ScatterTrace Column(string name, Origin origin, IReadOnlyList<MeanInterval> means, double shift = 0) =>
        new(name, origin, Middles(means), [.. means.Select((_, k) => k + shift)]) { XErrors = Ends(means) };

    private static double[] Middles(IReadOnlyList<MeanInterval> means) => [.. means.Select(mean => mean.Mean)];

    private static Band Ends(IReadOnlyList<MeanInterval> means) => new([.. means.Select(mean => mean.Low)], [.. means.Select(mean => mean.High)]);
}
