// From a model's logits to the scores a token is drawn from. Every filter is a pure function [batch, vocab] ->
// [batch, vocab] that puts -infinity on what must not be drawn; the softmax of what is left is the sampling
// distribution. Filters do not commute: their order is part of the definition, and it is written down in Apply.
using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

/// <summary>
/// The filters of autoregressive sampling, with the exact rules for ties and bounds of Hugging Face's logits
/// processors (transformers 4.44) and of vLLM's sampler. Derived in lesson 01 (temperature, greedy).
/// </summary>
/// <remarks>
/// All work is done on the tensor's device in float32, or float64 where the logits are. Results belong to the
/// caller's dispose scope. Softmaxes are libtorch's, which shift by the maximum.
/// </remarks>
public static partial class LogitsFilter
{
    /// <summary>
    /// Hugging Face's order: repetition penalty, temperature, top-k, top-p, min-p. At temperature 0 only the
    /// penalty applies.
    /// </summary>
    /// <param name="logits">The model's scores of the next token, [batch, vocab].</param>
    /// <param name="options">Which filters, and how strong.</param>
    /// <param name="history">The tokens so far; needed where a repetition penalty is asked for.</param>
    /// <returns>Filtered scores, [batch, vocab], -infinity on tokens that must not be drawn.</returns>
    /// <exception cref="ArgumentException">A repetition penalty without a history.</exception>
    public static Tensor Apply(Tensor logits, SamplingOptions options, TokenHistory? history = null)
    {
        using var scope = NewDisposeScope();
        var scores = Warp(Repeated(Floats(logits), options, history), options);
        return scores.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// vLLM's order: repetition, frequency and presence penalty, temperature, top-k and top-p together, min-p. Its
    /// softmax equals that of <see cref="Apply"/> where both further penalties are 0.
    /// </summary>
    /// <remarks>
    /// Together means that top-k brings top-p with it, at p = 1 too: tokens whose float probability has underflowed
    /// to 0 then become -infinity, which changes the scores but not the distribution.
    /// </remarks>
    /// <param name="logits">The model's scores of the next token, [batch, vocab].</param>
    /// <param name="options">Which filters, and how strong.</param>
    /// <param name="history">The tokens so far: the repetition penalty looks at prompt and answer, the other two at the answer only.</param>
    /// <param name="presencePenalty">Subtracted once from the score of each token of the answer.</param>
    /// <param name="frequencyPenalty">Subtracted from the score of a token for each time it stands in the answer.</param>
    /// <returns>Filtered scores, [batch, vocab], -infinity on tokens that must not be drawn.</returns>
    public static Tensor ApplyVllm(Tensor logits, SamplingOptions options, TokenHistory history, double presencePenalty, double frequencyPenalty)
    {
        using var scope = NewDisposeScope();
        var repeated = Repeated(Floats(logits), options, history);
        var penalised = PresenceAndFrequency(repeated, history, presencePenalty, frequencyPenalty);
        return Warp(penalised, options, topKBringsTopP: true).MoveToOuterDisposeScope();
    }

    /// <summary>score / temperature.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="temperature">Above 0; below 1 sharpens the distribution, above 1 flattens it.</param>
    public static Tensor Temperature(Tensor scores, double temperature) => scores.DividedBy(temperature);

    /// <summary>Keeps the k best scores of each row, and all that tie with the k-th.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="k">At least 1; more than the vocabulary keeps all.</param>
    public static Tensor TopK(Tensor scores, int k)
    {
        using var scope = NewDisposeScope();
        var kept = (int)Math.Min(k, scores.size(-1));
        var (best, _) = scores.topk(kept);
        return Drop(scores, scores.lt(best.narrow(-1, kept - 1, 1))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Removes, from the lowest score upwards, the tokens whose cumulative probability is at most 1 - p ("nucleus
    /// sampling", Holtzman et al. 2020). Among equal scores the first tokens go first.
    /// </summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="p">The probability to keep, in (0, 1].</param>
    /// <param name="minKept">So many of the best tokens stay in any case.</param>
    public static Tensor TopP(Tensor scores, double p, int minKept = 1)
    {
        using var scope = NewDisposeScope();
        var (rising, order) = scores.sort(-1, descending: false, stable: true);
        var dropped = rising.softmax(-1).cumsum(-1).AtMost(1 - p);
        dropped.narrow(-1, scores.size(-1) - minKept, minKept).zero_();
        // From places in the sorted row back to places in the vocabulary: order is a permutation of each row.
        return Drop(scores, dropped.scatter(-1, order, dropped)).MoveToOuterDisposeScope();
    }

    /// <summary>Removes the tokens whose probability is below a fraction of the best token's.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="fraction">In [0, 1].</param>
    public static Tensor MinP(Tensor scores, double fraction)
    {
        using var scope = NewDisposeScope();
        var probabilities = scores.softmax(-1);
        var floor = probabilities.amax([-1L], keepdim: true).Times(fraction);
        return Drop(scores, probabilities.lt(floor)).MoveToOuterDisposeScope();
    }

    private static Tensor Repeated(Tensor scores, SamplingOptions options, TokenHistory? history)
    {
        if (options.RepetitionPenalty == 1)
        {
            return scores;
        }
        return history is null
            ? throw new ArgumentException("a repetition penalty needs the tokens so far", nameof(history))
            : Repetition(scores, history, options.RepetitionPenalty);
    }

    private static Tensor Warp(Tensor scores, SamplingOptions options, bool topKBringsTopP = false)
    {
        if (options.IsGreedy)
        {
            return scores;
        }
        var topK = options.TopK > 0 && options.TopK < scores.size(-1);
        scores = options.Temperature == 1 ? scores : Temperature(scores, options.Temperature);
        scores = topK ? TopK(scores, options.TopK) : scores;
        scores = options.TopP < 1 || (topK && topKBringsTopP) ? TopP(scores, options.TopP) : scores;
        return options.MinP == 0 ? scores : MinP(scores, options.MinP);
    }

    private static Tensor Floats(Tensor logits) => logits.dtype == float64 ? logits.alias() : logits.to_type(float32);

    private static Tensor Drop(Tensor scores, Tensor mask) => scores.Masked(mask, double.NegativeInfinity);
}
