using Selm.Tests;
using MathNet.Numerics.Distributions;
using Selm.Research.Numerics;
using Selm.Research.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Sampling;

public class TokenDrawTests
{
    internal static readonly float[] Probabilities = [0, 0.05f, 0.4f, 0, 0.25f, 0.2f, 0.1f, 0];

    [Fact]
    public void draws_follow_the_softmax_and_never_take_an_impossible_token()
    {
        const int rows = 4000, steps = 5;
        using var scope = NewDisposeScope();
        var scores = tensor(Probabilities).log().unsqueeze(0).repeat(rows, 1);
        var draw = new TokenDraw(7);
        var counts = new long[Probabilities.Length];
        for (var step = 0; step < steps; step++)
        {
            foreach (var token in draw.Next(scores, Numbered(rows)).data<long>().ToArray())
            {
                counts[token]++;
            }
        }
        var chiSquare = 0.0;
        for (var token = 0; token < counts.Length; token++)
        {
            var expected = Probabilities[token] * (double)(rows * steps);
            if (expected == 0)
            {
                Assert.Equal(0, counts[token]);
                continue;
            }
            chiSquare += (counts[token] - expected) * (counts[token] - expected) / expected;
        }
        // Four degrees of freedom; a right sampler fails this for one seed in a thousand, and the seed is fixed.
        Assert.InRange(chiSquare, 0, ChiSquared.InvCDF(4, 0.999));
    }

    [Fact]
    public void a_row_draws_the_same_tokens_alone_in_any_batch_and_in_any_order()
    {
        using var scope = NewDisposeScope();
        var together = Draws(3, [0, 1, 2, 3, 4]);
        Assert.Equal(together[2], Draws(3, [2])[0]);
        Assert.Equal([together[4], together[1]], Draws(3, [4, 1]));
        Assert.NotEqual(together[2], Draws(4, [2])[0]);
        Assert.NotEqual(together[2], together[3]);
    }

    [Fact]
    public void rows_that_have_ended_may_leave_the_batch()
    {
        using var scope = NewDisposeScope();
        var together = Draws(3, [0, 1, 2]);
        var draw = new TokenDraw(3);
        var left = new List<long>();
        for (var step = 0; step < 12; step++)
        {
            long[] rows = step < 5 ? [0, 1, 2] : [2];
            left.Add(draw.Next(Scores(rows, step), rows).data<long>().ToArray()[^1]);
        }
        Assert.Equal(together[2], left);
    }

    [Fact]
    public void each_draw_inverts_the_cumulative_distribution_at_the_streams_next_uniform()
    {
        using var scope = NewDisposeScope();
        var draw = new TokenDraw(11);
        var stream = new PhiloxStream(11, "sampling", 5);
        var scores = tensor(Probabilities).log().unsqueeze(0);
        for (var step = 0; step < 50; step++)
        {
            var (uniform, token) = (stream.NextDouble(), 0);
            for (double sum = Probabilities[0]; sum <= uniform; sum += Probabilities[++token])
            {
            }
            Assert.Equal(token, draw.Next(scores, [5]).item<long>());
        }
    }

    [Fact]
    public void one_possible_token_is_always_drawn()
    {
        using var scope = NewDisposeScope();
        var scores = full([3, 9], float.NegativeInfinity, float32);
        scores[TensorIndex.Single(0), TensorIndex.Single(0)] = tensor(-1000f);
        scores[TensorIndex.Single(1), TensorIndex.Single(8)] = tensor(1e30f);
        scores[TensorIndex.Single(2), TensorIndex.Single(4)] = tensor(0f);
        var draw = new TokenDraw(1);
        for (var step = 0; step < 100; step++)
        {
            Assert.Equal([0L, 8, 4], draw.Next(scores, [0, 1, 2]).data<long>().ToArray());
        }
    }

    [Fact]
    public void greedy_takes_the_first_of_equally_good_tokens()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(new float[] { 1, 5, 5, 0, 2, 2, 2, 2 }, [2, 4]);
        Assert.Equal([1L, 0], TokenDraw.Greedy(scores).data<long>().ToArray());
    }

    [Fact]
    public void a_model_that_gives_NaN_is_refused()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(new float[] { 1, float.NaN, 0, 2 }, [2, 2]);
        Assert.Throws<InputException>(() => TokenDraw.Greedy(scores));
        Assert.Throws<InputException>(() => new TokenDraw(0).Next(scores, [0, 1]));
        Assert.Throws<InputException>(() => TokenDraw.Greedy(full([1, 3], float.NegativeInfinity, float32)));
    }

    private static long[] Numbered(int rows) => [.. Enumerable.Range(0, rows).Select(row => (long)row)];

    // Scores that depend on (row, step) only, as a model's do.
    private static Tensor Scores(long[] rows, int step) =>
        tensor(rows.SelectMany(row => Enumerable.Range(0, 30).Select(k => (float)Math.Sin((row * 31) + (step * 7) + k))).ToArray(), [rows.Length, 30]);

    private static long[][] Draws(ulong seed, long[] rows)
    {
        var draw = new TokenDraw(seed);
        var tokens = rows.Select(_ => new long[12]).ToArray();
        for (var step = 0; step < 12; step++)
        {
            var drawn = draw.Next(Scores(rows, step), rows).data<long>().ToArray();
            for (var k = 0; k < rows.Length; k++)
            {
                tokens[k][step] = drawn[k];
            }
        }
        return tokens;
    }
}

[Collection(LiveTensors.Name)]
public class TokenDrawLeakTests
{
    [Fact]
    public void filtering_and_drawing_leave_no_tensor_behind()
    {
        var options = new SamplingOptions(0.8, TopK: 5, TopP: 0.9, MinP: 0.01, RepetitionPenalty: 1.2);
        using var scope = NewDisposeScope();
        var logits = tensor(TokenDrawTests.Probabilities, [1, 8]).repeat(2, 1);
        var before = LiveTensors.Count();
        using (var history = new TokenHistory([[1, 2], [3]], 8, CPU))
        {
            var draw = new TokenDraw(2);
            var held = Tensor.TotalCount;
            for (var step = 0; step < 3; step++)
            {
                using var scores = LogitsFilter.ApplyVllm(logits, options, history, 0.1, 0.1);
                using var again = LogitsFilter.Apply(logits, options, history);
                using var tokens = draw.Next(scores, [0, 1]);
                using var best = TokenDraw.Greedy(scores);
                history.Append(tokens);
                using var typical = LogitsFilter.Typical(logits, 0.9);
                using var eta = LogitsFilter.Eta(logits, 0.1);
                using var epsilon = LogitsFilter.Epsilon(logits, 0.1);
                using var longer = LogitsFilter.MinLength(logits, 1, 2, 3);
                using var unrepeated = LogitsFilter.NoRepeatNGram(logits, [[1, 2], [3]], 1);
                Assert.Equal(9, Tensor.TotalCount - held);
            }
        }
        Assert.Equal(before, Tensor.TotalCount);
    }
}
