using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Attention over whole rows against plain loops in double precision, and what its bits do not depend on.</summary>
public sealed class AttentionTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    public static readonly TheoryData<int> HeadSizes = [8, 16, 32, 64, 128];

    [Theory, MemberData(nameof(HeadSizes))]
    public void Outputs_equal_the_plain_loop_for_causal_rows_of_any_length(int headDim)
    {
        foreach (var (batch, seq, heads, kv) in new[] { (1, 1, 1, 1), (2, 7, 2, 1), (1, 8, 4, 2), (3, 17, 3, 3), (1, 50, 6, 2) })
            CheckForward(new AttentionProblem(new Random(seq), new(batch, seq, heads, kv, headDim)));
    }

    [Theory, MemberData(nameof(HeadSizes))]
    public void Outputs_equal_the_plain_loop_for_any_two_ranges(int headDim)
    {
        for (var seed = 0; seed < 8; seed++)
        {
            var random = new Random(seed);
            var p = new AttentionProblem(random, new(2, random.Next(1, 60), 2, 1, headDim));
            RandomRanges(random, p);
            CheckForward(p);
        }
    }

    [Fact]
    public void Shared_prompts_padding_and_windows_equal_the_plain_loop()
    {
        var p = new AttentionProblem(new Random(1), new(4, 61, 4, 2, 16));
        p.Lay(0, 0, 10, 20, 31);
        p.Lay(1, 5, 1, 7, 0, 3);
        p.Lay(2, 40, 12, 4, 5);
        for (var i = 0; i < 61; i++) p.Ranges[183 + i] = new(0, 0, Math.Max(0, i - 8), i + 1);
        CheckForward(p);
    }

    [Theory, MemberData(nameof(HeadSizes))]
    public void Gradients_equal_central_differences_of_the_plain_loop(int headDim)
    {
        foreach (var (batch, seq, heads, kv, ranged) in new[] { (1, 1, 1, 1, false), (2, 5, 2, 1, true), (1, 19, 2, 2, false), (1, 35, 4, 2, true) })
        {
            var random = new Random(seq);
            var p = new AttentionProblem(random, new(batch, seq, heads, kv, headDim));
            if (ranged) RandomRanges(random, p);
            var (output, lse) = p.Forward();
            var gradient = p.Backward(output, lse);
            var x = p.Qkv.ToDouble();
            for (var probe = 0; probe < 60; probe++)
            {
                var (i, k) = (random.Next(p.Qkv.Rows), random.Next(p.Qkv.Columns));
                var at = x[i, k];
                double Moved(double by)
                {
                    x[i, k] = at + by;
                    return p.Objective(x);
                }
                var expected = (Moved(1e-5) - Moved(-1e-5)) / 2e-5;
                x[i, k] = at;
                Assert.True(Math.Abs(gradient[i, k] - expected) <= 1e-5 * Math.Max(1, Math.Abs(expected)), $"[{i}, {k}]: {gradient[i, k]} instead of {expected}, heads of {headDim}, {seq} tokens");
            }
        }
    }

    [Fact]
    public void A_query_that_sees_no_key_gets_zeros_and_gives_no_gradient()
    {
        var p = new AttentionProblem(new Random(2), new(2, 33, 2, 1, 16));
        for (var i = 0; i < 20; i++) p.Ranges[i] = new(5, 5, 9, 3);
        p.Ranges[40] = default;
        var (output, lse) = p.Forward();
        var gradient = p.Backward(output, lse);
        foreach (var i in Enumerable.Range(0, 20).Append(40))
        {
            for (var k = 0; k < 32; k++) Assert.Equal((0f, 0f), (output[i, k], gradient[i, k]));
            for (var head = 0; head < 2; head++) Assert.Equal(float.NegativeInfinity, lse[(i / 33 * 2) + head, i % 33]);
        }
        for (var i = 0; i < 66; i++) for (var k = 0; k < 64; k++) Assert.True(float.IsFinite(gradient[i, k]));
    }

    [Theory, InlineData(0), InlineData(32), InlineData(48)]
    public void NaN_in_a_query_a_key_or_a_value_reaches_whoever_sees_it_and_nobody_in_other_rows(int column)
    {
        var p = new AttentionProblem(new Random(3), new(2, 40, 2, 1, 16));
        p.Qkv[20, column] = float.NaN;
        var (output, lse) = p.Forward();
        var gradient = p.Backward(output, lse);
        for (var i = 0; i < 80; i++)
        {
            // A value reaches one element of an output, all of an output is reached by a query or a key.
            if (i == 20 || (column > 0 && i is > 20 and < 40)) Assert.True(float.IsNaN(output[i, 0]), $"output {i} has lost the NaN");
            if (i is < 16 or >= 40) Assert.True(float.IsFinite(output[i, 0]), $"output {i} has no right to a NaN");
            if (i >= 40) Assert.True(float.IsFinite(gradient[i, 0]) && float.IsFinite(gradient[i, 32]) && float.IsFinite(gradient[i, 48]));
        }
        Assert.True(float.IsNaN(gradient[20, 0]) && float.IsNaN(gradient[20, 32]));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        var p = new AttentionProblem(new Random(4), new(5, 90, 6, 3, 32));
        p.Lay(1, 3, 20, 30, 30);
        var results = new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            var (output, lse) = p.Forward();
            return (output, lse, gradient: p.Backward(output, lse));
        }).ToList();
        foreach (var (output, lse, gradient) in results[1..])
        {
            output.CheckSameBits(results[0].output);
            lse.CheckSameBits(results[0].lse);
            gradient.CheckSameBits(results[0].gradient);
        }
    }

    [Theory, MemberData(nameof(HeadSizes))]
    public void Padding_on_either_side_and_other_rows_change_no_bit(int headDim)
    {
        const int tokens = 37;
        var alone = new AttentionProblem(new Random(5), new(1, tokens, 4, 2, headDim));
        var (output, lse) = alone.Forward();
        var gradient = alone.Backward(output, lse);
        foreach (var left in new[] { 0, 1, 8, 13 })
        {
            var padded = new AttentionProblem(new Random(6), new(3, 61, 4, 2, headDim));
            padded.Lay(1, left, tokens);
            for (var i = 0; i < tokens; i++) padded.Take(alone, i, 61 + left + i);
            var (paddedOutput, paddedLse) = padded.Forward();
            var paddedGradient = padded.Backward(paddedOutput, paddedLse);
            CheckSameRows(paddedOutput, 61 + left, output, tokens);
            CheckSameRows(paddedGradient, 61 + left, gradient, tokens);
            for (var head = 0; head < 4; head++) for (var i = 0; i < tokens; i++) Assert.Equal(lse[head, i], paddedLse[4 + head, left + i]);
        }
    }

    [Fact]
    public void A_response_has_the_same_bits_beside_other_responses_to_its_prompt()
    {
        var shared = new AttentionProblem(new Random(7), new(1, 58, 4, 2, 16));
        shared.Lay(0, 0, 21, 14, 23);
        var alone = new AttentionProblem(new Random(8), new(1, 44, 4, 2, 16));
        for (var i = 0; i < 44; i++) alone.Take(shared, i < 21 ? i : i + 14, i);
        var (sharedOutput, aloneOutput) = (shared.Forward().Output, alone.Forward().Output);
        CheckSameRows(sharedOutput, 0, aloneOutput, 21);
        for (var i = 21; i < 44; i++) for (var k = 0; k < 64; k++) Assert.Equal(aloneOutput[i, k], sharedOutput[i + 14, k]);
    }

    [Fact]
    public void Nothing_is_allocated_once_the_scratch_memory_is_there()
    {
        Workers.Threads = 1;
        var p = new AttentionProblem(new Random(9), new(2, 30, 2, 1, 16));
        var (output, lse) = p.Forward();
        p.Backward(output, lse);
        var bytes = Allocated(p, output, lse);
        for (var k = 0; k < 3; k++) bytes = Math.Min(bytes, Allocated(p, output, lse));
        Assert.Equal(0, bytes);
    }

    [Fact]
    public void Other_head_sizes_and_uneven_groups_are_refused()
    {
        Assert.Contains("not 24", Assert.Throws<ArgumentException>(() => new AttentionProblem(new Random(1), new(1, 2, 2, 1, 24)).Forward()).Message, StringComparison.Ordinal);
        Assert.Contains("multiple", Assert.Throws<ArgumentException>(() => new AttentionProblem(new Random(1), new(1, 2, 3, 2, 16)).Forward()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_without_rows_or_tokens_is_nothing_to_do()
    {
        var p = new AttentionProblem(new Random(1), new(1, 2, 2, 1, 16));
        foreach (var shape in new[] { p.Shape with { Batch = 0 }, p.Shape with { Seq = 0 } })
        {
            unsafe
            {
                Attention.Forward(shape, null, p.Rotary, null, null, null);
                Attention.Backward(shape, null, p.Rotary, null, null, null, null, null);
            }
        }
    }

    private static unsafe long Allocated(AttentionProblem p, Block output, Block lse)
    {
        var (gradient, rotary) = (new Block(p.Qkv.Rows, p.Qkv.Columns), p.Rotary);
        fixed (TwoRanges* ranges = p.Ranges)
        {
            var at = GC.GetAllocatedBytesForCurrentThread();
            Attention.Forward(p.Shape, p.Qkv.Pointer, rotary, ranges, output.Pointer, lse.Pointer);
            Attention.Backward(p.Shape, p.Qkv.Pointer, rotary, ranges, output.Pointer, lse.Pointer, p.OutputGradient.Pointer, gradient.Pointer);
            return GC.GetAllocatedBytesForCurrentThread() - at;
        }
    }

    private static void CheckForward(AttentionProblem p)
    {
        var (output, lse) = p.Forward();
        var (expectedOutput, expectedLse) = p.Expected(p.Qkv.ToDouble());
        output.CheckClose(expectedOutput);
        for (var i = 0; i < lse.Rows; i++)
            for (var k = 0; k < lse.Columns; k++)
                if (!float.IsNegativeInfinity(lse[i, k]) || !double.IsNegativeInfinity(expectedLse[i, k])) Assert.InRange(Math.Abs(lse[i, k] - expectedLse[i, k]), 0, 1e-5 * Math.Max(1, Math.Abs(expectedLse[i, k])));
    }

    // Also overlapping, touching, nested, in either order, or empty.
    private static void RandomRanges(Random random, AttentionProblem p)
    {
        var seq = p.Shape.Seq;
        for (var i = 0; i < p.Ranges.Length; i++) p.Ranges[i] = new(random.Next(seq + 1), random.Next(seq + 1), random.Next(seq + 1), random.Next(seq + 1));
        for (var i = 0; i < p.PositionOf.Length; i++) p.PositionOf[i] = random.Next(AttentionProblem.Positions);
    }

    private static void CheckSameRows(Block block, int first, Block expected, int count)
    {
        for (var i = 0; i < count; i++)
            for (var k = 0; k < block.Columns; k++)
                Assert.True(BitConverter.SingleToInt32Bits(block[first + i, k]) == BitConverter.SingleToInt32Bits(expected[i, k]), $"[{i}, {k}]: {block[first + i, k]:R} and {expected[i, k]:R}");
    }
}
