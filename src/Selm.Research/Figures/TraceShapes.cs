namespace Selm.Research.Figures;

/// <summary>The shapes of a panel's traces inside its plotting area.</summary>
internal sealed partial class TraceShapes(Panel panel, PlotArea area, Dictionary<string, string> colours)
{
    private const double LabelSize = 9, CellLine = 10.5;

    /// <summary>Lines, markers, bars; lowest first.</summary>
    public List<Shape> Marks { get; } = [];

    /// <summary>Labels that belong to the data: values above bars, in cells.</summary>
    public List<TextShape> Labels { get; } = [];

    /// <summary>Draws every trace.</summary>
    public void Draw()
    {
        var grouped = panel.Traces.Where(trace => trace is BarTrace or BoxTrace).ToList();
        foreach (var trace in panel.Traces)
        {
            var colour = colours[trace.Name];
            switch (trace)
            {
                case LineTrace line: Line(line, colour); break;
                case ScatterTrace scatter: Scatter(scatter, colour); break;
                case BarTrace bar: Bars(bar, colour, panel.Stacked ? 0 : grouped.IndexOf(bar), panel.Stacked ? 1 : grouped.Count); break;
                case WaterfallTrace waterfall: Waterfall(waterfall); break;
                case HistogramTrace histogram: Bins(histogram, colour); break;
                case BoxTrace box: Boxes(box, colour, grouped.IndexOf(box), grouped.Count); break;
                case HeatMapTrace heat: Cells(heat); break;
                default: throw new ArgumentException($"traces of type {trace.GetType().Name} cannot be drawn");
            }
        }
        // A value label that covers its neighbour helps nobody: then the axis has to do.
        if (panel.Traces.Any(trace => trace is BarTrace) && Labels.Any(a => Labels.Any(b => a != b && a.Overlaps(b, 0))))
        {
            Labels.Clear();
        }
    }

    private void Line(LineTrace line, string colour)
    {
        if (line.Band is { } band)
        {
            foreach (var run in Runs(line.X.Count, i => double.IsFinite(band.Low[i]) && double.IsFinite(band.High[i])))
            {
                var upper = run.Select(i => (area.X.At(line.X[i]), area.Y.At(band.High[i])));
                var lower = run.AsEnumerable().Reverse().Select(i => (area.X.At(line.X[i]), area.Y.At(band.Low[i])));
                Marks.Add(new PathShape([.. upper, .. lower], true, new(Fill: colour, Opacity: 0.18)));
            }
        }
        foreach (var run in Runs(line.X.Count, i => double.IsFinite(line.Y[i])))
        {
            Marks.Add(new PathShape([.. run.Select(i => (area.X.At(line.X[i]), area.Y.At(line.Y[i])))], false, TraceStyle.Line(line.Origin, colour)));
            if (line.Markers)
            {
                Marks.AddRange(run.Select(i => TraceStyle.Marker(line.Origin, colour, area.X.At(line.X[i]), area.Y.At(line.Y[i]), 2.6)));
            }
        }
    }

    private void Scatter(ScatterTrace scatter, string colour)
    {
        for (var i = 0; i < scatter.X.Count; i++)
        {
            if (!double.IsFinite(scatter.X[i]) || !double.IsFinite(scatter.Y[i]))
            {
                continue;
            }
            var (x, y) = (area.X.At(scatter.X[i]), area.Y.At(scatter.Y[i]));
            Seeds(scatter.Seeds?[i], panel.Y.Categories is null ? x : y, 5, colour, lying: panel.Y.Categories is not null);
            UprightError(scatter.Errors, i, x, colour);
            if (scatter.XErrors is { } errors && double.IsFinite(errors.Low[i]) && double.IsFinite(errors.High[i]))
            {
                var (low, high) = (area.X.At(errors.Low[i]), area.X.At(errors.High[i]));
                Marks.Add(new PathShape([(low, y), (high, y)], false, new(colour, 1.3)));
                Marks.Add(new PathShape([(low, y - 2.5), (low, y + 2.5)], false, new(colour, 1.3)));
                Marks.Add(new PathShape([(high, y - 2.5), (high, y + 2.5)], false, new(colour, 1.3)));
            }
            Marks.Add(TraceStyle.Marker(scatter.Origin, colour, x, y));
        }
    }

