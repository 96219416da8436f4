using Selm.Research.Figures;

namespace Selm.Research.Lessons;

/// <summary>Rows of a <see cref="ResultTable"/>, one per item.</summary>
public static class TableRows
{
    /// <summary>A row for each item.</summary>
    /// <param name="items">What the rows are about, from the top.</param>
    /// <param name="cells">The cells of an item's row; texts and numbers will do.</param>
    public static IReadOnlyList<IReadOnlyList<Cell>> Of<T>(IEnumerable<T> items, Func<T, IReadOnlyList<Cell>> cells) => [.. items.Select(cells)];

    /// <summary>A row for each item and its place.</summary>
    /// <param name="items">What the rows are about, from the top.</param>
    /// <param name="cells">The cells of an item's row, by the item and its place from 0.</param>
    public static IReadOnlyList<IReadOnlyList<Cell>> Of<T>(IEnumerable<T> items, Func<T, int, IReadOnlyList<Cell>> cells) => [.. items.Select(cells)];
}
