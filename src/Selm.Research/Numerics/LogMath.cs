// Log-space arithmetic that neither overflows nor loses its digits. Everything is shifted by the maximum first:
// exp of a logit of +-1e4 is infinity or zero, exp of its distance from the largest logit is harmless.
using MathNet.Numerics;

namespace Selm.Research.Numerics;

/// <summary>Log-sum-exp, log-softmax and the logistic family in natural logarithms, stable from -infinity to +infinity.</summary>
public static class LogMath
{
    /// <summary>log sum_i exp(x_i), shifted by the maximum.</summary>
    /// <param name="values">Any logits.</param>
    /// <returns>
    /// -infinity for an empty span or where all are -infinity, +infinity where one is +infinity, NaN where one is NaN.
    /// </returns>
    public static double LogSumExp(ReadOnlySpan<double> values)
    {
        var max = double.NegativeInfinity;
        foreach (var value in values)
        {
            max = Math.Max(max, value);
        }
        if (!double.IsFinite(max))
        {
            return max;
        }
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += Math.Exp(value - max);
        }
        return max + Math.Log(sum);
    }

    /// <summary>log sum_i exp(x_i) of floats, summed in double; the rules of <see cref="LogSumExp(ReadOnlySpan{double})"/>.</summary>
    /// <param name="values">Any logits.</param>
    public static double LogSumExp(ReadOnlySpan<float> values)
    {
        var max = float.NegativeInfinity;
        foreach (var value in values)
        {
            max = MathF.Max(max, value);
        }
        if (!float.IsFinite(max))
        {
            return max;
        }
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += Math.Exp((double)value - max);
        }
        return max + Math.Log(sum);
    }

    /// <summary>log softmax: x_i - log sum_j exp(x_j).</summary>
    /// <param name="logits">At least one of them finite, none +infinity, or the result holds NaN.</param>
    /// <param name="logps">Receives the log-probabilities; may be <paramref name="logits"/> itself.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void LogSoftmax(ReadOnlySpan<double> logits, Span<double> logps)
    {
        SameLength(logits.Length, logps.Length);
        var logSum = LogSumExp(logits);
        for (var i = 0; i < logits.Length; i++)
        {
            logps[i] = logits[i] - logSum;
        }
    }

    /// <summary>log softmax of floats, computed in double; see <see cref="LogSoftmax(ReadOnlySpan{double}, Span{double})"/>.</summary>
    /// <param name="logits">At least one of them finite, none +infinity, or the result holds NaN.</param>
    /// <param name="logps">Receives the log-probabilities; may be <paramref name="logits"/> itself.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void LogSoftmax(ReadOnlySpan<float> logits, Span<float> logps)
    {
        SameLength(logits.Length, logps.Length);
        var logSum = LogSumExp(logits);
        for (var i = 0; i < logits.Length; i++)
        {
            logps[i] = (float)(logits[i] - logSum);
        }
    }

    /// <summary>sigma(x) = 1 / (1 + exp(-x)).</summary>
    /// <param name="x">Any number; NaN gives NaN.</param>
    public static double Sigmoid(double x) => SpecialFunctions.Logistic(x);

    /// <summary>log(1 + exp(x)), with full relative precision where it is tiny.</summary>
    /// <param name="x">Any number; NaN gives NaN.</param>
    public static double Softplus(double x) => Math.Max(x, 0) + SpecialFunctions.Log1p(Math.Exp(-Math.Abs(x)));

    /// <summary>log sigma(x) = -softplus(-x).</summary>
    /// <param name="x">Any number; NaN gives NaN.</param>
    public static double LogSigmoid(double x) => -Softplus(-x);

    private static void SameLength(int logits, int logps)
    {
        if (logits != logps)
        {
            throw new ArgumentException($"{logits} logits need as many log-probabilities, not {logps}");
        }
    }
}
