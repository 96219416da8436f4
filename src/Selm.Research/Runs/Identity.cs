using System.Globalization;
// One identity for everything that is kept: reference log-probs, answers, verdicts, results and runs. It is made of content,
// so that the spelling of a path decides nothing, and of every fact that a number depends on, so that none of them is shared
// by numbers that differ. A judge behind an address has no folder: its identity is the whole request (ChatEndpoint).
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;

namespace Selm.Research.Runs;

/// <summary>What a model's numbers depend on, as hashes of content.</summary>
public static class Identity
{
    /// <summary>
    /// The parts of a model folder by name, each a SHA-256: weights (config.json and weight files, whose headers have the element
    /// types), adapter, tokenizer, chat template, generation config; a part that is not there is left out.
    /// </summary>
    /// <param name="folder">A checkpoint, a reward model, PairRM or an adapter.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static SortedDictionary<string, string> Parts(string folder)
    {
        var parts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var isAdapter = LoraConfig.IsIn(folder);
        if (isAdapter)
        {
            parts["adapter"] = LoraFiles.Hash(folder);
        }
        if (!isAdapter || File.Exists(Path.Combine(folder, HfConfig.FileName)))
        {
            parts["weights"] = SafetensorsFolder.WeightHash(folder);
        }
        if (TokenizerFiles.AreIn(folder))
        {
            var settings = TokenizerFiles.ReadSettings(TokenizerFiles.Find(folder));
            AddText(parts, settings.ContentHash, settings.ChatTemplate);
        }
        AddGeneration(parts, folder);
        return parts;
    }

    /// <summary>The parts of a loaded model's folder, its weights hashed once.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public static SortedDictionary<string, string> Parts(ModelFolder model)
    {
        var parts = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["weights"] = model.WeightHash }; // under an adapter of both
        if (model.BasePath != model.Path)
        {
            parts["adapter"] = LoraFiles.Hash(model.Path);
        }
        if (model.HasTokenizer)
        {
            AddText(parts, model.TokenizerHash, model.Tokenizer.ChatTemplateSource);
        }
        if (model.ReadsClock)
        {
            parts["date"] = ContentHash.OfText(model.Now.ToString("O", CultureInfo.InvariantCulture)); // what its chat template writes
        }
        AddGeneration(parts, model.Path);
        AddGeneration(parts, model.BasePath); // where the adapter's folder has none of its own
        return parts;
    }

    /// <summary>The identity of a loaded model: its folder's parts, element type, device, kernels and the kit's version.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public static string Of(ModelFolder model) => Of(model, Parts(model));

    /// <summary>The same from parts that are known already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="parts">Its <see cref="Parts(ModelFolder)"/>.</param>
    public static string Of(ModelFolder model, SortedDictionary<string, string> parts) => Of(parts, model.Model.Dtype.ToString(), model.Model.Device.type.ToString().ToLowerInvariant());

    /// <summary>The identity of a ranker: kind, the parts of its folder, device, kernels and the kit's version; an oracle's is its name.</summary>
    /// <param name="ranker">As recipes and commands name it: <c>pairrm:DIR</c>, <c>rm:DIR</c> or <c>oracle:...</c>.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string OfRanker(string ranker, string device) => Of(RankerParts(ranker), "", device.Split(':')[0]);

    /// <summary>The parts of a ranker by name: its kind, and those of its folder where it has one; an adapter's base model is part of it.</summary>
    /// <param name="ranker">As for <see cref="OfRanker"/>.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static SortedDictionary<string, string> RankerParts(string ranker)
    {
        var colon = ranker.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || ranker[..colon] is not ("pairrm" or "rm") || !Directory.Exists(ranker[(colon + 1)..]))
        {
            return new(StringComparer.Ordinal) { ["kind"] = ranker };
        }
        var folder = ranker[(colon + 1)..];
        var parts = Parts(folder);
        parts["kind"] = ranker[..colon];
        foreach (var (name, hash) in LoraConfig.IsIn(folder) ? Parts(LoraConfig.Load(folder).BaseFolder(folder)) : [])
        {
            parts.TryAdd(name, hash); // what the adapter's folder does not have itself
        }
        return parts;
    }

    private static void AddText(SortedDictionary<string, string> parts, string tokenizer, string? template)
    {
        parts["tokenizer"] = tokenizer;
        if (template is not null)
        {
            parts["chat template"] = ContentHash.OfText(template);
        }
    }

    private static void AddGeneration(SortedDictionary<string, string> parts, string folder)
    {
        var file = Path.Combine(folder, ModelFolder.GenerationConfig);
        if (!parts.ContainsKey("generation config") && File.Exists(file))
        {
            parts["generation config"] = ContentHash.OfFile(file);
        }
    }

    private static string Of(SortedDictionary<string, string> parts, string elementType, string device) => ContentHash.Combine(
    [
        .. parts.SelectMany(part => new[] { part.Key, part.Value }),
        elementType, Provenance.KitVersion,
        .. MachineFacts.Now(device).OrderBy(fact => fact.Key, StringComparer.Ordinal).SelectMany(fact => new[] { fact.Key, fact.Value }),
    ]);
}
