// A parameter to move where it is the point of a figure. All frames are drawn beforehand, so that a page needs no kernel, no library and
// no network; where scripts do not run the reader has the frame of the start, with its caption.
using Selm.Research.Runs;

namespace Selm.Research.Figures;

/// <summary>A figure for each of some values of a parameter, and a slider that chooses among them.</summary>
[TypeFormatterSource(typeof(SliderFormatterSource), PreferredMimeTypes = ["text/html", "image/svg+xml", "text/plain"])]
public sealed class Slider
{
    private Slider(string name, IReadOnlyList<double> values, IReadOnlyList<Figure> frames, int start, string unit) =>
        (Name, Values, Frames, Start, Unit) = (name, values, frames, start, unit);

    /// <summary>The parameter's name: alpha.</summary>
    public string Name { get; }

    /// <summary>The parameter's unit; empty for a plain number.</summary>
    public string Unit { get; }

    /// <summary>The values, from the left end of the slider.</summary>
    public IReadOnlyList<double> Values { get; }

    /// <summary>The figure of every value. Where they are steady their axes have the same ends, so that only what depends on the parameter moves.</summary>
    public IReadOnlyList<Figure> Frames { get; }

    /// <summary>Which value is shown first, and alone where there are no scripts: its place in <see cref="Values"/>.</summary>
    public int Start { get; }

    /// <summary>A slider over the values of a parameter.</summary>
    /// <param name="name">The parameter's name.</param>
    /// <param name="values">At least two, finite, all different, in the order of the slider.</param>
    /// <param name="frame">The figure of a value; every one with as many panels as the others.</param>
    /// <param name="start">The value that is shown first, one of <paramref name="values"/>; null: the first.</param>
    /// <param name="unit">The parameter's unit; empty for a plain number.</param>
    /// <param name="steady">Whether all frames share the ends of their numeric axes; not where sizes differ so much that some frames would be flat.</param>
    /// <exception cref="ArgumentException">A name is missing, values are fewer than two, not finite or repeated, the start is not among them,
    /// or frames differ in their panels.</exception>
    public static Slider Over(string name, IReadOnlyList<double> values, Func<double, Figure> frame, double? start = null, string unit = "", bool steady = true)
    {
        if (string.IsNullOrWhiteSpace(name))
        {
            throw new ArgumentException("a slider needs the name of its parameter", nameof(name));
        }
        if (values.Count < 2)
        {
            throw new ArgumentException($"the slider over {name} has {values.Count} values; it needs two or more to move between", nameof(values));
        }
        if (values.FirstOrDefault(value => !double.IsFinite(value), 0) is not 0)
        {
            throw new ArgumentException($"the slider over {name} has a value that is not a finite number", nameof(values));
        }
        if (values.CountBy(value => value).FirstOrDefault(value => value.Value > 1) is { Value: > 1, Key: var twice })
        {
            throw new ArgumentException($"the slider over {name} has the value {Numerals.Exact(twice)} more than once", nameof(values));
        }
        var at = start is { } first ? values.ToList().IndexOf(first) : 0;
        return at < 0
            ? throw new ArgumentException($"the slider over {name} shall start at {Numerals.Exact(start!.Value)}, which is not among its values", nameof(start))
            : new(name, [.. values], Alike(name, [.. values.Select(frame)], steady), at, unit);
    }

    /// <summary>The parameter at a place of the slider, as it is shown and read out: "beta = 0.5 reward per nat".</summary>
    internal string Text(int place) => $"{Name} = {Numerals.Exact(Values[place])} {Unit}".TrimEnd();

    private static Figure[] Alike(string name, Figure[] frames, bool steady)
    {
        if (frames.Any(frame => frame.Panels.Count != frames[0].Panels.Count))
        {
            throw new ArgumentException($"the frames of the slider over {name} differ in the number of their panels");
        }
        return steady ? Steady(frames) : frames;
    }

    // Every numeric axis without ends of its own gets those that all frames need.
    private static Figure[] Steady(Figure[] frames)
    {
        (AxisRange X, AxisRange Y)[] ends =
        [
            .. frames[0].Panels.Select((_, k) => (Union(frames.Select(frame => DataRange.X(frame.Panels[k]))), Union(frames.Select(frame => DataRange.Y(frame.Panels[k]))))),
        ];
        return [.. frames.Select(frame => frame with { Panels = [.. frame.Panels.Select((panel, k) => Fixed(panel, ends[k].X, ends[k].Y))] })];
    }

    private static AxisRange Union(IEnumerable<AxisRange> ranges) => ranges.Aggregate((a, b) => new(Math.Min(a.Low, b.Low), Math.Max(a.High, b.High)));

    private static Panel Fixed(Panel panel, AxisRange x, AxisRange y) => panel with
    {
        X = panel.XCategories is null ? panel.X with { Range = panel.X.Range ?? x } : panel.X,
        Y = panel.Y.Categories is null ? panel.Y with { Range = panel.Y.Range ?? y } : panel.Y,
    };
}
