using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>The optimiser's step against the published formula in double precision.</summary>
public sealed unsafe class AdamWTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    [Theory]
    [InlineData(1, 0.01, 1), InlineData(15, 0, 1), InlineData(16, 0.1, 0.3), InlineData(33, 0.01, 1), InlineData(40_001, 0.01, 0.7)]
    public void Ten_steps_equal_the_formula(int count, double decay, double scale)
    {
        var random = new Random(count);
        Block p = Block.Random(random, 1, count), m = new Block(1, count).Fill((_, _) => 0), v = new Block(1, count).Fill((_, _) => 0);
        var (expected, first, second) = (p.ToDouble(), new double[count], new double[count]);
        for (var step = 1; step <= 10; step++)
        {
            var g = Block.Random(random, 1, count, scale: step);
            var kept = g.Copy();
            var constants = new AdamWStep(1e-2, 0.9, 0.999, 1e-8, decay, step, scale);
            AdamW.Update(p.Pointer, g.Pointer, m.Pointer, v.Pointer, count, constants);
            g.CheckSameBits(kept);
            for (var k = 0; k < count; k++)
            {
                var gradient = scale * g[0, k];
                expected[0, k] *= 1 - (1e-2 * decay);
                first[k] = (0.9 * first[k]) + (0.1 * gradient);
                second[k] = (0.999 * second[k]) + (0.001 * gradient * gradient);
                expected[0, k] -= 1e-2 / (1 - Math.Pow(0.9, step)) * first[k] / ((Math.Sqrt(second[k]) / Math.Sqrt(1 - Math.Pow(0.999, step))) + 1e-8);
            }
        }
        p.CheckClose(expected, tolerance: 1e-6);
        foreach (var block in new[] { p, m, v }) block.CheckAround();
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits_and_a_weight_does_not_depend_on_its_place()
    {
        var results = new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            var random = new Random(1);
            Block p = Block.Random(random, 1, 50_007), g = Block.Random(random, 1, 50_007), m = Block.Random(random, 1, 50_007), v = new Block(1, 50_007).Fill((_, k) => k);
            var alone = (P: p.Copy(), M: m.Copy(), V: v.Copy());
            AdamW.Update(p.Pointer, g.Pointer, m.Pointer, v.Pointer, 50_007, new(1e-3, 0.9, 0.95, 1e-8, 0.1, 7));
            AdamW.Update(alone.P.Pointer + 17, g.Pointer + 17, alone.M.Pointer + 17, alone.V.Pointer + 17, 1, new(1e-3, 0.9, 0.95, 1e-8, 0.1, 7));
            Assert.Equal((p[0, 17], m[0, 17], v[0, 17]), (alone.P[0, 17], alone.M[0, 17], alone.V[0, 17]));
            return (p, m, v);
        }).ToList();
        foreach (var (p, m, v) in results[1..])
        {
            p.CheckSameBits(results[0].p);
            m.CheckSameBits(results[0].m);
            v.CheckSameBits(results[0].v);
        }
    }

    [Theory, InlineData(0), InlineData(1), InlineData(17), InlineData(16_384), InlineData(100_003)]
    public void The_squared_norm_is_exact_to_double_precision_for_any_number_of_threads(int count)
    {
        var x = Block.Random(new Random(count), 1, count, scale: 1e18); // squares overflow float32
        var expected = 0.0;
        for (var k = 0; k < count; k++) expected += (double)x[0, k] * x[0, k];
        var norms = new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            return AdamW.SquaredNorm(x.Pointer, count);
        }).ToList();
        Assert.Equal(expected, norms[0], expected * 1e-12);
        Assert.All(norms, norm => Assert.Equal(norms[0], norm));
    }

    [Fact]
    public void NaN_in_a_gradient_shows_in_the_norm_and_in_its_weight_alone()
    {
        Block p = new Block(1, 20).Fill((_, _) => 1), g = new Block(1, 20).Fill((_, k) => k == 18 ? float.NaN : 1), m = new Block(1, 20).Fill((_, _) => 0), v = m.Copy();
        Assert.True(double.IsNaN(AdamW.SquaredNorm(g.Pointer, 20)));
        AdamW.Update(p.Pointer, g.Pointer, m.Pointer, v.Pointer, 20, new(1e-3, 0.9, 0.999, 1e-8, 0, 1));
        for (var k = 0; k < 20; k++) Assert.Equal(k == 18, float.IsNaN(p[0, k]));
    }
}
