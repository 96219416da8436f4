// The same figure gives the same bytes on every machine: numbers with two decimals, no identifiers, no time, a generic
// font family.
using System.Net;
using System.Text;
using Selm.HuggingFace.Files;

namespace Selm.Research.Figures;

/// <summary>Figures as SVG: 640 pixels wide by default, legible down to 400, no script and no external file.</summary>
public static class SvgWriter
{
    private const double Scale = 1.6;

    /// <summary>The SVG text of a figure; ends in a newline.</summary>
    /// <exception cref="ArgumentException">The figure contradicts itself (lengths, empty ranges, mixed origins).</exception>
    public static string Write(Figure figure) => Text(figure, FigureLayout.Draw(figure));

    /// <summary>The same without the caption, for a page that shows it as text.</summary>
    /// <exception cref="ArgumentException">The figure contradicts itself.</exception>
    internal static string WithoutCaption(Figure figure) => Text(figure, FigureLayout.Draw(figure, caption: false));

    private static string Text(Figure figure, Drawing drawing)
    {
        var svg = new StringBuilder();
        svg.Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {N(drawing.Width)} {N(drawing.Height)}\" ")
            .Append($"width=\"{N(Scale * drawing.Width)}\" height=\"{N(Scale * drawing.Height)}\" font-family=\"sans-serif\" role=\"img\" aria-label=\"{Escape(figure.Title)}\">\n")
            .Append($"<rect width=\"{N(drawing.Width)}\" height=\"{N(drawing.Height)}\" fill=\"#FFFFFF\"/>\n");
        Append(svg, drawing.Shapes);
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Writes a figure as one atomic file.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static void Save(Figure figure, string path) => AtomicFile.WriteText(path, Write(figure));

    private static void Append(StringBuilder svg, IReadOnlyList<Shape> shapes)
    {
        foreach (var shape in shapes)
        {
            switch (shape)
            {
                case RectangleShape box:
                    svg.Append($"<rect x=\"{N(box.X)}\" y=\"{N(box.Y)}\" width=\"{N(box.Width)}\" height=\"{N(box.Height)}\"{Style(box.Ink)}/>\n");
                    break;
                case CircleShape circle:
                    svg.Append($"<circle cx=\"{N(circle.X)}\" cy=\"{N(circle.Y)}\" r=\"{N(circle.Radius)}\"{Style(circle.Ink)}/>\n");
                    break;
                case PathShape path:
                    var points = string.Join(' ', path.Points.Select(p => $"{N(p.X)},{N(p.Y)}"));
                    svg.Append($"<{(path.Closed ? "polygon" : "polyline")} points=\"{points}\"{Style(path.Ink)}/>\n");
                    break;
                case TextShape text:
                    svg.Append(Markup(text));
                    break;
                // A nested svg clips by itself; a clipPath would need an identifier, which must not repeat in one page.
                case ClipShape clip:
                    svg.Append($"<svg x=\"{N(clip.X)}\" y=\"{N(clip.Y)}\" width=\"{N(clip.Width)}\" height=\"{N(clip.Height)}\" ")
                        .Append($"viewBox=\"{N(clip.X)} {N(clip.Y)} {N(clip.Width)} {N(clip.Height)}\">\n");
                    Append(svg, clip.Shapes);
                    svg.Append("</svg>\n");
                    break;
            }
        }
    }

    private static string Markup(TextShape text)
    {
        var anchor = text.Anchor switch { Anchor.Start => "", Anchor.Middle => " text-anchor=\"middle\"", _ => " text-anchor=\"end\"" };
        var turn = text.Angle == 0 ? "" : $" transform=\"rotate({N(text.Angle)} {N(text.X)} {N(text.Y)})\"";
        var bold = text.Bold ? " font-weight=\"bold\"" : "";
        var halo = text.Halo ? " stroke=\"#FFFFFF\" stroke-width=\"2.5\" stroke-linejoin=\"round\" paint-order=\"stroke\"" : "";
        return $"<text x=\"{N(text.X)}\" y=\"{N(text.Y)}\" font-size=\"{N(text.Size)}\"{anchor}{bold}{turn} fill=\"{text.Fill}\"{halo}>{Escape(text.Text)}</text>\n";
    }

    private static string Style(Ink ink)
    {
        var stroke = ink.Stroke == "none" ? "" : $" stroke=\"{ink.Stroke}\" stroke-width=\"{N(ink.Width)}\"";
        var dash = ink.Dash.Length == 0 ? "" : $" stroke-dasharray=\"{ink.Dash}\"";
        var opacity = ink.Opacity == 1 ? "" : $" opacity=\"{N(ink.Opacity)}\"";
        return $" fill=\"{ink.Fill}\"{stroke}{dash}{opacity}";
    }

    private static string N(double value) => Numerals.Coordinate(value);

    private static string Escape(string text) => WebUtility.HtmlEncode(text).Replace("&#39;", "'", StringComparison.Ordinal);
}
