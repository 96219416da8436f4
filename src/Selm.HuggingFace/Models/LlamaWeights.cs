using Selm.HuggingFace.Files;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// A decoder's weights under their Hugging Face names: loading, saving, random starts. The model keeps q, k, v and
/// gate, up joined; here they are views of the joined matrices, so files look as Hugging Face's tools write them.
/// </summary>
public static class LlamaWeights
{
    /// <summary>Loads a model folder (config.json and safetensors).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="dtype">Element type to compute in; null is float32.</param>
    /// <param name="device">Where the model lives; null is the CPU.</param>
    /// <param name="window">How a sliding window is counted.</param>
    /// <exception cref="InputException">A file is missing or broken, a tensor is missing, has another shape or holds NaN.</exception>
    public static Llama Load(string folder, ScalarType? dtype = null, Device? device = null, WindowConvention window = WindowConvention.Exclusive)
    {
        var config = LlamaConfig.Load(folder);
        using var files = SafetensorsFolder.Open(folder);
        return Load(files, config, dtype, device, window);
    }

    /// <summary>Loads the weights that a config asks for and refuses files that hold others.</summary>
    /// <param name="files">The weight files.</param>
    /// <param name="config">The shape.</param>
    /// <param name="dtype">Element type to compute in; null is float32.</param>
    /// <param name="device">Where the model lives; null is the CPU.</param>
    /// <param name="window">How a sliding window is counted.</param>
    /// <param name="others">Names that the caller reads itself.</param>
    internal static Llama Load(
        SafetensorsFolder files, LlamaConfig config, ScalarType? dtype, Device? device, WindowConvention window = WindowConvention.Exclusive, params string[] others)
    {
        RefuseOtherSize(files, config);
        var model = new Llama(config, dtype ?? ScalarType.Float32, device, window);
        try
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var weights = Named(model).Select(w => (Name: WeightNames.InFiles(files, w.Name), w.Weight)).ToList();
            WeightNames.Check(files.Folder, files, config, weights.Select(w => w.Name).Concat(others).ToHashSet(StringComparer.Ordinal));
            foreach (var (name, target) in weights)
            {
                if (name == WeightNames.Head && !files.Contains(name))
                {
                    throw new InputException(
                        $"{files.Folder} has no tensor \"{name}\", and config.json does not say tie_word_embeddings true; set it if the head is the embedding, or use a checkpoint saved with its head (AutoModelForCausalLM, not AutoModel).");
                }
                using var one = NewDisposeScope();
                var source = files.ReadWeight(name, target.shape, model.Dtype, model.Device);
                target.copy_(source);
            }
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // A config.json that asks for far more than the files hold must not make us allocate it first.
    private static void RefuseOtherSize(SafetensorsFolder files, LlamaConfig config)
    {
        const long slack = 1 << 22;
        Int128 heads = (Int128)(2 * (long)config.NumAttentionHeads + 2 * (long)config.NumKeyValueHeads) * config.HeadDim;
        var asked = (Int128)config.HiddenSize * config.VocabSize + config.NumHiddenLayers * (config.HiddenSize * (heads + 3 * (Int128)config.IntermediateSize) + 2 * (Int128)config.HiddenSize);
        if (asked > 4 * (Int128)files.Elements + slack || config.NumHiddenLayers > slack)
        {
            throw new InputException(
                $"{Path.Combine(files.Folder, HfConfig.FileName)} asks for {asked} weights, but the weight files hold {files.Elements}; use the config.json that belongs to these weights.");
        }
    }

    /// <summary>Every weight under its Hugging Face name; the tensors are the parameters themselves or views of them.</summary>
    /// <param name="model">The model.</param>
    public static IEnumerable<(string Name, Tensor Weight)> Named(Llama model) => Parts(model, parameter => parameter);

    /// <summary>Every gradient under its Hugging Face name, where backward has left one.</summary>
    /// <param name="model">The model.</param>
    public static IEnumerable<(string Name, Tensor Gradient)> NamedGradients(Llama model) => Parts(model, parameter => parameter.grad);

    /// <summary>Writes config.json and safetensors that Hugging Face's tools load.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Where to; made if absent. Each file appears whole or not at all.</param>
    /// <param name="dtype">Element type to store; null stores what the model computes in.</param>
    public static void Save(Llama model, string folder, ScalarType? dtype = null) => Save(model, folder, dtype, null);

    /// <summary>The same, with a further field of config.json.</summary>
    internal static void Save(Llama model, string folder, ScalarType? dtype, (string Name, string Value)? field)
    {
        Directory.CreateDirectory(folder);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = Named(model).Select(w => (w.Name, w.Weight.to_type(dtype ?? model.Dtype))).ToList(); // the writer takes one at a time to the CPU
        SafetensorsWriter.WriteFolder(folder, weights);
        var config = (model.Config with { TorchDtype = dtype ?? model.Dtype }).ToJson();
        if (field is var (name, value))
        {
            config[name] = value;
        }
        ModelCode.Fit(config, folder);
        AtomicFile.WriteJson(Path.Combine(folder, HfConfig.FileName), config);
    }

    /// <summary>A copy with weights of its own; no gradients.</summary>
    /// <param name="model">The model; it wears no adapter.</param>
    /// <exception cref="InvalidOperationException">It wears one, which the copy would not have.</exception>
    public static Llama Clone(Llama model)
    {
        RefuseAdapter(model);
        var copy = new Llama(model.Config, model.Dtype, model.Device, model.Convention);
        Copy(model, copy);
        return copy;
    }

    /// <summary>Copies all weights of one model into another of the same shape.</summary>
    /// <param name="from">Source.</param>
    /// <param name="to">Target.</param>
    /// <exception cref="InvalidOperationException">One of the two wears an adapter, which is not copied.</exception>
    public static void Copy(Llama from, Llama to)
    {
        RefuseAdapter(from);
        RefuseAdapter(to);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (source, target) in from.parameters().Zip(to.parameters()))
        {
            target.copy_(source);
        }
    }

