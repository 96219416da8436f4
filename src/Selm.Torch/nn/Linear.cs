using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>y = x W' + b, with weight [out_features, in_features] and bias [out_features].</summary>
        public sealed class Linear : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            [ComponentName(Name = nameof(weight))]
            private Parameter? ownWeight;

            [ComponentName(Name = nameof(bias))]
            private Parameter? ownBias;

            internal Linear(Parameter weight, Parameter? bias)
                : base(nameof(Linear))
            {
                (in_features, out_features) = (weight.size(1), weight.size(0));
                this.weight = weight;
                this.bias = bias;
            }

            public Parameter weight
            {
                get => ownWeight!;
                set
                {
                    if (!ReferenceEquals(value, ownWeight))
                    {
                        ownWeight?.Dispose();
                        ownWeight = (Parameter)value.DetachFromDisposeScope();
                        ConditionallyRegisterParameter(nameof(weight), ownWeight);
                    }
                }
            }

            public Parameter? bias
            {
                get => ownBias;
                set
                {
                    if (!ReferenceEquals(value, ownBias))
                    {
                        ownBias?.Dispose();
                        ownBias = (Parameter?)value?.DetachFromDisposeScope();
                        ConditionallyRegisterParameter(nameof(bias), ownBias);
                    }
                }
            }

            public long in_features { get; set; }

            public long out_features { get; set; }

            public override torch.Tensor forward(torch.Tensor tensor) => torch.nn.functional.linear(tensor, weight, bias);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>A linear layer of given weights.</summary>
            public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);

            /// <summary>A linear layer with weight and bias uniform in +-1/sqrt(inputSize).</summary>
            public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null)
            {
                var bound = 1 / Math.Sqrt(Math.Max(1, inputSize));
                return new(Uniform([outputSize, inputSize]), hasBias ? Uniform([outputSize]) : null);

                Parameter Uniform(long[] size)
                {
                    var values = empty(size, dtype, device);
                    return new(init.uniform_(values, -bound, bound));
                }
            }
        }
    }
}
