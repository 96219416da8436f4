using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Norm, products around it and the feed-forward against plain loops, and their gradients against central differences of these.</summary>
public sealed unsafe class LayerTests : IDisposable
{
    private const float Eps = 1e-5f;
    private readonly (int Threads, bool Wide) before = (Workers.Threads, Gemm.Wide);

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => (Workers.Threads, Gemm.Wide) = before;

    /// <summary>Rows, width (or columns in), columns out (or inner): odd, one, none, across the blocks of 32 rows.</summary>
    public static TheoryData<int, int, int> Shapes => new() { { 1, 1, 1 }, { 3, 7, 5 }, { 0, 5, 4 }, { 33, 16, 3 }, { 5, 33, 17 }, { 70, 3, 9 }, { 2, 130, 1 } };

    [Theory, MemberData(nameof(Shapes))]
    public void Norm_and_its_gradients_equal_the_formula(int rows, int width, int seed)
    {
        var l = new Layer(rows, width, width, seed);
        RmsNorm.Forward(rows, width, At(l.X), l.Norm.Pointer, Eps, At(l.Y), l.Inverse.Pointer);
        l.Y.CheckClose(Reference.Norm(l.XD, l.NormD, Eps));
        RmsNorm.Backward(rows, width, At(l.X), l.Norm.Pointer, l.Inverse.Pointer, At(l.G), At(l.DX), l.DNorm.Pointer);
        l.DX.CheckClose(Reference.Gradient(l.XD, l.GD, () => Reference.Norm(l.XD, l.NormD, Eps)), Scale(l));
        l.DNorm.CheckClose(Reference.Gradient(l.NormD, l.GD, () => Reference.Norm(l.XD, l.NormD, Eps)), Scale(l));
        l.CheckAround();
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Norm_with_product_and_its_gradients_equal_the_formula(int rows, int from, int to)
    {
        var l = new Layer(rows, from, to, seed: 3);
        using var packed = new PackedWeights(l.Weight.Pointer, to, from, l.Weight.Pitch);
        NormLinear.Forward(rows, At(l.X), l.Norm.Pointer, Eps, packed.Panels, At(l.Y), l.Inverse.Pointer);
        double[,] Value() => Reference.NormLinear(l.XD, l.NormD, Eps, l.WeightD);
        l.Y.CheckClose(Value(), Scale(l));
        NormLinear.Backward(rows, from, to, At(l.X), l.Norm.Pointer, l.Inverse.Pointer, At(l.Weight), At(l.G), At(l.DX), l.DNorm.Pointer, At(l.DWeight));
        l.DX.CheckClose(Reference.Gradient(l.XD, l.GD, Value), Scale(l));
        l.DNorm.CheckClose(Reference.Gradient(l.NormD, l.GD, Value), Scale(l));
        l.DWeight.CheckClose(Reference.Gradient(l.WeightD, l.GD, Value), Scale(l));
        l.CheckAround();
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Product_with_residual_and_its_gradients_equal_the_formula(int rows, int from, int to)
    {
        var l = new Layer(rows, from, to, seed: 4);
        using var packed = new PackedWeights(l.Weight.Pointer, to, from, l.Weight.Pitch);
        LinearAdd.Forward(rows, At(l.X), packed.Panels, At(l.G), At(l.Y));
        double[,] Value() => Reference.Add(l.GD, Reference.Product(l.XD, Reference.Transpose(l.WeightD)));
        l.Y.CheckClose(Value(), Scale(l));
        var inPlace = l.G.Copy();
        LinearAdd.Forward(rows, At(l.X), packed.Panels, At(inPlace), At(inPlace));
        inPlace.CheckSameBits(l.Y);
        LinearAdd.Backward(rows, from, to, At(l.X), At(l.Weight), At(l.G), At(l.DX), At(l.DWeight));
        l.DX.CheckClose(Reference.Gradient(l.XD, l.GD, Value), Scale(l));
        l.DWeight.CheckClose(Reference.Gradient(l.WeightD, l.GD, Value), Scale(l));
        l.CheckAround();
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Feed_forward_and_its_gradients_equal_the_formula(int rows, int hidden, int inner)
    {
        var l = new FeedForward(rows, hidden, inner, seed: 5);
        l.Forward(keep: true);
        double[,] Value() => Reference.Mlp(l.XD, l.NormD, Eps, l.GateUpD, l.DownD);
        l.Y.CheckClose(Value(), Scale(l));
        l.Kept.CheckClose(Reference.NormLinear(l.XD, l.NormD, Eps, l.GateUpD), Scale(l));
        l.Backward();
        l.DX.CheckClose(Reference.Gradient(l.XD, l.GD, Value), Scale(l));
        l.DNorm.CheckClose(Reference.Gradient(l.NormD, l.GD, Value), Scale(l));
        l.DGateUp.CheckClose(Reference.Gradient(l.GateUpD, l.GD, Value), Scale(l));
        l.DDown.CheckClose(Reference.Gradient(l.DownD, l.GD, Value), Scale(l));
        l.CheckAround();
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Any_number_of_threads_gives_the_same_bits(bool wide)
    {
        Gemm.Wide &= wide;
        Block[][] results = [.. new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            var (n, f) = (new Layer(1100, 64, 70, 1), new FeedForward(1100, 64, 90, 2));
            using var packed = new PackedWeights(n.Weight.Pointer, 70, 64, n.Weight.Pitch);
            NormLinear.Forward(1100, At(n.X), n.Norm.Pointer, Eps, packed.Panels, At(n.Y), n.Inverse.Pointer);
            NormLinear.Backward(1100, 64, 70, At(n.X), n.Norm.Pointer, n.Inverse.Pointer, At(n.Weight), At(n.G), At(n.DX), n.DNorm.Pointer, At(n.DWeight));
            f.Forward(keep: true);
            f.Backward();
            var (alone, dAlone) = (new Block(1100, 64), new Block(1, 64));
            RmsNorm.Backward(1100, 64, At(n.X), n.Norm.Pointer, n.Inverse.Pointer, At(n.X), At(alone), dAlone.Pointer);
            return (Block[])[n.Y, n.DX, n.DNorm, n.DWeight, f.Y, f.DX, f.DNorm, f.DGateUp, f.DDown, alone, dAlone];
        })];
        foreach (var other in results[1..])
            foreach (var (a, b) in results[0].Zip(other)) a.CheckSameBits(b);
    }

    [Theory, InlineData(true), InlineData(false)]
    public void A_row_alone_has_the_bits_it_has_in_a_batch_and_nothing_kept_changes_none(bool wide)
    {
        Gemm.Wide &= wide;
        var all = new FeedForward(75, 40, 50, seed: 6);
        all.Forward(keep: true);
        foreach (var row in new[] { 0, 31, 32, 74 })
        {
            var one = new FeedForward(75, 40, 50, seed: 6);
            one.Forward(keep: false, row, 1);
            for (var k = 0; k < 40; k++) Assert.Equal(all.Y[row, k], one.Y[row, k]);
        }
    }

    [Fact]
    public void Many_chunks_of_rows_add_up_to_the_gradient_of_all()
    {
        // The weights' gradients of rows taken together are the sums of those of single rows.
        const int rows = 600;
        var all = new FeedForward(rows, 20, 24, seed: 7);
        all.Forward(keep: true);
        all.Backward();
        var (gateUp, down, norm) = (new double[48, 20], new double[20, 24], new double[1, 20]);
        var part = new FeedForward(rows, 20, 24, seed: 7);
        part.Forward(keep: true);
        for (var row = 0; row < rows; row++)
        {
            part.Backward(row, 1);
            (gateUp, down, norm) = (Reference.Add(gateUp, part.DGateUp.ToDouble()), Reference.Add(down, part.DDown.ToDouble()), Reference.Add(norm, part.DNorm.ToDouble()));
        }
        all.DGateUp.CheckClose(gateUp, (_, _) => 10);
        all.DDown.CheckClose(down, (_, _) => 10);
        all.DNorm.CheckClose(norm, (_, _) => 10);
        all.DX.CheckSameBits(part.DX);
    }

    [Fact]
    public void Exp_and_sigmoid_are_within_two_units_in_the_last_place()
    {
        for (var x = -87.3f; x < 88.3f; x += 0.0137f)
        {
            var v = System.Runtime.Intrinsics.Vector512.Create(x);
            Assert.InRange(Vectors.Exp(v)[5] / Math.Exp(x), 1 - 1.2e-7, 1 + 1.2e-7);
            Assert.InRange(Vectors.Sigmoid(v)[5] * (1 + Math.Exp(-x)), 1 - 2.4e-7, 1 + 2.4e-7);
        }
        var odd = System.Runtime.Intrinsics.Vector512.Create([float.NaN, float.NegativeInfinity, float.PositiveInfinity, -90, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.True(float.IsNaN(Vectors.Exp(odd)[0]) && float.IsNaN(Vectors.Sigmoid(odd)[0]));
        Assert.Equal((0f, 0f, 1f), (Vectors.Exp(odd)[1], Vectors.Exp(odd)[3], Vectors.Exp(odd)[5]));
        Assert.Equal((1f, 1f, 0.5f), (Vectors.Sigmoid(odd)[2], Vectors.Sigmoid(odd)[4], Vectors.Sigmoid(odd)[5]));
        Assert.InRange(Vectors.Sigmoid(odd)[1], 0, 1e-37f);
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        Workers.Threads = 2;
        var f = new FeedForward(200, 40, 50, seed: 8);
        f.Forward(keep: true);
        for (var k = 0; k < 50; k++) f.Backward();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var k = 0; k < 50; k++) f.Backward();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    private static Mat At(Block block) => new(block.Pointer, block.Pitch);

    // Sums of many terms of about 1: the error grows with their number, so 1e-5 of it is allowed.
    private static Func<int, int, double> Scale(Layer l) => (_, _) => Math.Max(1, Math.Sqrt(Math.Max(l.X.Rows, l.X.Columns)));

    private class Layer
    {
        public Layer(int rows, int from, int to, int seed)
        {
            var random = new Random(seed);
            (X, G, Y) = (Block.Random(random, rows, from, 3), Block.Random(random, rows, to, 1), new Block(rows, to, 2));
            (Norm, Weight) = (Block.Random(random, 1, from), Block.Random(random, to, from, 5));
            (Inverse, DX, DNorm, DWeight) = (new Block(1, rows), new Block(rows, from, 6), new Block(1, from), new Block(to, from, 1));
            (XD, GD, NormD, WeightD) = (X.ToDouble(), G.ToDouble(), Norm.ToDouble(), Weight.ToDouble());
        }

        public Block X { get; }

        public Block G { get; }

        public Block Y { get; }

        public Block Norm { get; }

        public Block Weight { get; }

        public Block Inverse { get; }

        public Block DX { get; }

        public Block DNorm { get; }

        public Block DWeight { get; }

        public double[,] XD { get; }

        public double[,] GD { get; }

        public double[,] NormD { get; }

        public double[,] WeightD { get; }

        public virtual void CheckAround()
        {
            foreach (var block in new[] { Y, Inverse, DX, DNorm, DWeight }) block.CheckAround();
        }
    }

    private sealed class FeedForward : Layer
    {
        private readonly int rows, hidden, inner;

        public FeedForward(int rows, int hidden, int inner, int seed)
            : base(rows, hidden, hidden, seed)
        {
            (this.rows, this.hidden, this.inner) = (rows, hidden, inner);
            var random = new Random(seed + 100);
            (GateUp, Down) = (Block.Random(random, 2 * inner, hidden, 2), Block.Random(random, hidden, inner, 3));
            (Kept, DGateUp, DDown) = (new Block(rows, 2 * inner, 4), new Block(2 * inner, hidden, 1), new Block(hidden, inner, 2));
            (GateUpD, DownD) = (GateUp.ToDouble(), Down.ToDouble());
        }

        public Block GateUp { get; }

        public Block Down { get; }

        public Block Kept { get; }

        public Block DGateUp { get; }

        public Block DDown { get; }

        public double[,] GateUpD { get; }

        public double[,] DownD { get; }

        public void Forward(bool keep) => Forward(keep, 0, rows);

        public void Forward(bool keep, int first, int count)
        {
            using var gateUp = new PackedWeights(GateUp.Pointer, 2 * inner, hidden, GateUp.Pitch);
            using var down = new PackedWeights(Down.Pointer, hidden, inner, Down.Pitch);
            Mlp.Forward(count, At(X).From(first, 0), Norm.Pointer, Eps, gateUp.Panels, down.Panels, At(Y).From(first, 0), keep ? At(Kept).From(first, 0) : default, keep ? Inverse.Pointer + first : null);
        }

        public void Backward() => Backward(0, rows);

        public void Backward(int first, int count) =>
            Mlp.Backward(count, hidden, inner, At(X).From(first, 0), Norm.Pointer, At(GateUp), At(Down), At(Kept).From(first, 0), Inverse.Pointer + first, At(G).From(first, 0), At(DX).From(first, 0), DNorm.Pointer, At(DGateUp), At(DDown));

        public override void CheckAround()
        {
            base.CheckAround();
            foreach (var block in new[] { Kept, DGateUp, DDown }) block.CheckAround();
        }
    }
}
