using System.Text.RegularExpressions;

namespace Selm.Research.Figures;

/// <summary>Whether title and caption speak only of what their figure shows. A reader who looks for what is not there loses trust in the rest.</summary>
internal static partial class FigureCaptions
{
    // What a caption may point at, and how to see that it is there.
    private static readonly (Regex Said, string What, Func<Figure, bool> Drawn)[] marks =
    [
        (Framed(), "framed cells", figure => Traces<HeatMapTrace>(figure).Any(heat => heat.Framed.Count > 0)),
        (Shaded(), "a shaded region", figure => Annotations<Region>(figure).Any()),
        (Dots(), "dots of seeds", figure => Traces<ScatterTrace>(figure).Any(points => points.Seeds is not null) || Traces<BarTrace>(figure).Any(bar => bar.Seeds is not null)),
        (Intervals(), "intervals", HasIntervals),
        (Crossing(), "a crossing", figure => Annotations<Rule>(figure).Any(rule => Crossing().IsMatch(rule.Text))),
        (OfTheLine(), "an upright line", figure => Annotations<Rule>(figure).Any(rule => rule.Vertical)),
        (Rows(), "panels one below the other", figure => figure.Panels.Count > figure.Columns),
        (Sides(), "panels side by side", figure => figure.Columns > 1 && figure.Panels.Count > 1),
    ];

    /// <summary>One sentence for everything that title or caption name and the figure does not show.</summary>
    public static IEnumerable<string> Problems(Figure figure)
    {
        var text = $"{figure.Title}. {figure.Caption}";
        var drawn = Words(figure).ToArray();
        foreach (var (_, what, _) in marks.Where(mark => mark.Said.IsMatch(text) && !mark.Drawn(figure)))
        {
            yield return $"the caption speaks of {what} and none is drawn";
        }
        foreach (var alpha in Alphas().Matches(figure.Caption).SelectMany(match => Numbers().Matches(match.Value)).Select(match => match.Value).Distinct().Where(alpha => !ShowsAlpha(figure, drawn, alpha)))
        {
            yield return $"the caption speaks of alpha {alpha}, which is not drawn";
        }
        foreach (var method in Methods().Matches(figure.Caption).Select(match => match.Value).Distinct().Where(method => !drawn.Any(word => word.Contains(method, StringComparison.Ordinal))))
        {
            yield return $"the caption speaks of {method}, which is not drawn";
        }
    }

    private static bool HasIntervals(Figure figure) => figure.Panels.SelectMany(panel => panel.Traces).Any(trace => trace switch
    {
        LineTrace line => line.Band is not null,
        ScatterTrace points => points.Errors is not null || points.XErrors is not null,
        BarTrace bar => bar.Errors is not null,
        HeatMapTrace => true, // its labels or its frames come from them
        _ => false,
    });

    private static bool ShowsAlpha(Figure figure, string[] drawn, string alpha) =>
        drawn.Any(word => Regex.IsMatch(word, $@"\b(alpha|SELM) {Regex.Escape(alpha)}(?![\d.]*\d)"))
        || figure.Panels.Where(panel => panel.X.Title.StartsWith("alpha", StringComparison.Ordinal)).Any(panel => panel.X.Categories?.Any(name => name == alpha || name.StartsWith($"{alpha} (", StringComparison.Ordinal))
            ?? panel.Traces.OfType<LineTrace>().SelectMany(line => line.X).Any(x => Numerals.Exact(x) == alpha));

    private static IEnumerable<string> Words(Figure figure) =>
    [
        figure.Title,
        .. figure.Panels.SelectMany(panel => (string[])
        [
            panel.Title, panel.X.Title, panel.Y.Title, .. panel.XCategories ?? [], .. panel.Y.Categories ?? [],
            .. panel.Traces.Select(trace => trace.Name), .. panel.Annotations.Select(annotation => annotation.Text),
        ]),
    ];

    private static IEnumerable<T> Traces<T>(Figure figure) where T : Trace => figure.Panels.SelectMany(panel => panel.Traces).OfType<T>();

    private static IEnumerable<T> Annotations<T>(Figure figure) where T : Annotation => figure.Panels.SelectMany(panel => panel.Annotations).OfType<T>();

    [GeneratedRegex(@"\bframed\b", RegexOptions.IgnoreCase)]
    private static partial Regex Framed();

    [GeneratedRegex(@"\b(shaded|grey):", RegexOptions.IgnoreCase)]
    private static partial Regex Shaded();

    [GeneratedRegex(@"\bsmall dots\b", RegexOptions.IgnoreCase)]
    private static partial Regex Dots();

    [GeneratedRegex(@"\b(error bars|intervals?)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Intervals();

    [GeneratedRegex(@"\bcrossing\b", RegexOptions.IgnoreCase)]
    private static partial Regex Crossing();

    [GeneratedRegex(@"\b(left|right) of the line\b", RegexOptions.IgnoreCase)]
    private static partial Regex OfTheLine();

    [GeneratedRegex(@"\b(Above|Below)[:,]")]
    private static partial Regex Rows();

    [GeneratedRegex(@"\b(Left|Right):|on the (left|right)|\((left|right)\b")]
    private static partial Regex Sides();

    [GeneratedRegex(@"\balpha \d+(\.\d+)?\b((, | and )\d+(\.\d+)?\b(?! (of|seeds|worlds)))*")]
    private static partial Regex Alphas();

    [GeneratedRegex(@"\d+(\.\d+)?")]
    private static partial Regex Numbers();

    [GeneratedRegex(@"\b(SELM( \d+\.\d+)?|(iterative|offline|stepwise) DPO|XPO|VPO|SPPO|SPIN|DNO|oracle)\b")]
    private static partial Regex Methods();
}
