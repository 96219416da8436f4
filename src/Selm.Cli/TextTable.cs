namespace Selm.Cli;

/// <summary>A table in plain text: the first column and a last one of sentences to the left, numbers to the right.</summary>
internal static class TextTable
{
    public static void Print(TextWriter output, string[] header, IEnumerable<string[]> rows)
    {
        string[][] all = [header, .. rows];
        var widths = header.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        var sentences = all.Skip(1).Any(row => row[^1].Count(letter => letter == ' ') > 3);
        foreach (var row in all)
        {
            var cells = row.Select((cell, column) => column == 0 || (sentences && column == row.Length - 1) ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            output.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }
}
