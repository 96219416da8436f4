// liblinear's L1-penalised logistic regression without its tolerance. With two or three features the Newton step of the
// smooth part is cheap to solve exactly, so a handful of passes over the rows ends at the optimum to machine precision.
// The penalty makes the optimum one point even where columns are nearly the same, such as tanh(gap) of answers that are
// all much longer than the baseline's, and the column of ones.
using MathNet.Numerics.LinearAlgebra;

namespace Selm.Research.Evaluation;

/// <summary>
/// Logistic regression with soft labels, an L1 penalty and no intercept, solved to its optimum:
/// minimise |beta|_1 + C * sum_i w_i (y_i log(1 + exp(-z_i)) + (1 - y_i) log(1 + exp(z_i))) with z_i = x_i . beta.
/// A row with label y and weight w counts as one row of label 1 and weight w y and one of label 0 and weight w (1 - y),
/// which is how programs without soft labels are given them (Fan et al. 2008, LIBLINEAR, section 2.2). Derived in lesson 10.
/// </summary>
/// <remarks>
/// Proximal Newton (Yuan, Ho and Lin 2012): second-order model, coordinate descent on it, halved steps. Coordinate descent
/// creeps where columns are nearly collinear; leaps to the model's minimum among the present signs help it on.
/// </remarks>
public sealed class L1Logistic
{
    private const int MaxSteps = 200;
    private const double Armijo = 0.01;
    private const int SweepsBeforeLeap = 20;

    private readonly double[] features;
    private readonly double[] labels;
    private readonly int width;

    /// <summary>Keeps the data of one or several fits.</summary>
    /// <param name="features">[rows, width], row after row.</param>
    /// <param name="labels">[rows], the probability of label 1, each from 0 to 1.</param>
    /// <exception cref="ArgumentException">There is no row, the rows are not equally wide, or a value is out of range or not finite.</exception>
    public L1Logistic(double[] features, double[] labels)
    {
        if (labels.Length == 0 || features.Length == 0 || features.Length % labels.Length != 0)
        {
            throw new ArgumentException($"{features.Length} features do not fill {labels.Length} equal rows", nameof(features));
        }
        if (!features.All(double.IsFinite) || !labels.All(y => y is >= 0 and <= 1))
        {
            throw new ArgumentException("features must be finite and labels between 0 and 1", nameof(features));
        }
        (this.features, this.labels, width) = (features, labels, features.Length / labels.Length);
    }

    /// <summary>The coefficients at the optimum.</summary>
    /// <param name="weights">[rows], none negative; rows of weight 0 are left out.</param>
    /// <param name="c">C, the weight of the data against the penalty; above 0.</param>
    /// <returns>[width]; a coefficient that the penalty holds at zero is exactly 0.</returns>
    /// <exception cref="ArgumentException">The weights do not fit the rows.</exception>
    /// <exception cref="ArithmeticException">No optimum was reached.</exception>
    public double[] Fit(ReadOnlySpan<double> weights, double c)
    {
        if (weights.Length != labels.Length)
        {
            throw new ArgumentException($"{weights.Length} weights for {labels.Length} rows", nameof(weights));
        }
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(c);
        var beta = new double[width];
        var (gradient, curvature) = (new double[width], new double[width, width]);
        for (var step = 0; step < MaxSteps; step++)
        {
            var objective = Derivatives(beta, weights, c, gradient, curvature) + L1(beta);
            var direction = NewtonDirection(beta, gradient, curvature);
            var decrease = -L1(beta);
            for (var j = 0; j < width; j++)
            {
                decrease += (gradient[j] * direction[j]) + Math.Abs(beta[j] + direction[j]);
            }
            // With collinear columns the direction has rounding noise where the objective is flat, hence the second condition.
            if (MaxAbs(direction) <= 1e-12 * Math.Max(1, MaxAbs(beta)) || -decrease <= 1e-16 * objective)
            {
                return Plus(beta, direction, 1);
            }
            // Near the optimum the objective no longer resolves the decrease, hence the last term.
            var length = 1.0;
            double[] next;
            while (Objective(next = Plus(beta, direction, length), weights, c) > objective + (Armijo * length * decrease) + (1e-13 * objective))
            {
                length /= 2;
                if (length < 1e-12)
                {
                    throw new ArithmeticException($"the L1 logistic regression found no descent at C = {c:g6}");
                }
            }
            beta = next;
        }
        throw new ArithmeticException($"the L1 logistic regression did not converge in {MaxSteps} steps at C = {c:g6}");
    }

    /// <summary>
    /// How far the optimality conditions are missed, relative to the penalty's slope of 1: the gradient of the data term is
    /// -sign(beta_j) where beta_j is not 0, and within [-1, 1] where it is.
    /// </summary>
    /// <param name="beta">[width].</param>
    /// <param name="weights">[rows].</param>
    /// <param name="c">C.</param>
    public double OptimalityGap(ReadOnlySpan<double> beta, ReadOnlySpan<double> weights, double c)
    {
        var gradient = new double[width];
        Derivatives(beta, weights, c, gradient, new double[width, width]);
        var gap = 0.0;
        for (var j = 0; j < width; j++)
        {
            gap = Math.Max(gap, beta[j] == 0 ? Math.Abs(gradient[j]) - 1 : Math.Abs(gradient[j] + Math.Sign(beta[j])));
        }
        return gap;
    }

