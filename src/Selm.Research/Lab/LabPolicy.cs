using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using static TorchSharp.torch;

namespace Selm.Research.Lab;

/// <summary>
/// The lab's policy: a Llama of 105,856 weights (width 64, 2 layers, 4 heads, SwiGLU 160, tied embeddings) over the
/// words of the lab language; other budgets have other shapes.
/// </summary>
public static class LabPolicy
{
    /// <summary>Its shape.</summary>
    /// <param name="language">The language whose words it reads.</param>
    /// <param name="shape">Its shape; null is the lab's.</param>
    public static LlamaConfig Config(LabLanguage language, LabShape? shape = null)
    {
        shape ??= new LabShape();
        return new LlamaConfig
        {
            ModelType = "llama",
            VocabSize = language.Words.Count,
            HiddenSize = shape.Width,
            IntermediateSize = shape.Inner,
            NumHiddenLayers = shape.Layers,
            NumAttentionHeads = shape.Heads,
            NumKeyValueHeads = shape.Heads,
            HeadDim = shape.Width / shape.Heads,
            MaxPositionEmbeddings = 128,
            RmsNormEps = 1e-5,
            RopeTheta = 10_000,
            TieWordEmbeddings = true,
            BosTokenId = language.IdOf("<bos>"),
            EosTokenIds = [language.EosId],
            PadTokenId = language.IdOf("<pad>"),
        };
    }

    /// <summary>A model with random weights: embeddings N(0, .05), matrices uniform in ±1/sqrt(columns), norms 1.</summary>
    /// <param name="language">The language.</param>
    /// <param name="seed">Seed of the streams; each tensor has its own.</param>
    /// <param name="shape">Its shape; null is the lab's.</param>
    /// <param name="device">Where it lives; null is the CPU.</param>
    public static Llama Create(LabLanguage language, ulong seed, LabShape? shape = null, Device? device = null)
    {
        var model = new Llama(Config(language, shape), device: device);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, weight) in LlamaWeights.Named(model))
        {
            if (weight.dim() == 1)
            {
                weight.Fill(1);
                continue;
            }
            var values = new float[weight.numel()];
            var random = new PhiloxStream(seed, LabStreams.Weights + name);
            if (name == "model.embed_tokens.weight")
            {
                random.FillGaussian(values);
                weight.copy_(tensor(values, weight.shape, device: model.Device).Times(0.05));
            }
            else
            {
                Uniform(values, random, weight.shape[1]);
                weight.copy_(tensor(values, weight.shape, device: model.Device));
            }
        }
        return model;
    }

    /// <summary>Writes a folder that Hugging Face's tools and the kit's commands load: weights, config and tokenizer.</summary>
    /// <param name="model">The model.</param>
    /// <param name="language">Its language.</param>
    /// <param name="folder">Where to; made if absent.</param>
    /// <exception cref="InputException">The folder cannot be written.</exception>
    public static void Save(Llama model, LabLanguage language, string folder)
    {
        LlamaWeights.Save(model, folder);
        LabTokenizer.Write(folder, language);
    }

    // PyTorch's default for linear layers.
    internal static void Uniform(float[] values, PhiloxStream random, long columns)
    {
        random.FillUniform(values);
        var bound = (float)(1 / Math.Sqrt(columns));
        for (var k = 0; k < values.Length; k++)
        {
            values[k] = ((2 * values[k]) - 1) * bound;
        }
    }
}
