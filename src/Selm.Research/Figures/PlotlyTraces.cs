using System.Text.Json.Nodes;

namespace Selm.Research.Figures;

/// <summary>One trace of a figure as Plotly traces; the first of them stands in the legend.</summary>
internal sealed class PlotlyTraces(Panel panel, Trace trace, string colour)
{
    /// <summary>The Plotly traces, without axes and names.</summary>
    public IEnumerable<JsonObject> Nodes() => trace switch
    {
        LineTrace line => Line(line),
        ScatterTrace scatter => Scatter(scatter),
        BarTrace bar => Bar(bar),
        WaterfallTrace waterfall => [Waterfall(waterfall)],
        HistogramTrace histogram => [Bins(histogram)],
        BoxTrace box => Boxes(box),
        HeatMapTrace heat => [Heat(heat)],
        _ => throw new ArgumentException($"traces of type {trace.GetType().Name} cannot be written"),
    };

    private IEnumerable<JsonObject> Line(LineTrace line)
    {
        var node = new JsonObject
        {
            ["type"] = "scatter",
            ["mode"] = line.Markers ? "lines+markers" : "lines",
            ["x"] = PlotlyWriter.Numbers(line.X),
            ["y"] = PlotlyWriter.Numbers(line.Y),
            ["line"] = Stroke(),
        };
        if (line.Markers)
        {
            node["marker"] = Marker(7);
        }
        yield return node;
        if (line.Band is { } band)
        {
            var there = Enumerable.Range(0, line.X.Count).Where(i => double.IsFinite(band.Low[i]) && double.IsFinite(band.High[i])).ToArray();
            yield return new()
            {
                ["type"] = "scatter",
                ["mode"] = "lines",
                ["x"] = PlotlyWriter.Numbers([.. there.Select(i => line.X[i]), .. there.Reverse().Select(i => line.X[i])]),
                ["y"] = PlotlyWriter.Numbers([.. there.Select(i => band.High[i]), .. there.Reverse().Select(i => band.Low[i])]),
                ["fill"] = "toself",
                ["fillcolor"] = Translucent(0.18),
                ["line"] = new JsonObject { ["width"] = 0 },
                ["hoverinfo"] = "skip",
            };
        }
    }

    private IEnumerable<JsonObject> Scatter(ScatterTrace scatter)
    {
        var node = new JsonObject
        {
            ["type"] = "scatter",
            ["mode"] = "markers",
            ["x"] = PlotlyWriter.Numbers(scatter.X),
            ["y"] = PlotlyWriter.Numbers(scatter.Y),
            ["marker"] = Marker(9),
        };
        AddErrors(node, "error_y", scatter.Errors, scatter.Y);
        AddErrors(node, "error_x", scatter.XErrors, scatter.X);
        yield return node;
        if (scatter.Seeds is { } seeds)
        {
            yield return panel.Y.Categories is null
                ? SeedDots(scatter.X, seeds, panel.XCategories is null ? 0 : 0.1)
                : SeedDots(scatter.Y, seeds, 0.1, lying: true);
        }
    }

    private IEnumerable<JsonObject> Bar(BarTrace bar)
    {
        var places = Enumerable.Range(0, bar.Values.Count).Select(i => (double)i).ToArray();
        var node = new JsonObject
        {
            ["type"] = "bar",
            ["x"] = PlotlyWriter.Numbers(places),
            ["y"] = PlotlyWriter.Numbers(bar.Values),
            ["marker"] = Body(),
        };
        if (panel.Stacked)
        {
            (node["base"], node["offset"], node["width"]) = (PlotlyWriter.Numbers(panel.Floors(bar)), -0.39, 0.78); // its own place, whatever else is grouped
        }
        if (bar.Values.Any(double.IsNaN))
        {
            // A bar without a value has no height, but would still show its outline.
            var outline = node["marker"]!["line"]!;
            var width = outline["width"]!.GetValue<double>();
            outline["width"] = PlotlyWriter.Numbers(bar.Values.Select(v => double.IsNaN(v) ? 0 : width));
        }
        AddErrors(node, "error_y", bar.Errors, bar.Values);
        if (bar.ValueFormat.Length > 0)
        {
            node["text"] = new JsonArray([.. bar.Values.Select(v => JsonValue.Create(double.IsFinite(v) ? Numerals.Format(v, bar.ValueFormat) : ""))]);
            node["textposition"] = "outside";
        }
        yield return node;
        if (bar.Seeds is { } seeds)
        {
            var bars = panel.Traces.OfType<BarTrace>().ToList();
            var slot = 0.78 / bars.Count;
            var offset = (bars.IndexOf(bar) - ((bars.Count - 1) / 2.0)) * slot;
            yield return SeedDots([.. places.Select(x => x + offset)], seeds, slot / 4);
        }
    }

    private JsonObject Waterfall(WaterfallTrace waterfall)
    {
        var bars = waterfall.Bars().ToArray();
        var colours = bars.Select(bar => bar.Step.Total ? Palette.Grey : bar.Step.Value >= 0 ? Palette.Colours[0] : Palette.Colours[1]).ToArray();
        return new()
        {
            ["type"] = "bar",
            ["x"] = PlotlyWriter.Numbers(Enumerable.Range(0, bars.Length).Select(i => (double)i)),
            ["y"] = PlotlyWriter.Numbers(bars.Select(bar => bar.To - bar.From)),
            ["base"] = PlotlyWriter.Numbers(bars.Select(bar => bar.From)),
            ["text"] = new JsonArray([.. bars.Select(bar => JsonValue.Create(bar.Step.Total
                ? Numerals.Format(bar.Step.Value, waterfall.ValueFormat) : Numerals.Signed(bar.Step.Value, waterfall.ValueFormat)))]),
            ["textposition"] = "outside",
            ["marker"] = new JsonObject
            {
                ["color"] = new JsonArray([.. colours.Select(one => JsonValue.Create(trace.Origin == Origin.Paper ? TraceStyle.Pale(one) : one))]),
                ["line"] = new JsonObject { ["color"] = new JsonArray([.. colours.Select(one => JsonValue.Create(one))]), ["width"] = trace.Origin is Origin.Measured or Origin.Planned ? 0 : 1.5 },
            },
        };
    }

