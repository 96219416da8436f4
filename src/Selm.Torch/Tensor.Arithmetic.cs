using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public enum RoundingMode
    {
        None = 0,
        trunc = 1,
        floor = 2,
    }

    /// <summary>Arithmetic, comparisons, reductions: each a call of the aten operator of the same name.</summary>
    public partial class Tensor
    {
        private static readonly Op absOp = new("aten::abs");
        private static readonly Op negOp = new("aten::neg");
        private static readonly Op expOp = new("aten::exp");
        private static readonly Op expm1Op = new("aten::expm1");
        private static readonly Op logOp = new("aten::log");
        private static readonly Op log1pOp = new("aten::log1p");
        private static readonly Op sqrtOp = new("aten::sqrt");
        private static readonly Op rsqrtOp = new("aten::rsqrt");
        private static readonly Op sinOp = new("aten::sin");
        private static readonly Op cosOp = new("aten::cos");
        private static readonly Op tanhOp = new("aten::tanh");
        private static readonly Op sigmoidOp = new("aten::sigmoid");
        private static readonly Op erfOp = new("aten::erf");
        private static readonly Op floorOp = new("aten::floor");
        private static readonly Op reciprocalOp = new("aten::reciprocal");
        private static readonly Op squareOp = new("aten::square");
        private static readonly Op isnanOp = new("aten::isnan");
        private static readonly Op isfiniteOp = new("aten::isfinite");
        private static readonly Op isinfOp = new("aten::isinf");
        private static readonly Op logical_notOp = new("aten::logical_not");
        private static readonly Op nonzeroOp = new("aten::nonzero");
        private static readonly Op tOp = new("aten::t");
        private static readonly Op siluOp = new("aten::silu");

        public Tensor abs() => Dispatch.One(absOp, this);

        public Tensor neg() => Dispatch.One(negOp, this);

        public Tensor exp() => Dispatch.One(expOp, this);

        public Tensor expm1() => Dispatch.One(expm1Op, this);

        public Tensor log() => Dispatch.One(logOp, this);

        public Tensor log1p() => Dispatch.One(log1pOp, this);

        public Tensor sqrt() => Dispatch.One(sqrtOp, this);

        public Tensor rsqrt() => Dispatch.One(rsqrtOp, this);

        public Tensor sin() => Dispatch.One(sinOp, this);

        public Tensor cos() => Dispatch.One(cosOp, this);

        public Tensor tanh() => Dispatch.One(tanhOp, this);

        public Tensor sigmoid() => Dispatch.One(sigmoidOp, this);

        public Tensor erf() => Dispatch.One(erfOp, this);

        public Tensor floor() => Dispatch.One(floorOp, this);

        public Tensor reciprocal() => Dispatch.One(reciprocalOp, this);

        public Tensor square() => Dispatch.One(squareOp, this);

        public Tensor isnan() => Dispatch.One(isnanOp, this);

        public Tensor isfinite() => Dispatch.One(isfiniteOp, this);

        public Tensor isinf() => Dispatch.One(isinfOp, this);

        public Tensor logical_not() => Dispatch.One(logical_notOp, this);

        public Tensor nonzero() => Dispatch.One(nonzeroOp, this);

        public Tensor t() => Dispatch.One(tOp, this);

        public Tensor silu() => Dispatch.One(siluOp, this);


        private static readonly Op addT = new("aten::add.Tensor"), addS = new("aten::add.Scalar"), addT_ = new("aten::add_.Tensor"), addS_ = new("aten::add_.Scalar");
        private static readonly Op subT = new("aten::sub.Tensor"), subS = new("aten::sub.Scalar"), subT_ = new("aten::sub_.Tensor"), rsubS = new("aten::rsub.Scalar");
        private static readonly Op mulT = new("aten::mul.Tensor"), mulS = new("aten::mul.Scalar"), mulT_ = new("aten::mul_.Tensor"), mulS_ = new("aten::mul_.Scalar");
        private static readonly Op divT = new("aten::div.Tensor"), divS = new("aten::div.Scalar"), divT_ = new("aten::div_.Tensor"), divS_ = new("aten::div_.Scalar");
        private static readonly Op divTMode = new("aten::div.Tensor_mode"), divSMode = new("aten::div.Scalar_mode");
        private static readonly Op powTT = new("aten::pow.Tensor_Tensor"), powTS = new("aten::pow.Tensor_Scalar");

        public Tensor add(Tensor target) => Dispatch.One(addT, this, target);

        public Tensor add(Tensor target, Scalar alpha) => Dispatch.One(addT, this, target, alpha);

        public Tensor add(Scalar scalar) => Dispatch.One(addS, this, scalar);

        public Tensor add_(Tensor target) => Dispatch.InPlace(addT_, this, this, target);

        public Tensor add_(Tensor target, Scalar alpha) => Dispatch.InPlace(addT_, this, this, target, alpha);

        public Tensor add_(Scalar scalar) => Dispatch.InPlace(addS_, this, this, scalar);

        public Tensor sub(Tensor target) => Dispatch.One(subT, this, target);

        public Tensor sub(Scalar target) => Dispatch.One(subS, this, target);

        public Tensor sub_(Tensor target) => Dispatch.InPlace(subT_, this, this, target);

        public Tensor mul(Tensor target) => Dispatch.One(mulT, this, target);

        public Tensor mul(Scalar target) => Dispatch.One(mulS, this, target);

        public Tensor mul_(Tensor target) => Dispatch.InPlace(mulT_, this, this, target);

        public Tensor mul_(Scalar target) => Dispatch.InPlace(mulS_, this, this, target);

        public Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Dispatch.One(divT, this, target)
            : Dispatch.One(divTMode, this, target, rounding_mode.ToString());

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Dispatch.One(divS, this, target)
            : Dispatch.One(divSMode, this, target, rounding_mode.ToString());

        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Dispatch.InPlace(divT_, this, this, target)
            : throw new NotSupportedException("div_ with a rounding mode is not offered; use div");

        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) => rounding_mode == RoundingMode.None
            ? Dispatch.InPlace(divS_, this, this, target)
            : throw new NotSupportedException("div_ with a rounding mode is not offered; use div");

        public Tensor pow(Tensor exponent) => Dispatch.One(powTT, this, exponent);

        public Tensor pow(Scalar exponent) => Dispatch.One(powTS, this, exponent);

        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);

        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);

        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);

        public static Tensor operator +(Tensor left, double right) => left.add((Scalar)right);

        public static Tensor operator +(double left, Tensor right) => right.add((Scalar)left);

        public static Tensor operator +(Tensor left, float right) => left.add((Scalar)right);

        public static Tensor operator +(float left, Tensor right) => right.add((Scalar)left);

        public static Tensor operator +(Tensor left, int right) => left.add((Scalar)right);

        public static Tensor operator +(int left, Tensor right) => right.add((Scalar)left);

        public static Tensor operator +(Tensor left, long right) => left.add((Scalar)right);

        public static Tensor operator +(long left, Tensor right) => right.add((Scalar)left);

        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);

        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);

        public static Tensor operator -(Scalar left, Tensor right) => Dispatch.One(rsubS, right, left);

        public static Tensor operator -(Tensor left, double right) => left.sub((Scalar)right);

        public static Tensor operator -(double left, Tensor right) => Dispatch.One(rsubS, right, (Scalar)left);

        public static Tensor operator -(Tensor left, float right) => left.sub((Scalar)right);

        public static Tensor operator -(float left, Tensor right) => Dispatch.One(rsubS, right, (Scalar)left);

        public static Tensor operator -(Tensor left, int right) => left.sub((Scalar)right);

        public static Tensor operator -(int left, Tensor right) => Dispatch.One(rsubS, right, (Scalar)left);

        public static Tensor operator -(Tensor left, long right) => left.sub((Scalar)right);

        public static Tensor operator -(long left, Tensor right) => Dispatch.One(rsubS, right, (Scalar)left);

        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);

        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);

        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);

        public static Tensor operator *(Tensor left, double right) => left.mul((Scalar)right);

        public static Tensor operator *(double left, Tensor right) => right.mul((Scalar)left);

        public static Tensor operator *(Tensor left, float right) => left.mul((Scalar)right);

        public static Tensor operator *(float left, Tensor right) => right.mul((Scalar)left);

        public static Tensor operator *(Tensor left, int right) => left.mul((Scalar)right);

        public static Tensor operator *(int left, Tensor right) => right.mul((Scalar)left);

        public static Tensor operator *(Tensor left, long right) => left.mul((Scalar)right);

        public static Tensor operator *(long left, Tensor right) => right.mul((Scalar)left);

        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);

        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);

        public static Tensor operator /(Scalar left, Tensor right) => right.reciprocal().mul(left);

        public static Tensor operator /(Tensor left, double right) => left.div((Scalar)right);

        public static Tensor operator /(double left, Tensor right) => right.reciprocal().mul((Scalar)left);

        public static Tensor operator /(Tensor left, float right) => left.div((Scalar)right);

        public static Tensor operator /(float left, Tensor right) => right.reciprocal().mul((Scalar)left);

        public static Tensor operator /(Tensor left, int right) => left.div((Scalar)right);

        public static Tensor operator /(int left, Tensor right) => right.reciprocal().mul((Scalar)left);

        public static Tensor operator /(Tensor left, long right) => left.div((Scalar)right);

        public static Tensor operator /(long left, Tensor right) => right.reciprocal().mul((Scalar)left);

        public static Tensor operator -(Tensor tensor) => tensor.neg();

        public static Tensor operator ~(Tensor left) => left.logical_not();

        public static Tensor operator &(Tensor left, Tensor right) => left.bitwise_and(right);

        public static Tensor operator |(Tensor left, Tensor right) => left.bitwise_or(right);

        private static readonly Op eqT = new("aten::eq.Tensor"), eqS = new("aten::eq.Scalar");

        public Tensor eq(Tensor target) => Dispatch.One(eqT, this, target);

        public Tensor eq(Scalar target) => Dispatch.One(eqS, this, target);

        public static Tensor operator ==(Tensor left, Tensor right) => left.eq(right);

        public static Tensor operator ==(Tensor left, Scalar right) => left.eq(right);

        public static Tensor operator ==(Scalar left, Tensor right) => right.eq(left);

        private static readonly Op neT = new("aten::ne.Tensor"), neS = new("aten::ne.Scalar");

        public Tensor ne(Tensor target) => Dispatch.One(neT, this, target);

        public Tensor ne(Scalar target) => Dispatch.One(neS, this, target);

        public static Tensor operator !=(Tensor left, Tensor right) => left.ne(right);

        public static Tensor operator !=(Tensor left, Scalar right) => left.ne(right);

        public static Tensor operator !=(Scalar left, Tensor right) => right.ne(left);

        private static readonly Op ltT = new("aten::lt.Tensor"), ltS = new("aten::lt.Scalar");

        public Tensor lt(Tensor target) => Dispatch.One(ltT, this, target);

        public Tensor lt(Scalar target) => Dispatch.One(ltS, this, target);

        public static Tensor operator <(Tensor left, Tensor right) => left.lt(right);

        public static Tensor operator <(Tensor left, Scalar right) => left.lt(right);

        public static Tensor operator <(Scalar left, Tensor right) => right.gt(left);

        private static readonly Op leT = new("aten::le.Tensor"), leS = new("aten::le.Scalar");

        public Tensor le(Tensor target) => Dispatch.One(leT, this, target);

        public Tensor le(Scalar target) => Dispatch.One(leS, this, target);

        public static Tensor operator <=(Tensor left, Tensor right) => left.le(right);

        public static Tensor operator <=(Tensor left, Scalar right) => left.le(right);

        public static Tensor operator <=(Scalar left, Tensor right) => right.ge(left);

        private static readonly Op gtT = new("aten::gt.Tensor"), gtS = new("aten::gt.Scalar");

        public Tensor gt(Tensor target) => Dispatch.One(gtT, this, target);

        public Tensor gt(Scalar target) => Dispatch.One(gtS, this, target);

        public static Tensor operator >(Tensor left, Tensor right) => left.gt(right);

        public static Tensor operator >(Tensor left, Scalar right) => left.gt(right);

        public static Tensor operator >(Scalar left, Tensor right) => right.lt(left);

        private static readonly Op geT = new("aten::ge.Tensor"), geS = new("aten::ge.Scalar");

        public Tensor ge(Tensor target) => Dispatch.One(geT, this, target);

        public Tensor ge(Scalar target) => Dispatch.One(geS, this, target);

        public static Tensor operator >=(Tensor left, Tensor right) => left.ge(right);

        public static Tensor operator >=(Tensor left, Scalar right) => left.ge(right);

        public static Tensor operator >=(Scalar left, Tensor right) => right.le(left);

    }
}
