// A joined matrix of the model (queries, keys and values; gate and up) has one A and one B here too: the A of its targeted
// layers stacked, and their B stacked; each layer's output block reads columns and rows of its own. Files see the
// layers' parts, as views.
using System.Security.Cryptography;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>One targeted layer of a joined matrix.</summary>
/// <param name="Name">The layer's name in the base model.</param>
/// <param name="At">First column in the joined product.</param>
/// <param name="Width">Columns.</param>
internal readonly record struct LoraPart(string Name, long At, long Width);

/// <summary>What an adapter adds to one joined product: scaling * (x A') B', block by block.</summary>
internal sealed class LoraDelta
{
    internal LoraDelta(LoraPart[] blocks, int rank, double scaling, long into, ScalarType dtype, Device device)
    {
        (Blocks, Rank, Scaling) = (blocks, rank, scaling);
        A = Llama.Room([blocks.Length * rank, into], dtype, device);
        B = Llama.Room([blocks.Sum(block => block.Width), rank], dtype, device);
    }

    /// <summary>The targeted layers, by columns.</summary>
    public LoraPart[] Blocks { get; }

    /// <summary>r.</summary>
    public int Rank { get; }

    /// <summary>alpha / r or alpha / sqrt(r).</summary>
    public double Scaling { get; }

    /// <summary>[blocks * r, in].</summary>
    public Parameter A { get; }

    /// <summary>[sum of widths, r].</summary>
    public Parameter B { get; }

    /// <summary>The layers' own matrices: A [r, in] and B [width, r], as views of what <paramref name="of"/> gives for the joined ones.</summary>
    public IEnumerable<(LoraPart Part, Tensor? A, Tensor? B)> Split(Func<Parameter, Tensor?> of)
    {
        var row = 0L;
        for (var k = 0; k < Blocks.Length; k++)
        {
            yield return (Blocks[k], of(A)?.narrow(0, (long)k * Rank, Rank), of(B)?.narrow(0, row, Blocks[k].Width));
            row += Blocks[k].Width;
        }
    }
}

/// <summary>What an adapter adds in one block of the decoder; null where it adds nothing.</summary>
/// <param name="Qkv">To queries, keys and values.</param>
/// <param name="Output">After attention.</param>
/// <param name="GateUp">To the first product of the feed-forward layer.</param>
/// <param name="Down">To the second.</param>
internal sealed record LoraBlock(LoraDelta? Qkv, LoraDelta? Output, LoraDelta? GateUp, LoraDelta? Down)
{
    public IEnumerable<LoraDelta> All => new[] { Qkv, Output, GateUp, Down }.OfType<LoraDelta>();
}

/// <summary>
/// A LoRA adapter: low-rank corrections to linear layers of a decoder whose own weights stay as they are. It belongs to the
/// model that it is attached to (<see cref="Llama.Attach"/>) and is disposed with it.
/// </summary>
public sealed class LoraAdapter : IDisposable
{
    internal const string Prefix = "base_model.model.";

    private const long Piece = 1 << 26; // numbers hashed at once

    private static readonly string[] outsideBlocks = ["lm_head", "model.embed_tokens"];

    /// <summary>Makes an adapter of zeros for a decoder of this shape.</summary>
    /// <param name="config">Rank, scaling and targets.</param>
    /// <param name="model">The decoder that it will be attached to.</param>
    /// <exception cref="InputException">The targets name no linear layer of the blocks, or a layer that takes no adapter.</exception>
    public LoraAdapter(LoraConfig config, Llama model)
    {
        Config = config;
        var shape = model.Config;
        if (outsideBlocks.FirstOrDefault(name => config.TargetModules is not [LoraConfig.AllLinear] && config.Targets(name)) is { } outside)
        {
            throw new InputException($"target_modules names {outside}, to which the kit adds no adapter; leave it out, or give a whole copy of it (modules_to_save).");
        }
        if (config.ModulesToSave.FirstOrDefault(name => name is not ("lm_head" or "embed_tokens")) is { } unknown)
        {
            throw new InputException($"modules_to_save names {unknown}, of which the kit reads no copy; it reads lm_head and embed_tokens.");
        }
        if (config.ModulesToSave.Count > 0 && shape.TieWordEmbeddings)
        {
            throw new InputException($"modules_to_save names {config.ModulesToSave[0]}, but the head of this model is its embedding (tie_word_embeddings), so a copy of one of them changes what is meant; use an adapter without it.");
        }
        Layers = [.. Enumerable.Range(0, shape.NumHiddenLayers).Select(k => Block(k, shape, model.Dtype, model.Device))];
        if (!Layers.Any(layer => layer.All.Any()))
        {
            var names = Joined(0, shape).SelectMany(matrix => matrix.Parts.Select(part => part.Name[(part.Name.LastIndexOf('.') + 1)..]));
            throw new InputException($"target_modules {string.Join(", ", config.TargetModules)} names no linear layer of this model; its layers are {string.Join(", ", names)}.");
        }
        Head = config.ModulesToSave.Contains("lm_head") ? Llama.Room([shape.VocabSize, shape.HiddenSize], model.Dtype, model.Device) : null;
        Embedding = config.ModulesToSave.Contains("embed_tokens") ? Llama.Room([shape.VocabSize, shape.HiddenSize], model.Dtype, model.Device) : null;
    }

