using Selm.HuggingFace.Kernels;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>Log-probs of given tokens and their gradient against plain loops in double precision.</summary>
public sealed unsafe class TokenLogpsTests : IDisposable
{
    private readonly int before = Workers.Threads;

    /// <summary>Puts back what a test has set.</summary>
    public void Dispose() => Workers.Threads = before;

    // Rows, hidden width, vocabulary: vectors filled or not, one token, one word, several chunks.
    public static readonly TheoryData<int, int, int> Sizes = new()
    {
        { 1, 1, 1 }, { 1, 5, 2 }, { 3, 8, 15 }, { 7, 16, 16 }, { 20, 33, 17 }, { 33, 64, 160 }, { 40, 12, 1003 }, { 70, 3, 40_000 }, { 300, 2, 70_000 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Log_probs_equal_the_plain_loop(int rows, int hidden, int vocabulary)
    {
        var p = new Problem(rows, hidden, vocabulary);
        var logps = p.Forward();
        logps.CheckClose(p.Expected());
        logps.CheckAround();
        var logits = new Block(rows, vocabulary).Fill((i, k) => (float)p.Logits[i, k]);
        var chosen = new Block(rows, 1);
        fixed (long* ids = p.Ids) TokenLogps.Chosen(logits.Pointer, ids, rows, vocabulary, chosen.Pointer);
        chosen.CheckClose(p.Expected());
        chosen.CheckAround();
    }

    [Theory, MemberData(nameof(Sizes))]
    public void Gradients_equal_the_closed_form_in_double_precision(int rows, int hidden, int vocabulary)
    {
        var p = new Problem(rows, hidden, vocabulary);
        var (states, head, held) = p.Backward(p.Forward());
        var d = new double[rows, vocabulary];
        var expected = p.Expected();
        for (var i = 0; i < rows; i++)
            for (var k = 0; k < vocabulary; k++) d[i, k] = p.Weights[i, 0] * ((k == p.Ids[i] ? 1 : 0) - Math.Exp(p.Logits[i, k] - p.Logits[i, (int)p.Ids[i]] + expected[i, 0]));
        states.CheckClose(Reference.Product(d, p.Head.ToDouble()));
        head.CheckClose(Reference.Add(held, Reference.Product(Reference.Transpose(d), p.States.ToDouble())));
        states.CheckAround();
        head.CheckAround();
    }

    [Fact]
    public void Gradients_equal_central_differences()
    {
        var p = new Problem(9, 11, 37);
        var (states, head, held) = p.Backward(p.Forward());
        double Objective(double[,] s, double[,] h) => Enumerable.Range(0, 9).Sum(i => p.Weights[i, 0] * p.Expected(s, h)[i, 0]);
        var (x, w, random) = (p.States.ToDouble(), p.Head.ToDouble(), new Random(3));
        for (var probe = 0; probe < 40; probe++)
        {
            var (i, j, k) = (random.Next(9), random.Next(37), random.Next(11));
            Assert.Equal(Difference(x, i, k, () => Objective(x, w)), states[i, k], 2e-5);
            Assert.Equal(Difference(w, j, k, () => Objective(x, w)), head[j, k] - held[j, k], 2e-5);
        }
    }

    [Fact]
    public void Large_logits_lose_nothing_and_nothing_overflows()
    {
        var logits = new Block(4, 20).Fill((i, k) => i switch { 0 => 3e38f, 1 => -3e38f, 2 => k == 7 ? 1000 : 900, _ => k == 7 ? float.NegativeInfinity : 5 });
        var logps = new Block(4, 1);
        fixed (long* ids = new long[] { 3, 3, 7, 7 }) TokenLogps.Chosen(logits.Pointer, ids, 4, 20, logps.Pointer);
        Assert.Equal(-Math.Log(20), logps[2, 0] - Math.Log(20), 1e-6);
        Assert.True(float.IsFinite(logps[0, 0]) && float.IsFinite(logps[1, 0]));
        Assert.Equal(float.NegativeInfinity, logps[3, 0]);
    }

    [Theory, InlineData(0), InlineData(17), InlineData(39)]
    public void NaN_among_the_logits_of_a_row_makes_its_log_prob_NaN_and_no_other(int at)
    {
        var logits = new Block(3, 40).Fill((i, k) => i == 1 && k == at ? float.NaN : k);
        var logps = new Block(3, 1);
        fixed (long* ids = new long[] { 3, 3, 3 }) TokenLogps.Chosen(logits.Pointer, ids, 3, 40, logps.Pointer);
        Assert.True(float.IsFinite(logps[0, 0]) && float.IsNaN(logps[1, 0]) && float.IsFinite(logps[2, 0]));
    }

    [Theory, InlineData(200, 24, 700), InlineData(300, 3, 70_000)]
    public void Any_number_of_threads_gives_the_same_bits_and_so_does_a_row_alone(int rows, int hidden, int vocabulary)
    {
        var p = new Problem(rows, hidden, vocabulary);
        var results = new[] { 1, 2, 3 }.Select(threads =>
        {
            Workers.Threads = threads;
            var logps = p.Forward();
            return (logps, p.Backward(logps));
        }).ToList();
        var (first, (states, head, _)) = results[0];
        foreach (var (logps, (otherStates, otherHead, _)) in results[1..])
        {
            logps.CheckSameBits(first);
            otherStates.CheckSameBits(states);
            otherHead.CheckSameBits(head);
        }
        foreach (var i in new[] { 0, 7, rows - 1 })
        {
            var alone = new Block(1, 1);
            fixed (long* ids = p.Ids) TokenLogps.Forward(p.States.Pointer + (i * hidden), p.Head.Pointer, ids + i, 1, hidden, vocabulary, alone.Pointer);
            Assert.Equal(first[i, 0], alone[0, 0]);
        }
    }

    [Fact]
    public void No_rows_are_nothing_to_do_and_an_id_outside_the_vocabulary_is_refused()
    {
        TokenLogps.Forward(null, null, null, 0, 4, 5, null);
        TokenLogps.Backward(null, null, null, null, null, 0, 4, 5, null, null);
        TokenLogps.Chosen(null, null, 0, 5, null);
        foreach (var id in new[] { -1L, 6L })
        {
            var p = new Problem(3, 4, 6);
            p.Ids[1] = id;
            Assert.Contains($"token {id} of a vocabulary of 6", Assert.Throws<ArgumentOutOfRangeException>(() => p.Forward()).Message, StringComparison.Ordinal);
        }
    }

    private static double Difference(double[,] x, int i, int k, Func<double> f)
    {
        var at = x[i, k];
        x[i, k] = at + 1e-5;
        var above = f();
        x[i, k] = at - 1e-5;
        var below = f();
        x[i, k] = at;
        return (above - below) / 2e-5;
    }

    private sealed class Problem
    {
        private readonly int rows, hidden, vocabulary;

        public Problem(int rows, int hidden, int vocabulary)
        {
            (this.rows, this.hidden, this.vocabulary) = (rows, hidden, vocabulary);
            var random = new Random(vocabulary);
            (States, Head, Weights) = (Block.Random(random, rows, hidden), Block.Random(random, vocabulary, hidden), Block.Random(random, rows, 1));
            Ids = [.. Enumerable.Range(0, rows).Select(_ => (long)random.Next(vocabulary))];
            Logits = Reference.Product(States.ToDouble(), Reference.Transpose(Head.ToDouble()));
        }

        public Block States { get; }

        public Block Head { get; }

        public Block Weights { get; }

        public long[] Ids { get; }

        public double[,] Logits { get; }

        public Block Forward()
        {
            var logps = new Block(rows, 1);
            fixed (long* ids = Ids) TokenLogps.Forward(States.Pointer, Head.Pointer, ids, rows, hidden, vocabulary, logps.Pointer);
            return logps;
        }

        /// <summary>Gradients of states and head, the latter added to what it held.</summary>
        public (Block States, Block Head, double[,] Held) Backward(Block logps)
        {
            var (states, head) = (new Block(rows, hidden), Block.Random(new Random(1), vocabulary, hidden));
            var held = head.ToDouble();
            fixed (long* ids = Ids) TokenLogps.Backward(States.Pointer, Head.Pointer, ids, logps.Pointer, Weights.Pointer, rows, hidden, vocabulary, states.Pointer, head.Pointer);
            return (states, head, held);
        }

        public double[,] Expected() => Expected(Logits);

        public double[,] Expected(double[,] states, double[,] head) => Expected(Reference.Product(states, Reference.Transpose(head)));

        private double[,] Expected(double[,] logits)
        {
            var logps = new double[rows, 1];
            for (var i = 0; i < rows; i++)
            {
                var row = new double[vocabulary];
                for (var k = 0; k < vocabulary; k++) row[k] = logits[i, k];
                var top = row.Max();
                logps[i, 0] = row[(int)Ids[i]] - top - Math.Log(row.Sum(z => Math.Exp(z - top)));
            }
            return logps;
        }
    }
}
