using TorchSharp.Interop;

namespace TorchSharp;

/// <summary>A number handed to an operator. TorchSharp keeps it in native memory; here it is a plain value.</summary>
public class Scalar : IDisposable
{
    internal Tag Tag { get; }
    internal long Bits { get; }

    private Scalar(long value, torch.ScalarType type, Tag tag = Tag.Int) => (Bits, Type, Tag) = (value, type, tag);

    private Scalar(double value, torch.ScalarType type) => (Bits, Type, Tag) = (BitConverter.DoubleToInt64Bits(value), type, Tag.Double);

    public torch.ScalarType Type { get; }

    public static implicit operator Scalar(byte value) => new(value, torch.ScalarType.Byte);
    public static implicit operator Scalar(short value) => new(value, torch.ScalarType.Int16);
    public static implicit operator Scalar(int value) => new(value, torch.ScalarType.Int32);
    public static implicit operator Scalar(long value) => new(value, torch.ScalarType.Int64);
    public static implicit operator Scalar(float value) => new((double)value, torch.ScalarType.Float32);
    public static implicit operator Scalar(double value) => new(value, torch.ScalarType.Float64);
    public static implicit operator Scalar(bool value) => new(value ? 1 : 0, torch.ScalarType.Bool, Tag.Bool);

    internal double AsDouble => Tag == Tag.Double ? BitConverter.Int64BitsToDouble(Bits) : Bits;

    public void Dispose() => GC.SuppressFinalize(this);
}

public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this int value) => value;
    public static Scalar ToScalar(this long value) => value;
    public static Scalar ToScalar(this float value) => value;
    public static Scalar ToScalar(this double value) => value;
    public static Scalar ToScalar(this bool value) => value;
    public static double ToDouble(this Scalar value) => value.AsDouble;
    public static float ToSingle(this Scalar value) => (float)value.AsDouble;
    public static int ToInt32(this Scalar value) => (int)value.ToInt64();
    public static long ToInt64(this Scalar value) => value.Tag == Tag.Double ? (long)value.AsDouble : value.Bits;
    public static bool ToBoolean(this Scalar value) => value.AsDouble != 0;
}
