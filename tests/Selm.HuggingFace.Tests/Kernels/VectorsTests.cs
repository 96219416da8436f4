using System.Runtime.Intrinsics;
using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Functions of sixteen floats.</summary>
public sealed unsafe class VectorsTests
{
    [Fact]
    public void Exp_is_within_two_in_ten_million_over_its_whole_range()
    {
        for (var x = -86.5; x < 88.3; x += 0.00137)
        {
            var (at, y) = ((float)x, Vectors.Exp(Vector512.Create((float)x))[3]);
            Assert.True(Math.Abs((y / Math.Exp(at)) - 1) < 2e-7, $"exp({at:R}) = {y:R}");
        }
    }

    [Fact]
    public void Exp_at_the_ends_is_zero_finite_or_NaN()
    {
        Assert.Equal(1, Vectors.Exp(Vector512<float>.Zero)[0]);
        foreach (var x in new[] { -87.4f, -1e30f, float.MinValue, float.NegativeInfinity }) Assert.Equal(0, Vectors.Exp(Vector512.Create(x))[15]);
        foreach (var x in new[] { 88.4f, 1e30f, float.PositiveInfinity }) Assert.InRange(Vectors.Exp(Vector512.Create(x))[15], 2e38f, float.MaxValue);
        foreach (var payload in new[] { 0, 0x1FF, 0x3FFFFF, unchecked((int)0x80000155) })
            Assert.True(float.IsNaN(Vectors.Exp(Vector512.Create(BitConverter.Int32BitsToSingle(payload | 0x7FC00000)))[1]));
    }

    [Fact]
    public void The_ends_of_rows_are_read_and_written_without_their_neighbours()
    {
        for (var count = 0; count <= 16; count++)
        {
            Block from = Block.Random(new Random(1), 1, count), to = new(1, count);
            var value = Vectors.Load(from.Pointer, count);
            Vectors.Store(to.Pointer, value, count);
            to.CheckSameBits(from);
            to.CheckAround();
            for (var k = count; k < 16; k++) Assert.Equal(0, value[k]);
        }
    }

    [Fact]
    public void The_largest_lane_is_found_wherever_it_is_and_NaN_wins()
    {
        for (var k = 0; k < 16; k++)
        {
            Assert.Equal(-1, Vectors.Highest(Vector512.Create(-5f).WithElement(k, -1)));
            Assert.True(float.IsNaN(Vectors.Highest(Vector512.Create(-5f).WithElement(k, float.NaN))));
        }
    }
}