    private JsonObject Bins(HistogramTrace histogram)
    {
        var edges = Histogram.Edges(panel);
        return new()
        {
            ["type"] = "bar",
            ["x"] = PlotlyWriter.Numbers(edges.Zip(edges.Skip(1), (low, high) => (low + high) / 2)),
            ["y"] = PlotlyWriter.Numbers(Histogram.Shares(histogram, edges)),
            ["width"] = PlotlyWriter.Numbers(edges.Zip(edges.Skip(1), (low, high) => high - low)),
            // A common offset lays the histograms of a panel over each other instead of side by side.
            ["offset"] = -(edges[1] - edges[0]) / 2,
            ["opacity"] = 0.45,
            ["marker"] = Body(),
        };
    }

    private IEnumerable<JsonObject> Boxes(BoxTrace box) =>
        box.Samples.Index().Where(sample => sample.Item.Count > 0).Select(sample => new JsonObject
        {
            ["type"] = box.Violin ? "violin" : "box",
            ["x"] = PlotlyWriter.Numbers(sample.Item.Select(_ => (double)sample.Index)),
            ["y"] = PlotlyWriter.Numbers(sample.Item),
            ["offsetgroup"] = trace.Name,
            ["line"] = new JsonObject { ["color"] = colour },
            ["fillcolor"] = TraceStyle.Pale(colour),
        });

    private static JsonObject Heat(HeatMapTrace heat)
    {
        var finite = heat.Values.SelectMany(row => row).Where(double.IsFinite).ToArray();
        var (low, high) = finite.Length == 0 ? (0, 1) : (finite.Min(), finite.Max());
        if (heat.Midpoint is { } middle)
        {
            var reach = Math.Max(high - middle, middle - low);
            (low, high) = (middle - reach, middle + reach);
        }
        return new()
        {
            ["type"] = "heatmap",
            ["z"] = new JsonArray([.. heat.Values.Select(row => PlotlyWriter.Numbers(row))]),
            ["zmin"] = low,
            ["zmax"] = high,
            ["colorscale"] = new JsonArray([.. new[] { 0, 0.5, 1 }.Select(share =>
                new JsonArray(share, Palette.Heat(share, 0, 1, heat.Midpoint is null ? null : 0.5)))]),
            ["showscale"] = false,
            ["xgap"] = 1,
            ["ygap"] = 1,
        };
    }

    private JsonObject SeedDots(IReadOnlyList<double> places, IReadOnlyList<IReadOnlyList<double>> seeds, double reach, bool lying = false) => new()
    {
        ["type"] = "scatter",
        ["mode"] = "markers",
        [lying ? "y" : "x"] = PlotlyWriter.Numbers(seeds.Index().SelectMany(point =>
            point.Item.Select((_, k) => places[point.Index] + (point.Item.Count == 1 ? 0 : reach * ((2.0 * k / (point.Item.Count - 1)) - 1))))),
        [lying ? "x" : "y"] = PlotlyWriter.Numbers(seeds.SelectMany(values => values)),
        ["marker"] = new JsonObject { ["size"] = 4, ["opacity"] = 0.55, ["color"] = trace is BarTrace ? Palette.Ink : colour },
    };

    private void AddErrors(JsonObject node, string name, Band? errors, IReadOnlyList<double> values)
    {
        if (errors is not null)
        {
            node[name] = new JsonObject
            {
                ["type"] = "data",
                ["symmetric"] = false,
                ["array"] = PlotlyWriter.Numbers(errors.High.Zip(values, (high, v) => high - v)),
                ["arrayminus"] = PlotlyWriter.Numbers(errors.Low.Zip(values, (low, v) => v - low)),
                ["color"] = trace is BarTrace ? Palette.Ink : colour,
            };
        }
    }

    private JsonObject Stroke() => new()
    {
        ["color"] = colour,
        ["width"] = trace.Origin == Origin.Exact ? 3 : 2,
        ["dash"] = trace.Origin switch { Origin.Paper => "dash", Origin.Recorded => "dashdot", Origin.Planned => "dot", _ => "solid" },
    };

    private JsonObject Marker(double size) => new()
    {
        ["size"] = size,
        ["color"] = colour,
        ["symbol"] = trace.Origin switch { Origin.Paper => "circle-open", Origin.Exact => "diamond", Origin.Recorded => "square", Origin.Planned => "square-open", _ => "circle" },
    };

    private JsonObject Body() => new()
    {
        ["color"] = trace.Origin == Origin.Paper ? TraceStyle.Pale(colour) : colour,
        ["line"] = new JsonObject { ["color"] = trace.Origin == Origin.Recorded ? Palette.Ink : colour, ["width"] = trace.Origin is Origin.Measured or Origin.Planned ? 0 : 1.5 },
    };

    private string Translucent(double opacity)
    {
        var rgb = Convert.ToInt32(colour[1..], 16);
        return FormattableString.Invariant($"rgba({rgb >> 16},{(rgb >> 8) & 255},{rgb & 255},{opacity})");
    }
}
