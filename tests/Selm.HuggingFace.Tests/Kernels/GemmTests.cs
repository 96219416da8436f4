using FsCheck;
using FsCheck.Fluent;
using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Products against plain loops in double precision; each case with 512-bit tiles (where the processor has them) and with 256-bit ones.</summary>
public sealed unsafe class GemmTests : IDisposable
{
    private readonly (int Threads, bool Wide) before = (Workers.Threads, Gemm.Wide);

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => (Workers.Threads, Gemm.Wide) = before;

    // Sizes at and around the tile, the panel, the block of rows and the piece of the inner dimension.
    private static readonly Gen<int> Size = Gen.OneOf(Gen.Choose(1, 12), Gen.Choose(13, 150), Gen.Elements(0, 8, 16, 32, 33, 64, 65, 383, 384, 385, 800));

    [Theory, InlineData(true), InlineData(false)]
    public void Every_shape_and_storage_order_equals_the_plain_loop(bool wide)
    {
        Gemm.Wide &= wide;
        Prop.ForAll(Size.Three().Zip(Gen.Choose(0, 1 << 20)).ToArbitrary(), test =>
        {
            var ((m, n, k), seed) = test;
            if ((long)m * n * k > 20_000_000) return;
            foreach (var (transposeA, transposeB, add) in Ways)
            {
                var p = new Problem(new Random(seed), m, n, k, transposeA, transposeB);
                var c = p.Result.Copy();
                Gemm.Multiply(m, n, k, p.Left, p.Right, c.Pointer, c.Pitch, add);
                c.CheckClose(p.Expected(add), p.Terms);
                c.CheckAround();
            }
        }).QuickCheckThrowOnFailure();
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_row_alone_has_the_bits_it_has_in_any_batch(bool wide)
    {
        Gemm.Wide &= wide;
        foreach (var (n, k) in new[] { (1, 1), (33, 7), (70, 385), (352, 128), (20, 800) })
        {
            foreach (var (transposeA, transposeB, add) in Ways)
            {
                var p = new Problem(new Random(n), 150, n, k, transposeA, transposeB);
                var all = p.Result.Copy();
                Gemm.Multiply(150, n, k, p.Left, p.Right, all.Pointer, all.Pitch, add);
                foreach (var (first, count) in new[] { (0, 1), (7, 1), (149, 1), (3, 2), (60, 9), (1, 64), (5, 100) })
                {
                    var some = p.Result.Copy();
                    Gemm.Multiply(count, n, k, p.Left.From(first, 0), p.Right, some.Pointer + (first * some.Pitch), some.Pitch, add);
                    Rows(some, first, count).CheckSameBits(Rows(all, first, count));
                }
            }
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void How_the_factors_are_stored_changes_no_bit(bool wide)
    {
        Gemm.Wide &= wide;
        foreach (var n in new[] { 90, 96 }) // 96 columns are whole panels, which are read where they lie
        {
            var results = Ways.Where(way => !way.Add).Select(way =>
            {
                var p = new Problem(new Random(5), 77, n, 500, way.TransposeA, way.TransposeB);
                Gemm.Multiply(77, n, 500, p.Left, p.Right, p.Result.Pointer, p.Result.Pitch);
                p.Result.CheckAround();
                return p.Result;
            }).ToList();
            foreach (var other in results[1..]) results[0].CheckSameBits(other);
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Any_number_of_threads_gives_the_same_bits(bool wide)
    {
        Gemm.Wide &= wide;
        foreach (var (m, n, k) in new[] { (300, 130, 400), (9, 900, 300), (1000, 33, 65), (40, 17, 3000), (1, 4000, 400) })
        {
            foreach (var (transposeA, transposeB, add) in Ways)
            {
                var p = new Problem(new Random(m), m, n, k, transposeA, transposeB);
                var results = new[] { 1, 2, 3, 7 }.Select(threads =>
                {
                    Workers.Threads = threads;
                    var c = p.Result.Copy();
                    Gemm.Multiply(m, n, k, p.Left, p.Right, c.Pointer, c.Pitch, add);
                    return c;
                }).ToList();
                foreach (var other in results[1..]) results[0].CheckSameBits(other);
            }
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_packed_weight_gives_the_bits_of_the_weight_itself(bool wide)
    {
        Gemm.Wide &= wide;
        foreach (var (n, k) in new[] { (1, 1), (704, 128), (33, 500), (16, 9) })
        {
            var p = new Problem(new Random(k), 32, n, k, transposeA: false, transposeB: true);
            using var packed = new PackedWeights(p.Right.Data, n, k, p.Right.Pitch);
            var (once, again) = (p.Result.Copy(), p.Result.Copy());
            Gemm.Multiply(32, n, k, p.Left, p.Right, once.Pointer, once.Pitch);
            Gemm.Multiply(32, p.Left, packed.Panels, again.Pointer, again.Pitch);
            again.CheckSameBits(once);
            again.CheckAround();
            *p.Right.Data += 1;
            packed.Repack(p.Right.Data, p.Right.Pitch);
            Gemm.Multiply(32, n, k, p.Left, p.Right, once.Pointer, once.Pitch);
            Gemm.Multiply(32, p.Left, packed.Panels, again.Pointer, again.Pitch);
            again.CheckSameBits(once);
        }
    }

    [Fact]
    public void A_right_factor_too_large_to_pack_at_once_is_taken_in_parts()
    {
        var p = new Problem(new Random(1), 3, 700, 4000, transposeA: false, transposeB: true);
        Gemm.Multiply(3, 700, 4000, p.Left, p.Right, p.Result.Pointer, p.Result.Pitch);
        p.Result.CheckClose(p.Expected(add: false), p.Terms);
        p.Result.CheckAround();
    }

    private static IEnumerable<(bool TransposeA, bool TransposeB, bool Add)> Ways =>
        from a in new[] { false, true } from b in new[] { false, true } from add in new[] { false, true } select (a, b, add);

    private static Block Rows(Block all, int first, int count) => new Block(count, all.Columns).Fill((i, j) => all[first + i, j]);

    /// <summary>Random factors in memory with gaps, and a result that holds numbers already.</summary>
    private sealed class Problem
    {
        private readonly Block a, b;
        private readonly double[,] logicalA, logicalB, sizes;

        public Problem(Random random, int m, int n, int k, bool transposeA, bool transposeB)
        {
            // The same numbers whichever way they are stored.
            (Block wholeA, Block wholeB) = (Block.Random(random, m, k), Block.Random(random, k, n));
            a = transposeA ? new Block(k, m, 5).Fill((p, i) => wholeA[i, p]) : new Block(m, k, 3).Fill((i, p) => wholeA[i, p]);
            b = transposeB ? new Block(n, k, 1).Fill((j, p) => wholeB[p, j]) : new Block(k, n, 9).Fill((p, j) => wholeB[p, j]);
            Result = Block.Random(random, m, n, 7);
            Left = transposeA ? new Mat(a.Pointer, a.Pitch).T : new Mat(a.Pointer, a.Pitch);
            Right = transposeB ? new Mat(b.Pointer, b.Pitch).T : new Mat(b.Pointer, b.Pitch);
            (logicalA, logicalB) = (wholeA.ToDouble(), wholeB.ToDouble());
            sizes = Reference.Product(Reference.Map(logicalA, Math.Abs), Reference.Map(logicalB, Math.Abs));
        }

        public Block Result { get; }

        public Mat Left { get; }

        public Mat Right { get; }

        public double[,] Expected(bool add)
        {
            var product = Reference.Product(logicalA, logicalB);
            return add ? Reference.Add(product, Result.ToDouble()) : product;
        }

        /// <summary>The sum of absolute terms, and 1 for what an element held before.</summary>
        public double Terms(int row, int column) => 1 + sizes[row, column];
    }
}
