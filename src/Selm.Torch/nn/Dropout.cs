using TorchSharp.Modules;

namespace TorchSharp
{
    namespace Modules
    {
        public interface IParameterLessModule
        {
        }

        /// <summary>A module without parameters or buffers.</summary>
        public abstract class ParameterLessModule<T1, TResult> : torch.nn.Module<T1, TResult>, IParameterLessModule
        {
            protected ParameterLessModule(string name)
                : base(name)
            {
            }
        }

        /// <summary>Zeroes each element with probability p while training, and scales the others by 1 / (1 - p).</summary>
        public sealed class Dropout : ParameterLessModule<torch.Tensor, torch.Tensor>
        {
            internal Dropout(double p, bool inplace)
                : base(nameof(Dropout)) => (this.p, this.inplace) = (p, inplace);

            public double p { get; set; }

            public bool inplace { get; set; }

            public override torch.Tensor forward(torch.Tensor tensor) => torch.nn.functional.dropout(tensor, p, training, inplace);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            public static Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);
        }
    }
}
