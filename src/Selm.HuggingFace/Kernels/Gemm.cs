// Products of float32 matrices. Tiles of 8 rows by 32 columns (6 by 16 without 512-bit vectors) run over panels of the
// packed right factor; the inner dimension is cut into pieces of 256, so that a piece of a panel stays in the L1
// cache while a block of 64 rows passes over it. The left factor is read in place; transposed (gradients of weights), its
// rows are interleaved by eight while they are copied, which takes no transposition at all.
//
// The sum behind one element: within a piece one chain of fused multiply-adds in ascending order, the pieces added in
// ascending order. That does not depend on the number of rows or columns, on where the element lies, on how the factors
// are stored, nor on the number of threads: a row's result has the same bits alone and in any batch.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Selm.HuggingFace.Kernels;

/// <summary>C = A B or C += A B on raw memory, on all <see cref="Workers"/>.</summary>
internal static unsafe class Gemm
{
    private const int Piece = 256; // inner dimension of one pass: a panel's 32 KiB and a tile's rows fit the L1 cache
    private const int MostPacked = 1 << 20; // floats of the right factor that are packed at a time
    private const double Small = 2e6; // floating-point operations below which threads do not pay

    /// <summary>
    /// Whether the kernels should serve at all: they are faster than libtorch's operators where the processor has
    /// AVX2 and FMA, twice as fast with AVX-512. Without them no kernel may be called.
    /// </summary>
    public static bool IsFast => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>Whether tiles of 512-bit vectors are used. Set by tests alone; what was packed before must be packed again.</summary>
    internal static bool Wide { get; set; } = Vector512.IsHardwareAccelerated;

    /// <summary>Columns per panel.</summary>
    internal static nint Width => Wide ? 32 : 16;

    private static nint TileRows => Wide ? 8 : 6;

    /// <summary>c [m, n] = a [m, k] b [k, n], added to c if <paramref name="add"/>.</summary>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="k">The inner dimension.</param>
    /// <param name="a">Left factor; a gradient [rows, out] of a weight's product is given as <c>new Mat(g, out).T</c>.</param>
    /// <param name="b">Right factor; a weight [out, in] is given as <c>new Mat(w, in).T</c>.</param>
    /// <param name="c">The result, which overlaps neither factor.</param>
    /// <param name="pitch">Floats from row to row of <paramref name="c"/>, at least n.</param>
    /// <param name="add">Whether the product is added to what c holds; otherwise c's old values are not read.</param>
    public static void Multiply(nint m, nint n, nint k, Mat a, Mat b, float* c, nint pitch, bool add = false)
    {
        if (m == 0 || n == 0) return;
        var most = Math.Max(1, MostPacked / Math.Max(1, k * Width)) * Width;
        for (nint at = 0; at < n; at += most)
        {
            var columns = Math.Min(most, n - at);
            Multiply(m, a, Panels.Of(k, columns, b.From(0, at), Slot.Panels, readers: m), c + at, pitch, add);
        }
    }

    /// <summary>c [m, columns] = a [m, inner] b, where b has been packed, added to c if <paramref name="add"/>.</summary>
    public static void Multiply(nint m, Mat a, Panels b, float* c, nint pitch, bool add = false)
    {
        if (m == 0 || b.Columns == 0) return;
        if (b.Inner == 0)
        {
            if (!add) for (nint i = 0; i < m; i++) new Span<float>(c + i * pitch, (int)b.Columns).Clear();
            return;
        }
        var alone = Workers.Threads == 1 || 2.0 * m * b.Columns * b.Inner < Small;
        var rows = 8 * TileRows;
        // A transposed factor is read across: wide blocks, so that memory is read in order.
        if (a.Transposed) rows = Math.Clamp(m / rows / (alone ? 1 : 2 * Workers.Threads), 1, 8) * rows;
        var rowBlocks = (m + rows - 1) / rows;
        // Enough blocks that no thread waits long for the last one; rows first, since a block of rows reads all of b.
        var columnBlocks = alone ? 1 : Math.Clamp(4 * Workers.Threads / rowBlocks, 1, b.Count);
        var job = new Job { M = m, A = a, B = b, C = c, Pitch = pitch, Add = add, Rows = rows, Panels = (b.Count + columnBlocks - 1) / columnBlocks };
        job.ColumnBlocks = (b.Count + job.Panels - 1) / job.Panels;
        var blocks = checked((int)(rowBlocks * job.ColumnBlocks));
        if (alone) for (var k = 0; k < blocks; k++) MultiplyBlock(&job, k);
        else Workers.Run(blocks, &job, &MultiplyBlock);
    }

    private struct Job
    {
        public nint M;
        public Mat A;
        public Panels B;
        public float* C;
        public nint Pitch;
        public bool Add;
        public nint Rows; // per block
        public nint Panels; // per block
        public nint ColumnBlocks;
    }

    // Rows of the left factor as the tiles read them: whole tiles, `Next` floats apart, and a last one filled up with zeros.
    private struct Left
    {
        public float* Whole, Last;
        public nint Row, LastRow, Step, Next;
    }

