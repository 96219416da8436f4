// scikit-learn's GroupKFold for groups of one size. It sorts the groups by size with numpy's default sort, which is not
// stable: groups of equal size come out in an order that only the sort's exchanges explain. The order decides the folds,
// the folds decide C, so it is reproduced here.
namespace Selm.Research.Evaluation;

/// <summary>
/// Which fold each group of equal size falls into, as scikit-learn's GroupKFold deals them on numpy's introsort (numpy without
/// vectorised sorting, i.e. before 1.25): the groups in reversed sort order go round the folds in turn.
/// </summary>
public static class GroupedFolds
{
    private const int InsertionSorted = 16;

    /// <summary>The fold of each group.</summary>
    /// <param name="groups">How many groups there are; at least as many as folds.</param>
    /// <param name="folds">How many folds; at least 2.</param>
    /// <returns>[groups], values 0 to folds - 1; the folds' sizes differ by at most one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than 2 folds, or fewer groups than folds.</exception>
    public static int[] Of(int groups, int folds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, folds);
        var order = Enumerable.Range(0, groups).ToArray();
        SortEqualKeys(order);
        var fold = new int[groups];
        for (var place = 0; place < groups; place++)
        {
            fold[order[groups - 1 - place]] = place % folds;
        }
        return fold;
    }

    // What quicksort with a middle pivot does to elements that all compare equal: both scans stop at every element and
    // exchange it, so each partition is reversed pair by pair; short ranges are insertion-sorted, which moves nothing.
    private static void SortEqualKeys(Span<int> range)
    {
        var last = range.Length - 1;
        if (range.Length <= InsertionSorted)
        {
            return;
        }
        var (left, right) = (0, last - 1);
        Swap(range, last / 2, right);
        while (++left < --right)
        {
            Swap(range, left, right);
        }
        Swap(range, left, last - 1);
        SortEqualKeys(range[..left]);
        SortEqualKeys(range[(left + 1)..]);
    }

    private static void Swap(Span<int> range, int i, int j) => (range[i], range[j]) = (range[j], range[i]);
}
