using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Engine;

/// <summary>
/// Tensor arithmetic with plain numbers. TorchSharp turns a number (and the hidden factor 1 of a sum of two tensors) into a
/// Scalar whose finalizer may free it while libtorch still reads it, when another thread collects at that moment; here it is
/// held until the call is over. BannedSymbols.txt forbids the conversions and the operators that make them.
/// </summary>
public static class Numbers
{
    private static readonly Scalar One = 1L.ToScalar();

    /// <summary>x + y, element by element.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>x + number, element by element.</summary>
    public static Tensor Plus(this Tensor x, double number) => With(number, scalar => x.add(scalar, One));

    /// <summary>x + number for whole numbers: an integer tensor stays one.</summary>
    public static Tensor Plus(this Tensor x, long number) => With(number, scalar => x.add(scalar, One));

    /// <summary>x * number, element by element.</summary>
    public static Tensor Times(this Tensor x, double number) => With(number, x.mul);

    /// <summary>x / number, element by element; of integers a floating-point tensor.</summary>
    public static Tensor DividedBy(this Tensor x, double number) => With(number, scalar => x.div(scalar));

    /// <summary>Where x equals number, bool.</summary>
    public static Tensor EqualTo(this Tensor x, double number) => With(number, x.eq);

    /// <summary>Where x is above number, bool.</summary>
    public static Tensor Above(this Tensor x, double number) => With(number, x.gt);

    /// <summary>Where x is below number, bool.</summary>
    public static Tensor Below(this Tensor x, double number) => With(number, x.lt);

    /// <summary>Where x is at most number, bool.</summary>
    public static Tensor AtMost(this Tensor x, double number) => With(number, x.le);

    /// <summary>x with number wherever the mask is true.</summary>
    public static Tensor Masked(this Tensor x, Tensor mask, double number) => With(number, scalar => x.masked_fill(mask, scalar));

    /// <summary>x, but at most number.</summary>
    public static Tensor NotAbove(this Tensor x, double number) => With(number, scalar => x.clamp_max(scalar));

    /// <summary>x, but at most number, for whole numbers: an integer tensor stays one.</summary>
    public static Tensor NotAbove(this Tensor x, long number) => With(number, scalar => x.clamp_max(scalar));

    /// <summary>x, but at least number, for whole numbers: an integer tensor stays one.</summary>
    public static Tensor NotBelow(this Tensor x, long number) => With(number, scalar => x.clamp_min(scalar));

    /// <summary>Writes number into every element.</summary>
    public static void Fill(this Tensor x, double number) => With(number, x.fill_);

    /// <summary>x += y, in place.</summary>
    public static Tensor AddInPlace(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>x += number * y, in place.</summary>
    public static void AddInPlace(this Tensor x, Tensor y, double number) => With(number, scalar => x.add_(y, scalar));

    /// <summary>x *= number, in place.</summary>
    public static void MultiplyInPlace(this Tensor x, double number) => With(number, x.mul_);

    /// <summary>x += number * y * z, in place.</summary>
    public static void AddProductInPlace(this Tensor x, Tensor y, Tensor z, double number) => With(number, scalar => x.addcmul_(y, z, scalar));

    /// <summary>x += number * y / z, in place.</summary>
    public static void AddQuotientInPlace(this Tensor x, Tensor y, Tensor z, double number) => With(number, scalar => x.addcdiv_(y, z, scalar));

    /// <summary>The whole numbers from start to before stop, [stop - start].</summary>
    public static Tensor Range(long start, long stop, ScalarType dtype, Device device)
    {
        using Scalar from = start.ToScalar(), to = stop.ToScalar(), by = 1L.ToScalar();
        return arange(from, to, by, dtype, device);
    }

    private static Tensor With(double number, Func<Scalar, Tensor> operation)
    {
        using var scalar = number.ToScalar();
        return operation(scalar);
    }

    private static Tensor With(long number, Func<Scalar, Tensor> operation)
    {
        using var scalar = number.ToScalar();
        return operation(scalar);
    }
}