    /// <summary>Whether all weights are the numbers that a folder holds; one tensor of it is read at a time.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">A folder that it could have been loaded from.</param>
    internal static bool AreThoseOf(Llama model, string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var files = SafetensorsFolder.Open(folder);
        return Named(model).All(weight =>
        {
            using var one = NewDisposeScope();
            return weight.Weight.allclose(files.ReadWeight(WeightNames.InFiles(files, weight.Name), weight.Weight.shape, model.Dtype, model.Device), rtol: 0, atol: 0);
        });
    }

    private static void RefuseAdapter(Llama model)
    {
        if (model.Adapter is not null)
        {
            throw new InvalidOperationException("the model wears an adapter, which a copy of its weights would lack; merge it first");
        }
    }

    private static IEnumerable<(string Name, Tensor Part)> Parts(Llama model, Func<Parameter, Tensor?> of)
    {
        var config = model.Config;
        long query = config.NumAttentionHeads * config.HeadDim, key = config.NumKeyValueHeads * config.HeadDim, wide = config.IntermediateSize;
        foreach (var part in Whole(WeightNames.Embedding, model.embed_tokens))
        {
            yield return part;
        }
        for (var k = 0; k < model.Depth; k++)
        {
            var (block, prefix) = (model.layers[k], $"model.layers.{k}.");
            IEnumerable<(string, Tensor)>[] parts =
            [
                Whole($"{prefix}input_layernorm.weight", block.input_layernorm),
                config.FusedProjections
                    ? Whole($"{prefix}self_attn.qkv_proj.weight", block.qkv_proj)
                    : Split(block.qkv_proj, [($"{prefix}self_attn.q_proj.weight", query), ($"{prefix}self_attn.k_proj.weight", key), ($"{prefix}self_attn.v_proj.weight", key)]),
                config.FusedProjections
                    ? Whole($"{prefix}self_attn.qkv_proj.bias", block.qkv_bias)
                    : Split(block.qkv_bias, [($"{prefix}self_attn.q_proj.bias", query), ($"{prefix}self_attn.k_proj.bias", key), ($"{prefix}self_attn.v_proj.bias", key)]),
                Whole($"{prefix}self_attn.q_norm.weight", block.q_norm),
                Whole($"{prefix}self_attn.k_norm.weight", block.k_norm),
                Whole($"{prefix}self_attn.o_proj.weight", block.o_proj),
                Whole($"{prefix}self_attn.o_proj.bias", block.o_bias),
                Whole($"{prefix}post_attention_layernorm.weight", block.post_attention_layernorm),
                config.FusedProjections
                    ? Whole($"{prefix}mlp.gate_up_proj.weight", block.gate_up_proj)
                    : Split(block.gate_up_proj, [($"{prefix}mlp.gate_proj.weight", wide), ($"{prefix}mlp.up_proj.weight", wide)]),
                Whole($"{prefix}mlp.down_proj.weight", block.down_proj),
            ];
            foreach (var part in parts.SelectMany(p => p))
            {
                yield return part;
            }
        }
        foreach (var part in Whole("model.norm.weight", model.norm).Concat(Whole(WeightNames.Head, model.lm_head)))
        {
            yield return part;
        }

        IEnumerable<(string, Tensor)> Whole(string name, Parameter? parameter) =>
            parameter is not null && of(parameter) is { } tensor ? [(name, tensor)] : [];

        IEnumerable<(string, Tensor)> Split(Parameter? parameter, (string Name, long Rows)[] names)
        {
            if (parameter is null || of(parameter) is not { } tensor)
            {
                yield break;
            }
            long at = 0;
            foreach (var (name, rows) in names)
            {
                yield return (name, tensor.narrow(0, at, rows));
                at += rows;
            }
        }
    }
}
