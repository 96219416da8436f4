using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class LogMathTests
{
    [Theory]
    [InlineData(new[] { 0.0, 0.0 }, 0.6931471805599453)]
    [InlineData(new[] { 10_000.0, 10_000.0 }, 10_000.6931471805599453)]
    [InlineData(new[] { -10_000.0, -10_000.0 }, -9_999.3068528194400547)]
    [InlineData(new[] { 1e4, -1e4 }, 1e4)]
    [InlineData(new[] { 3.5 }, 3.5)]
    [InlineData(new double[0], double.NegativeInfinity)]
    [InlineData(new[] { double.NegativeInfinity, double.NegativeInfinity }, double.NegativeInfinity)]
    [InlineData(new[] { double.NegativeInfinity, 2 }, 2)]
    [InlineData(new[] { double.PositiveInfinity, 2 }, double.PositiveInfinity)]
    [InlineData(new[] { double.NaN, 2 }, double.NaN)]
    [InlineData(new[] { 2, double.NaN }, double.NaN)]
    public void log_sum_exp_is_exact_at_any_size(double[] values, double expected)
    {
        Near(expected, LogMath.LogSumExp(values), 1e-15);
        Assert.Equal((float)expected, (float)LogMath.LogSumExp(Array.ConvertAll(values, x => (float)x)));
    }

    [Fact]
    public void log_softmax_sums_to_one_and_works_in_place()
    {
        double[] logits = [1e4, 9_999, -1e4, double.NegativeInfinity];
        LogMath.LogSoftmax(logits, logits);
        Assert.Equal(-0.31326168751822286, logits[0], 1e-12);
        Assert.Equal(-1.3132616875182228, logits[1], 1e-12);
        Assert.Equal(1, logits.Sum(Math.Exp), 1e-12);
        Assert.Equal(double.NegativeInfinity, logits[3]);

        float[] floats = [1, 2, 3];
        LogMath.LogSoftmax(floats, floats);
        Assert.Equal(1, floats.Sum(x => Math.Exp(x)), 1e-6);
        Assert.Throws<ArgumentException>(() => LogMath.LogSoftmax(floats, new float[2]));
    }

    // Expected values from 50-digit arithmetic.
    [Theory]
    [InlineData(0, 0.69314718055994530942)]
    [InlineData(1, 1.3132616875182228340)]
    [InlineData(-1, 0.31326168751822283405)]
    [InlineData(-20, 2.0611536203143807e-9)]
    [InlineData(-40, 4.2483542552915889953e-18)]
    [InlineData(40, 40.0)]
    [InlineData(-700, 9.8596765437597708567e-305)]
    [InlineData(1e4, 1e4)]
    [InlineData(-1e4, 0)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(double.NaN, double.NaN)]
    public void softplus_keeps_its_digits(double x, double expected)
    {
        Near(expected, LogMath.Softplus(x), 1e-14);
        Near(-expected, LogMath.LogSigmoid(-x), 1e-14);
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(2, 0.88079707797788244406)]
    [InlineData(-2, 0.11920292202211755594)]
    [InlineData(-40, 4.2483542552915889863e-18)]
    [InlineData(1e4, 1)]
    [InlineData(-1e4, 0)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(double.NegativeInfinity, 0)]
    [InlineData(double.NaN, double.NaN)]
    public void sigmoid_keeps_its_digits(double x, double expected) =>
        Near(expected, LogMath.Sigmoid(x), 1e-14);

    // Equal (NaN and infinities included) or within the relative tolerance.
    private static void Near(double expected, double found, double relative) =>
        Assert.True(
            expected.Equals(found) || expected == found || (double.IsFinite(expected) && Math.Abs(found - expected) <= relative * Math.Abs(expected)),
            $"expected {expected:R}, found {found:R}");
}
