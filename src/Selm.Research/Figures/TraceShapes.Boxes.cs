using MathNet.Numerics.Statistics;

namespace Selm.Research.Figures;

/// <summary>The five numbers of a box and what lies outside its whiskers.</summary>
internal sealed record BoxNumbers(double LowWhisker, double LowerQuartile, double Median, double UpperQuartile, double HighWhisker, IReadOnlyList<double> Outliers)
{
    /// <summary>Tukey's box: whiskers end at the last values within 1.5 quartile distances of the box.</summary>
    public static BoxNumbers Of(IReadOnlyList<double> sample)
    {
        var sorted = sample.Order().ToArray();
        var (lower, upper) = (SortedArrayStatistics.LowerQuartile(sorted), SortedArrayStatistics.UpperQuartile(sorted));
        var reach = 1.5 * (upper - lower);
        var inside = sorted.Where(v => v >= lower - reach && v <= upper + reach).ToArray();
        return new(inside[0], lower, SortedArrayStatistics.Median(sorted), upper, inside[^1], [.. sorted.Where(v => v < inside[0] || v > inside[^1])]);
    }
}

internal sealed partial class TraceShapes
{
    private const int ViolinSteps = 40;

    private void Boxes(BoxTrace box, string colour, int place, int places)
    {
        var (width, offset) = Within(place, places);
        for (var i = 0; i < box.Samples.Count; i++)
        {
            if (box.Samples[i].Count == 0)
            {
                continue;
            }
            var (numbers, centre) = (BoxNumbers.Of(box.Samples[i]), area.X.At(i) + offset);
            if (box.Violin)
            {
                Violin(box, box.Samples[i], centre, width, colour);
                Box(numbers, centre, Math.Min(6, width / 4), new(Palette.Ink, 0.9, "#FFFFFF"));
            }
            else
            {
                Whiskers(numbers, centre, width, colour);
                Box(numbers, centre, 0.8 * width, TraceStyle.Body(box.Origin, colour) with { Stroke = colour, Width = 1.1, Fill = TraceStyle.Pale(colour) });
            }
        }
    }

    private void Box(BoxNumbers numbers, double centre, double width, Ink ink)
    {
        Body(centre, width, numbers.LowerQuartile, numbers.UpperQuartile, ink);
        var y = area.Y.At(numbers.Median);
        Marks.Add(new PathShape([(centre - (width / 2), y), (centre + (width / 2), y)], false, new(Palette.Ink, 1.8)));
    }

    private void Whiskers(BoxNumbers numbers, double centre, double width, string colour)
    {
        foreach (var (from, to) in new[] { (numbers.UpperQuartile, numbers.HighWhisker), (numbers.LowerQuartile, numbers.LowWhisker) })
        {
            var end = area.Y.At(to);
            Marks.Add(new PathShape([(centre, area.Y.At(from)), (centre, end)], false, new(colour, 1.2)));
            Marks.Add(new PathShape([(centre - (width / 5), end), (centre + (width / 5), end)], false, new(colour, 1.2)));
        }
        Marks.AddRange(numbers.Outliers.Select(v => new CircleShape(centre, area.Y.At(v), 1.5, new(colour, 0.9))));
    }

    // A Gaussian kernel with Silverman's bandwidth, cut off at the smallest and the largest value.
    private void Violin(BoxTrace box, IReadOnlyList<double> sample, double centre, double width, string colour)
    {
        var sorted = sample.Order().ToList();
        var deviation = sorted.Count > 1 ? sorted.StandardDeviation() : 0;
        if (deviation <= 0)
        {
            return;
        }
        var bandwidth = 1.06 * deviation * Math.Pow(sorted.Count, -0.2);
        var heights = Enumerable.Range(0, ViolinSteps + 1).Select(k => sorted[0] + ((sorted[^1] - sorted[0]) * k / ViolinSteps)).ToArray();
        var density = heights.Select(v => KernelDensity.EstimateGaussian(v, bandwidth, sorted)).ToArray();
        var scale = width / 2 / density.Max();
        var right = heights.Select((v, k) => (centre + (density[k] * scale), area.Y.At(v)));
        var left = heights.Select((v, k) => (centre - (density[k] * scale), area.Y.At(v))).Reverse();
        Marks.Add(new PathShape([.. right, .. left], true, TraceStyle.Line(box.Origin, colour) with { Width = 1.1, Fill = TraceStyle.Pale(colour) }));
    }
}
