namespace Selm.Research.Figures;

/// <summary>What an origin looks like; see <see cref="Origin"/> for the meaning.</summary>
internal static class TraceStyle
{
    /// <summary>The word in the legend.</summary>
    public static string Word(Origin origin) => origin switch
    {
        Origin.Paper => "paper",
        Origin.Measured => "measured",
        Origin.Exact => "exact",
        Origin.Planned => "planned",
        _ => "recorded",
    };

    /// <summary>The sentence below a figure all of whose traces have one origin.</summary>
    public static string Sentence(Origin origin) => origin switch
    {
        Origin.Paper => "Values: as printed in the paper.",
        Origin.Measured => "Values: measured in this run.",
        Origin.Exact => "Values: exact, by enumeration.",
        Origin.Planned => "Values: planned from shapes, not measured.",
        _ => "Values: from a recorded run.",
    };

    /// <summary>The line of a trace.</summary>
    public static Ink Line(Origin origin, string colour) => origin switch
    {
        Origin.Paper => new(colour, 1.4, Dash: "4 2.5"),
        Origin.Measured => new(colour, 1.6),
        Origin.Exact => new(colour, 2.2),
        Origin.Planned => new(colour, 1.6, Dash: "1.5 2"),
        _ => new(colour, 1.6, Dash: "6 2 1.5 2"),
    };

    /// <summary>The body of a bar, a box or a bin.</summary>
    public static Ink Body(Origin origin, string colour) => origin switch
    {
        Origin.Paper => new(colour, 1.1, Pale(colour), "3 2"),
        Origin.Recorded => new(Palette.Ink, 0.9, colour),
        _ => new("none", 0, colour),
    };

    /// <summary>A point of a trace.</summary>
    public static Shape Marker(Origin origin, string colour, double x, double y, double radius = 3) => origin switch
    {
        Origin.Paper => new CircleShape(x, y, radius, new(colour, 1.3, "#FFFFFF")),
        Origin.Measured => new CircleShape(x, y, radius, new(Fill: colour)),
        Origin.Exact => new PathShape([(x, y - (1.3 * radius)), (x + (1.3 * radius), y), (x, y + (1.3 * radius)), (x - (1.3 * radius), y)], true, new(Fill: colour)),
        Origin.Planned => new RectangleShape(x - (0.8 * radius), y - (0.8 * radius), 1.6 * radius, 1.6 * radius, new(colour, 1.3, "#FFFFFF")),
        _ => new RectangleShape(x - (0.9 * radius), y - (0.9 * radius), 1.8 * radius, 1.8 * radius, new(Fill: colour)),
    };

    /// <summary>A colour thinned with white to a quarter.</summary>
    public static string Pale(string colour)
    {
        var rgb = Convert.ToInt32(colour[1..], 16);
        int Thin(int channel) => 255 - ((255 - channel) / 4);
        return $"#{Thin(rgb >> 16):X2}{Thin((rgb >> 8) & 255):X2}{Thin(rgb & 255):X2}";
    }
}
