using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Training;

/// <summary>Stochastic rounding: the kernel, the operators beside it, and the one generator that both draw from.</summary>
public sealed unsafe class RoundedUpdateTests : IDisposable
{
    private readonly int threads = Libtorch.Threads;

    public void Dispose() => Libtorch.Threads = threads;

    [Theory]
    [InlineData(0L, 0L)]
    [InlineData(3L, 41L)]
    [InlineData(5_000_000_007L, -2L)]
    public void kernel_and_operators_draw_the_numbers_of_the_kits_stream(long first, long row)
    {
        var key = PhiloxStream.Key(9, "a stream");
        var words = stackalloc uint[64];
        Philox.Words((ulong)first, (ulong)row, key, words);
        using var scope = NewDisposeScope();
        var operators = RoundedUpdate.Words(16, new(key, row, first), CPU).Select(word => word.data<long>().ToArray()).ToArray();
        var stream = new PhiloxStream(9, "a stream", row);
        for (var k = 0; k < 16; k++)
        {
            var block = PhiloxStream.Philox4x32(new UInt128((ulong)row, (ulong)(first + k)), key);
            for (var word = 0; word < 4; word++)
            {
                var expected = (uint)(block >> (32 * word));
                Assert.Equal((expected, (long)expected), (words[(word * 16) + k], operators[word][k]));
                if (first == 0)
                {
                    Assert.Equal(stream.NextUInt32(), expected);
                }
            }
        }
    }

    [Theory]
    [InlineData(1.0019531f)]
    [InlineData(-3.7e-5f)]
    [InlineData(0.99999994f)]
    [InlineData(6.25e12f)]
    [InlineData(-1.5e-30f)]
    public void the_mean_of_rounded_values_is_the_value_within_four_standard_errors(float value)
    {
        const int count = 40_000;
        using var scope = NewDisposeScope();
        var (low, high) = Neighbours(value);
        var rounded = Rounded([.. Enumerable.Repeat(value, count)], new(PhiloxStream.Key(4, "rounding"), 3));
        Assert.All(rounded, r => Assert.True(r == low || r == high, $"{r} is no neighbour of {value}"));
        var up = (value - (double)low) / ((double)high - low);
        var error = Math.Sqrt(up * (1 - up) / count) * ((double)high - low);
        Assert.InRange(rounded.Average(r => (double)r) - value, -4 * error, 4 * error);
    }

    [Fact]
    public void what_bfloat16_holds_stays_and_so_do_infinities_and_NaN()
    {
        float[] held = [0, -0.0f, 1, -1, 0.15625f, 3.3895314e38f, 1.17549435e-38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, -384];
        for (var row = 0; row < 50; row++)
        {
            Assert.Equal(held, Rounded(held, new(PhiloxStream.Key(1, "held"), row)));
        }
    }

    [Fact]
    public void steps_below_the_resolution_of_bfloat16_are_taken_on_average()
    {
        // 1 - 1e-5 lies 0.0026 of a step below 1: to the nearest, a thousand updates would change nothing.
        const int count = 5_000, updates = 1_000;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (weight, gradient) = (ones([count], ScalarType.BFloat16), ones([count]));
        var (m, v) = (zeros([count], ScalarType.BFloat16), zeros([count], ScalarType.BFloat16));
        for (var step = 1; step <= updates; step++)
        {
            RoundedUpdate.AdamW(weight, gradient, m, v, new(1e-5, 0.9, 0.999, 1e-8, 0, step), new(PhiloxStream.Key(2, "small"), step));
        }
        var mean = weight.to_type(ScalarType.Float64).mean().item<double>();
        Assert.Equal(1 - (updates * 1e-5), mean, 5e-4); // 0.99, where a weight moves by jumps of 1/256
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void kernel_and_operators_take_the_same_step(bool halfWeights, bool halfMoments)
    {
        const int count = 16_384 + 301;
        using var scope = NewDisposeScope();
        var results = new[] { false, true }.Select(composed =>
        {
            Fast.Disabled = composed;
            try
            {
                var tensors = Problem(count, halfWeights, halfMoments);
                RoundedUpdate.AdamW(tensors[0], tensors[1], tensors[2], tensors[3], new(1e-3, 0.9, 0.999, 1e-8, 0.1, 3, 0.5), new(77, 3));
                return tensors.Select(Floats).ToArray();
            }
            finally
            {
                Fast.Disabled = false;
            }
        }).ToArray();
        foreach (var tensor in new[] { 0, 2, 3 })
        {
            var (kernel, operators) = (results[0][tensor], results[1][tensor]);
            // Their float32 numbers differ in the last bit here and there, which moves a rounding in few of 65,536 cases.
            Assert.InRange(kernel.Zip(operators).Count(pair => Math.Abs(pair.First - pair.Second) > 1e-6 * Math.Abs(pair.First)), 0, count / 500);
            Assert.All(kernel.Zip(operators), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, (Math.Abs(pair.First) / 100) + 1e-6));
        }
        Assert.Equal(results[0][1], Floats(Problem(count, halfWeights, halfMoments)[1])); // the gradient is left as it is
    }

