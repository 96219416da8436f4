namespace Selm.HuggingFace.Tokenizers;

/// <summary>A stretch of a text that is one token so far; -1 as id or neighbour means none.</summary>
internal struct Symbol
{
    /// <summary>Value of <see cref="Next"/> of a symbol that was merged into its left neighbour.</summary>
    public const int Swallowed = -2;

    public int Start;
    public int Length;
    public int Id;
    public int Previous;
    public int Next;

    /// <summary>A symbol that may not be merged, such as a user-defined piece.</summary>
    public bool Frozen;
}

/// <summary>Says whether two neighbours merge: into which id, and how early (lower goes first).</summary>
internal delegate bool MergeRule(in Symbol left, in Symbol right, ReadOnlySpan<char> joined, out float priority, out int id);

/// <summary>
/// Byte pair encoding: merges the best pair of neighbours, leftmost first among equals, until none is left.
/// A priority queue over a linked list makes it O(n log n), also for texts that are one long word.
/// </summary>
internal static class PairMerger
{
    /// <summary>Merges in place; walk the result from the first symbol along Next.</summary>
    public static void Merge(string text, Span<Symbol> symbols, MergeRule rule)
    {
        var queue = new PriorityQueue<(int Left, int Id), Order>(symbols.Length);
        for (var i = 0; i + 1 < symbols.Length; i++)
        {
            Offer(text, symbols, i, rule, queue);
        }
        while (queue.TryDequeue(out var entry, out _))
        {
            ref var left = ref symbols[entry.Left];
            if (left.Next < 0)
            {
                continue;
            }
            ref var right = ref symbols[left.Next];
            // The pair may have changed since it was queued: it still counts only if it makes the same token.
            if (!Joins(text, left, right, rule, out _, out var id) || id != entry.Id)
            {
                continue;
            }
            left.Length += right.Length;
            left.Id = id;
            left.Next = right.Next;
            right.Next = Symbol.Swallowed;
            if (left.Next >= 0)
            {
                symbols[left.Next].Previous = entry.Left;
            }
            Offer(text, symbols, left.Previous, rule, queue);
            Offer(text, symbols, entry.Left, rule, queue);
        }
    }

    private static void Offer(
        string text, ReadOnlySpan<Symbol> symbols, int left, MergeRule rule, PriorityQueue<(int Left, int Id), Order> queue)
    {
        if (left < 0 || symbols[left].Next < 0)
        {
            return;
        }
        if (Joins(text, symbols[left], symbols[symbols[left].Next], rule, out var priority, out var id))
        {
            queue.Enqueue((left, id), new Order(priority, left));
        }
    }

    private static bool Joins(string text, in Symbol left, in Symbol right, MergeRule rule, out float priority, out int id)
    {
        priority = 0;
        id = -1;
        return !left.Frozen && !right.Frozen
            && rule(left, right, text.AsSpan(left.Start, left.Length + right.Length), out priority, out id);
    }

    private readonly record struct Order(float Priority, int Left) : IComparable<Order>
    {
        public int CompareTo(Order other)
        {
            var byPriority = Priority.CompareTo(other.Priority);
            return byPriority != 0 ? byPriority : Left.CompareTo(other.Left);
        }
    }
}
