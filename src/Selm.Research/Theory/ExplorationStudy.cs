using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>All methods in the same worlds, with paired differences. Derived in lesson 16.</summary>
/// <param name="Methods">The cells.</param>
/// <param name="Results">One row per method, one entry per world.</param>
public sealed record ExplorationStudy(IReadOnlyList<ExplorationMethod> Methods, IReadOnlyList<ExplorationResult[]> Results)
{
    /// <summary>Runs every method in the worlds of seeds first, first + 1, ....</summary>
    /// <param name="first">The first seed.</param>
    /// <param name="worlds">How many worlds, at least 1.</param>
    /// <param name="settings">The sizes.</param>
    /// <param name="methods">The cells; <see cref="ExplorationMethod.All"/> where null.</param>
    public static ExplorationStudy Of(
        ulong first, int worlds, ExplorationSettings settings, IReadOnlyList<ExplorationMethod>? methods = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worlds, 1);
        methods ??= ExplorationMethod.All;
        ExplorationResult[][] results = [.. methods.Select(_ => new ExplorationResult[worlds])];
        for (var world = 0; world < worlds; world++)
        {
            var drawn = new ExplorationWorld(first + (ulong)world, settings);
            for (var method = 0; method < methods.Count; method++)
            {
                results[method][world] = ExplorationRun.Of(drawn, methods[method]);
            }
        }
        return new ExplorationStudy(methods, results);
    }

    /// <summary>The results of the method with a name, world by world.</summary>
    /// <param name="name">A <see cref="ExplorationMethod.Name"/>.</param>
    /// <exception cref="ArgumentException">There is no such method in the study.</exception>
    public IReadOnlyList<ExplorationResult> this[string name] => Results.Where((_, i) => Methods[i].Name == name).FirstOrDefault()
        ?? throw new ArgumentException($"the study has no method \"{name}\"", nameof(name));

    /// <summary>The mean of a measure over the worlds, with its 95 % interval.</summary>
    /// <param name="name">The method.</param>
    /// <param name="measure">The measure.</param>
    public MeanInterval Mean(string name, Func<ExplorationResult, double> measure) => Interval(this[name].Select(measure));

    /// <summary>The mean of a measure's difference from another method in the same worlds, with its 95 % interval.</summary>
    /// <param name="name">The method.</param>
    /// <param name="baseline">The method that is subtracted.</param>
    /// <param name="measure">The measure.</param>
    public MeanInterval Paired(string name, string baseline, Func<ExplorationResult, double> measure) =>
        Interval(this[name].Zip(this[baseline], (one, other) => measure(one) - measure(other)));

    private static MeanInterval Interval(IEnumerable<double> values) => PairedEstimate.Of([.. values]).Interval();
}
