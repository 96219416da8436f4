using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>A linear layer: x W' + b.</summary>
internal sealed record Affine(Tensor Weight, Tensor Bias)
{
    internal Tensor Apply(Tensor x) => nn.functional.linear(x, Weight, Bias);
}

/// <summary>A layer norm over the last dimension.</summary>
internal sealed record Norm(Tensor Weight, Tensor Bias, double Eps)
{
    internal Tensor Apply(Tensor x) => nn.functional.layer_norm(x, [Weight.size(0)], Weight, Bias, Eps);
}

/// <summary>Reads the frozen weights of an inference-only model by their names and keeps them until it is disposed.</summary>
internal sealed class WeightReader(SafetensorsFolder weights, ScalarType dtype, Device device) : IDisposable
{
    private readonly List<Tensor> owned = [];

    /// <summary>What was read.</summary>
    internal HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    internal Tensor Tensor(string name, params long[] shape)
    {
        var tensor = weights.ReadWeight(name, shape, dtype, device).DetachFromDisposeScope();
        owned.Add(tensor);
        Names.Add(name);
        return tensor;
    }

    internal Affine Affine(string name, long outputs, long inputs) => new(Tensor(name + ".weight", outputs, inputs), Tensor(name + ".bias", outputs));

    internal Norm Norm(string name, long width, double eps) => new(Tensor(name + ".weight", width), Tensor(name + ".bias", width), eps);

    public void Dispose()
    {
        owned.ForEach(tensor => tensor.Dispose());
        owned.Clear();
    }
}
