namespace Selm.Research.Data;

/// <summary>Rows padded on the right to one width, row after row in flat arrays of [rows x width].</summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Width">Padded length [tokens].</param>
/// <param name="InputIds">[rows, width] ids; padding holds the pad id.</param>
/// <param name="AttentionMask">[rows, width] 1 for tokens, 0 for padding.</param>
/// <param name="Labels">[rows, width] ids of the responses, elsewhere <see cref="TokenRow.Ignore"/>; not yet shifted.</param>
public sealed record TokenBatch(int Rows, int Width, int[] InputIds, int[] AttentionMask, int[] Labels)
{
    /// <summary>Pads rows to the longest of them, or to <paramref name="minWidth"/> where that is more.</summary>
    public static TokenBatch Collate(IReadOnlyList<TokenRow> rows, int padId, int minWidth = 0)
    {
        var width = rows.Aggregate(minWidth, (most, row) => Math.Max(most, row.Length));
        var (ids, mask, labels) = (new int[rows.Count * width], new int[rows.Count * width], new int[rows.Count * width]);
        Array.Fill(ids, padId);
        Array.Fill(labels, TokenRow.Ignore);
        for (var r = 0; r < rows.Count; r++)
        {
            var row = rows[r];
            row.InputIds.CopyTo(ids, r * width);
            Array.Fill(mask, 1, r * width, row.Length);
            row.Response.CopyTo(labels.AsSpan((r * width) + row.ResponseStart));
        }
        return new(rows.Count, width, ids, mask, labels);
    }
}
