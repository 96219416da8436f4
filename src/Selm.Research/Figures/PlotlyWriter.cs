// Plotly's JSON, kept to what every version since 1.x reads: trace types scatter, bar, box, violin and heatmap, titles as
// objects, labels in cells as annotations. Waterfalls and histograms become bars, so that both writers show one and the same.
using System.Text.Json;
using System.Text.Json.Nodes;
using Selm.HuggingFace.Files;

namespace Selm.Research.Figures;

/// <summary>Figures as application/vnd.plotly.v1+json.</summary>
public static class PlotlyWriter
{
    /// <summary>The MIME type of what this writes.</summary>
    public const string MimeType = "application/vnd.plotly.v1+json";

    /// <summary>The JSON text of a figure: an object with "data", "layout" and "config".</summary>
    /// <exception cref="ArgumentException">The figure contradicts itself (lengths, empty ranges, mixed origins).</exception>
    public static string Write(Figure figure)
    {
        FigureRules.Demand(figure);
        var colours = Palette.Assign(figure);
        var grid = new PlotlyGrid(figure);
        var (data, layout, annotations, lines) = (new JsonArray(), Layout(grid), new JsonArray(), new JsonArray());
        var inLegend = new HashSet<(string, Origin)>();
        foreach (var (place, panel) in figure.Panels.Index())
        {
            var axes = AxisNames(place);
            var (across, up) = grid.Domain(place);
            layout[$"xaxis{axes.Suffix}"] = AxisOf(panel.X, XNames(grid, panel), DataRange.X(panel), across, axes.Y, reversed: false);
            layout[$"yaxis{axes.Suffix}"] = AxisOf(panel.Y, panel.Y.Categories?.Select(Plain).ToArray(), DataRange.Y(panel), up, axes.X, reversed: panel.Y.Categories is not null);
            if (panel.Title.Length > 0)
            {
                annotations.Add(Words(panel.Title, across.Low, up.High, "paper", "paper", "left", "bottom"));
            }
            foreach (var trace in panel.Traces)
            {
                var first = figure.Legend && trace.Name.Length > 0 && trace is not (WaterfallTrace or HeatMapTrace) && inLegend.Add((trace.Name, trace.Origin));
                foreach (var (part, node) in new PlotlyTraces(panel, trace, colours[trace.Name]).Nodes().Index())
                {
                    (node["xaxis"], node["yaxis"]) = (axes.X, axes.Y);
                    (node["name"], node["legendgroup"]) = (Plain(FigureLayout.LegendText(figure, trace)), $"{trace.Name} {trace.Origin}");
                    node["showlegend"] = first && part == 0;
                    data.Add(node);
                }
                if (trace is HeatMapTrace heat)
                {
                    Cells(heat, axes, annotations, lines);
                }
            }
            Annotate(panel, axes, across, up, annotations, lines);
        }
        (layout["annotations"], layout["shapes"]) = (annotations, lines);
        if (inLegend.Count > 0)
        {
            layout["legend"] = new JsonObject { ["orientation"] = "h", ["x"] = 0, ["y"] = grid.LegendBottom, ["yanchor"] = "bottom" };
        }
        // Side by side within a category; a mode is only known to Plotly where there are traces of its type.
        foreach (var type in data.Select(trace => (string)trace!["type"]!).Distinct().Where(type => type is "bar" or "box" or "violin"))
        {
            layout[$"{type}mode"] = "group";
        }
        return new JsonObject { ["data"] = data, ["layout"] = layout, ["config"] = new JsonObject { ["responsive"] = true, ["displaylogo"] = false } }
            .ToJsonString(new JsonSerializerOptions { WriteIndented = false });
    }

    /// <summary>Writes the JSON of a figure as one atomic file.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Save(Figure figure, string path) => AtomicFile.WriteText(path, Write(figure) + "\n");

    /// <summary>A list of numbers in which what is not finite is null.</summary>
    internal static JsonArray Numbers(IEnumerable<double> values) => [.. values.Select(v => double.IsFinite(v) ? JsonValue.Create(v) : null)];

