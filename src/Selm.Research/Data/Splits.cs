using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Data;

/// <summary>Deterministic shuffles, portions and held-out sets.</summary>
public static class Splits
{
    /// <summary>
    /// Cuts a list into k equal portions in its own order and leaves the remainder out, as the authors' scripts do
    /// (61,135 pairs: 4 x 15,283 for Zephyr, 3 x 20,378 for Llama-3). The portions are parts of the list, not copies.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">k is below 1.</exception>
    /// <exception cref="InputException">There are fewer items than portions.</exception>
    public static IReadOnlyList<IReadOnlyList<T>> Portions<T>(IReadOnlyList<T> items, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        var size = items.Count / k;
        return size > 0
            ? [.. Enumerable.Range(0, k).Select(i => new LazyList<T>(size, k => items[(i * size) + k]))]
            : throw new InputException($"{items.Count} pairs cannot be cut into {k} portions; give more pairs or fewer portions.");
    }

    /// <summary>A shuffled copy; the same seed and name give the same order everywhere.</summary>
    /// <param name="items">What to shuffle.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="name">What the order is for, e.g. "batches of iteration 2"; other names give independent orders.</param>
    public static T[] Shuffle<T>(IEnumerable<T> items, ulong seed, string name)
    {
        T[] copy = [.. items];
        new PhiloxStream(seed, name).Shuffle<T>(copy);
        return copy;
    }

    /// <summary>How many of some items <see cref="HoldOut{T}"/> holds out.</summary>
    public static int HeldOutCount(int items, double fraction) => fraction == 0 ? 0 : Math.Min(Math.Max(1, (int)(fraction * items)), items - 1);

    /// <summary>
    /// Holds a random share of the items out for evaluation: floor(fraction x n), at least one when the fraction is
    /// above 0, never all; both parts keep the original order.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not in [0, 1).</exception>
    public static (IReadOnlyList<T> Train, IReadOnlyList<T> HeldOut) HoldOut<T>(IReadOnlyList<T> items, double fraction, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fraction);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(fraction, 1);
        var count = HeldOutCount(items.Count, fraction);
        var held = Shuffle(Enumerable.Range(0, items.Count), seed, "held-out").Take(count).ToHashSet();
        return ([.. items.Where((_, i) => !held.Contains(i))], [.. items.Where((_, i) => held.Contains(i))]);
    }
}
