using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Models;

/// <summary>
/// Log-probabilities of response tokens without ever holding the logits of a whole batch: the head runs over chunks
/// of positions, response positions only, and log-sum-exp is taken in float32.
/// </summary>
public static class TokenLogps
{
    /// <summary>Logits held at once, in elements: 16 million float32 are 64 MB.</summary>
    private const long ChunkElements = 16L << 20;

    /// <summary>How many positions one chunk has.</summary>
    internal static long ChunkRows(Llama model) => Math.Max(1, ChunkElements / model.Config.VocabSize);

    /// <summary>log pi(y_t | x, y_&lt;t) of every response token, without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="hidden">Hidden states of the batch after the final norm, [rows * width, hidden].</param>
    /// <param name="targets">The response tokens.</param>
    /// <returns>One log-probability per token, in the order of the targets.</returns>
    public static float[] Of(Llama model, Tensor hidden, ResponseTargets targets)
    {
        using var noGrad = no_grad();
        var logps = new float[targets.Count];
        var step = ChunkRows(model);
        for (long at = 0; at < targets.Count; at += step)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(step, targets.Count - at);
            var logits = model.Logits(hidden.index_select(0, targets.Predictors.narrow(0, at, count))).to_type(ScalarType.Float32);
            var chosen = logits.gather(1, targets.Ids.narrow(0, at, count).unsqueeze(1)).squeeze(1);
            (chosen - logits.logsumexp(1)).cpu().data<float>().CopyTo(logps.AsSpan((int)at, (int)count));
        }
        return logps;
    }

    /// <summary>Log-probabilities of the responses of some rows under a model, without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <returns>One sum per sequence (row by row, response by response) and the tokens' own numbers in the same order.</returns>
    public static (double[] Sums, float[] Tokens) Of(Llama model, IReadOnlyList<SharedRow> rows)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var plan = model.Plan(rows);
        using var targets = ResponseTargets.Of(rows, plan);
        var tokens = Of(model, model.Hidden(plan), targets);
        return (targets.SumBySequence(tokens), tokens);
    }
}