    private void Bars(BarTrace bar, string colour, int place, int places)
    {
        var (width, offset) = Within(place, places);
        var floors = panel.Floors(bar);
        for (var i = 0; i < bar.Values.Count; i++)
        {
            if (!double.IsFinite(bar.Values[i]))
            {
                continue;
            }
            var centre = area.X.At(i) + offset;
            Body(centre, width, panel.Stacked ? floors[i] : Floor(), floors[i] + bar.Values[i], TraceStyle.Body(bar.Origin, colour));
            Seeds(bar.Seeds?[i], centre, width / 4, Palette.Ink, lying: false);
            UprightError(bar.Errors, i, centre, Palette.Ink);
            if (bar.ValueFormat.Length > 0)
            {
                double[] around = [bar.Values[i], bar.Errors?.Low[i] ?? double.NaN, bar.Errors?.High[i] ?? double.NaN, .. bar.Seeds?[i] ?? []];
                var text = Numerals.Format(bar.Values[i], bar.ValueFormat);
                Labels.Add(bar.Values[i] < 0
                    ? Below(centre, around.Where(double.IsFinite).Min(), text)
                    : Above(centre, around.Where(double.IsFinite).Max(), text));
            }
        }
    }

    private void Waterfall(WaterfallTrace waterfall)
    {
        var width = 0.66 * area.X.Slot;
        var level = double.NaN;
        foreach (var (i, (step, from, to)) in waterfall.Bars().Index())
        {
            var centre = area.X.At(i);
            var colour = step.Total ? Palette.Grey : step.Value >= 0 ? Palette.Colours[0] : Palette.Colours[1];
            Body(centre, width, from, to, TraceStyle.Body(waterfall.Origin, colour));
            if (i > 0)
            {
                var y = area.Y.At(level);
                Marks.Add(new PathShape([(area.X.At(i - 1) + (width / 2), y), (centre - (width / 2), y)], false, new(Palette.Grey, 0.8)));
            }
            level = to;
            Labels.Add(Above(centre, Math.Max(from, to),
                step.Total ? Numerals.Format(step.Value, waterfall.ValueFormat) : Numerals.Signed(step.Value, waterfall.ValueFormat)));
        }
    }

    private void Bins(HistogramTrace histogram, string colour)
    {
        var edges = Histogram.Edges(panel);
        var shares = Histogram.Shares(histogram, edges);
        var outline = new List<(double X, double Y)> { (area.X.At(edges[0]), area.Y.At(0)) };
        for (var i = 0; i < shares.Length; i++)
        {
            outline.Add((area.X.At(edges[i]), area.Y.At(shares[i])));
            outline.Add((area.X.At(edges[i + 1]), area.Y.At(shares[i])));
        }
        outline.Add((area.X.At(edges[^1]), area.Y.At(0)));
        Marks.Add(new PathShape(outline, true, new(Fill: colour, Opacity: histogram.Origin == Origin.Paper ? 0.12 : 0.3)));
        Marks.Add(new PathShape(outline, false, TraceStyle.Line(histogram.Origin, colour)));
    }

