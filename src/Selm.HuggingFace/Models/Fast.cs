using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using TorchSharp;
using static Selm.HuggingFace.Engine.TensorMemory;
using static TorchSharp.torch;
using AdamWKernel = Selm.HuggingFace.Kernels.AdamW;
using LogpKernel = Selm.HuggingFace.Kernels.TokenLogps;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The few places where the kit goes beyond TorchSharp's API for speed: products with their norm or residual, the
/// feed-forward layer, attention with rotary positions and against a key-value cache, the head. Each has a composition of TorchSharp operators beside it, which is
/// what runs on CUDA, in other element types and on processors without wide vectors, and which a test holds the fast one to.
/// </summary>
internal static class Fast
{
    /// <summary>Turns the kernels off on this thread, so that a test or a bench can compare the two ways.</summary>
    [field: ThreadStatic]
    internal static bool Disabled { get; set; }

    /// <summary>What computes products and attention on this processor.</summary>
    internal static string BuildFacts => Libtorch.VectorBits is > 0 and var bits ? $"managed kernels, {bits} bits" : "libtorch's operators";

    /// <summary>Whether results on the CPU have the same bits for any number of threads.</summary>
    internal static bool KeepsBits => Gemm.IsFast;

    /// <summary>Whether the kernels serve tensors like this one.</summary>
    internal static bool Fused(Tensor x) => Rounds(x) && x.dtype == ScalarType.Float32;

    /// <summary>Whether the kernel that rounds to bfloat16 serves tensors where this one lies.</summary>
    internal static bool Rounds(Tensor x) => Gemm.IsFast && !Disabled && x.device_type == DeviceType.CPU;

