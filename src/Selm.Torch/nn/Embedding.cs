using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp
{
    namespace Modules
    {
        /// <summary>Rows of a table by id: ids of any shape to vectors [.., embedding_dims].</summary>
        public sealed class Embedding : torch.nn.Module<torch.Tensor, torch.Tensor>
        {
            private readonly long paddingIndex;
            private readonly bool scaleByFrequency;
            private readonly bool sparseGradient;

            [ComponentName(Name = nameof(weight))]
            private Parameter ownWeight = null!;

            internal Embedding(Parameter weight, long? paddingIndex, bool scaleByFrequency, bool sparseGradient)
                : base(nameof(Embedding))
            {
                (this.scaleByFrequency, this.sparseGradient) = (scaleByFrequency, sparseGradient);
                // -1 means none to the operator, so an index from the end is counted from the front.
                this.paddingIndex = paddingIndex is < 0 ? weight.size(0) + paddingIndex.Value : paddingIndex ?? -1;
                this.weight = weight;
            }

            public Parameter weight
            {
                get => ownWeight;
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

            public override torch.Tensor forward(torch.Tensor input) =>
                torch.nn.functional.embedding(input, weight, paddingIndex, scaleByFrequency, sparseGradient);
        }
    }

    public static partial class torch
    {
        public static partial class nn
        {
            /// <summary>A table of standard normal rows; the row of padding_idx is zero and gets no gradient.</summary>
            /// <exception cref="NotSupportedException">max_norm is given.</exception>
            public static Embedding Embedding(long num_embeddings, long embedding_dims, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
            {
                var weight = init.normal_(empty([num_embeddings, embedding_dims], dtype, device));
                if (padding_idx is { } padding)
                {
                    using var row = weight[padding];
                    row.zero_();
                }
                return Table(new Parameter(weight), padding_idx, max_norm, scale_grad_by_freq, sparse);
            }

            /// <summary>A table of given rows, frozen unless asked otherwise; without dtype and device it is of the default ones.</summary>
            /// <exception cref="NotSupportedException">max_norm is given.</exception>
            public static Embedding Embedding_from_pretrained(Tensor embeddings, bool freeze = true, long? padding_idx = null, double? max_norm = null, double norm_type = 2, bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null)
            {
                using var given = embeddings.detach();
                var weight = given.to(dtype ?? get_default_dtype(), device ?? CPU);
                return Table(new Parameter(weight, !freeze), padding_idx, max_norm, scale_grad_by_freq, sparse);
            }

            private static Embedding Table(Parameter weight, long? padding, double? maxNorm, bool scale, bool sparse) => maxNorm is null
                ? new(weight, padding, scale, sparse)
                : throw new NotSupportedException("embedding with max_norm is not offered");
        }
    }
}
