using Selm.HuggingFace.Models;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>A folder with a tiny random model, 24 made-up pairs and a recipe of two iterations over them.</summary>
internal sealed class TinyRun : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("selm-run-").FullName;

    /// <param name="width">Hidden size. From 96 on the last bits of a log-prob show what it was computed with.</param>
    public TinyRun(int width = 32)
    {
        var model = File("model");
        DemoTokenizer.Write(model);
        using var llama = new Llama(new LlamaConfig
        {
            ModelType = "llama", VocabSize = 320, HiddenSize = width, IntermediateSize = width + 64, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = width / 4,
            MaxPositionEmbeddings = 256, BosTokenId = 1, EosTokenIds = [2], PadTokenId = 0, TieWordEmbeddings = true,
        });
        RandomWeights.Fill(llama, seed: 5, spread: 0.2);
        LlamaWeights.Save(llama, model);
        PreferenceFile.Write(File("pairs.jsonl"), MadeUpPairs.Create(24, seed: 1));
        Recipe = new Recipe
        {
            Name = "test", Base = model, Ranker = "oracle", Datasets = [File("pairs.jsonl")],
            Loss = new() { Kind = "selm", Beta = 0.1, Alpha = 0.01 }, Iterations = 2, Portions = 2, FirstIterationIsDpo = false,
            MaxLength = 96, MaxPromptLength = 64, MaxNewTokens = 12, BatchSize = 4, GradientAccumulation = 1, CheckpointEvery = 1, EvalEvery = 2, EvalFraction = 0.1,
            Optimizer = new() { LearningRate = 1e-3 }, Seed = 3,
        };
    }

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>A path inside the folder.</summary>
    public string File(string name) => Path.Combine(root, name);

    /// <summary>Likes short answers with many vowels: any fixed function of the texts will do.</summary>
    public static OracleRanker Oracle() => new((_, response) => response.Count(c => "aeiou".Contains(c, StringComparison.Ordinal)) - (0.1 * response.Length));

    public void Dispose() => Directory.Delete(root, recursive: true);
}