    // Plotly reads a little HTML in its texts; a figure's words are plain.
    private static string Plain(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    private static string Lines(IEnumerable<string> lines) => string.Join("<br>", lines.Select(Plain));

    private static string[]? XNames(PlotlyGrid grid, Panel panel) =>
        panel.XCategories is { } names ? grid.Labels(names)?.Select(Lines).ToArray() ?? names.Select(Plain).ToArray() : null;

    private static (string Suffix, string X, string Y) AxisNames(int place)
    {
        var suffix = place == 0 ? "" : $"{place + 1}";
        return (suffix, $"x{suffix}", $"y{suffix}");
    }

    private static JsonObject Layout(PlotlyGrid grid) => new()
    {
        ["title"] = new JsonObject
        {
            ["text"] = Lines(grid.Title),
            ["font"] = new JsonObject { ["size"] = 16 },
            ["x"] = 0,
            ["xref"] = "paper",
            ["y"] = 1,
            ["yref"] = "container",
            ["yanchor"] = "top",
            ["pad"] = new JsonObject { ["t"] = 12 },
        },
        ["height"] = Math.Round(grid.Height),
        ["plot_bgcolor"] = "#FFFFFF",
        ["paper_bgcolor"] = "#FFFFFF",
        ["margin"] = new JsonObject { ["l"] = Math.Round(grid.Left), ["r"] = PlotlyGrid.Right, ["t"] = Math.Round(grid.Top), ["b"] = Math.Round(grid.Bottom) },
    };

    private static JsonObject AxisOf(Axis axis, string[]? names, AxisRange range, AxisRange domain, string anchor, bool reversed)
    {
        var node = new JsonObject
        {
            ["title"] = new JsonObject { ["text"] = Plain(axis.Label), ["standoff"] = 8 },
            ["domain"] = Numbers([domain.Low, domain.High]),
            ["anchor"] = anchor,
            ["automargin"] = true,
            ["linecolor"] = Palette.Grey,
            ["zeroline"] = false,
            ["exponentformat"] = "e",
        };
        var log = axis.Log && names is null;
        var (low, high) = log ? (Math.Log10(range.Low), Math.Log10(range.High)) : (range.Low, range.High);
        (node["type"], node["range"]) = (log ? "log" : "linear", reversed ? Numbers([high, low]) : Numbers([low, high]));
        if (names is not null)
        {
            // Categories are numbers with names, so that points and bars can stand on the same axis.
            node["tickmode"] = "array";
            node["tickvals"] = Numbers(Enumerable.Range(0, names.Length).Select(i => (double)i));
            node["ticktext"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]);
            node["showgrid"] = false;
        }
        else
        {
            node["gridcolor"] = Palette.Pale;
        }
        return node;
    }

    private static void Cells(HeatMapTrace heat, (string Suffix, string X, string Y) axes, JsonArray annotations, JsonArray lines)
    {
        foreach (var cell in heat.Framed)
        {
            lines.Add(new JsonObject
            {
                ["type"] = "rect",
                ["xref"] = axes.X,
                ["yref"] = axes.Y,
                ["x0"] = cell.Column - 0.5,
                ["x1"] = cell.Column + 0.5,
                ["y0"] = cell.Row - 0.5,
                ["y1"] = cell.Row + 0.5,
                ["line"] = new JsonObject { ["color"] = Palette.Ink, ["width"] = 2.5 },
            });
        }
        var finite = heat.Values.SelectMany(row => row).Where(double.IsFinite).ToArray();
        for (var row = 0; row < heat.Values.Count; row++)
        {
            for (var column = 0; column < heat.Values[row].Count; column++)
            {
                if (heat.Label(row, column) is { Length: > 0 } label)
                {
                    var fill = double.IsFinite(heat.Values[row][column]) ? Palette.Heat(heat.Values[row][column], finite.Min(), finite.Max(), heat.Midpoint) : "#FFFFFF";
                    var words = Words(label, column, row, axes.X, axes.Y, "center", "middle");
                    words["text"] = Lines(label.Split('\n'));
                    words["font"] = new JsonObject { ["color"] = Palette.InkOn(fill) };
                    annotations.Add(words);
                }
            }
        }
    }

    private static void Annotate(Panel panel, (string Suffix, string X, string Y) axes, AxisRange across, AxisRange up, JsonArray annotations, JsonArray lines)
    {
        // Plotly places annotations of a logarithmic axis by exponent, but shapes by value.
        double Place(double v, Axis axis) => axis.Log ? Math.Log10(v) : v;
        foreach (var annotation in panel.Annotations)
        {
            var (from, to, upright) = annotation switch
            {
                Rule rule => (rule.At, rule.At, rule.Vertical),
                Region region => (region.From, region.To, region.Vertical),
                _ => (double.NaN, double.NaN, false),
            };
            if (annotation is Note note)
            {
                annotations.Add(Words(note.Text, Place(note.X, panel.X), Place(note.Y, panel.Y), axes.X, axes.Y, "left", "bottom"));
                continue;
            }
            lines.Add(new JsonObject
            {
                ["type"] = annotation is Rule ? "line" : "rect",
                ["xref"] = upright ? axes.X : "paper",
                ["yref"] = upright ? "paper" : axes.Y,
                ["x0"] = upright ? from : across.Low,
                ["x1"] = upright ? to : across.High,
                ["y0"] = upright ? up.Low : from,
                ["y1"] = upright ? up.High : to,
                ["layer"] = annotation is Rule ? "above" : "below",
                ["fillcolor"] = "rgba(153,153,153,0.16)",
                ["line"] = annotation is Rule
                    ? new JsonObject { ["color"] = Palette.Ink, ["width"] = 1, ["dash"] = "dot" }
                    : new JsonObject { ["width"] = 0 },
            });
            if (annotation.Text.Length > 0)
            {
                annotations.Add(upright
                    ? Words(annotation.Text, Place(from, panel.X), up.High, axes.X, "paper", "left", "top")
                    : Words(annotation.Text, across.High, Place(to, panel.Y), "paper", axes.Y, "right", "bottom"));
            }
        }
    }

    private static JsonObject Words(string text, double x, double y, string xRef, string yRef, string xAnchor, string yAnchor) => new()
    {
        ["text"] = Plain(text),
        ["x"] = x,
        ["y"] = y,
        ["xref"] = xRef,
        ["yref"] = yRef,
        ["xanchor"] = xAnchor,
        ["yanchor"] = yAnchor,
        ["showarrow"] = false,
    };
}
