using System.Diagnostics;
using System.Globalization;

namespace Selm.HuggingFace.Files;

/// <summary>Whether who left a file still runs; files name their writers by number.</summary>
public static class LiveProcess
{
    /// <summary>Whether a process of this number runs here.</summary>
    /// <param name="number">As the file has it; what is no number is no process.</param>
    public static bool Is(string number) => int.TryParse(number, CultureInfo.InvariantCulture, out var id) && Is(id);

    /// <inheritdoc cref="Is(string)"/>
    public static bool Is(int number)
    {
        try
        {
            using var process = Process.GetProcessById(number);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
