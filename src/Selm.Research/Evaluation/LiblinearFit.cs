// Cross-validation scores of neighbouring C differ in the sixth digit, and liblinear stops at a tolerance that moves the
// fifth. Which C the published program chooses is therefore decided by where liblinear happens to stop. This is that
// stopping: the same steps in the same random order, equal to the program's to 1e-9. Only the choice of C uses it; the fit
// at that C is exact (L1Logistic).
using MathNet.Numerics.Random;

namespace Selm.Research.Evaluation;

/// <summary>
/// L1-penalised logistic regression as liblinear leaves it at a tolerance of 1e-4: newGLMNET (Yuan, Ho and Lin 2012,
/// algorithm 3) with two levels of shrinking, from zero. scikit-learn seeds it anew for each C of a path from random_state 123.
/// Soft labels count as two rows each, those of weight zero left out.
/// </summary>
internal sealed class LiblinearFit
{
    private const double Tolerance = 1e-4;
    private const int MaxNewtonSteps = 100;
    private const int MaxSweeps = 1000;
    private const int MaxHalvings = 20;
    private const double Ridge = 1e-12;
    private const double Armijo = 0.01;
    private const double LongestMove = 10;

    // numpy's RandomState(123).randint(2^31 - 1), called once per C: the generator's outputs cut to 31 bits.
    private static readonly int[] Seeds = SeedsOfPath();

    private readonly double[] features; // [rows, width]
    private readonly double[] labels;
    private readonly double[] weights; // C included
    private readonly int width;
    private readonly MersenneTwister random;

    private readonly double[] beta;
    private readonly double[] proposal;
    private readonly double[] gradient;
    private readonly double[] diagonal;
    private readonly int[] order;
    private readonly double[] margins;
    private readonly double[] bends; // second derivative of each row's loss
    private readonly double[] moves; // x_i . (proposal - beta)

    private LiblinearFit(double[] features, double[] labels, double[] weights, int seed)
    {
        random = new(seed, threadSafe: false);
        (this.features, this.labels, this.weights, width) = (features, labels, weights, features.Length / labels.Length);
        (beta, proposal, gradient, diagonal) = (new double[width], new double[width], new double[width], new double[width]);
        order = [.. Enumerable.Range(0, width)];
        (margins, bends, moves) = (new double[labels.Length], new double[labels.Length], new double[labels.Length]);
    }

    /// <summary>The coefficients [width] at which liblinear stops.</summary>
    /// <param name="features">[rows, width].</param>
    /// <param name="labels">[rows], 0 to 1.</param>
    /// <param name="weights">[rows], above 0.</param>
    /// <param name="c">C.</param>
    /// <param name="place">The place of C among the candidates of its path, 0 for a fit of its own.</param>
    public static double[] Fit(double[] features, double[] labels, double[] weights, double c, int place) =>
        new LiblinearFit(features, labels, [.. weights.Select(weight => c * weight)], Seeds[place]).Run();

    private double[] Run()
    {
        var (positive, negative) = (labels.Count(y => y > 0), labels.Count(y => y < 1));
        var rows = positive + negative;
        var tolerance = Tolerance * Math.Max(Math.Min(positive, negative), 1) / rows;
        var (worst, first, inner) = (double.PositiveInfinity, 0.0, 1.0);
        for (var step = 0; step < MaxNewtonSteps; step++)
        {
            var (active, total, largest) = Gradients(worst / rows);
            first = step == 0 ? total : first;
            if (total <= tolerance * first)
            {
                break;
            }
            var sweeps = MinimiseModel(active, inner * first, rows);
            Search();
            inner *= sweeps == 1 ? 0.25 : 1;
            worst = largest;
        }
        return beta;
    }

    // Gradient and curvature at beta; coordinates that the penalty clearly holds at zero go to the end of the order.
    private (int Active, double Total, double Largest) Gradients(double slack)
    {
        var (active, total, largest) = (width, 0.0, 0.0);
        var slopes = new double[labels.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            var p = 1 / (1 + Math.Exp(-margins[i]));
            (slopes[i], bends[i]) = (weights[i] * (p - labels[i]), weights[i] * p * (1 - p));
        }
        for (var s = 0; s < active; s++)
        {
            var j = order[s];
            (gradient[j], diagonal[j]) = (0, Ridge);
            for (var i = 0; i < labels.Length; i++)
            {
                var x = features[(i * width) + j];
                gradient[j] += slopes[i] * x;
                diagonal[j] += bends[i] * x * x;
            }
            if (HeldAtZero(beta[j], gradient[j], slack))
            {
                ToEnd(s--, --active);
                continue;
            }
            var violation = Violation(beta[j], gradient[j]);
            (total, largest) = (total + violation, Math.Max(largest, violation));
        }
        return (active, total, largest);
    }

