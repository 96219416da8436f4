// Figure 1 of the paper, with its numbers: two reward models fit the same comparisons, and the bonus of (1.1) prefers the
// one whose unexplored maximum is higher. The optimum is exact: max_y r is the largest of finitely many r(y), so the best of
// the convex problems "loss - alpha r(y)" over all candidates y is the minimum of "loss - alpha max_y r".
using MathNet.Numerics.LinearAlgebra;
using Selm.Research.Numerics;

namespace Selm.Research.Theory;

/// <summary>A fitted reward model of Figure 1.</summary>
/// <param name="Alpha">The weight of optimism.</param>
/// <param name="Query">y_u in [0, 1], where the model's reward is highest: what would be asked next.</param>
/// <param name="FitLoss">The mean logistic loss of the 40 comparisons, without ridge and bonus, in nats.</param>
/// <param name="Objective">Loss + ridge - alpha max_y r.</param>
/// <param name="Reward">r on the grid, centred to mean 0: comparisons leave the level free.</param>
public sealed record Figure1Fit(double Alpha, double Query, double FitLoss, double Objective, double[] Reward);

/// <summary>
/// One response axis y in [0, 1], a low bump where data were gathered and a higher one where they were not.
/// Where y_u lands among the unseen y is decided by the basis, not by r*: no comparison reaches there. Derived in lesson 04.
/// </summary>
public sealed class Figure1World
{
    /// <summary>Points of the grid.</summary>
    public const int GridPoints = 61;

    /// <summary>Observed responses lie in [0, this].</summary>
    public const double ObservedUpTo = 0.55;

    private const int Observed = 8;
    private const int Comparisons = 40;
    private const int Centres = 24;
    private const double Width = 0.06;
    private const double LogitScale = 4;
    private const double Ridge = 0.01;
    private const int CandidateStride = 2;

    private readonly double[][] differences;
    private readonly double[][] grid;

    /// <summary>Draws the responses and the labels.</summary>
    /// <param name="seed">The seed.</param>
    public Figure1World(ulong seed)
    {
        var random = new PhiloxStream(seed, "figure1");
        Responses = [.. Enumerable.Range(0, Observed).Select(_ => ObservedUpTo * random.NextDouble())];
        differences = new double[Comparisons][];
        for (var i = 0; i < Comparisons; i++)
        {
            // Both sides are drawn freely: one pair in eight compares a response with itself and says nothing.
            var (one, other) = (Responses[random.NextInt(Observed)], Responses[random.NextInt(Observed)]);
            var wins = random.NextDouble() < LogMath.Sigmoid(LogitScale * (TrueReward(one) - TrueReward(other)));
            var (better, worse) = wins ? (Features(one), Features(other)) : (Features(other), Features(one));
            differences[i] = [.. better.Zip(worse, (b, w) => b - w)];
        }
        grid = [.. Grid.Select(Features)];
    }

    /// <summary>The grid over [0, 1].</summary>
    public static IReadOnlyList<double> Grid { get; } = [.. Enumerable.Range(0, GridPoints).Select(i => i / (GridPoints - 1.0))];

    /// <summary>The eight observed responses.</summary>
    public IReadOnlyList<double> Responses { get; }

    /// <summary>r*(y): a bump of 1 at 0.30 and one of 1.6 at 0.80.</summary>
    /// <param name="y">In [0, 1].</param>
    public static double TrueReward(double y) =>
        Math.Exp(-Math.Pow((y - 0.30) / 0.12, 2)) + 1.6 * Math.Exp(-Math.Pow((y - 0.80) / 0.08, 2));

    /// <summary>The minimum of mean logistic loss + 0.01 |w|^2 - alpha max_y r over 24 radial basis functions.</summary>
    /// <param name="alpha">At least 0.</param>
    public Figure1Fit Fit(double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(alpha);
        var (best, weights) = (double.PositiveInfinity, grid[0]);
        // With alpha 0 every candidate poses the same problem.
        for (var candidate = 0; candidate < (alpha == 0 ? 1 : GridPoints); candidate += CandidateStride)
        {
            double[] bonus = [.. grid[candidate].Select(feature => alpha * feature)];
            var w = Minimize(bonus);
            var objective = Objective(w, bonus);
            (best, weights) = objective < best ? (objective, w) : (best, weights);
        }
        var reward = grid.Select(features => Dot(weights, features)).ToArray();
        var query = Grid[Array.IndexOf(reward, reward.Max())];
        var mean = reward.Average();
        return new Figure1Fit(alpha, query, Loss(weights), best, [.. reward.Select(r => r - mean)]);
    }

    private double Loss(double[] w) => Tables.Mean(Comparisons, i => -LogMath.LogSigmoid(Dot(w, differences[i])));

    private double Objective(double[] w, double[] bonus) => Loss(w) + Ridge * Dot(w, w) - Dot(w, bonus);

    // Newton's method on mean -log sigma(w.d) + ridge |w|^2 - w.bonus, the step halved while the objective would rise.
    private double[] Minimize(double[] bonus)
    {
        var w = new double[Centres];
        var value = Objective(w, bonus);
        for (var step = 0; step < 50; step++)
        {
            var direction = NewtonStep(w, bonus);
            var length = 1.0;
            var next = Moved(w, direction, length);
            var nextValue = Objective(next, bonus);
            while (nextValue > value && length > 1e-3)
            {
                length /= 2;
                next = Moved(w, direction, length);
                nextValue = Objective(next, bonus);
            }
            // Quadratic convergence: after a step this small the next would be below rounding.
            if (nextValue > value || direction.Max(Math.Abs) < 1e-7)
            {
                return nextValue > value ? w : next;
            }
            (w, value) = (next, nextValue);
        }
        return w;
    }

    private double[] NewtonStep(double[] w, double[] bonus)
    {
        var gradient = new double[Centres];
        var hessian = new double[Centres * Centres];
        for (var i = 0; i < Centres; i++)
        {
            gradient[i] = 2 * Ridge * w[i] - bonus[i];
            hessian[i * Centres + i] = 2 * Ridge;
        }
        foreach (var d in differences)
        {
            var wrong = LogMath.Sigmoid(-Dot(w, d));
            var curvature = wrong * (1 - wrong) / Comparisons;
            for (var i = 0; i < Centres; i++)
            {
                gradient[i] -= wrong / Comparisons * d[i];
                for (var j = 0; j < Centres; j++)
                {
                    hessian[i * Centres + j] += curvature * d[i] * d[j];
                }
            }
        }
        return Matrix<double>.Build.Dense(Centres, Centres, hessian).Cholesky().Solve(Vector<double>.Build.Dense(gradient)).ToArray();
    }

    private static double[] Moved(double[] w, double[] direction, double length) => [.. w.Zip(direction, (from, by) => from - length * by)];

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static double[] Features(double y) =>
        [.. Enumerable.Range(0, Centres).Select(c => Math.Exp(-Math.Pow((y - c / (Centres - 1.0)) / Width, 2)))];
}
