namespace Selm.Research.Numerics;

/// <summary>
/// From a matrix of pairwise logits to one score per candidate, as LLM-Blender does it. C[i, j] is the logit of
/// candidate i on the left against j on the right; the diagonal is zero.
/// </summary>
public static class Comparisons
{
    /// <summary>score_i = mean over j of C[i, j] - C[j, i], the zero diagonal counted.</summary>
    public static double[] MaxLogits(double[,] matrix) => Each(matrix, (i, n) =>
    {
        double sum = 0;
        for (var j = 0; j < n; j++)
        {
            sum += matrix[i, j] - matrix[j, i];
        }
        return sum / n;
    });

    /// <summary>
    /// score_i = (number of j with C[i, j] &gt; 0) + (share of j with C[j, i] &lt; 0): wins on the left count whole, wins
    /// on the right only as 1/n. This is what LLM-Blender computes under this name.
    /// </summary>
    public static double[] MaxWins(double[,] matrix) => Each(matrix, (i, n) =>
    {
        var (left, right) = (0, 0);
        for (var j = 0; j < n; j++)
        {
            left += matrix[i, j] > 0 ? 1 : 0;
            right += matrix[j, i] < 0 ? 1 : 0;
        }
        return left + ((double)right / n);
    });

    /// <summary>
    /// The best candidate after one pass that keeps the winner: n - 1 comparisons instead of n (n - 1). The holder
    /// stays only where C[holder, next] - C[next, holder] &gt; 0.
    /// </summary>
    /// <param name="logit">C[i, j], asked for both orders of each comparison.</param>
    /// <param name="order">The candidates in the order in which they meet.</param>
    public static int Bubble(Func<int, int, double> logit, IReadOnlyList<int> order)
    {
        var holder = order[0];
        foreach (var next in order.Skip(1))
        {
            holder = logit(holder, next) - logit(next, holder) > 0 ? holder : next;
        }
        return holder;
    }

    private static double[] Each(double[,] matrix, Func<int, int, double> score)
    {
        var n = matrix.GetLength(0);
        return [.. Enumerable.Range(0, n).Select(i => score(i, n))];
    }
}
