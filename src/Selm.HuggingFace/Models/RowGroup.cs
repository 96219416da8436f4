using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Rows of similar width that are scored together. A batch is cut where the padding that this saves outweighs another
/// pass: a row of two responses is not padded to the width of one of three.
/// </summary>
internal sealed class RowGroup : IDisposable
{
    /// <summary>What a pass of its own costs, in tokens: fixed work per operator, smaller matrix products.</summary>
    private const long PassCost = 256;

    private readonly int[] sequences; // the place of each of its sequences among those of all rows

    private RowGroup(Llama model, IReadOnlyList<SharedRow> rows, int[] members, int[] firstSequence)
    {
        SharedRow[] own = [.. members.Select(k => rows[k])];
        sequences = [.. members.SelectMany(k => Enumerable.Range(firstSequence[k], rows[k].Responses.Count))];
        Plan = model.ScoringPlan(own);
        Targets = ResponseTargets.Of(own, Plan);
    }

    /// <summary>Layout of its rows, without the last token of each response.</summary>
    internal AttentionPlan Plan { get; }

    /// <summary>Its response tokens.</summary>
    internal ResponseTargets Targets { get; }

    /// <summary>Cuts a batch into groups; together they hold every row once.</summary>
    /// <param name="model">For whom the rows are laid out.</param>
    /// <param name="rows">The batch.</param>
    internal static RowGroup[] Of(Llama model, IReadOnlyList<SharedRow> rows)
    {
        var firstSequence = new int[rows.Count];
        for (var k = 1; k < rows.Count; k++)
        {
            firstSequence[k] = firstSequence[k - 1] + rows[k - 1].Responses.Count;
        }
        return [.. Cut([.. rows.Select(row => row.Width)]).Select(members => new RowGroup(model, rows, members, firstSequence))];
    }

    /// <summary>The cut with the fewest padded tokens, a pass counted as <see cref="PassCost"/> tokens: rows in falling order of width, then a shortest path.</summary>
    /// <param name="widths">Tokens of each row.</param>
    /// <returns>Indices of the rows of each group, rising.</returns>
    internal static List<int[]> Cut(int[] widths)
    {
        int[] order = [.. Enumerable.Range(0, widths.Length).OrderByDescending(k => widths[k])];
        var (cost, from) = (new long[widths.Length + 1], new int[widths.Length + 1]);
        for (var end = 1; end <= widths.Length; end++)
        {
            cost[end] = long.MaxValue;
            for (var start = 0; start < end; start++)
            {
                var total = cost[start] + ((end - start) * (long)widths[order[start]]) + PassCost;
                if (total < cost[end])
                {
                    (cost[end], from[end]) = (total, start);
                }
            }
        }
        var groups = new List<int[]>();
        for (var end = widths.Length; end > 0; end = from[end])
        {
            groups.Insert(0, [.. order[from[end]..end].Order()]);
        }
        return groups;
    }

    /// <summary>Hands the numbers of its sequences to their places among those of all rows.</summary>
    internal void Scatter<T>(ReadOnlySpan<T> own, Span<T> all)
    {
        for (var k = 0; k < sequences.Length; k++)
        {
            all[sequences[k]] = own[k];
        }
    }

    /// <summary>The numbers of its sequences out of those of all rows.</summary>
    internal T[] Gather<T>(T[] all) => [.. sequences.Select(k => all[k])];

    /// <inheritdoc/>
    public void Dispose()
    {
        Plan.Dispose();
        Targets.Dispose();
    }
}