    /// <summary>Rank, scaling, targets and the base model's name.</summary>
    public LoraConfig Config { get; }

    /// <summary>What is trained: A and B of each joined matrix, and copies of the head and the embedding where there are some.</summary>
    public IReadOnlyList<Parameter> Parameters =>
        [.. Layers.SelectMany(layer => layer.All).SelectMany(delta => new[] { delta.A, delta.B }), .. new[] { Head, Embedding }.OfType<Parameter>()];

    internal LoraBlock[] Layers { get; }

    internal Parameter? Head { get; }

    internal Parameter? Embedding { get; }

    /// <summary>Every weight under its name in adapter_model.safetensors; the tensors are views of the parameters.</summary>
    public IEnumerable<(string Name, Tensor Weight)> Named => Parts(parameter => parameter);

    /// <summary>Every gradient under the same names, where backward has left one.</summary>
    public IEnumerable<(string Name, Tensor Gradient)> NamedGradients => Parts(parameter => parameter.grad);

    /// <summary>SHA-256 of all its numbers.</summary>
    public string Fingerprint()
    {
        using var scope = NewDisposeScope();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var parameter in Parameters)
        {
            var flat = parameter.detach().contiguous().view(-1);
            for (long at = 0; at < flat.numel(); at += Piece) // spans end at 2 GiB
            {
                using var part = flat.narrow(0, at, Math.Min(Piece, flat.numel() - at)).cpu();
                hash.AppendData(part.bytes);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var parameter in Parameters)
        {
            parameter.Dispose();
        }
    }

    /// <summary>Numbers of an adapter for a decoder of some shape, before either is made.</summary>
    /// <param name="config">Rank and targets.</param>
    /// <param name="shape">The decoder's.</param>
    internal static long CountOf(LoraConfig config, LlamaConfig shape) => (config.ModulesToSave.Count * (long)shape.VocabSize * shape.HiddenSize)
        + Enumerable.Range(0, shape.NumHiddenLayers).SelectMany(layer => Joined(layer, shape)).Sum(matrix =>
            matrix.Parts.Where(part => config.Targets(part.Name)).Sum(part => config.Rank * (matrix.Into + part.Width)));

    // The joined matrices of a block: their layers, and the columns of their input.
    private static (LoraPart[] Parts, long Into)[] Joined(int layer, LlamaConfig shape)
    {
        long query = shape.NumAttentionHeads * shape.HeadDim, key = shape.NumKeyValueHeads * shape.HeadDim, wide = shape.IntermediateSize;
        LoraPart Part(string name, long at, long width) => new($"model.layers.{layer}.{name}", at, width);
        return
        [
            (shape.FusedProjections
                ? [Part("self_attn.qkv_proj", 0, query + (2 * key))]
                : [Part("self_attn.q_proj", 0, query), Part("self_attn.k_proj", query, key), Part("self_attn.v_proj", query + key, key)], shape.HiddenSize),
            ([Part("self_attn.o_proj", 0, shape.HiddenSize)], query),
            (shape.FusedProjections ? [Part("mlp.gate_up_proj", 0, 2 * wide)] : [Part("mlp.gate_proj", 0, wide), Part("mlp.up_proj", wide, wide)], shape.HiddenSize),
            ([Part("mlp.down_proj", 0, shape.HiddenSize)], wide),
        ];
    }

    private LoraBlock Block(int layer, LlamaConfig shape, ScalarType dtype, Device device)
    {
        LoraDelta?[] deltas =
        [
            .. Joined(layer, shape).Select(matrix =>
            {
                var parts = matrix.Parts.Where(part => Config.Targets(part.Name)).ToArray();
                return parts.Length == 0 ? null : new LoraDelta(parts, Config.Rank, Config.Scaling, matrix.Into, dtype, device);
            }),
        ];
        return new(deltas[0], deltas[1], deltas[2], deltas[3]);
    }

    private IEnumerable<(string Name, Tensor Part)> Parts(Func<Parameter, Tensor?> of)
    {
        foreach (var (part, a, b) in Layers.SelectMany(layer => layer.All).SelectMany(delta => delta.Split(of)))
        {
            if (a is not null && b is not null)
            {
                yield return ($"{Prefix}{part.Name}.lora_A.weight", a);
                yield return ($"{Prefix}{part.Name}.lora_B.weight", b);
            }
        }
        foreach (var (name, parameter) in new[] { (WeightNames.Head, Head), (WeightNames.Embedding, Embedding) })
        {
            if (parameter is not null && of(parameter) is { } copy)
            {
                yield return (Prefix + name, copy);
            }
        }
    }
}
