namespace Selm.Research.Figures;

/// <summary>
/// The one palette of the kit: Okabe and Ito's colours, which readers with any common colour vision tell apart. Yellow comes
/// last because it is weak on white; black is kept for text and reference lines.
/// </summary>
public static class Palette
{
    private static readonly string[] colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"];

    /// <summary>The colours in the order in which traces take them, as #RRGGBB.</summary>
    public static IReadOnlyList<string> Colours => colours;

    /// <summary>Text, axes and reference lines.</summary>
    internal const string Ink = "#222222";

    /// <summary>Captions and secondary lines.</summary>
    internal const string Grey = "#666666";

    /// <summary>Grid lines.</summary>
    internal const string Pale = "#E3E3E3";

    /// <summary>The colour of every named trace of a figure, by its first appearance.</summary>
    internal static Dictionary<string, string> Assign(Figure figure)
    {
        var assigned = new Dictionary<string, string>();
        foreach (var trace in figure.Panels.SelectMany(panel => panel.Traces))
        {
            assigned.TryAdd(trace.Name, colours[assigned.Count % colours.Length]);
        }
        return assigned;
    }

    /// <summary>
    /// The colour of a heat map's value: white to blue, or vermilion through white to blue around a midpoint.
    /// </summary>
    internal static string Heat(double value, double low, double high, double? midpoint)
    {
        if (midpoint is not { } middle)
        {
            return Mix(colours[0], high > low ? (value - low) / (high - low) : 0.5);
        }
        var reach = Math.Max(Math.Max(high - middle, middle - low), 1e-12);
        return Mix(value < middle ? colours[1] : colours[0], Math.Abs(value - middle) / reach);
    }

    /// <summary>Black or white, whichever reads better on a colour.</summary>
    internal static string InkOn(string colour)
    {
        var (r, g, b) = Channels(colour);
        return (0.299 * r) + (0.587 * g) + (0.114 * b) > 140 ? Ink : "#FFFFFF";
    }

    private static string Mix(string colour, double share)
    {
        var (r, g, b) = Channels(colour);
        return $"#{Toward(r, share):X2}{Toward(g, share):X2}{Toward(b, share):X2}";
    }

    private static int Toward(int channel, double share) => (int)Math.Round(255 + ((channel - 255) * Math.Clamp(share, 0, 1)));

    private static (int R, int G, int B) Channels(string colour)
    {
        var rgb = Convert.ToInt32(colour[1..], 16);
        return (rgb >> 16, (rgb >> 8) & 255, rgb & 255);
    }
}
