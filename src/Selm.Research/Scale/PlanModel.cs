// The shapes that a plan computes with: those of a folder's config.json or, where the folder is not there, of the published
// model that the recipe names. Weights are never opened.
using Selm.HuggingFace.Models;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>A decoder as a plan sees it.</summary>
/// <param name="Name">What the plan calls it.</param>
/// <param name="Config">Its shape.</param>
/// <param name="Source">Where the shape comes from: a file, or "built-in shape of NAME".</param>
/// <param name="DiskBytes">Bytes of its weight files, or as many as two per weight take where they are not there.</param>
public sealed record PlanModel(string Name, LlamaConfig Config, string Source, double DiskBytes)
{
    // From the models' published config.json files. The first whose words are all in the name counts.
    private static readonly (string[] Words, string Name, int Vocab, int Hidden, int Ff, int Layers, int Heads, int KvHeads, int Context, bool Tied)[] published =
    [
        (["mistral", "7b"], "Mistral-7B", 32_000, 4096, 14_336, 32, 32, 8, 32_768, false),
        (["zephyr", "7b"], "Mistral-7B", 32_000, 4096, 14_336, 32, 32, 8, 32_768, false),
        (["llama", "3.2", "1b"], "Llama-3.2-1B", 128_256, 2048, 8192, 16, 32, 8, 131_072, true),
        (["llama", "3", "8b"], "Llama-3-8B", 128_256, 4096, 14_336, 32, 32, 8, 8192, false),
        (["llama", "2", "7b"], "Llama-2-7B", 32_000, 4096, 11_008, 32, 32, 32, 4096, false),
        (["phi", "3", "mini"], "Phi-3-mini", 32_064, 3072, 8192, 32, 32, 32, 4096, false),
        (["qwen2", "0.5b"], "Qwen2-0.5B", 151_936, 896, 4864, 24, 14, 2, 32_768, true),
        (["qwen2", "1.5b"], "Qwen2-1.5B", 151_936, 1536, 8960, 28, 12, 2, 32_768, true),
        (["qwen2", "7b"], "Qwen2-7B", 152_064, 3584, 18_944, 28, 28, 4, 32_768, false),
    ];

    /// <summary>Numbers in the decoder's tensors.</summary>
    public double Parameters => ((Config.TieWordEmbeddings ? 1.0 : 2.0) * Embedding) + Config.HiddenSize + (Config.NumHiddenLayers * PerBlock);

    /// <summary>Numbers in the embedding matrix, and in the head's.</summary>
    internal double Embedding => (double)Config.VocabSize * Config.HiddenSize;

    /// <summary>Columns of queries, keys and values side by side.</summary>
    internal double Packed => (Config.NumAttentionHeads + (2.0 * Config.NumKeyValueHeads)) * Config.HeadDim;

    /// <summary>Columns of what attention gives.</summary>
    internal double Mixed => (double)Config.NumAttentionHeads * Config.HeadDim;

    /// <summary>Numbers of a block's feed-forward layer.</summary>
    internal double FeedForward => 3.0 * Config.HiddenSize * Config.IntermediateSize;

    /// <summary>Numbers of a block.</summary>
    internal double PerBlock => (Config.HiddenSize * (Packed + Mixed)) + FeedForward + (2.0 * Config.HiddenSize) + (Config.QkvBias ? Packed : 0)
        + (Config.AttentionBias ? Config.HiddenSize : 0) + (Config.HeadNorms ? 2.0 * Config.HeadDim : 0);

    /// <summary>The model of a recipe: its base folder's config.json, or the published model of its name.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <exception cref="InputException">There is neither; the sentence says which names are known.</exception>
    public static PlanModel Of(Recipe recipe)
    {
        var folder = recipe.Base ?? "";
        if (LoraConfig.IsIn(folder))
        {
            throw new InputException($"base: {folder} is an adapter; give its base model as base and this folder as adapter: {{path: {folder}}}.");
        }
        if (File.Exists(Path.Combine(folder, HfConfig.FileName)))
        {
            var config = LlamaConfig.Load(folder);
            var model = new PlanModel(recipe.Model ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(folder)), config, Path.Combine(folder, HfConfig.FileName), 0);
            var files = Directory.EnumerateFiles(folder, "*.safetensors").Sum(file => (double)new FileInfo(file).Length);
            return model with { DiskBytes = files > 0 ? files : 2 * model.Parameters };
        }
        return Published(recipe.Model ?? "") ?? Published(folder) ?? throw new InputException(
            $"{(folder.Length == 0 ? "The recipe names no base" : $"{folder} has no {HfConfig.FileName}")} and no published model that selm plan knows ({string.Join(", ", published.Select(p => p.Name).Distinct())}); give a folder as base:, or such a name as model:.");
    }

    /// <summary>The built-in shape of a published model, or null.</summary>
    /// <param name="name">Such as mistralai/Mistral-7B-v0.1.</param>
    internal static PlanModel? Published(string name)
    {
        var row = published.FirstOrDefault(p => p.Words.All(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)));
        if (row.Name is null)
        {
            return null;
        }
        var config = new LlamaConfig
        {
            ModelType = row.Name.StartsWith("Qwen2", StringComparison.Ordinal) ? "qwen2" : "llama",
            VocabSize = row.Vocab, HiddenSize = row.Hidden, IntermediateSize = row.Ff, NumHiddenLayers = row.Layers, NumAttentionHeads = row.Heads,
            NumKeyValueHeads = row.KvHeads, HeadDim = row.Hidden / row.Heads, MaxPositionEmbeddings = row.Context, TieWordEmbeddings = row.Tied,
        };
        var model = new PlanModel(name, config, $"built-in shape of {row.Name}", 0);
        return model with { DiskBytes = 2 * model.Parameters };
    }

    /// <summary>The shape as the benches count its work.</summary>
    /// <param name="batch">Rows or pairs.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="response">Tokens of a response.</param>
    internal BenchShape Shape(int batch, int prompt, int response) => new(
        Config.VocabSize, Config.HiddenSize, Config.NumHiddenLayers, Config.NumAttentionHeads, Config.NumKeyValueHeads, Config.IntermediateSize, prompt, response, batch)
    {
        HeadDim = Config.HeadDim,
        Tied = Config.TieWordEmbeddings,
    };

    /// <summary>Numbers of a recipe's adapter, those of all its joined matrices; 0 without one.</summary>
    /// <param name="recipe">An adapter's folder is read for its rank and targets.</param>
    internal double AdapterWeights(Recipe recipe)
    {
        if (recipe.Adapter is not { } adapter)
        {
            return 0;
        }
        var config = adapter.Path is { } path && LoraConfig.IsIn(path) ? LoraConfig.Load(path) : new LoraConfig
        {
            Rank = adapter.Rank ?? 16,
            Alpha = 1,
            TargetModules = adapter.TargetModules.Count > 0 ? adapter.TargetModules : [LoraConfig.AllLinear],
        };
        return LoraAdapter.CountOf(config, Config);
    }
}
