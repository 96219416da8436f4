using Selm.HuggingFace.Models;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>The ranker of a recipe as a plan sees it; it computes in float32.</summary>
/// <param name="Name">Its kind.</param>
/// <param name="Weights">Numbers in its tensors.</param>
/// <param name="PerPrompt">Work of ranking one prompt's candidates.</param>
/// <param name="Activations">Memory of its largest pass [bytes].</param>
internal sealed record PlanRanker(string Name, double Weights, Floor PerPrompt, double Activations)
{
    private const double Float = 4, Bytes = 4;
    private const double MostScores = 1 << 26; // of an attention layer's batch, PairRm.cs
    private const double ScoreCopies = 5; // scores, a looked-up table, their sum, masked, softmax

    /// <summary>The ranker of a recipe; of none, or of an oracle, it takes nothing.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="policy">The policy: a reward model that is not on disk is taken to be of its shape.</param>
    /// <param name="candidates">Candidates per prompt.</param>
    /// <param name="prompt">Tokens of a prompt.</param>
    /// <param name="response">Tokens of a candidate.</param>
    internal static PlanRanker Of(Recipe recipe, PlanModel policy, int candidates, int prompt, int response)
    {
        var (kind, place) = recipe.Ranker?.IndexOf(':', StringComparison.Ordinal) is { } colon and > 0 ? (recipe.Ranker[..colon], recipe.Ranker[(colon + 1)..]) : ("none", "");
        return kind switch
        {
            "pairrm" => PairRm(File.Exists(Path.Combine(place, HfConfig.FileName)) ? PairRmConfig.Load(place) : null, candidates, prompt, response),
            "rm" => Reward(File.Exists(Path.Combine(place, HfConfig.FileName)) ? new PlanModel(place, LlamaConfig.Load(place), place, 0) : PlanModel.Published(place) ?? policy, candidates, prompt, response),
            _ => new(kind, 0, default, 0),
        };
    }

    // A pass per ordered pair of candidates; DeBERTa-v3-large where the folder is not there.
    private static PlanRanker PairRm(PairRmConfig? config, int candidates, int prompt, int response)
    {
        var (vocab, hidden, ff, layers, heads, span) = config?.Encoder is { } e
            ? (e.VocabSize, e.HiddenSize, e.IntermediateSize, e.NumHiddenLayers, e.NumAttentionHeads, e.PositionSpan) : (128_011, 1024, 4096, 24, 16, 256);
        double width = Math.Min(prompt, config?.SourceMaxLength ?? 1224) + (2.0 * Math.Min(response, config?.CandidateMaxLength ?? 412));
        double pairs = candidates * (candidates - 1.0), block = (4.0 * hidden * hidden) + (2.0 * hidden * ff);
        var weights = (vocab * (double)hidden) + (2.0 * span * hidden) + (layers * (block + (9.0 * hidden) + ff)) + (2.0 * hidden * hidden);
        // Content to content, content to position, position to content, and the mix of values.
        var flops = 2 * layers * ((block * width) + (2.0 * width * width * hidden) + (2.0 * width * 2 * span * hidden));
        var rows = Math.Clamp(Math.Floor(MostScores / (heads * width * width)), 1, 8 * pairs);
        var scores = rows * heads * width * width;
        return new("pairrm", weights, new(pairs * flops, Bytes * (weights - (vocab * (double)hidden)) * pairs / rows),
            Float * ((ScoreCopies * scores) + (rows * width * ((6.0 * hidden) + (2 * ff)))));
    }

    // One row per prompt with all its candidates; batches of eight.
    private static PlanRanker Reward(PlanModel model, int candidates, int prompt, int response)
    {
        const int batch = 8;
        var row = Floor.Of(BenchMode.Logprobs, model.Shape(1, prompt, Math.Max(1, candidates * response)));
        var flops = row.Flops - (2.0 * candidates * response * model.Embedding); // no head
        double tokens = batch * (prompt + ((double)candidates * response));
        return new("rm", model.Parameters - (model.Config.TieWordEmbeddings ? 0 : model.Embedding), new(flops, row.Bytes / batch),
            Float * tokens * ((3.0 * model.Config.HiddenSize) + Math.Max(4.0 * model.Config.IntermediateSize, model.Packed + (4 * model.Mixed))));
    }
}