    private void Cells(HeatMapTrace heat)
    {
        var finite = heat.Values.SelectMany(row => row).Where(double.IsFinite).ToArray();
        var (low, high) = finite.Length == 0 ? (0, 1) : (finite.Min(), finite.Max());
        for (var row = 0; row < heat.Values.Count; row++)
        {
            for (var column = 0; column < heat.Values[row].Count; column++)
            {
                var value = heat.Values[row][column];
                var fill = double.IsFinite(value) ? Palette.Heat(value, low, high, heat.Midpoint) : "#F2F2F2";
                var (x, y) = (area.X.At(column), area.Y.At(row));
                Marks.Add(new RectangleShape(x - (area.X.Slot / 2), y - (area.Y.Slot / 2), area.X.Slot, area.Y.Slot, new("#FFFFFF", 0.8, fill)));
                string[] lines = [.. heat.Label(row, column).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
                var first = y + 3.2 - ((lines.Length - 1) * CellLine / 2);
                Labels.AddRange(lines.Select((line, i) => new TextShape(x, first + (i * CellLine), line, LabelSize) { Anchor = Anchor.Middle, Fill = Palette.InkOn(fill) }));
            }
        }
        foreach (var cell in heat.Framed)
        {
            Marks.Add(new RectangleShape(
                area.X.At(cell.Column) - (area.X.Slot / 2) + 1, area.Y.At(cell.Row) - (area.Y.Slot / 2) + 1, area.X.Slot - 2, area.Y.Slot - 2, new(Palette.Ink, 1.8)));
        }
    }

    // The width of a bar and its distance from the middle of its category, when several stand in it.
    private (double Width, double Offset) Within(int place, int places)
    {
        var share = 0.78 * area.X.Slot / places;
        return (places == 1 ? Math.Min(share, 46) : 0.92 * share, (place - ((places - 1) / 2.0)) * share);
    }

    private double Floor() => panel.Y.Log ? area.Y.Low : 0;

    private void Body(double centre, double width, double from, double to, Ink ink)
    {
        var (a, b) = (area.Y.At(from), area.Y.At(to));
        Marks.Add(new RectangleShape(centre - (width / 2), Math.Min(a, b), width, Math.Abs(a - b), ink));
    }

    private void UprightError(Band? errors, int i, double x, string colour)
    {
        if (errors is null || !double.IsFinite(errors.Low[i]) || !double.IsFinite(errors.High[i]))
        {
            return;
        }
        var (low, high) = (area.Y.At(errors.Low[i]), area.Y.At(errors.High[i]));
        Marks.Add(new PathShape([(x, low), (x, high)], false, new(colour, 1.3)));
        Marks.Add(new PathShape([(x - 2.5, low), (x + 2.5, low)], false, new(colour, 1.3)));
        Marks.Add(new PathShape([(x - 2.5, high), (x + 2.5, high)], false, new(colour, 1.3)));
    }

    // Dots fan out evenly in the order of the seeds, so that a seed is found at the same place in every bar.
    private void Seeds(IReadOnlyList<double>? seeds, double centre, double reach, string colour, bool lying)
    {
        for (var k = 0; k < (seeds?.Count ?? 0); k++)
        {
            if (double.IsFinite(seeds![k]))
            {
                var beside = centre + (seeds.Count == 1 ? 0 : reach * ((2.0 * k / (seeds.Count - 1)) - 1));
                var (x, y) = lying ? (area.X.At(seeds[k]), beside) : (beside, area.Y.At(seeds[k]));
                Marks.Add(new CircleShape(x, y, 1.4, new(Fill: colour, Opacity: 0.55)));
            }
        }
    }

    private TextShape Above(double centre, double value, string text) =>
        new(centre, area.Y.At(value) - 4, text, LabelSize) { Anchor = Anchor.Middle, Halo = true };

    private TextShape Below(double centre, double value, string text) =>
        new(centre, area.Y.At(value) + 11, text, LabelSize) { Anchor = Anchor.Middle, Halo = true };

    private static IEnumerable<List<int>> Runs(int count, Func<int, bool> there)
    {
        var run = new List<int>();
        for (var i = 0; i <= count; i++)
        {
            if (i < count && there(i))
            {
                run.Add(i);
            }
            else if (run.Count > 0)
            {
                yield return run;
                run = [];
            }
        }
    }
}
