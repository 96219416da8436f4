using TorchSharp.Interop;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Fills tensors in place, outside autograd, and returns them. The kit's own models draw from Numerics/Random.cs instead.</summary>
        public static class init
        {
            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null)
            {
                using var mode = no_grad();
                return tensor.uniform_(low, high, generator);
            }

            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null)
            {
                using var mode = no_grad();
                return tensor.normal_(mean, std, generator);
            }

            public static Tensor constant_(Tensor tensor, Scalar val)
            {
                using var mode = no_grad();
                return tensor.fill_(val);
            }

            public static Tensor ones_(Tensor tensor) => constant_(tensor, 1);

            public static Tensor zeros_(Tensor tensor) => constant_(tensor, 0);
        }

        public static class utils
        {
            /// <summary>
            /// Scales all gradients by max_norm / (norm + 1e-6) where that is below one. The norm is the norm of the
            /// tensors' own norms.
            /// </summary>
            /// <returns>The norm before the scaling; NaN or infinite where a gradient is.</returns>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2)
            {
                using var mode = no_grad();
                using var scope = NewDisposeScope();
                var grads = tensors.Select(parameter => parameter.grad).OfType<Tensor>().ToArray();
                if (grads.Length == 0)
                {
                    return 0;
                }
                var norms = norm_type == 2 ? Foreach.Norm(grads) : [.. grads.Select(grad => grad.norm((float)norm_type))];
                var total = stack(norms).norm((float)norm_type).ToDouble();
                var scale = max_norm / (total + 1e-6);
                // NaN scales too, as in PyTorch: a broken gradient must not look healthy.
                if (!(scale >= 1))
                {
                    Foreach.Multiply(grads, scale);
                }
                return total;
            }
        }
    }
}
