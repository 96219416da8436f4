using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Rows taken from a matrix, and gradients added back to them.</summary>
public sealed unsafe class RowsTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    [Theory]
    [InlineData(1, 1, 1), InlineData(5, 3, 40), InlineData(7, 16, 9), InlineData(30, 129, 700), InlineData(4, 64, 0), InlineData(2000, 200, 500)]
    public void Rows_are_copied_and_gradients_add_up_in_order_for_any_number_of_threads(int rows, int width, int count)
    {
        var random = new Random(rows);
        Block x = Block.Random(random, rows, width), gradient = Block.Random(random, count, width), held = Block.Random(random, rows, width);
        var index = new long[count];
        for (var i = 0; i < count; i++) index[i] = random.Next(rows);
        var expected = held.Copy();
        for (var i = 0; i < count; i++) for (var k = 0; k < width; k++) expected[(int)index[i], k] += gradient[i, k];
        foreach (var threads in new[] { 1, 2, 3 })
        {
            Workers.Threads = threads;
            var (taken, sums) = (new Block(count, width), held.Copy());
            fixed (long* at = index)
            {
                Rows.Gather(x.Pointer, rows, width, at, count, taken.Pointer);
                Rows.ScatterAdd(gradient.Pointer, width, at, count, sums.Pointer);
            }
            taken.CheckSameBits(new Block(count, width).Fill((i, k) => x[(int)index[i], k]));
            sums.CheckSameBits(expected);
            taken.CheckAround();
            sums.CheckAround();
        }
    }

    [Theory, InlineData(-1), InlineData(4), InlineData(long.MinValue)]
    public void An_index_that_is_no_row_is_refused_before_anything_is_read(long index)
    {
        Block x = Block.Random(new Random(1), 4, 3), to = new(2, 3);
        var thrown = Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            fixed (long* at = new[] { 0, index }) Rows.Gather(x.Pointer, 4, 3, at, 2, to.Pointer);
        });
        Assert.Contains($"row {index} of 4", thrown.Message, StringComparison.Ordinal);
        Assert.True(float.IsNaN(to[0, 0]));
    }
}
