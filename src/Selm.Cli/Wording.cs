using System.Globalization;

namespace Selm.Cli;

/// <summary>Numbers as people read them.</summary>
internal static class Wording
{
    /// <summary>"45 s", "12 min", "3 h 20 min".</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 90 => $"{time.TotalSeconds:F0} s",
        < 5400 => $"{time.TotalMinutes:F0} min",
        _ => $"{(int)time.TotalHours} h {time.Minutes} min",
    };

    /// <summary>"1.5 GB" (powers of ten, as disks are sold).</summary>
    public static string Bytes(double bytes) => bytes >= 1e9
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F1} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F0} MB");

    /// <summary>Four significant digits.</summary>
    public static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>One line of at most so many characters, without control characters (they would play with the terminal); a cut is marked.</summary>
    public static string OneLine(string text, int most)
    {
        var clean = new string([.. text.Select(c => char.IsControl(c) ? ' ' : c)]);
        var line = string.Join(' ', clean.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= most ? line : string.Concat(line.AsSpan(0, most - 1), "…");
    }
}
