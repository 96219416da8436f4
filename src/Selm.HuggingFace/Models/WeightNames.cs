namespace Selm.HuggingFace.Models;

/// <summary>
/// What the names in a decoder's weight files say. Every tensor must be one that the model uses: one left over means that
/// the files hold another model than config.json describes, and a result without it would be silently wrong.
/// </summary>
internal static class WeightNames
{
    internal const string Head = "lm_head.weight";
    internal const string Embedding = "model.embed_tokens.weight";

    private const string Prefix = "model.";
    private const string Bare = "embed_tokens.weight"; // of AutoModel, whose names lack the prefix

    private static readonly (string[] Marks, string Meaning)[] foreign =
    [
        ([".qweight", ".qzeros", ".scales", ".g_idx"], "weights quantised by GPTQ or AWQ"),
        ([".SCB", ".weight_format", ".absmax", ".quant_map", ".nested_absmax", ".quant_state."], "weights quantised by bitsandbytes"),
        ([".weight_scale", ".weight_scale_inv", ".input_scale", ".weight_packed", ".weight_shape"], "weights quantised by compressed-tensors or FP8"),
    ];

    /// <summary>A weight's name as the files have it: without "model." where the base class (AutoModel) wrote them.</summary>
    internal static string InFiles(SafetensorsFolder files, string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal) && !files.Contains(Embedding) && files.Contains(Bare) ? name[Prefix.Length..] : name;

    /// <summary>Refuses files that hold what the model does not use.</summary>
    /// <param name="folder">The folder, for the message.</param>
    /// <param name="files">Its weights.</param>
    /// <param name="config">What config.json says.</param>
    /// <param name="used">Names that the model reads, as the files have them.</param>
    /// <exception cref="InputException">A tensor is left over; it is named.</exception>
    internal static void Check(string folder, SafetensorsFolder files, LlamaConfig config, IReadOnlySet<string> used)
    {
        foreach (var name in files.Names)
        {
            // Old checkpoints carry the rotary frequencies, which follow from config.json.
            if (used.Contains(name) || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal))
            {
                continue;
            }
            if (name == Head && config.TieWordEmbeddings && !used.Contains("score.weight"))
            {
                CheckTiedHead(folder, files);
                continue;
            }
            throw new InputException($"{folder}: the tensor \"{name}\" is not part of the model that config.json describes: {Explain(name, config)}.");
        }
    }

    private static string Explain(string name, LlamaConfig config)
    {
        if (foreign.FirstOrDefault(entry => entry.Marks.Any(mark => name.Contains(mark, StringComparison.Ordinal))) is { Meaning: { } meaning })
        {
            return $"it belongs to {meaning}, which the kit does not read; use the unquantised checkpoint";
        }
        if (name.Contains(".lora_", StringComparison.Ordinal) || name.Contains(".base_layer.", StringComparison.Ordinal))
        {
            return "it belongs to a LoRA adapter that was not merged; merge it first (merge_and_unload in PEFT, or selm merge for an adapter folder)";
        }
        if (Layer(name) is { } layer && layer >= config.NumHiddenLayers)
        {
            return $"num_hidden_layers is {config.NumHiddenLayers}; use the config.json that belongs to these weights";
        }
        if (name.Contains(".self_attn.", StringComparison.Ordinal) && name.EndsWith(".bias", StringComparison.Ordinal) && config.ModelType is "llama" or "qwen3")
        {
            return "attention_bias is false; set it to true if the model was trained with biases on q, k, v and o";
        }
        return name == "score.weight" ? "it is the head of a reward model; give this folder as a ranker (rm:FOLDER)"
            : "use the config.json that belongs to these weights, or save them again without that tensor";
    }

    private static int? Layer(string name)
    {
        var at = name.IndexOf("layers.", StringComparison.Ordinal);
        return at >= 0 && int.TryParse(name[(at + 7)..].Split('.')[0], out var layer) ? layer : null;
    }

    // Some tools write the head also where it is the embedding; that is the same model only if the two are equal.
    private static void CheckTiedHead(string folder, SafetensorsFolder files)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var embedding = InFiles(files, Embedding);
        if (!files.Contains(embedding) || !files.Shape(Head).SequenceEqual(files.Shape(embedding)) || files.DtypeOf(Head) != files.DtypeOf(embedding)
            || !files.Read(Head).allclose(files.Read(embedding), rtol: 0, atol: 0))
        {
            throw new InputException(
                $"{folder}: \"{Head}\" differs from \"{embedding}\", but config.json says tie_word_embeddings true; set it to false if the model has a head of its own, or remove that tensor.");
        }
    }
}
