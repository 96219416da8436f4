// How wide text is, without a font engine: the advance widths of DejaVu Sans, the widest of the usual sans-serif
// faces, so that text that fits here also fits where Helvetica or Arial is used.
namespace Selm.Research.Figures;

/// <summary>Estimates text widths in a generic sans-serif face.</summary>
internal static class Typeface
{
    /// <summary>Height above the baseline, in units of the font size.</summary>
    public const double Ascent = 0.76;

    /// <summary>Depth below the baseline, in units of the font size.</summary>
    public const double Descent = 0.24;

    private const double BoldFactor = 1.13;
    private const int Unknown = 838;

    // U+0020 to U+007E, in thousandths of the font size.
    private static readonly short[] ascii =
    [
        318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337,
        636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531,
        1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
        603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500,
        500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612,
        635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
    ];

    private static readonly Dictionary<char, short> others = new()
    {
        ['α'] = 659, ['β'] = 638, ['γ'] = 592, ['δ'] = 612, ['ε'] = 541, ['η'] = 634, ['θ'] = 612, ['κ'] = 589,
        ['λ'] = 592, ['μ'] = 636, ['π'] = 602, ['ρ'] = 635, ['σ'] = 634, ['τ'] = 602, ['φ'] = 660, ['χ'] = 578,
        ['ψ'] = 660, ['ω'] = 837, ['Δ'] = 684, ['Σ'] = 632, ['Π'] = 752, ['Ω'] = 764, ['–'] = 500, ['—'] = 1000,
        ['·'] = 318, ['…'] = 1000, ['’'] = 318, ['“'] = 518, ['”'] = 518, ['°'] = 500, ['²'] = 401, ['³'] = 401,
        ['¹'] = 401, ['₀'] = 401, ['₁'] = 401, ['₂'] = 401,
    };

    /// <summary>The width of a line of text, in the unit of the size; characters outside the table count as wide.</summary>
    public static double Width(string text, double size, bool bold = false)
    {
        var sum = 0;
        foreach (var c in text)
        {
            sum += c is >= ' ' and <= '~' ? ascii[c - ' '] : others.GetValueOrDefault(c, (short)Unknown);
        }
        return sum * size / 1000 * (bold ? BoldFactor : 1);
    }

    /// <summary>Breaks text at spaces so that no line is wider than a limit, where its words allow it.</summary>
    public static IReadOnlyList<string> Wrap(string text, double size, double limit, bool bold = false)
    {
        var lines = new List<string>();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (lines.Count > 0 && Width($"{lines[^1]} {word}", size, bold) <= limit)
            {
                lines[^1] += $" {word}";
            }
            else
            {
                lines.Add(word);
            }
        }
        return lines;
    }
}
