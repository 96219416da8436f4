using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// A DeBERTa-v2 or -v3 encoder for inference: no gradients, no dropout. What is notable: positions enter only through
/// attention scores, so sequences may be longer than those of training.
/// </summary>
public sealed class DebertaEncoder : IDisposable
{
    private readonly WeightReader weights;
    private readonly Tensor word_embeddings, rel_embeddings;
    private readonly Norm embedding_norm;
    private readonly Norm? rel_norm, conv_norm;
    private readonly Tensor? conv_weight, conv_bias;
    private readonly DebertaLayer[] layer;

    private DebertaEncoder(SafetensorsFolder folder, DebertaConfig config, string prefix, ScalarType dtype, Device device)
    {
        Config = config;
        Device = device;
        weights = new WeightReader(folder, dtype, device);
        try
        {
            long width = config.HiddenSize;
            word_embeddings = weights.Tensor($"{prefix}embeddings.word_embeddings.weight", config.VocabSize, width);
            embedding_norm = weights.Norm($"{prefix}embeddings.LayerNorm", width, config.LayerNormEps);
            rel_embeddings = weights.Tensor($"{prefix}encoder.rel_embeddings.weight", 2L * config.PositionSpan, width);
            rel_norm = config.NormRelEbd ? weights.Norm($"{prefix}encoder.LayerNorm", width, config.LayerNormEps) : null;
            if (config.ConvKernelSize > 0)
            {
                conv_weight = weights.Tensor($"{prefix}encoder.conv.conv.weight", width, width / config.ConvGroups, config.ConvKernelSize);
                conv_bias = weights.Tensor($"{prefix}encoder.conv.conv.bias", width);
                conv_norm = weights.Norm($"{prefix}encoder.conv.LayerNorm", width, config.LayerNormEps);
            }
            layer = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(k => new DebertaLayer(weights, config, $"{prefix}encoder.layer.{k}"))];
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The shape of the encoder.</summary>
    public DebertaConfig Config { get; }

    /// <summary>Where the weights live.</summary>
    public Device Device { get; }

    /// <summary>The tensors that it was read from.</summary>
    internal IReadOnlySet<string> Names => weights.Names;

    /// <summary>Reads an encoder from the weights of a checkpoint.</summary>
    /// <param name="weights">The checkpoint's weight files.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="prefix">What the names of the encoder's tensors begin with: "deberta." or "pretrained_model.".</param>
    /// <param name="dtype">Element type to compute in; null: float32.</param>
    /// <param name="device">Where to compute; null: the CPU.</param>
    /// <exception cref="InputException">A tensor is missing, has a wrong shape or is not finite.</exception>
    public static DebertaEncoder Load(SafetensorsFolder weights, DebertaConfig config, string prefix, ScalarType? dtype = null, Device? device = null) =>
        new(weights, config, prefix, dtype ?? ScalarType.Float32, device ?? CPU);

    /// <summary>The last hidden states [batch, seq, hidden].</summary>
    /// <param name="inputIds">Token ids [batch, seq], Int64.</param>
    /// <param name="attentionMask">1 on tokens, 0 on padding [batch, seq], Int64.</param>
    public Tensor Forward(Tensor inputIds, Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        return Run(inputIds, attentionMask, null).MoveToOuterDisposeScope();
    }

    /// <summary>The hidden states after the embedding and after each layer, each [batch, seq, hidden].</summary>
    /// <param name="inputIds">Token ids [batch, seq], Int64.</param>
    /// <param name="attentionMask">1 on tokens, 0 on padding [batch, seq], Int64.</param>
    public IReadOnlyList<Tensor> HiddenStates(Tensor inputIds, Tensor attentionMask)
    {
        using var scope = NewDisposeScope();
        var states = new List<Tensor>();
        Run(inputIds, attentionMask, states);
        states.ForEach(state => state.MoveToOuterDisposeScope());
        return states;
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();

    private Tensor Run(Tensor inputIds, Tensor attentionMask, List<Tensor>? states)
    {
        using var quiet = no_grad();
        var (rows, length) = (inputIds.size(0), inputIds.size(1));
        var kept = attentionMask.unsqueeze(-1).to(word_embeddings.dtype);
        var words = word_embeddings.index_select(0, inputIds.reshape(-1)).view(rows, length, -1);
        var embedded = embedding_norm.Apply(words) * kept;
        states?.Add(embedded);
        var pass = Prepare(attentionMask, (int)length);
        var hidden = embedded;
        for (var k = 0; k < layer.Length; k++)
        {
            var next = layer[k].Forward(hidden, pass);
            if (k == 0 && conv_norm is not null)
            {
                next = Convolve(embedded, next, kept);
            }
            // Without this a long encoder would keep every layer until the end.
            if (states is null && !ReferenceEquals(hidden, embedded))
            {
                hidden.Dispose();
            }
            hidden = next;
            states?.Add(hidden);
        }
        return hidden;
    }

    private DebertaPass Prepare(Tensor mask, int length)
    {
        var span = Config.PositionSpan;
        var relative = DebertaPositions.Relative(length, Config.PositionBuckets, Config.MaxRelativePositions, Device);
        var rows = mask.unsqueeze(1).unsqueeze(2);
        return new DebertaPass(
            (rows * rows.transpose(-1, -2)).EqualTo(0),
            relative.Plus(span).NotBelow(0).NotAbove((2 * span) - 1),
            relative.neg().Plus(span).NotBelow(0).NotAbove((2 * span) - 1),
            rel_norm?.Apply(rel_embeddings) ?? rel_embeddings);
    }

    // The n-gram convolution beside the first layer: norm(layer's output + act(conv(embedding))).
    private Tensor Convolve(Tensor embedded, Tensor residual, Tensor kept)
    {
        using var scope = NewDisposeScope();
        var mixed = nn.functional.conv1d(embedded.transpose(1, 2), conv_weight!, conv_bias, padding: (Config.ConvKernelSize - 1) / 2, groups: Config.ConvGroups);
        var local = mixed.transpose(1, 2) * kept;
        var active = Config.ConvAct == "gelu" ? nn.functional.gelu(local) : local.tanh();
        return (conv_norm!.Apply(residual.Plus(active)) * kept).MoveToOuterDisposeScope();
    }
}
