// One token per row from filtered scores. Chance comes from the kit's own counter-based generator, one uniform per
// row and step, named by (seed, row): a row draws the same tokens alone, in any batch, and after other rows have ended.
using Selm.HuggingFace.Engine;
using Selm.Research.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

/// <summary>Draws tokens; holds each row's place in its own stream of random numbers.</summary>
/// <param name="seed">The run's seed; with the row number it names the stream.</param>
public sealed class TokenDraw(ulong seed)
{
    private readonly Dictionary<long, PhiloxStream> streams = [];

    /// <summary>The best token of each row; the first where several are equally good.</summary>
    /// <param name="scores">[batch, vocab], any float type and device.</param>
    /// <returns>Token ids, [batch], int64, on the scores' device; the caller's scope owns them.</returns>
    /// <exception cref="InputException">A row holds NaN, or nothing above -infinity.</exception>
    public static Tensor Greedy(Tensor scores)
    {
        using var scope = NewDisposeScope();
        var tokens = scores.argmax(-1);
        RequireNumbers(scores.gather(-1, tokens.unsqueeze(-1)));
        return tokens.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws one token per row from the softmax of the scores by inverting its cumulative distribution, and moves
    /// each row's stream one number on. A token of probability 0 is never drawn.
    /// </summary>
    /// <param name="scores">Filtered scores, [batch, vocab], float32 or float64, any device.</param>
    /// <param name="rows">
    /// The number of each row in the whole input, [batch], each at most once; rows that have ended may be left out.
    /// </param>
    /// <returns>Token ids, [batch], int64, on the scores' device; the caller's scope owns them.</returns>
    /// <exception cref="ArgumentException">There are not as many row numbers as rows.</exception>
    /// <exception cref="InputException">A row holds NaN, or nothing above -infinity.</exception>
    public Tensor Next(Tensor scores, ReadOnlySpan<long> rows)
    {
        if (rows.Length != scores.size(0))
        {
            throw new ArgumentException($"{rows.Length} row numbers for {scores.size(0)} rows of scores", nameof(rows));
        }
        using var scope = NewDisposeScope();
        var probabilities = scores.softmax(-1);
        var cumulative = probabilities.cumsum(-1, float64);
        var total = cumulative.narrow(-1, scores.size(-1) - 1, 1);
        RequireNumbers(total);
        var threshold = total * tensor(Uniforms(rows), [rows.Length, 1], device: scores.device);
        // 1 where the cumulative probability exceeds the threshold, -1 where the token is impossible: the first 1 is
        // the draw. There is one: u <= 1 - 2^-53, so u * total rounds to less than total. The -1 matters where a
        // device adds in parallel and the cumulative sum need not stay equal across a token of probability 0.
        var place = cumulative.gt(threshold).to_type(int8).Masked(probabilities.EqualTo(0), -1);
        return place.argmax(-1).MoveToOuterDisposeScope();
    }

    private double[] Uniforms(ReadOnlySpan<long> rows)
    {
        var uniforms = new double[rows.Length];
        for (var k = 0; k < uniforms.Length; k++)
        {
            if (!streams.TryGetValue(rows[k], out var stream))
            {
                streams[rows[k]] = stream = new PhiloxStream(seed, "sampling", rows[k]);
            }
            uniforms[k] = stream.NextDouble();
        }
        return uniforms;
    }

    private static void RequireNumbers(Tensor best)
    {
        if (!best.isfinite().all().ToBoolean())
        {
            throw new InputException("The model's scores of the next token are NaN or infinite; check its weights for NaN, and where it runs in float16, run it in bfloat16 or float32.");
        }
    }
}
