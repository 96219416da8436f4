// Between the model and SVG: a flat list of shapes with final coordinates. The automatic checks (nothing clipped,
// nothing overlapping) look at these, not at markup.
namespace Selm.Research.Figures;

/// <summary>Where the given point of a text lies in it.</summary>
internal enum Anchor
{
    Start,
    Middle,
    End,
}

/// <summary>Something drawn, coordinates in units of a 400-unit-wide figure, y downwards.</summary>
internal abstract record Shape;

/// <summary>How a shape is drawn: colours as #RRGGBB or "none".</summary>
internal sealed record Ink(string Stroke = "none", double Width = 0, string Fill = "none", string Dash = "", double Opacity = 1);

/// <summary>A rectangle.</summary>
internal sealed record RectangleShape(double X, double Y, double Width, double Height, Ink Ink) : Shape;

/// <summary>A path through points, closed or open.</summary>
internal sealed record PathShape(IReadOnlyList<(double X, double Y)> Points, bool Closed, Ink Ink) : Shape;

/// <summary>A circle.</summary>
internal sealed record CircleShape(double X, double Y, double Radius, Ink Ink) : Shape;

/// <summary>A line of text; (X, Y) is on the baseline, the angle turns clockwise around it in degrees.</summary>
internal sealed record TextShape(double X, double Y, string Text, double Size) : Shape
{
    public Anchor Anchor { get; init; } = Anchor.Start;
    public bool Bold { get; init; }
    public double Angle { get; init; }
    public string Fill { get; init; } = Palette.Ink;

    /// <summary>Whether the text has a white edge because it stands on data.</summary>
    public bool Halo { get; init; }

    /// <summary>The four corners of the text's box, in order around it, drawn in by <paramref name="inset"/>.</summary>
    public (double X, double Y)[] Corners(double inset = 0)
    {
        var width = Typeface.Width(Text, Size, Bold);
        var left = Anchor switch { Anchor.Start => 0, Anchor.Middle => -width / 2, _ => -width };
        var (top, bottom) = (-(Typeface.Ascent * Size) + inset, (Typeface.Descent * Size) - inset);
        var (sin, cos) = Math.SinCos(Angle * Math.PI / 180);
        (double, double) Turn(double x, double y) => (X + (x * cos) - (y * sin), Y + (x * sin) + (y * cos));
        return [Turn(left + inset, top), Turn(left + width - inset, top), Turn(left + width - inset, bottom), Turn(left + inset, bottom)];
    }

    /// <summary>Whether two texts cover each other by more than <paramref name="tolerance"/>.</summary>
    public bool Overlaps(TextShape other, double tolerance)
    {
        var (mine, its) = (Corners(tolerance / 2), other.Corners(tolerance / 2));
        return !Separated(mine, its) && !Separated(its, mine);
    }

    // Two convex shapes are apart if one of their edges has all of the other shape on its outer side.
    private static bool Separated((double X, double Y)[] box, (double X, double Y)[] other)
    {
        for (var i = 0; i < box.Length; i++)
        {
            var (a, b) = (box[i], box[(i + 1) % box.Length]);
            var (dx, dy) = (b.X - a.X, b.Y - a.Y);
            if (other.All(p => ((p.X - a.X) * dy) - ((p.Y - a.Y) * dx) >= 0))
            {
                return true;
            }
        }
        return false;
    }
}

/// <summary>A finished figure: its size and its shapes, lowest first.</summary>
internal sealed record Drawing(double Width, double Height, IReadOnlyList<Shape> Shapes)
{
    public IEnumerable<TextShape> Texts => Shapes.OfType<TextShape>();
}

/// <summary>Shapes of which only the part inside a rectangle shows.</summary>
internal sealed record ClipShape(double X, double Y, double Width, double Height, IReadOnlyList<Shape> Shapes) : Shape;
