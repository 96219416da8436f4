using System.Globalization;
using System.Text;

namespace Selm.HuggingFace.Chat;

/// <summary>Python's strftime with English names, for strftime_now.</summary>
internal static class ChatClock
{
    /// <summary>Writes a time by a format such as "%d %b %Y".</summary>
    public static string Write(DateTime now, string format, int at)
    {
        var output = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                output.Append(format[i]);
                continue;
            }
            var unpadded = format[i + 1] == '-' && i + 2 < format.Length;
            i += unpadded ? 2 : 1;
            var part = Part(now, format[i], at);
            output.Append(unpadded && part.TrimStart('0') is { Length: > 0 } digits ? digits : unpadded ? "0" : part);
        }
        return output.ToString();
    }

    private static string Part(DateTime now, char directive, int at)
    {
        return directive switch
        {
            'Y' => Write("yyyy"),
            'y' => Write("yy"),
            'm' => Write("MM"),
            'd' => Write("dd"),
            'e' => Write("%d").PadLeft(2),
            'B' => Write("MMMM"),
            'b' or 'h' => Write("MMM"),
            'A' => Write("dddd"),
            'a' => Write("ddd"),
            'H' => Write("HH"),
            'I' => Write("hh"),
            'M' => Write("mm"),
            'S' => Write("ss"),
            'f' => Write("ffffff"),
            'p' => Write("tt"),
            'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
            'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'F' => Write("yyyy-MM-dd"),
            'T' or 'X' => Write("HH:mm:ss"),
            'R' => Write("HH:mm"),
            'D' or 'x' => Write("MM/dd/yy"),
            'c' => $"{Write("ddd MMM")} {Write("%d"),2} {Write("HH:mm:ss yyyy")}",
            'z' or 'Z' => "", // a time without a zone, as in transformers
            '%' => "%",
            _ => throw new ChatTemplateFault(at, $"the date directive '%{directive}' is not supported."),
        };

        string Write(string format) => now.ToString(format, CultureInfo.InvariantCulture);
    }
}
