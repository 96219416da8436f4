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
    private static readonly string[] adapterFiles = ["adapter_config.json", "adapter_model.safetensors"];

    /// <summary>
    /// The parts of a model folder by name, each a SHA-256: weights (config.json and weight files, whose headers have the element
    /// types), adapter, tokenizer, chat template, generation config; a part that is not there is left out.
    /// </summary>
    /// <param name="folder">A checkpoint, a reward model, PairRM or an adapter.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static SortedDictionary<string, string> Parts(string folder) => Parts(folder, () => SafetensorsFolder.WeightHash(folder));

    /// <summary>The parts of a loaded model's folder, its weights hashed once.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public static SortedDictionary<string, string> Parts(ModelFolder model)
    {
        var parts = Parts(model.Path, () => model.WeightHash);
        parts["weights"] = model.WeightHash; // under an adapter the base's too
        foreach (var (name, hash) in model.BasePath == model.Path ? [] : Parts(model.BasePath, () => model.WeightHash))
        {
            parts.TryAdd(name, hash); // an adapter's folder may have no tokenizer of its own
        }
        return parts;
    }

    /// <summary>The identity of a loaded model: its folder's parts, element type, device, kernels and the kit's version.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public static string Of(ModelFolder model) => Of(Parts(model), model.Model.Dtype.ToString(), model.Model.Device.type.ToString().ToLowerInvariant());

    /// <summary>The identity of a ranker: kind, the parts of its folder, device, kernels and the kit's version; an oracle's is its name.</summary>
    /// <param name="ranker">As recipes and commands name it: <c>pairrm:DIR</c>, <c>rm:DIR</c> or <c>oracle:...</c>.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static string OfRanker(string ranker, string device) => Of(RankerParts(ranker), "", device.Split(':')[0]);

    /// <summary>The parts of a ranker by name: its kind, and those of its folder where it has one.</summary>
    /// <param name="ranker">As for <see cref="OfRanker"/>.</param>
    /// <exception cref="InputException">A file is missing or cannot be read.</exception>
    public static SortedDictionary<string, string> RankerParts(string ranker)
    {
        var colon = ranker.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0 || ranker[..colon] is not ("pairrm" or "rm") || !Directory.Exists(ranker[(colon + 1)..]))
        {
            return new(StringComparer.Ordinal) { ["kind"] = ranker };
        }
        var parts = Parts(ranker[(colon + 1)..]);
        parts["kind"] = ranker[..colon];
        return parts;
    }

    private static SortedDictionary<string, string> Parts(string folder, Func<string> weights)
    {
        var parts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        string[] adapter = [.. adapterFiles.Select(name => Path.Combine(folder, name)).Where(File.Exists)];
        if (adapter.Length > 0)
        {
            parts["adapter"] = ContentHash.OfFiles(adapter);
        }
        if (adapter.Length == 0 || File.Exists(Path.Combine(folder, HfConfig.FileName)))
        {
            parts["weights"] = weights();
        }
        if (TokenizerFiles.AreIn(folder))
        {
            var settings = TokenizerFiles.ReadSettings(TokenizerFiles.Find(folder));
            parts["tokenizer"] = settings.ContentHash;
            if (settings.ChatTemplate is { } template)
            {
                parts["chat template"] = ContentHash.OfText(template);
            }
        }
        var generation = Path.Combine(folder, ModelFolder.GenerationConfig);
        if (File.Exists(generation))
        {
            parts["generation config"] = ContentHash.OfFile(generation);
        }
        return parts;
    }

    private static string Of(SortedDictionary<string, string> parts, string elementType, string device) => ContentHash.Combine(
    [
        .. parts.SelectMany(part => new[] { part.Key, part.Value }),
        elementType, Provenance.KitVersion,
        .. MachineFacts.Now(device).OrderBy(fact => fact.Key, StringComparer.Ordinal).SelectMany(fact => new[] { fact.Key, fact.Value }),
    ]);
}
