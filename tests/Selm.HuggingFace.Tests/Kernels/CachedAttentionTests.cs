using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Attention against a cache gives what attention over the whole row gives, to the bit.</summary>
public sealed unsafe class CachedAttentionTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    [Theory]
    [InlineData(8, 2, 1), InlineData(8, 1, 1), InlineData(16, 4, 2), InlineData(16, 4, 4), InlineData(32, 6, 1), InlineData(32, 9, 1), InlineData(64, 2, 2), InlineData(128, 4, 2)]
    public void Tokens_read_in_any_portions_have_the_bits_of_the_whole_row(int headDim, int heads, int kvHeads)
    {
        var whole = new AttentionProblem(new Random(headDim), new(3, 45, heads, kvHeads, headDim));
        var expected = whole.Forward().Output;
        foreach (var portions in new[] { new[] { 45 }, [40, 1, 1, 1, 1, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9], [17, 16, 12] })
            Read(whole, portions, capacity: 48, window: 0, first: [0, 0, 0]).CheckSameBits(expected);
    }

    [Theory, InlineData(1), InlineData(5), InlineData(16), InlineData(23)]
    public void A_window_and_padding_on_the_left_have_the_bits_of_the_whole_row(int window)
    {
        int[] first = [0, 7, 20];
        var whole = new AttentionProblem(new Random(window), new(3, 45, 4, 2, 16));
        for (var i = 0; i < whole.Ranges.Length; i++)
        {
            var (row, t) = Math.DivRem(i, 45);
            whole.Ranges[i] = new(0, 0, Math.Max(first[row], t + 1 - window), t + 1);
        }
        var expected = whole.Forward().Output;
        expected.CheckClose(whole.Expected(whole.Qkv.ToDouble()).Output);
        foreach (var portions in new[] { new[] { 45 }, [30, 1, 1, 2, 11] })
            Read(whole, portions, capacity: 64, window, first).CheckSameBits(expected);
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        var whole = new AttentionProblem(new Random(4), new(9, 70, 6, 3, 32));
        var results = new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            return Read(whole, [60, 1, 9], capacity: 80, window: 0, first: new int[9]);
        }).ToList();
        foreach (var other in results[1..]) other.CheckSameBits(results[0]);
    }

    [Fact]
    public void NaN_reaches_the_tokens_that_see_it()
    {
        var whole = new AttentionProblem(new Random(5), new(2, 12, 2, 1, 16));
        whole.Qkv[3, 32] = float.NaN;
        var output = Read(whole, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], capacity: 16, window: 0, first: [0, 0]);
        for (var i = 0; i < 24; i++) Assert.Equal(i is >= 3 and < 12, float.IsNaN(output[i, 5]));
    }

    [Fact]
    public void A_full_cache_and_an_odd_capacity_are_refused()
    {
        var whole = new AttentionProblem(new Random(5), new(1, 17, 2, 1, 16));
        Assert.Contains("room for 16", Assert.Throws<ArgumentException>(() => Read(whole, [17], capacity: 16, window: 0, first: [0])).Message, StringComparison.Ordinal);
        Assert.Contains("multiple of 16", Assert.Throws<ArgumentException>(() => Read(whole, [17], capacity: 24, window: 0, first: [0])).Message, StringComparison.Ordinal);
    }

    // Reads the tokens of all rows portion by portion; the cache holds NaN where nothing was written yet and its end is guarded.
    private static Block Read(AttentionProblem whole, int[] portions, int capacity, int window, int[] first)
    {
        var (shape, output) = (whole.Shape, new Block(whole.Qkv.Rows, whole.Shape.Heads * whole.Shape.HeadDim));
        var items = shape.Batch * shape.KvHeads;
        Block keys = new(items * shape.HeadDim, capacity), values = new(items * capacity, shape.HeadDim);
        var length = 0;
        foreach (var count in portions)
        {
            var part = new AttentionProblem(new Random(1), shape with { Seq = count });
            for (var row = 0; row < shape.Batch; row++) for (var t = 0; t < count; t++) part.Take(whole, (row * shape.Seq) + length + t, (row * count) + t);
            var partOutput = new Block(part.Qkv.Rows, output.Columns);
            fixed (int* firstKeys = first)
            {
                var cache = new CacheView { Keys = keys.Pointer, Values = values.Pointer, First = firstKeys, Capacity = capacity, Length = length, Window = window };
                CachedAttention.Forward(part.Shape, part.Qkv.Pointer, part.Rotary, cache, partOutput.Pointer);
            }
            partOutput.CheckAround();
            for (var row = 0; row < shape.Batch; row++)
                for (var t = 0; t < count; t++)
                    for (var k = 0; k < output.Columns; k++) output[(row * shape.Seq) + length + t, k] = partOutput[(row * count) + t, k];
            length += count;
        }
        keys.CheckAround();
        values.CheckAround();
        return output;
    }
}
