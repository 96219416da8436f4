// Filters that look at the tokens so far.
using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

public static partial class LogitsFilter
{
    /// <summary>
    /// Divides positive scores of tokens already seen by the penalty and multiplies negative ones with it (Keskar et
    /// al. 2019, "CTRL"), so that a penalty above 1 always lowers them.
    /// </summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="history">The tokens of prompt and answer.</param>
    /// <param name="penalty">Above 0; below 1 favours repetition.</param>
    public static Tensor Repetition(Tensor scores, TokenHistory history, double penalty)
    {
        using var scope = NewDisposeScope();
        var lowered = where(scores.Below(0), scores.Times(penalty), scores.DividedBy(penalty));
        return where(history.Seen(), lowered, scores).MoveToOuterDisposeScope();
    }

    /// <summary>score - frequencyPenalty * count - presencePenalty * [count > 0], counts over the answer only.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="history">The tokens of prompt and answer.</param>
    /// <param name="presencePenalty">Negative favours tokens that were used.</param>
    /// <param name="frequencyPenalty">Negative favours tokens that were used often.</param>
    public static Tensor PresenceAndFrequency(Tensor scores, TokenHistory history, double presencePenalty, double frequencyPenalty)
    {
        using var scope = NewDisposeScope();
        var counts = history.AnswerCounts.to_type(scores.dtype);
        var present = counts.Above(0).to_type(scores.dtype);
        return (scores - counts.Times(frequencyPenalty) - present.Times(presencePenalty)).MoveToOuterDisposeScope();
    }

    /// <summary>Forbids every token that would complete an n-gram the row already holds.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="rows">The tokens so far, prompt and answer, one array per row.</param>
    /// <param name="n">The length of the n-grams, at least 1.</param>
    public static Tensor NoRepeatNGram(Tensor scores, IReadOnlyList<long[]> rows, int n)
    {
        using var scope = NewDisposeScope();
        var vocabulary = scores.size(-1);
        var banned = new bool[rows.Count * vocabulary];
        for (var row = 0; row < rows.Count; row++)
        {
            var ids = rows[row].AsSpan();
            for (var start = 0; start + n <= ids.Length; start++)
            {
                if (ids.Slice(start, n - 1).SequenceEqual(ids[^(n - 1)..]))
                {
                    banned[(row * vocabulary) + ids[start + n - 1]] = true;
                }
            }
        }
        return Drop(scores, tensor(banned, [rows.Count, vocabulary], device: scores.device)).MoveToOuterDisposeScope();
    }

    /// <summary>Forbids the end token while the row, prompt included, is shorter than asked for.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="length">Tokens so far, prompt included.</param>
    /// <param name="minLength">The shortest sequence wanted, prompt included.</param>
    /// <param name="endToken">The token that ends a sequence.</param>
    public static Tensor MinLength(Tensor scores, int length, int minLength, long endToken)
    {
        var copy = scores.clone();
        if (length < minLength)
        {
            using var end = copy.narrow(-1, endToken, 1);
            end.Fill(double.NegativeInfinity);
        }
        return copy;
    }
}
