using Selm.Research.Numerics;

namespace Selm.Research.Tests.Numerics;

public class RandomTests
{
    private static readonly uint[] KnownStream = [0x18abfa9fu, 0x0b73d5a0u, 0x04407d8bu, 0x05b01cc4u, 0x589e9bc9u, 0xa2f0f87cu];
    private const double KnownDouble = 0.04473624380686647;

    // Random123's published known answers for philox4x32-10: counter words, key words, output words (lowest first).
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void philox_gives_the_published_known_answers(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint r0, uint r1, uint r2, uint r3)
    {
        Assert.Equal(Words(r0, r1, r2, r3), PhiloxStream.Philox4x32(Words(c0, c1, c2, c3), ((ulong)k1 << 32) | k0));
    }

    // Computed by an independent program: SHA-256 key, then the published generator.
    [Fact]
    public void a_named_stream_gives_the_same_numbers_for_ever()
    {
        var stream = new PhiloxStream(42, "sampling", 7);
        uint[] first = [.. Enumerable.Range(0, 6).Select(_ => stream.NextUInt32())];
        Assert.Equal(KnownStream, first);
        Assert.Equal(KnownDouble, new PhiloxStream(42, "sampling", 7).NextDouble());
    }

    [Fact]
    public void a_row_does_not_depend_on_other_rows_or_on_their_order()
    {
        uint[] alone = Take(new PhiloxStream(1, "x", 5), 100);
        var rows = Enumerable.Range(0, 10).Select(row => new PhiloxStream(1, "x", row)).ToArray();
        var mixed = new uint[100];
        for (var i = 0; i < 100; i++)
        {
            foreach (var row in rows.Reverse())
            {
                var value = row.NextUInt32();
                mixed[i] = row == rows[5] ? value : mixed[i];
            }
        }
        Assert.Equal(alone, mixed);
    }

    [Fact]
    public void seed_name_and_row_each_change_the_stream()
    {
        PhiloxStream[] streams = [new(1, "a"), new(2, "a"), new(1, "b"), new(1, "a", 1), new(1, "a", -1), new(1, "")];
        var starts = streams.Select(stream => string.Join(' ', Take(stream, 4))).ToHashSet();
        Assert.Equal(streams.Length, starts.Count);
    }

    [Fact]
    public void uniforms_stay_below_one_and_have_the_moments_of_the_uniform_distribution()
    {
        var stream = new PhiloxStream(3, "uniform");
        var doubles = Enumerable.Range(0, 100_000).Select(_ => stream.NextDouble()).ToArray();
        var floats = new float[100_000];
        stream.FillUniform(floats);
        Assert.All(doubles, u => Assert.InRange(u, 0, Math.BitDecrement(1.0)));
        Assert.All(floats, u => Assert.InRange(u, 0, MathF.BitDecrement(1f)));
        Moments(doubles, 0.5, 1.0 / 12);
        Moments([.. floats.Select(u => (double)u)], 0.5, 1.0 / 12);
    }

    [Fact]
    public void gaussians_have_the_moments_and_tails_of_the_normal_distribution()
    {
        var stream = new PhiloxStream(4, "gaussian");
        var draws = Enumerable.Range(0, 100_000).Select(_ => stream.NextGaussian()).ToArray();
        Moments(draws, 0, 1);
        Assert.Equal(3, draws.Average(z => z * z * z * z), 0.15);
        Assert.Equal(0.05, draws.Count(z => Math.Abs(z) > 1.959964) / 100_000.0, 0.003);
        // The two numbers of a Box-Muller pair are uncorrelated.
        Assert.Equal(0, draws.Chunk(2).Average(pair => pair[0] * pair[1]), 0.02);
    }

    [Fact]
    public void filled_gaussians_are_those_drawn_one_by_one()
    {
        var filled = new float[7];
        new PhiloxStream(5, "init").FillGaussian(filled);
        var single = new PhiloxStream(5, "init");
        Assert.All(filled, z => Assert.Equal((float)single.NextGaussian(), z));
    }

    [Fact]
    public void gumbels_have_the_moments_of_the_gumbel_distribution_and_sample_a_softmax()
    {
        var stream = new PhiloxStream(6, "gumbel");
        Moments([.. Enumerable.Range(0, 100_000).Select(_ => stream.NextGumbel())], 0.5772156649, Math.PI * Math.PI / 6);

        double[] probabilities = [0.1, 0.2, 0.7];
        var counts = new int[3];
        for (var draw = 0; draw < 50_000; draw++)
        {
            var scores = probabilities.Select(p => Math.Log(p) + stream.NextGumbel()).ToArray();
            counts[Array.IndexOf(scores, scores.Max())]++;
        }
        Assert.All(counts.Zip(probabilities), pair => Assert.Equal(pair.Second, pair.First / 50_000.0, 0.008));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void integers_are_equally_likely(int outcomes)
    {
        var stream = new PhiloxStream(7, "integers");
        var counts = new int[outcomes];
        for (var draw = 0; draw < 60_000; draw++)
        {
            counts[stream.NextInt(outcomes)]++;
        }
        Assert.All(counts, count => Assert.Equal(1.0 / outcomes, count / 60_000.0, 0.006));
    }

    // 2^32 is 2.5 times this range: a plain modulo would favour its lower half, a plain multiply-and-shift its even
    // numbers, three to two each.
    [Fact]
    public void a_large_range_is_unbiased()
    {
        const int Range = 1_717_986_918;
        var stream = new PhiloxStream(8, "large");
        int[] draws = [.. Enumerable.Range(0, 50_000).Select(_ => stream.NextInt(Range))];
        Assert.Equal(0.5, draws.Count(x => x < Range / 2) / 50_000.0, 0.01);
        Assert.Equal(0.5, draws.Count(int.IsEvenInteger) / 50_000.0, 0.01);
    }

    [Fact]
    public void zero_outcomes_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PhiloxStream(0, "x").NextInt(0));

    [Fact]
    public void a_shuffle_is_a_permutation_and_every_order_is_equally_likely()
    {
        var stream = new PhiloxStream(9, "shuffle");
        var orders = new Dictionary<string, int>();
        for (var draw = 0; draw < 24_000; draw++)
        {
            int[] items = [1, 2, 3, 4];
            stream.Shuffle<int>(items);
            var order = string.Concat(items);
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }
        Assert.Equal(24, orders.Count);
        Assert.All(orders, order => Assert.Equal("1234", string.Concat(order.Key.Order())));
        Assert.All(orders.Values, count => Assert.InRange(count, 850, 1150));
    }

    private static uint[] Take(PhiloxStream stream, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => stream.NextUInt32())];

    private static UInt128 Words(uint w0, uint w1, uint w2, uint w3) =>
        new(((ulong)w3 << 32) | w2, ((ulong)w1 << 32) | w0);

    // Five standard errors around the mean, and a relative band around the variance.
    private static void Moments(double[] draws, double mean, double variance)
    {
        var average = draws.Average();
        Assert.Equal(mean, average, 5 * Math.Sqrt(variance / draws.Length));
        Assert.Equal(1, draws.Average(x => (x - average) * (x - average)) / variance, 0.03);
    }
}