    /// <summary>The penalised objective itself.</summary>
    /// <param name="beta">[width].</param>
    /// <param name="weights">[rows].</param>
    /// <param name="c">C.</param>
    public double Objective(ReadOnlySpan<double> beta, ReadOnlySpan<double> weights, double c)
    {
        var loss = 0.0;
        for (var i = 0; i < labels.Length; i++)
        {
            if (weights[i] > 0)
            {
                loss += weights[i] * SoftLogLoss(labels[i], Margin(i, beta)).Loss;
            }
        }
        return (c * loss) + L1(beta);
    }

    private double Margin(int row, ReadOnlySpan<double> beta)
    {
        var z = 0.0;
        for (var j = 0; j < width; j++)
        {
            z += features[(row * width) + j] * beta[j];
        }
        return z;
    }

    // The data term, its gradient and its second derivatives.
    private double Derivatives(ReadOnlySpan<double> beta, ReadOnlySpan<double> weights, double c, double[] gradient, double[,] curvature)
    {
        Array.Clear(gradient);
        Array.Clear(curvature);
        var loss = 0.0;
        for (var i = 0; i < labels.Length; i++)
        {
            if (weights[i] <= 0)
            {
                continue;
            }
            var (rowLoss, p) = SoftLogLoss(labels[i], Margin(i, beta));
            var (slope, bend) = (c * weights[i] * (p - labels[i]), c * weights[i] * p * (1 - p));
            loss += weights[i] * rowLoss;
            for (var j = 0; j < width; j++)
            {
                var x = features[(i * width) + j];
                gradient[j] += slope * x;
                for (var k = 0; k <= j; k++)
                {
                    curvature[j, k] += bend * x * features[(i * width) + k];
                }
            }
        }
        for (var j = 0; j < width; j++)
        {
            for (var k = 0; k < j; k++)
            {
                curvature[k, j] = curvature[j, k];
            }
        }
        return c * loss;
    }

    // argmin_d gradient . d + d' curvature d / 2 + |beta + d|_1, one coordinate at a time.
    private static double[] NewtonDirection(double[] beta, double[] gradient, double[,] curvature)
    {
        var direction = new double[beta.Length];
        for (var sweep = 1; sweep < 10_000; sweep++)
        {
            var change = 0.0;
            for (var j = 0; j < beta.Length; j++)
            {
                var h = curvature[j, j];
                if (h <= 0)
                {
                    continue;
                }
                var slope = gradient[j];
                for (var k = 0; k < beta.Length; k++)
                {
                    slope += curvature[j, k] * direction[k];
                }
                var wanted = SoftThreshold(beta[j] + direction[j] - (slope / h), 1 / h) - beta[j];
                change = Math.Max(change, Math.Abs(wanted - direction[j]));
                direction[j] = wanted;
            }
            if (change <= 1e-15 * (1 + MaxAbs(direction)))
            {
                break;
            }
            if (sweep % SweepsBeforeLeap == 0)
            {
                Leap(direction, beta, gradient, curvature);
            }
        }
        return direction;
    }

    // Among the present signs the model is a plain quadratic: goes to its minimum, or to where the first coefficient vanishes
    // on the way. A small ridge about the present point keeps collinear columns solvable; later leaps undo it.
    private static void Leap(double[] direction, double[] beta, double[] gradient, double[,] curvature)
    {
        int[] free = [.. Enumerable.Range(0, beta.Length).Where(j => beta[j] + direction[j] != 0 && curvature[j, j] > 0)];
        if (free.Length == 0)
        {
            return;
        }
        var ridge = 1e-12 * free.Sum(j => curvature[j, j]);
        var system = Matrix<double>.Build.Dense(free.Length, free.Length, (a, b) => curvature[free[a], free[b]] + (a == b ? ridge : 0));
        var slope = Vector<double>.Build.Dense(free.Length, a =>
            gradient[free[a]] + Enumerable.Range(0, beta.Length).Sum(k => curvature[free[a], k] * direction[k]) + Math.Sign(beta[free[a]] + direction[free[a]]));
        var way = system.QR().Solve(-slope);
        var (length, vanishes) = (1.0, -1);
        for (var a = 0; a < free.Length; a++)
        {
            var here = beta[free[a]] + direction[free[a]];
            if (here * way[a] < 0 && -here / way[a] < length)
            {
                (length, vanishes) = (-here / way[a], free[a]);
            }
        }
        for (var a = 0; a < free.Length; a++)
        {
            direction[free[a]] = free[a] == vanishes ? -beta[vanishes] : direction[free[a]] + (length * way[a]);
        }
    }

    private static (double Loss, double Probability) SoftLogLoss(double label, double z)
    {
        var e = Math.Exp(-Math.Abs(z));
        var softplus = Math.Max(z, 0) + Math.Log(1 + e);
        return (softplus - (label * z), z >= 0 ? 1 / (1 + e) : e / (1 + e));
    }

    private static double SoftThreshold(double x, double by) => Math.Sign(x) * Math.Max(Math.Abs(x) - by, 0);

    // A coordinate that the step sets to zero lands on zero exactly, because SoftThreshold(..) - beta is then -beta.
    private static double[] Plus(double[] beta, double[] direction, double length) =>
        [.. beta.Zip(direction, (b, d) => b + (length * d))];

    private static double L1(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += Math.Abs(value);
        }
        return sum;
    }

    private static double MaxAbs(double[] values) => values.Max(Math.Abs);
}
