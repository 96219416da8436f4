namespace Selm.Research.Theory;

/// <summary>
/// The minimum of E_{y ~ p}[cost(y)] + beta KL(p || anchor) over probability vectors, found numerically: Newton's method
/// under the constraint sum p = 1, with damped steps. It never forms an exponential tilt, so it can check one
/// ((2.3), (3.4) and Theorem 3.1). Derived in lessons 03 and 08.
/// </summary>
public static class SimplexMinimizer
{
    private const int MostSteps = 1000;

    // A component that should be smaller than this stays here: its probability is 0 to any accuracy that matters.
    private const double Floor = 1e-300;

    /// <summary>The minimising probabilities of one prompt.</summary>
    /// <param name="cost">K numbers; minus the reward where a reward is maximised.</param>
    /// <param name="anchor">The log-probabilities of the policy that the KL term holds on to, K finite numbers.</param>
    /// <param name="beta">The KL coefficient, above 0.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="beta"/> is not above 0.</exception>
    public static double[] Minimize(ReadOnlySpan<double> cost, ReadOnlySpan<double> anchor, double beta)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(beta, 0);
        if (cost.Length != anchor.Length)
        {
            throw new ArgumentException($"{cost.Length} costs need as many log-probabilities, not {anchor.Length}");
        }
        var p = new double[cost.Length];
        Array.Fill(p, 1.0 / cost.Length);
        var direction = new double[cost.Length];
        for (var step = 0; step < MostSteps; step++)
        {
            var steepest = Newton(cost, anchor, beta, p, direction);
            // A full step once every component stays positive; before, most of the way to the wall.
            var length = Math.Min(1, 0.9 / steepest);
            for (var y = 0; y < p.Length; y++)
            {
                p[y] = Math.Max(Floor, p[y] * (1 - length * direction[y]));
            }
            // Convergence is quadratic: the step just taken squared the error.
            if (steepest < 1e-8)
            {
                break;
            }
        }
        return p;
    }

    // The gradient is g = cost + beta (log p - log anchor) + beta, the Hessian diag(beta/p), so that the Newton step keeping
    // sum p is -p (g - E_p[g])/beta: relative to p, `direction`. Returned: its largest size.
    private static double Newton(
        ReadOnlySpan<double> cost, ReadOnlySpan<double> anchor, double beta, double[] p, double[] direction)
    {
        var mean = 0.0;
        var mass = 0.0;
        for (var y = 0; y < p.Length; y++)
        {
            direction[y] = cost[y] / beta + Math.Log(p[y]) - anchor[y];
            mean += p[y] * direction[y];
            mass += p[y];
        }
        var largest = 0.0;
        for (var y = 0; y < p.Length; y++)
        {
            direction[y] -= mean / mass;
            direction[y] = p[y] <= Floor && direction[y] > 0 ? 0 : direction[y];
            largest = Math.Max(largest, Math.Abs(direction[y]));
        }
        return largest;
    }
}
