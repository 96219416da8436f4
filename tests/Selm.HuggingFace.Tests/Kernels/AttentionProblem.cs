using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Random queries, keys and values, what each query sees, and attention as plain loops in double precision.</summary>
internal sealed unsafe class AttentionProblem
{
    public const int Positions = 300;

    public AttentionProblem(Random random, AttentionShape shape)
    {
        Shape = shape;
        Qkv = Block.Random(random, shape.Batch * shape.Seq, (int)shape.Width, scale: 1.5);
        OutputGradient = Block.Random(random, shape.Batch * shape.Seq, shape.Heads * shape.HeadDim);
        PositionOf = GC.AllocateArray<long>(shape.Batch * shape.Seq, pinned: true);
        Ranges = GC.AllocateArray<TwoRanges>(shape.Batch * shape.Seq, pinned: true);
        for (var i = 0; i < PositionOf.Length; i++) (PositionOf[i], Ranges[i]) = (i % shape.Seq, new TwoRanges(0, 0, 0, (i % shape.Seq) + 1));
        Cos = Angles(shape.HeadDim, Math.Cos);
        Sin = Angles(shape.HeadDim, Math.Sin);
    }

    public AttentionShape Shape { get; }

    public Block Qkv { get; }

    public Block OutputGradient { get; }

    public Block Cos { get; }

    public Block Sin { get; }

    public long[] PositionOf { get; }

    public TwoRanges[] Ranges { get; }

    public Rotary Rotary => new(Cos.Pointer, Sin.Pointer, (long*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref PositionOf[0]));

    private TwoRanges* RangePointer => (TwoRanges*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref Ranges[0]);

    public (Block Output, Block LogSumExp) Forward()
    {
        var (output, lse) = (new Block(Qkv.Rows, Shape.Heads * Shape.HeadDim), new Block(Shape.Batch * Shape.Heads, Shape.Seq));
        Attention.Forward(Shape, Qkv.Pointer, Rotary, RangePointer, output.Pointer, lse.Pointer);
        output.CheckAround();
        lse.CheckAround();
        return (output, lse);
    }

    public Block Backward(Block output, Block lse)
    {
        var gradient = new Block(Qkv.Rows, Qkv.Columns);
        Attention.Backward(Shape, Qkv.Pointer, Rotary, RangePointer, output.Pointer, lse.Pointer, OutputGradient.Pointer, gradient.Pointer);
        gradient.CheckAround();
        return gradient;
    }

    /// <summary>A prompt and responses that share it, after padding on the left; what remains is padding.</summary>
    public void Lay(int row, int left, int prompt, params int[] responses)
    {
        var first = row * Shape.Seq;
        for (var i = 0; i < Shape.Seq; i++) (PositionOf[first + i], Ranges[first + i]) = (0, default);
        for (var i = 0; i < prompt; i++) (PositionOf[first + left + i], Ranges[first + left + i]) = (i, new TwoRanges(0, 0, left, left + i + 1));
        var at = left + prompt;
        foreach (var response in responses)
        {
            for (var i = 0; i < response; i++) (PositionOf[first + at + i], Ranges[first + at + i]) = (prompt + i, new TwoRanges(left, left + prompt, at, at + i + 1));
            at += response;
        }
    }

    /// <summary>Copies a token's queries, keys, values, position and output gradient; the caller says what it sees.</summary>
    public void Take(AttentionProblem from, int fromToken, int token)
    {
        for (var k = 0; k < Qkv.Columns; k++) Qkv[token, k] = from.Qkv[fromToken, k];
        for (var k = 0; k < OutputGradient.Columns; k++) OutputGradient[token, k] = from.OutputGradient[fromToken, k];
        PositionOf[token] = from.PositionOf[fromToken];
    }

    /// <summary>Outputs and log-sum-exps of packed values [tokens, width].</summary>
    public (double[,] Output, double[,] LogSumExp) Expected(double[,] qkv)
    {
        var (d, output, lse) = (Shape.HeadDim, new double[Qkv.Rows, Shape.Heads * Shape.HeadDim], new double[Shape.Batch * Shape.Heads, Shape.Seq]);
        for (var token = 0; token < Qkv.Rows; token++)
        {
            for (var head = 0; head < Shape.Heads; head++)
            {
                var (first, kv) = (token / Shape.Seq * Shape.Seq, Shape.Heads + (head / Shape.Group));
                var query = Turn(qkv, token, head);
                var scores = Enumerable.Range(0, Shape.Seq).Where(j => Sees(Ranges[token], j))
                    .Select(j => (Key: j, Score: query.Zip(Turn(qkv, first + j, kv), (a, b) => a * b).Sum() / Math.Sqrt(d))).ToList();
                var top = scores.Count == 0 ? 0 : scores.Max(s => s.Score);
                var total = scores.Sum(s => Math.Exp(s.Score - top));
                lse[(token / Shape.Seq * Shape.Heads) + head, token % Shape.Seq] = top + Math.Log(total);
                foreach (var (key, score) in scores)
                    for (var k = 0; k < d; k++) output[token, (head * d) + k] += Math.Exp(score - top) / total * qkv[first + key, ((kv + Shape.KvHeads) * d) + k];
            }
        }
        return (output, lse);
    }

    /// <summary>sum of outputs times their gradients: what <see cref="Backward"/> differentiates.</summary>
    public double Objective(double[,] qkv)
    {
        var (output, total) = (Expected(qkv).Output, 0.0);
        for (var i = 0; i < Qkv.Rows; i++) for (var k = 0; k < OutputGradient.Columns; k++) total += output[i, k] * OutputGradient[i, k];
        return total;
    }

    public static bool Sees(TwoRanges r, int key) => (key >= r.A0 && key < r.A1) || (key >= r.B0 && key < r.B1);

    private double[] Turn(double[,] qkv, int token, int head)
    {
        var (d, half, turned) = (Shape.HeadDim, Shape.HeadDim / 2, new double[Shape.HeadDim]);
        for (var k = 0; k < half; k++)
        {
            double x = qkv[token, (head * d) + k], y = qkv[token, (head * d) + k + half], c = Cos[(int)PositionOf[token], k], s = Sin[(int)PositionOf[token], k];
            (turned[k], turned[k + half]) = ((x * c) - (y * s), (y * c) + (x * s));
        }
        return turned;
    }

    private static Block Angles(int headDim, Func<double, double> f) =>
        new Block(Positions, headDim / 2).Fill((p, k) => (float)f(p * Math.Pow(10000, -2.0 * k / headDim)));
}
