// Exact derivatives without autograd: f(x + ih) = f(x) + ih f'(x) + O(h^2), so Im f(x + ih)/h has no cancellation and h
// can be 1e-30 (Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions", SIAM Review 1998).
// The price is that the objective must be written for complex numbers; that makes it an implementation of its own.
using System.Numerics;

namespace Selm.Research.Theory;

/// <summary>Gradients to machine precision by the complex-step method, against which the paper's gradients are checked. Derived in lesson 06.</summary>
public static class ComplexStep
{
    private const double H = 1e-30;

    /// <summary>The gradient of an analytic function of a vector.</summary>
    /// <param name="f">The function, written with complex arithmetic throughout.</param>
    /// <param name="at">Where the gradient is taken.</param>
    public static double[] Gradient(Func<Complex[], Complex> f, ReadOnlySpan<double> at)
    {
        var point = new Complex[at.Length];
        for (var i = 0; i < at.Length; i++)
        {
            point[i] = at[i];
        }
        var gradient = new double[at.Length];
        for (var i = 0; i < at.Length; i++)
        {
            point[i] = new Complex(at[i], H);
            gradient[i] = f(point).Imaginary / H;
            point[i] = at[i];
        }
        return gradient;
    }

    /// <summary>The gradient in the logits of a policy, one row per prompt.</summary>
    /// <param name="f">The function of one row of complex log-probabilities per prompt.</param>
    /// <param name="policy">Where the gradient is taken; its log-probabilities are the logits.</param>
    public static double[][] LogitGradient(Func<Complex[][], Complex> f, TabularPolicy policy)
    {
        var logps = policy.ToLogits();
        var rows = logps.Select(row => row.Select(logp => new Complex(logp, 0)).ToArray()).ToArray();
        return [.. logps.Select((row, x) =>
        {
            var plain = rows[x];
            var gradient = Gradient(
                logits =>
                {
                    rows[x] = LogSoftmax(logits);
                    return f(rows);
                },
                row);
            rows[x] = plain;
            return gradient;
        })];
    }

    /// <summary>log sigma of a complex number, for small imaginary parts.</summary>
    /// <param name="z">The argument.</param>
    public static Complex LogSigmoid(Complex z) =>
        z.Real > 0 ? -Complex.Log(1 + Complex.Exp(-z)) : z - Complex.Log(1 + Complex.Exp(z));

    /// <summary>The complex log-softmax of one row of logits.</summary>
    /// <param name="logits">At least one logit.</param>
    public static Complex[] LogSoftmax(Complex[] logits)
    {
        var max = logits.Max(z => z.Real);
        var sum = logits.Aggregate(Complex.Zero, (total, z) => total + Complex.Exp(z - max));
        var log = max + Complex.Log(sum);
        return [.. logits.Select(z => z - log)];
    }
}
