using System.Globalization;

namespace Selm.Research.Figures;

/// <summary>Numbers as people and files read them: invariant culture, a real minus sign for people.</summary>
internal static class Numerals
{
    /// <summary>For people: the .NET format, with U+2212 as minus sign; a value that rounds to zero has no sign.</summary>
    public static string Format(double value, string format)
    {
        var text = value.ToString(format, CultureInfo.InvariantCulture);
        return text.StartsWith('-') && !text.AsSpan().ContainsAnyInRange('1', '9') ? text[1..] : text.Replace('-', '\u2212');
    }

    /// <summary>For people, with a plus sign before positive numbers.</summary>
    public static string Signed(double value, string format) => (value > 0 ? "+" : "") + Format(value, format);

    /// <summary>A coordinate: two decimals, never "-0.00".</summary>
    public static string Coordinate(double value)
    {
        var text = value.ToString("F2", CultureInfo.InvariantCulture);
        return text == "-0.00" ? "0.00" : text;
    }

    /// <summary>For machines: the shortest text that reads back as the same number.</summary>
    public static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
