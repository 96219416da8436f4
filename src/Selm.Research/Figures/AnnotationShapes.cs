namespace Selm.Research.Figures;

/// <summary>Notes, reference lines and regions of a panel; words go where nothing else is written.</summary>
internal sealed class AnnotationShapes(Panel panel, PlotArea area, TraceShapes data)
{
    private const double Size = 9;
    private const double LineHeight = 11;

    private readonly List<TextShape> taken = [.. data.Labels];
    private readonly List<(double X, double Y)> points = [.. data.Marks.SelectMany(Points)];

    /// <summary>Regions: below grid and data.</summary>
    public List<Shape> Behind { get; } = [];

    /// <summary>Lines and words: above the data.</summary>
    public List<Shape> InFront { get; } = [];

    /// <summary>Draws all annotations, in their order.</summary>
    public void Draw()
    {
        foreach (var annotation in panel.Annotations)
        {
            switch (annotation)
            {
                case Region region: Stripe(region); break;
                case Rule rule: Line(rule); break;
                case Note note: Words(note.Text, Around(area.X.At(note.X), area.Y.At(note.Y), Lines(note.Text))); break;
                default: throw new ArgumentException($"annotations of type {annotation.GetType().Name} cannot be drawn");
            }
        }
    }

    private void Stripe(Region region)
    {
        var ink = new Ink(Fill: "#999999", Opacity: 0.16);
        if (region.Vertical)
        {
            var (a, b) = Ends(area.X, region, area.Left, area.Right);
            Behind.Add(new RectangleShape(a, area.Top, b - a, area.Height, ink));
            Words(region.Text, [.. InStripe(a, b, area.Top, area.Bottom, Lines(region.Text))]);
        }
        else
        {
            var (a, b) = Ends(area.Y, region, area.Top, area.Bottom);
            Behind.Add(new RectangleShape(area.Left, a, area.Width, b - a, ink));
            Words(region.Text, [.. InStripe(area.Left, area.Right, a, b, Lines(region.Text))]);
        }
    }

    private void Line(Rule rule)
    {
        var ink = new Ink(Palette.Ink, 1, Dash: "2 2");
        var lines = Lines(rule.Text);
        if (rule.Vertical)
        {
            var x = area.X.At(rule.At);
            InFront.Add(new PathShape([(x, area.Top), (x, area.Bottom)], false, ink));
            Words(rule.Text, [.. new[] { area.Top + 9, area.Bottom - 4 - ((lines.Count - 1) * LineHeight), (area.Top + area.Bottom) / 2 }
                .SelectMany(y => new[] { Block(x + 4, y, Anchor.Start, lines), Block(x - 4, y, Anchor.End, lines) })]);
        }
        else
        {
            var y = area.Y.At(rule.At);
            InFront.Add(new PathShape([(area.Left, y), (area.Right, y)], false, ink));
            Words(rule.Text, [.. new[] { y - 4 - ((lines.Count - 1) * LineHeight), y + 10 }.SelectMany(top =>
                new[] { Block(area.Right - 2, top, Anchor.End, lines), Block(area.Left + 3, top, Anchor.Start, lines), Block((area.Left + area.Right) / 2, top, Anchor.Middle, lines) })]);
        }
    }

    // The first place without other words on it; among those the one with the fewest points of data.
    private void Words(string text, IReadOnlyList<TextShape[]> candidates)
    {
        if (text.Length == 0)
        {
            return;
        }
        var best = candidates.OrderBy(block => (1000 * block.Count(line => taken.Any(other => other.Overlaps(line, 0.5)) || !Inside(line))) + Covered(block)).First();
        taken.AddRange(best);
        InFront.AddRange(best);
    }

    private static IEnumerable<TextShape[]> InStripe(double left, double right, double top, double bottom, IReadOnlyList<string> lines)
    {
        var last = bottom - 4 - ((lines.Count - 1) * LineHeight);
        foreach (var y in new[] { top + 10, last, (top + 10 + last) / 2 })
        {
            yield return Block((left + right) / 2, y, Anchor.Middle, lines);
            yield return Block(left + 3, y, Anchor.Start, lines);
            yield return Block(right - 3, y, Anchor.End, lines);
        }
    }

    private static TextShape[][] Around(double x, double y, IReadOnlyList<string> lines)
    {
        var height = (lines.Count - 1) * LineHeight;
        return
        [
            Block(x + 6, y + 3 - (height / 2), Anchor.Start, lines), Block(x, y - 7 - height, Anchor.Middle, lines),
            Block(x, y + 14, Anchor.Middle, lines), Block(x - 6, y + 3 - (height / 2), Anchor.End, lines),
            Block(x + 6, y - 6 - height, Anchor.Start, lines), Block(x + 6, y + 13, Anchor.Start, lines),
            Block(x - 6, y - 6 - height, Anchor.End, lines), Block(x - 6, y + 13, Anchor.End, lines),
        ];
    }

    private static TextShape[] Block(double x, double y, Anchor anchor, IReadOnlyList<string> lines) =>
        [.. lines.Select((line, i) => new TextShape(x, y + (i * LineHeight), line, Size) { Anchor = anchor, Halo = true })];

    private IReadOnlyList<string> Lines(string text) => Typeface.Wrap(text, Size, 0.55 * area.Width);

    private bool Inside(TextShape line) =>
        line.Corners().All(p => p.X >= area.Left - 1 && p.X <= area.Right + 1 && p.Y >= area.Top - 3 && p.Y <= area.Bottom + 1);

    private int Covered(TextShape[] block) => block.Sum(line =>
    {
        var box = line.Corners();
        return points.Count(p => p.X >= box[0].X && p.X <= box[2].X && p.Y >= box[0].Y && p.Y <= box[2].Y);
    });

    private static (double Low, double High) Ends(AxisMap map, Region region, double low, double high)
    {
        var (a, b) = (map.At(region.From), map.At(region.To));
        return (Math.Clamp(Math.Min(a, b), low, high), Math.Clamp(Math.Max(a, b), low, high));
    }

    // Lines count every few units of their length, so that words also avoid the middle of a long stroke.
    private static IEnumerable<(double X, double Y)> Points(Shape shape) => shape switch
    {
        CircleShape circle => [(circle.X, circle.Y)],
        PathShape path => path.Points.Zip(path.Points.Skip(1)).SelectMany(pair => Along(pair.First, pair.Second)).Append(path.Points[^1]),
        RectangleShape box => Along((box.X, box.Y), (box.X + box.Width, box.Y)).Append((box.X + (box.Width / 2), box.Y + (box.Height / 2))),
        _ => [],
    };

    private static IEnumerable<(double X, double Y)> Along((double X, double Y) from, (double X, double Y) to)
    {
        var steps = 1 + (int)(Math.Max(Math.Abs(to.X - from.X), Math.Abs(to.Y - from.Y)) / 5);
        return Enumerable.Range(0, steps).Select(i => (from.X + ((to.X - from.X) * i / steps), from.Y + ((to.Y - from.Y) * i / steps)));
    }
}