    [SkipLocalsInit]
    private static void MultiplyBlock(Job* job, int index)
    {
        var (b, first, panel) = (job->B, index / job->ColumnBlocks * job->Rows, index % job->ColumnBlocks * job->Panels);
        var rows = Math.Min(job->Rows, job->M - first);
        var lastPanel = Math.Min(panel + job->Panels, b.Count);
        var edge = stackalloc float[8 * 32]; // a tile that reaches over the end of c
        for (nint at = 0; at < b.Inner; at += Piece)
        {
            var k = Math.Min(Piece, b.Inner - at);
            var left = Prepare(job->A.From(first, at), rows, k);
            for (var j = panel; j < lastPanel; j++)
            {
                var columns = Math.Min(b.Width, b.Columns - j * b.Width);
                MultiplyPanel(left, rows, k, b.At(j, at), b.Row, columns, job->C + first * job->Pitch + j * b.Width, job->Pitch, job->Add || at > 0, edge);
            }
        }
    }

    private static void MultiplyPanel(in Left left, nint rows, nint k, float* panel, nint next, nint columns, float* c, nint pitch, bool add, float* edge)
    {
        var (width, height) = (Width, TileRows);
        var tile = Tile(height, add && columns == width);
        var a = left.Whole;
        for (; rows >= height; rows -= height, a += left.Next, c += height * pitch)
        {
            if (columns == width)
            {
                tile(k, a, left.Row, left.Step, panel, next, c, pitch);
                continue;
            }
            tile(k, a, left.Row, left.Step, panel, next, edge, width);
            CopyEdge(edge, width, height, columns, c, pitch, add);
        }
        if (rows == 0) return;
        tile = Tile(rows <= 4 && Wide ? 4 : height, add: false);
        tile(k, left.Last, left.LastRow, left.Step, panel, next, edge, width);
        CopyEdge(edge, width, rows, columns, c, pitch, add);
    }

    private static delegate*<nint, float*, nint, nint, float*, nint, float*, nint, void> Tile(nint rows, bool add) => (rows, add) switch
    {
        (8, false) => &Tiles.Rows8<SetTile>,
        (8, true) => &Tiles.Rows8<AddTile>,
        (4, _) => &Tiles.Rows4<SetTile>,
        (_, false) => &Tiles.Rows6<SetTile>,
        (_, true) => &Tiles.Rows6<AddTile>,
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyEdge(float* edge, nint width, nint rows, nint columns, float* c, nint pitch, bool add)
    {
        for (nint i = 0; i < rows; i++, edge += width, c += pitch)
        {
            nint j = 0;
            for (; j + 8 <= columns; j += 8)
            {
                var sums = Vector256.Load(edge + j);
                (add ? Vector256.Load(c + j) + sums : sums).Store(c + j);
            }
            for (; j < columns; j++) c[j] = add ? c[j] + edge[j] : edge[j];
        }
    }

    private static Left Prepare(Mat a, nint rows, nint k)
    {
        var (height, whole) = (TileRows, rows / TileRows);
        var rest = rows - whole * height;
        if (a.Transposed)
        {
            var next = height * k + 16; // a cache line more: tiles a multiple of 4096 bytes apart would share few places of the cache
            var memory = Scratch.Floats(Slot.LeftFactor, (whole + 1) * next);
            for (nint p = 0; p < k; p++) Interleave(a.Data + p * a.Pitch, a.Pitch, rows, height, memory + p * height, next);
            return new Left { Whole = memory, Row = 1, Step = height, Next = next, Last = memory + whole * next, LastRow = 1 };
        }
        var last = a.Data;
        if (rest > 0)
        {
            last = Scratch.Floats(Slot.LeftFactor, height * k);
            for (nint i = 0; i < height; i++)
            {
                var to = new Span<float>(last + i * k, (int)k);
                if (i < rest) new Span<float>(a.Data + (whole * height + i) * a.Pitch, (int)k).CopyTo(to);
                else to.Clear();
            }
        }
        return new Left { Whole = a.Data, Row = a.Pitch, Step = 1, Next = height * a.Pitch, Last = last, LastRow = k };
    }

    // One stored row of the transposed factor: `rows` floats to tiles of `height`, `next` floats apart, the last one filled
    // up with zeros. The rows to come are asked for early: they lie too far apart for the processor to guess.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Interleave(float* a, nint pitch, nint rows, nint height, float* to, nint next)
    {
        for (; rows >= height; rows -= height, a += height, to += next)
        {
            if (Sse.IsSupported) Sse.Prefetch0(a + 4 * pitch);
            if (height == 8)
            {
                Vector256.Load(a).Store(to);
                continue;
            }
            Vector128.Load(a).Store(to);
            Vector128.Load(a + 2).Store(to + 2);
        }
        if (rows > 0) for (nint i = 0; i < height; i++) to[i] = i < rows ? a[i] : 0;
    }
}
