using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>Weights to start from where there is no checkpoint.</summary>
public static class RandomWeights
{
    /// <summary>Fills a model with normal numbers of the given spread (norms with ones), the same for the same seed.</summary>
    /// <param name="model">The model.</param>
    /// <param name="seed">Seed of the streams; each tensor has its own, named after it.</param>
    /// <param name="spread">Standard deviation.</param>
    public static void Fill(Llama model, ulong seed, double spread = 0.02)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in LlamaWeights.Named(model))
        {
            if (name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                weight.Fill(1);
                continue;
            }
            var values = new float[weight.numel()];
            if (!name.EndsWith(".bias", StringComparison.Ordinal))
            {
                new PhiloxStream(seed, name).FillGaussian(values);
            }
            weight.copy_(tensor(values, weight.shape, device: model.Device).Times(spread));
        }
    }
}
