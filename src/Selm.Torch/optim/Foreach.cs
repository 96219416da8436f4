using TorchSharp.Interop;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Arithmetic over lists of tensors, one operator call per list.</summary>
internal static class Foreach
{
    private static readonly Op add = new("aten::_foreach_add_.List"), addScalar = new("aten::_foreach_add_.Scalar");
    private static readonly Op multiply = new("aten::_foreach_mul_.Scalar"), divide = new("aten::_foreach_div_.Scalar");
    private static readonly Op addProduct = new("aten::_foreach_addcmul_.Scalar"), addQuotient = new("aten::_foreach_addcdiv_.Scalar");
    private static readonly Op squareRoot = new("aten::_foreach_sqrt"), negative = new("aten::_foreach_neg"), zero = new("aten::_foreach_zero_");
    private static readonly Op norm = new("aten::_foreach_norm.Scalar"), sum = new("aten::_foreach_add.List"), product = new("aten::_foreach_addcmul.Scalar");

    /// <summary>a += scale * b</summary>
    internal static void Add(Tensor[] a, Tensor[] b, double scale) => Dispatch.Run(add, a, b, scale);

    /// <summary>a += b</summary>
    internal static void Add(Tensor[] a, double b) => Dispatch.Run(addScalar, a, b);

    /// <summary>a *= b</summary>
    internal static void Multiply(Tensor[] a, double b) => Dispatch.Run(multiply, a, b);

    /// <summary>a /= b</summary>
    internal static void Divide(Tensor[] a, double b) => Dispatch.Run(divide, a, b);

    /// <summary>a += scale * b * c</summary>
    internal static void AddProduct(Tensor[] a, Tensor[] b, Tensor[] c, double scale) => Dispatch.Run(addProduct, a, b, c, scale);

    /// <summary>a += scale * b / c</summary>
    internal static void AddQuotient(Tensor[] a, Tensor[] b, Tensor[] c, double scale) => Dispatch.Run(addQuotient, a, b, c, scale);

    /// <summary>a = 0</summary>
    internal static void Zero(Tensor[] a) => Dispatch.Run(zero, a);

    /// <summary>a + scale * b, new tensors</summary>
    internal static Tensor[] Sum(Tensor[] a, Tensor[] b, double scale) => Dispatch.List(sum, a, b, scale);

    /// <summary>a + scale * b * c, new tensors</summary>
    internal static Tensor[] Product(Tensor[] a, Tensor[] b, Tensor[] c, double scale) => Dispatch.List(product, a, b, c, scale);

    /// <summary>Square roots, new tensors</summary>
    internal static Tensor[] SquareRoot(Tensor[] a) => Dispatch.List(squareRoot, a);

    /// <summary>-a, new tensors</summary>
    internal static Tensor[] Negative(Tensor[] a) => Dispatch.List(negative, a);

    /// <summary>The Euclidean norm of each tensor</summary>
    internal static Tensor[] Norm(Tensor[] a) => Dispatch.List(norm, a, 2L);
}
