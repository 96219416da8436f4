// The least that a step has to do, counted exactly: matrix products only, a shared prompt once, a reused response
// once, no token that nothing reads (a response's last token predicts nothing; in the last block a prompt's tokens
// but the last are keys and values only), no product twice. Softmaxes, norms and the optimiser's arithmetic are left
// out. Time divided into the floor is the achieved speed that the bench reports: it can only understate the hardware.
namespace Selm.Research.Scale;

/// <summary>The least work of one step.</summary>
/// <param name="Flops">Multiplications and additions of the matrix products that cannot be avoided.</param>
/// <param name="Bytes">Bytes of weights, optimiser state and key-value cache that have to be moved once, in float32; activations are taken to stay in the cache.</param>
public readonly record struct Floor(double Flops, double Bytes)
{
    private const double FloatBytes = 4;

    /// <summary>The sum of two pieces of work.</summary>
    public static Floor operator +(Floor a, Floor b) => new(a.Flops + b.Flops, a.Bytes + b.Bytes);

    /// <summary>The floor of a bench step.</summary>
    /// <param name="mode">What is timed.</param>
    /// <param name="shape">The model and the batch.</param>
    /// <param name="withReference">Train: whether the step computes the reference model's log-probs of all distinct sequences.</param>
    public static Floor Of(BenchMode mode, BenchShape shape, bool withReference = true) => mode switch
    {
        BenchMode.Train => Train(shape) + (withReference ? Score(shape) : default),
        BenchMode.Generate => Generate(shape),
        _ => new Floor(shape.Batch * RowForward(shape, 1), FloatBytes * ReadPerPass(shape)),
    };

    // Backward costs twice the forward: one product for the input's gradient, one for the weight's (attention: four for
    // two). AdamW reads and writes the weight and its two means.
    private static Floor Train(BenchShape shape) => new(3 * Score(shape).Flops, FloatBytes * 6 * shape.Parameters);

    // The forward pass over all distinct sequences of the batch.
    private static Floor Score(BenchShape shape) => new(
        (shape.Reused * RowForward(shape, 2)) + ((shape.Batch - shape.Reused) * RowForward(shape, 3)), FloatBytes * ReadPerPass(shape));

    // One prompt with n responses.
    private static double RowForward(BenchShape s, int n)
    {
        double answers = n * (s.Response - 1.0); // response tokens that predict another
        var prompt = Pairs(s.Prompt);
        var response = n * (((s.Response - 1.0) * s.Prompt) + Pairs(s.Response - 1));
        return ((s.Layers - 1) * Block(s, s.Prompt + answers, s.Prompt + answers, prompt + response))
            + Block(s, s.Prompt + answers, 1 + answers, s.Prompt + response)
            + (2.0 * (1 + answers) * s.Hidden * s.Vocab);
    }

    // One prefill and Response - 1 steps of one token; every step reads all weights and the cache so far.
    private static Floor Generate(BenchShape s)
    {
        double steps = s.Response - 1;
        var later = (steps * s.Prompt) + Pairs(s.Response - 1);
        var flops = ((s.Layers - 1) * Block(s, s.Prompt + steps, s.Prompt + steps, Pairs(s.Prompt) + later))
            + Block(s, s.Prompt + steps, 1 + steps, s.Prompt + later)
            + (2.0 * s.Response * s.Hidden * s.Vocab);
        var cache = 2.0 * s.KvHeads * s.HeadDim * s.Layers * (s.Prompt + later);
        return new(s.Batch * flops, FloatBytes * ((s.Response * ReadPerPass(s)) + (s.Batch * cache)));
    }

    // keyed: tokens that need keys and values; queried: tokens that need everything else; pairs: (query, key) seen.
    private static double Block(BenchShape s, double keyed, double queried, double pairs) =>
        (2 * keyed * s.Hidden * 2 * s.KvHeads * s.HeadDim)
        + (2 * queried * s.Hidden * 2 * s.Heads * s.HeadDim)
        + (2 * queried * s.Hidden * 3 * s.Ff)
        + (2 * pairs * 2 * s.Heads * s.HeadDim);

    // Causal pairs of n tokens.
    private static double Pairs(double n) => n * (n + 1) / 2;

    // All matrices and norms; of the embedding only the rows that are looked up, which is nothing beside them.
    private static double ReadPerPass(BenchShape s) => s.Parameters - (s.Tied ? 0 : (double)s.Vocab * s.Hidden);
}
