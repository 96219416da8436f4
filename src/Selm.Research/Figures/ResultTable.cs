using System.Text.Json.Serialization;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Figures;

/// <summary>A table of results: columns with units and formats, rows of cells, notes below.</summary>
/// <param name="Id">A short name for files and links: lower-case letters, digits and hyphens.</param>
/// <param name="Title">What the table shows.</param>
/// <param name="Columns">From the left.</param>
/// <param name="Rows">From the top; every row has one cell per column.</param>
[TypeFormatterSource(typeof(TableFormatterSource), PreferredMimeTypes = ["text/html", "text/markdown", "text/plain"])]
public sealed record ResultTable(string Id, string Title, IReadOnlyList<Column> Columns, IReadOnlyList<IReadOnlyList<Cell>> Rows)
{
    /// <summary>Sentences below the table.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The text of a cell, formatted as its column says.</summary>
    internal string Text(IReadOnlyList<Cell> row, int column) => row[column].Format(Columns[column].Format);

    /// <summary>Refuses a table with a row of the wrong length.</summary>
    /// <exception cref="ArgumentException">Names the table and the row.</exception>
    internal void Demand()
    {
        foreach (var (i, row) in Rows.Index())
        {
            if (row.Count != Columns.Count)
            {
                throw new ArgumentException($"table '{Id}': row {i + 1} has {row.Count} cells for {Columns.Count} columns");
            }
        }
    }
}

/// <summary>A column of a table.</summary>
/// <param name="Name">Its heading.</param>
/// <param name="Unit">The unit, shown in brackets after the heading; empty for none.</param>
/// <param name="Format">The .NET number format of its numbers; "+0.00;-0.00" shows signs.</param>
public sealed record Column(string Name, string Unit = "", string Format = "0.00")
{
    /// <summary>The heading with its unit.</summary>
    internal string Heading => Unit.Length == 0 ? Name : $"{Name} ({Unit})";
}

/// <summary>What a cell of a table holds: words, a number, a number with its interval, or an interval.</summary>
[JsonConverter(typeof(CellJson))]
public sealed record Cell
{
    private Cell(string? words, double value, double low, double high, bool symmetric) =>
        (Words, Value, Low, High, Symmetric) = (words, value, low, high, symmetric);

    /// <summary>A cell without content, shown as a dash.</summary>
    public static Cell Empty { get; } = new("", double.NaN, double.NaN, double.NaN, false);

    /// <summary>The words; null for numbers.</summary>
    public string? Words { get; }

    /// <summary>The number; NaN for words and for an interval without a middle.</summary>
    public double Value { get; }

    /// <summary>The lower end of the interval; NaN for none.</summary>
    public double Low { get; }

    /// <summary>The upper end of the interval; NaN for none.</summary>
    public double High { get; }

    /// <summary>Whether the interval is shown as a distance on both sides.</summary>
    public bool Symmetric { get; }

    /// <summary>Whether there is an interval.</summary>
    internal bool HasInterval => !double.IsNaN(Low);

    /// <summary>Words.</summary>
    public static Cell Text(string words) => new(words, double.NaN, double.NaN, double.NaN, false);

    /// <summary>A number; NaN is an empty cell.</summary>
    public static Cell Number(double value) => double.IsNaN(value) ? Empty : new(null, value, double.NaN, double.NaN, false);

    /// <summary>A number with the same distance on both sides, shown as 0.74 ± 0.03.</summary>
    public static Cell PlusMinus(double value, double distance) => new(null, value, value - distance, value + distance, true);

    /// <summary>A mean with its interval, shown as 0.74 ± 0.03.</summary>
    public static Cell PlusMinus(MeanInterval mean) => PlusMinus(mean.Mean, (mean.High - mean.Low) / 2);

    /// <summary>A number with its interval, shown as 0.74 [0.70, 0.79].</summary>
    public static Cell Interval(double value, double low, double high) => new(null, value, low, high, false);

    /// <summary>An interval alone, shown as [0.70, 0.79].</summary>
    public static Cell Range(double low, double high) => new(null, double.NaN, low, high, false);

    /// <summary>Words.</summary>
    public static implicit operator Cell(string words) => Text(words);

    /// <summary>A number.</summary>
    public static implicit operator Cell(double value) => Number(value);

    /// <summary>The cell as people read it.</summary>
    /// <param name="format">A .NET number format.</param>
    internal string Format(string format)
    {
        if (Words is not null)
        {
            return Words.Length == 0 ? "–" : Words;
        }
        if (!HasInterval)
        {
            return Numerals.Format(Value, format);
        }
        if (Symmetric)
        {
            return $"{Numerals.Format(Value, format)} ± {Numerals.Format(High - Value, format.Split(';')[0].TrimStart('+'))}";
        }
        var ends = $"[{Numerals.Format(Low, format)}, {Numerals.Format(High, format)}]";
        return double.IsNaN(Value) ? ends : $"{Numerals.Format(Value, format)} {ends}";
    }
}