    // Coordinate descent on the second-order model, in a new random order each sweep.
    private int MinimiseModel(int active, double enough, int rows)
    {
        Array.Clear(moves);
        var (left, worst, sweeps) = (active, double.PositiveInfinity, 0);
        while (sweeps < MaxSweeps)
        {
            for (var s = 0; s < left; s++)
            {
                var other = s + Draw((uint)(left - s));
                (order[s], order[other]) = (order[other], order[s]);
            }
            var (total, largest) = (0.0, 0.0);
            for (var s = 0; s < left; s++)
            {
                var j = order[s];
                var slope = ModelSlope(j);
                if (HeldAtZero(proposal[j], slope, worst / rows))
                {
                    ToEnd(s--, --left);
                    continue;
                }
                var violation = Violation(proposal[j], slope);
                (total, largest) = (total + violation, Math.Max(largest, violation));
                Move(j, slope);
            }
            sweeps++;
            worst = largest;
            if (total <= enough)
            {
                if (left == active)
                {
                    break;
                }
                (left, worst) = (active, double.PositiveInfinity);
            }
        }
        return sweeps;
    }

    private double ModelSlope(int j)
    {
        var slope = gradient[j] + ((proposal[j] - beta[j]) * Ridge);
        for (var i = 0; i < labels.Length; i++)
        {
            slope += features[(i * width) + j] * bends[i] * moves[i];
        }
        return slope;
    }

    private void Move(int j, double slope)
    {
        var h = diagonal[j];
        var move = slope + 1 < h * proposal[j] ? -(slope + 1) / h : slope - 1 > h * proposal[j] ? -(slope - 1) / h : -proposal[j];
        if (Math.Abs(move) < 1e-12)
        {
            return;
        }
        move = Math.Clamp(move, -LongestMove, LongestMove);
        proposal[j] += move;
        for (var i = 0; i < labels.Length; i++)
        {
            moves[i] += features[(i * width) + j] * move;
        }
    }

    // Halves the step until the objective falls by a hundredth of what the gradient promises.
    private void Search()
    {
        var norm = beta.Sum(Math.Abs);
        var promised = proposal.Sum(Math.Abs) - norm;
        for (var j = 0; j < width; j++)
        {
            promised += gradient[j] * (proposal[j] - beta[j]);
        }
        for (var halving = 0; halving < MaxHalvings; halving++)
        {
            var change = proposal.Sum(Math.Abs) - norm - (Armijo * promised);
            for (var i = 0; i < labels.Length; i++)
            {
                change += weights[i] * (Softplus(margins[i] + moves[i]) - Softplus(margins[i]) - (labels[i] * moves[i]));
            }
            if (change <= 0)
            {
                break;
            }
            promised /= 2;
            for (var j = 0; j < width; j++)
            {
                proposal[j] = (beta[j] + proposal[j]) / 2;
            }
            for (var i = 0; i < moves.Length; i++)
            {
                moves[i] /= 2;
            }
        }
        proposal.CopyTo(beta, 0);
        for (var i = 0; i < margins.Length; i++)
        {
            margins[i] += moves[i];
        }
    }

    private void ToEnd(int place, int end) => (order[place], order[end]) = (order[end], order[place]);

    private static bool HeldAtZero(double value, double slope, double slack) =>
        value == 0 && slope + 1 >= 0 && slope - 1 <= 0 && slope + 1 > slack && slope - 1 < -slack;

    private static double Violation(double value, double slope) =>
        value > 0 ? Math.Abs(slope + 1) : value < 0 ? Math.Abs(slope - 1) : Math.Max(Math.Abs(slope) - 1, 0);

    private static double Softplus(double z) => Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z)));

    // An unbiased draw below a bound (Lemire 2019), as liblinear takes it from 32 random bits.
    private int Draw(uint bound)
    {
        var product = (ulong)Next(random) * bound;
        if ((uint)product < bound)
        {
            var least = (uint)-bound % bound;
            while ((uint)product < least)
            {
                product = (ulong)Next(random) * bound;
            }
        }
        return (int)(product >> 32);
    }

    private static int[] SeedsOfPath()
    {
        var twister = new MersenneTwister(123, threadSafe: false);
        return [.. Enumerable.Range(0, 10).Select(_ => (int)(Next(twister) & int.MaxValue))];
    }

    // The generator's 32 bits; NextDouble is these over 2^32.
    private static uint Next(MersenneTwister twister) => (uint)(twister.NextDouble() * 4294967296.0);
}
