using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Layers as plain functions.</summary>
        public static partial class functional
        {
            private static readonly Op linearOp = new("aten::linear"), siluOp = new("aten::silu"), geluOp = new("aten::gelu"), layerNormOp = new("aten::layer_norm");
            private static readonly Op embeddingOp = new("aten::embedding"), logSigmoidOp = new("aten::log_sigmoid"), conv1dOp = new("aten::conv1d"), dropoutOp = new("aten::dropout");
            private static readonly Op attentionOp = new("aten::scaled_dot_product_attention");

            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => Dispatch.One(linearOp, input, weights, bias);

            public static Tensor silu(Tensor x, bool inplace = false) => inplace
                ? throw new NotSupportedException("silu in place is not offered")
                : Dispatch.One(siluOp, x);

            public static Tensor gelu(Tensor x) => Dispatch.One(geluOp, x);

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            public static Tensor logsigmoid(Tensor x) => Dispatch.One(logSigmoidOp, x);

            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1E-05) =>
                Dispatch.One(layerNormOp, input, normalized_shape, weight, bias, eps);

            // TorchSharp has no functional embedding; Modules.Embedding is its only door.
            internal static Tensor embedding(Tensor input, Tensor weight, long padding_idx = -1, bool scale_grad_by_freq = false, bool sparse = false) =>
                Dispatch.One(embeddingOp, weight, input, padding_idx, scale_grad_by_freq, sparse);

            public static Tensor conv1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null, long groups = 1) =>
                Dispatch.One(conv1dOp, input, weight, bias, stride ?? 1, padding ?? 0, dilation ?? 1, groups);

            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => inplace
                ? throw new NotSupportedException("dropout in place is not offered")
                : Dispatch.One(dropoutOp, input, p, training);

            /// <summary>softmax(Q K' / sqrt(d) + mask) V; composed from matrix products where libtorch is older than 2.0.</summary>
            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0, bool is_casual = false)
            {
                if (attentionOp.Exists)
                {
                    return Dispatch.One(attentionOp, query, key, value, attn_mask, p, is_casual);
                }
                if (p != 0)
                {
                    throw new NotSupportedException("attention dropout needs libtorch 2.0 or later");
                }
                using var scope = NewDisposeScope();
                var scores = query.matmul(key.transpose(-2, -1)) * (1 / Math.Sqrt(query.size(-1)));
                if (is_casual)
                {
                    var causal = ones(query.size(-2), key.size(-2), ScalarType.Bool, query.device).tril();
                    scores = scores.masked_fill(causal.logical_not(), double.NegativeInfinity);
                }
                else if (attn_mask is not null)
                {
                    scores = attn_mask.dtype == ScalarType.Bool
                        ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity)
                        : scores + attn_mask;
                }
                return scores.softmax(-1).matmul(value).MoveToOuterDisposeScope();
            }
        }
    }
}