    [Fact]
    public void any_number_of_threads_and_any_cut_into_pieces_gives_the_same_bits()
    {
        const int count = 70_003;
        using var scope = NewDisposeScope();
        var whole = Step(1, count);
        Assert.Equal(whole, Step(2, count));
        Assert.Equal(whole, Step(3, count));
        Assert.Equal(whole, Step(2, 16_391));
        Assert.NotEqual(whole, Step(1, count, row: 8));

        float[] Step(int threads, int piece, long row = 7)
        {
            Libtorch.Threads = threads;
            var tensors = Problem(count, true, true);
            for (var at = 0; at < count; at += piece)
            {
                var part = tensors.Select(x => x.narrow(0, at, Math.Min(piece, count - at))).ToArray();
                RoundedUpdate.AdamW(part[0], part[1], part[2], part[3], new(1e-3, 0.9, 0.95, 1e-8, 0, 7), new(5, row, at));
            }
            return [.. tensors.SelectMany(Floats)];
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void a_short_gradient_gives_the_bits_of_the_same_numbers_in_float32(bool composed)
    {
        using var scope = NewDisposeScope();
        Fast.Disabled = composed;
        try
        {
            var steps = new[] { ScalarType.BFloat16, ScalarType.Float32 }.Select(dtype =>
            {
                var tensors = Problem(16_384 + 301, true, true);
                RoundedUpdate.AdamW(tensors[0], tensors[1].to_type(ScalarType.BFloat16).to_type(dtype), tensors[2], tensors[3], new(1e-3, 0.9, 0.999, 1e-8, 0.1, 3, 0.5), new(77, 3));
                return tensors.SelectMany(Floats).ToArray();
            }).ToArray();
            Assert.Equal(steps[1], steps[0]);
        }
        finally
        {
            Fast.Disabled = false;
        }
    }

    private static Tensor[] Problem(int count, bool halfWeights, bool halfMoments)
    {
        Tensor Numbers(string name, bool half, bool positive)
        {
            var values = new float[count];
            new PhiloxStream(6, name).FillGaussian(values);
            var wide = tensor(positive ? [.. values.Select(x => x * x)] : values);
            return half ? wide.to_type(ScalarType.BFloat16) : wide;
        }
        return [Numbers("weight", halfWeights, false), Numbers("gradient", false, false), Numbers("first", halfMoments, false), Numbers("second", halfMoments, true)];
    }

    // Rounded by the kernel; the operators must give the same bits.
    private static float[] Rounded(float[] values, Rounding rounding)
    {
        using var scope = NewDisposeScope();
        var halves = new ushort[values.Length];
        fixed (float* from = values)
        fixed (ushort* to = halves)
        {
            RoundedAdamW.Round(from, to, values.Length, rounding, word: 1);
        }
        float[] rounded = [.. halves.Select(half => BitConverter.UInt32BitsToSingle((uint)half << 16))];
        Assert.Equal(rounded, RoundedUpdate.Round(tensor(values), RoundedUpdate.Words(values.Length, rounding, CPU)[1]).data<float>().ToArray());
        return rounded;
    }

    // The numbers of bfloat16 on both sides.
    private static (float Low, float High) Neighbours(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value) & 0xFFFF_0000;
        var (toZero, away) = (BitConverter.UInt32BitsToSingle(bits), BitConverter.UInt32BitsToSingle(bits + 0x1_0000));
        return value < 0 ? (away, toZero) : (toZero, away);
    }

    private static float[] Floats(Tensor x) => x.to_type(ScalarType.Float32).data<float>().ToArray();
}