    /// <summary>y = x / sqrt(mean(x^2) + eps) * weight over the last dimension; the mean is taken in float32.</summary>
    /// <param name="x">[.., hidden].</param>
    /// <param name="weight">[hidden].</param>
    /// <param name="eps">Added under the root.</param>
    internal static Tensor RmsNorm(Tensor x, Tensor weight, double eps)
    {
        if (Fused(x))
        {
            return new RmsNormKernel(eps).Run(x, weight);
        }
        using var scope = NewDisposeScope();
        var wide = x.dtype == ScalarType.Float64 ? x : x.to_type(ScalarType.Float32);
        var scale = (wide * wide).mean([-1], keepdim: true).Plus(eps).rsqrt();
        return (weight * (wide * scale).to_type(x.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>The RMS norm of each head of the queries and keys; values stay.</summary>
    /// <param name="qkv">[tokens, (heads + 2 * kvHeads) * headDim].</param>
    /// <param name="query">Weight of the queries' norm, [headDim].</param>
    /// <param name="key">Weight of the keys' norm, [headDim].</param>
    /// <param name="queries">heads * headDim.</param>
    /// <param name="eps">Of the norms.</param>
    internal static Tensor HeadNorms(Tensor qkv, Tensor query, Tensor key, long queries, double eps)
    {
        using var scope = NewDisposeScope();
        var (rows, keys) = (qkv.size(0), (qkv.size(1) - queries) / 2);
        var parts = qkv.split([queries, keys, keys], 1);
        Tensor Norm(Tensor part, Tensor weight) => RmsNorm(part.reshape(-1, weight.size(0)), weight, eps).reshape(rows, part.size(1));
        return cat([Norm(parts[0], query), Norm(parts[1], key), parts[2]], 1).MoveToOuterDisposeScope();
    }

    /// <summary>x times the transpose of a weight: one product.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="packed">The weight in panels, where many calls read it; null packs it for this call.</param>
    /// <returns>[rows, out].</returns>
    internal static Tensor Linear(Tensor x, Tensor weight, PackedWeights? packed = null)
    {
        if (Fused(x))
        {
            using var rows = x.reshape(-1, x.size(-1));
            using var product = new LinearKernel(packed).Run(rows, weight);
            return product.reshape([.. x.shape[..^1], weight.size(0)]);
        }
        return nn.functional.linear(x, weight);
    }

    /// <summary>residual + x times the transpose of a weight, the sum taken inside the product.</summary>
    /// <param name="residual">[rows, out].</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="packed">The weight in panels, where many calls read it; null packs it for this call.</param>
    internal static Tensor LinearAdd(Tensor residual, Tensor x, Tensor weight, PackedWeights? packed = null)
    {
        if (Fused(x))
        {
            return new LinearKernel(packed).Run(x, weight, residual);
        }
        using var transposed = weight.t();
        return residual.addmm(x, transposed);
    }

    /// <summary>The product of a weight with the norm of x: linear(norm(x)).</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="norm">[hidden].</param>
    /// <param name="weight">[out, hidden].</param>
    /// <param name="eps">Of the norm.</param>
    /// <param name="packed">The weight in panels, where many calls read it; null packs it for this call.</param>
    /// <returns>[rows, out].</returns>
    internal static Tensor NormLinear(Tensor x, Tensor norm, Tensor weight, double eps, PackedWeights? packed = null)
    {
        if (Fused(x))
        {
            return new NormLinearKernel(eps, packed).Run(x, norm, weight);
        }
        using var normed = RmsNorm(x, norm, eps);
        return nn.functional.linear(normed, weight);
    }

    /// <summary>x + (silu(gate) * up) down', where gate and up are the halves of norm(x) gate_up'.</summary>
    /// <param name="x">[rows, hidden].</param>
    /// <param name="norm">[hidden].</param>
    /// <param name="gateUp">[2 * intermediate, hidden].</param>
    /// <param name="down">[hidden, intermediate].</param>
    /// <param name="eps">Of the norm.</param>
    /// <param name="packedGateUp">gate and up in panels, or null.</param>
    /// <param name="packedDown">down in panels, or null.</param>
    internal static Tensor Mlp(Tensor x, Tensor norm, Tensor gateUp, Tensor down, double eps, PackedWeights? packedGateUp = null, PackedWeights? packedDown = null)
    {
        if (Fused(x))
        {
            return new MlpKernel(eps, packedGateUp, packedDown).Run(x, norm, gateUp, down);
        }
        using var scope = NewDisposeScope();
        var halves = nn.functional.linear(RmsNorm(x, norm, eps), gateUp).chunk(2, -1);
        return x.addmm(nn.functional.silu(halves[0]) * halves[1], down.t()).MoveToOuterDisposeScope();
    }

    /// <summary>silu(gate) * up.</summary>
    /// <param name="wide">gate and up side by side, [rows, 2 * intermediate].</param>
    /// <returns>[rows, intermediate].</returns>
    internal static Tensor Gate(Tensor wide)
    {
        if (Fused(wide))
        {
            return GateKernel.Instance.Run(wide);
        }
        using var scope = NewDisposeScope();
        var halves = wide.chunk(2, -1);
        return (nn.functional.silu(halves[0]) * halves[1]).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// x times the transpose of a frozen weight + scale * (x A') B', where each output block has columns of A's result and rows of B of
    /// its own; see <see cref="LoraDelta"/>.
    /// </summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="delta">The matrices and their blocks.</param>
    /// <param name="packed">The weight in panels, where many calls read it; null packs it for this call.</param>
    /// <param name="residual">[rows, out], added to the result; or null.</param>
    internal static Tensor LoraLinear(Tensor x, Tensor weight, LoraDelta delta, PackedWeights? packed = null, Tensor? residual = null)
    {
        if (Fused(x))
        {
            var kernel = new LoraLinearKernel(packed, delta);
            return residual is null ? kernel.Run(x, weight, delta.A, delta.B) : kernel.Run(x, weight, delta.A, delta.B, residual);
        }
        using var scope = NewDisposeScope();
        var y = residual is null ? Linear(x, weight) : LinearAdd(residual, x, weight);
        var low = nn.functional.linear(x, delta.A).Times(delta.Scaling);
        var parts = new List<Tensor>();
        var (at, row, rank) = (0L, 0L, delta.Rank);
        foreach (var (block, k) in delta.Blocks.Select((block, k) => (block, k)))
        {
            parts.Add(y.narrow(1, at, block.At - at));
            parts.Add(y.narrow(1, block.At, block.Width).addmm(low.narrow(1, k * rank, rank), delta.B.narrow(0, row, block.Width).t()));
            (at, row) = (block.At + block.Width, row + block.Width);
        }
        parts.Add(y.narrow(1, at, y.size(1) - at));
        return cat([.. parts.Where(part => part.size(1) > 0)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Some rows of a matrix; a row asked for twice gets both gradients.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="index">[count], int64.</param>
    /// <returns>[count, width].</returns>
    internal static Tensor Rows(Tensor x, Tensor index)
    {
        if (Fused(x))
        {
            return RowsKernel.Instance.Run(x, index);
        }
        return x.index_select(0, index);
    }

    /// <summary>log p(id) of each row under softmax(logits). No gradient.</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="ids">[rows], int64.</param>
    /// <returns>[rows].</returns>
    internal static unsafe Tensor ChosenLogps(Tensor logits, Tensor ids)
    {
        if (Fused(logits))
        {
            var logps = empty([logits.size(0)], device: CPU);
            LogpKernel.Chosen(Floats(logits), Longs(ids), (nint)logits.size(0), (nint)logits.size(1), Floats(logps));
            GC.KeepAlive((logits, ids)); // the kernel knows their memory only, here and below
            return logps;
        }
        using var scope = NewDisposeScope();
        return (logits.gather(1, ids.unsqueeze(1)).squeeze(1) - logits.logsumexp(1)).MoveToOuterDisposeScope();
    }

    /// <summary>log p(id) under softmax(states head'), without ever holding all logits. No gradient.</summary>
    /// <param name="states">[count, hidden].</param>
    /// <param name="head">[vocabulary, hidden].</param>
    /// <param name="ids">[count], int64.</param>
    /// <returns>[count], float32, or float64 where the states are.</returns>
    internal static unsafe Tensor TokenLogps(Tensor states, Tensor head, Tensor ids)
    {
        if (Fused(states))
        {
            var logps = empty([states.size(0)], device: CPU);
            LogpKernel.Forward(Floats(states), Floats(head), Longs(ids), (nint)states.size(0), (nint)states.size(1), (nint)head.size(0), Floats(logps));
            GC.KeepAlive((states, head, ids));
            return logps;
        }
        using var scope = NewDisposeScope();
        return cat([.. Chunks(states, head).Select(chunk =>
        {
            using var inner = NewDisposeScope();
            var logits = Wide(nn.functional.linear(states.narrow(0, chunk.At, chunk.Count), head));
            return ChosenLogps(logits, ids.narrow(0, chunk.At, chunk.Count)).MoveToOuterDisposeScope();
        })]).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of sum weights[i] log p(id_i), in closed form: d log p(id) / d logits = onehot(id) - softmax(logits).</summary>
    /// <param name="states">[count, hidden].</param>
    /// <param name="head">[vocabulary, hidden].</param>
    /// <param name="ids">[count], int64.</param>
    /// <param name="logps">What <see cref="TokenLogps"/> returned.</param>
    /// <param name="weights">[count], float32.</param>
    /// <param name="gradHead">[vocabulary, hidden]; the head's gradient is added to it. Null where the head is frozen.</param>
    /// <returns>The gradient of the states, [count, hidden].</returns>
    internal static unsafe Tensor TokenLogpsBackward(Tensor states, Tensor head, Tensor ids, Tensor logps, Tensor weights, Tensor? gradHead)
    {
        if (Fused(states) && (gradHead is null || (Fused(gradHead) && gradHead.is_contiguous())))
        {
            var gradStates = states.empty_like();
            LogpKernel.Backward(
                Floats(states), Floats(head), Longs(ids), Floats(logps), Floats(weights), (nint)states.size(0), (nint)states.size(1), (nint)head.size(0), Floats(gradStates), gradHead is null ? null : Floats(gradHead));
            GC.KeepAlive((states, head, ids, logps, weights, gradHead));
            return gradStates;
        }
        using var scope = NewDisposeScope();
        return cat([.. Chunks(states, head).Select(chunk =>
        {
            using var inner = NewDisposeScope();
            var part = states.narrow(0, chunk.At, chunk.Count);
            var weight = weights.narrow(0, chunk.At, chunk.Count).unsqueeze(1);
            var grad = Wide(nn.functional.linear(part, head)).softmax(1).mul_(-weight);
            var id = ids.narrow(0, chunk.At, chunk.Count).unsqueeze(1);
            grad.scatter_(1, id, grad.gather(1, id).Plus(weight));
            grad = grad.to_type(states.dtype);
            gradHead?.AddInPlace(grad.t().matmul(part));
            return grad.matmul(head).MoveToOuterDisposeScope();
        })]).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of squares of all elements.</summary>
    /// <param name="x">Any shape.</param>
    internal static unsafe double SquaredNorm(Tensor x)
    {
        if (Fused(x) && x.is_contiguous())
        {
            var sum = AdamWKernel.SquaredNorm(Floats(x), (nint)x.numel());
            GC.KeepAlive(x);
            return sum;
        }
        using var norm = x.norm();
        using var wide = norm.to_type(ScalarType.Float64);
        var root = wide.cpu().item<double>();
        return root * root;
    }

    /// <summary>One AdamW step of a parameter and its moments, in place.</summary>
    /// <param name="parameter">The weights.</param>
    /// <param name="gradient">Their gradient, of the same shape; left as it is.</param>
    /// <param name="first">Mean of gradients.</param>
    /// <param name="second">Mean of squared gradients.</param>
    /// <param name="step">Constants.</param>
    internal static unsafe void AdamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, AdamWStep step)
    {
        if (Fused(parameter) && parameter.is_contiguous())
        {
            using var flat = gradient.contiguous();
            AdamWKernel.Update(Floats(parameter), Floats(flat), Floats(first), Floats(second), (nint)parameter.numel(), step);
            GC.KeepAlive((parameter, first, second));
            return;
        }
        using var scope = NewDisposeScope();
        var g = gradient.Times(step.GradientScale);
        parameter.MultiplyInPlace(1 - (step.LearningRate * step.WeightDecay));
        first.MultiplyInPlace(step.Beta1);
        first.AddInPlace(g, 1 - step.Beta1);
        second.MultiplyInPlace(step.Beta2);
        second.AddProductInPlace(g, g, 1 - step.Beta2);
        var root = second.sqrt().DividedBy(Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step))).Plus(step.Eps);
        parameter.AddQuotientInPlace(first, root, -step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step)));
    }

    /// <summary>Rotary positions and grouped-query attention over whole rows.</summary>
    /// <param name="qkv">[rows, width, (heads + 2 * kvHeads) * headDim]: queries, keys, values of each token.</param>
    /// <param name="rope">Cosines and sines by position.</param>
    /// <param name="plan">Positions, and which keys each query sees.</param>
    /// <param name="config">Numbers of heads and their width.</param>
    /// <returns>[rows, width, heads * headDim].</returns>
    internal static Tensor Attention(Tensor qkv, RotaryTable rope, AttentionPlan plan, LlamaConfig config)
    {
        int heads = config.NumAttentionHeads, kvHeads = config.NumKeyValueHeads, headDim = config.HeadDim;
        if (Fused(qkv) && AttentionShape.HasKernel(headDim))
        {
            return new AttentionKernel(heads, kvHeads, headDim).Run(qkv, rope.Cos, rope.Sin, plan.Positions, plan.Ranges);
        }
        using var scope = NewDisposeScope();
        var (query, key, value) = SplitHeads(qkv, config);
        var (cos, sin) = rope.At(plan.Positions, qkv.dtype);
        query = Rotate(query, cos, sin);
        key = Repeat(Rotate(key, cos, sin), heads / kvHeads);
        var mixed = nn.functional.scaled_dot_product_attention(query, key, Repeat(value, heads / kvHeads), plan.Mask);
        return mixed.transpose(1, 2).reshape(qkv.size(0), qkv.size(1), heads * headDim).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Attention of new tokens against a cache, whose keys and values are extended by theirs. No gradient.
    /// </summary>
    /// <param name="qkv">[rows, new tokens, (heads + 2 * kvHeads) * headDim].</param>
    /// <param name="rope">Cosines and sines by position.</param>
    /// <param name="positions">[rows, new tokens].</param>
    /// <param name="cache">The cache; <see cref="KvCache.Length"/> is the index of the first new token.</param>
    /// <param name="layer">Which block's keys and values.</param>
    /// <param name="config">Numbers of heads and their width.</param>
    /// <param name="window">A token sees this many tokens, itself included; 0 means all.</param>
    internal static unsafe Tensor CachedAttention(Tensor qkv, RotaryTable rope, Tensor positions, KvCache cache, int layer, LlamaConfig config, int window)
    {
        int heads = config.NumAttentionHeads, kvHeads = config.NumKeyValueHeads, headDim = config.HeadDim;
        if (cache.Transposed)
        {
            var shape = new AttentionShape((int)qkv.size(0), (int)qkv.size(1), heads, kvHeads, headDim);
            var output = empty([shape.Batch, shape.Seq, (long)heads * headDim], device: CPU);
            var view = new CacheView
            {
                Keys = Floats(cache.Keys[layer]), Values = Floats(cache.Values[layer]), First = Ints(cache.First), Capacity = cache.Capacity, Length = cache.Length, Window = window,
            };
            Selm.HuggingFace.Kernels.CachedAttention.Forward(shape, Floats(qkv), new Rotary(Floats(rope.Cos), Floats(rope.Sin), Longs(positions)), view, Floats(output));
            GC.KeepAlive((qkv, positions, cache, rope));
            return output;
        }
        using var scope = NewDisposeScope();
        var (query, key, value) = SplitHeads(qkv, config);
        var (cos, sin) = rope.At(positions, qkv.dtype);
        long start = cache.Length, count = qkv.size(1);
        cache.Keys[layer].narrow(2, start, count).copy_(Rotate(key, cos, sin));
        cache.Values[layer].narrow(2, start, count).copy_(value);
        var keys = Repeat(cache.Keys[layer].narrow(2, 0, start + count), heads / kvHeads);
        var values = Repeat(cache.Values[layer].narrow(2, 0, start + count), heads / kvHeads);
        var mixed = nn.functional.scaled_dot_product_attention(Rotate(query, cos, sin), keys, values, cache.Mask(count, window));
        return mixed.transpose(1, 2).reshape(qkv.size(0), count, heads * headDim).MoveToOuterDisposeScope();
    }

    /// <summary>Whether a cache for these weights should hold its keys transposed, as the fused kernel reads them.</summary>
    internal static bool WantsTransposedCache(Tensor weights, LlamaConfig config) => Fused(weights) && AttentionShape.HasKernel(config.HeadDim);

    // Positions whose logits are held together: 16 million elements, 64 MB in float32.
    private static IEnumerable<(long At, long Count)> Chunks(Tensor states, Tensor head)
    {
        long total = states.size(0), step = Math.Max(1, (16L << 20) / head.size(0));
        for (long at = 0; at < total; at += step)
        {
            yield return (at, Math.Min(step, total - at));
        }
    }

    private static Tensor Wide(Tensor x) => x.dtype == ScalarType.Float64 ? x : x.to_type(ScalarType.Float32);

    // [rows, width, (heads + 2 kv) * d] -> [rows, heads, width, d], [rows, kv, width, d], [rows, kv, width, d]
    private static (Tensor Query, Tensor Key, Tensor Value) SplitHeads(Tensor qkv, LlamaConfig config)
    {
        long heads = config.NumAttentionHeads, kvHeads = config.NumKeyValueHeads, headDim = config.HeadDim;
        var parts = qkv.view(qkv.size(0), qkv.size(1), heads + (2 * kvHeads), headDim).transpose(1, 2).split([heads, kvHeads, kvHeads], 1);
        return (parts[0], parts[1], parts[2]);
    }

    // Turns pairs (d, d + D/2) of each head by the token's angle; cos and sin are [rows, 1, width, D/2].
    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        var halves = x.chunk(2, -1);
        return cat([(halves[0] * cos) - (halves[1] * sin), (halves[1] * cos).Plus(halves[0] * sin)], -1);
    }

    private static Tensor Repeat(Tensor x, long times) => times == 1 ? x : x.repeat_interleave(times, 1);
}
