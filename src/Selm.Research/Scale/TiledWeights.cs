using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using static TorchSharp.torch;

namespace Selm.Research.Scale;

/// <summary>Weights for benches of large models: one block of noise over and over, since billions of drawn numbers take minutes.</summary>
internal static class TiledWeights
{
    /// <summary>Fills a model with small numbers, its norms with ones; no second copy of a weight is made meanwhile.</summary>
    /// <param name="model">The model.</param>
    internal static void Fill(Llama model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in LlamaWeights.Named(model))
        {
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                weight.Fill(1);
            }
            else
            {
                Fill(weight);
            }
        }
    }

    /// <summary>Fills a tensor.</summary>
    /// <param name="weight">Contiguous.</param>
    internal static void Fill(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = new float[Math.Min(1 << 20, weight.numel())];
        new PhiloxStream(5, "tiles").FillUniform(values); // [0, 1)
        var noise = tensor(values, [values.Length], device: weight.device).Plus(-0.5).Times(0.05);
        using var flat = weight.view(-1);
        for (long at = 0; at < flat.numel(); at += values.Length)
        {
            using var part = flat.narrow(0, at, Math.Min(values.Length, flat.numel() - at));
            using var from = noise.narrow(0, 0, part.numel());
            part.copy_(from);
        }
    }
}
