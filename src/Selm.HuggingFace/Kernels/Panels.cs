// The right factor of a product as the tiles read it: panels of 32 (or 16) columns, each [inner, width] without gaps,
// missing columns zero. A weight that is used again and again is packed once and kept (PackedWeights): at 32 rows,
// decoding, packing at each call costs as much as the product.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Selm.HuggingFace.Kernels;

/// <summary>A float32 matrix in memory: rows of <c>Pitch</c> floats, read transposed if asked.</summary>
internal readonly unsafe struct Mat(float* data, nint pitch, bool transposed = false)
{
    /// <summary>The first element.</summary>
    public readonly float* Data = data;

    /// <summary>Floats from one stored row to the next.</summary>
    public readonly nint Pitch = pitch;

    /// <summary>Whether a stored row is a column of the matrix that is meant.</summary>
    public readonly bool Transposed = transposed;

    /// <summary>The transposed matrix, in the same memory.</summary>
    public Mat T => new(Data, Pitch, !Transposed);

    /// <summary>Where element (row, column) lies.</summary>
    public float* At(nint row, nint column) => Data + (Transposed ? column * Pitch + row : row * Pitch + column);

    /// <summary>The matrix from (row, column) on.</summary>
    public Mat From(nint row, nint column) => new(At(row, column), Pitch, Transposed);
}

/// <summary>A matrix [inner, columns] in panels; made by <c>Pack</c> or <c>Of</c>.</summary>
internal readonly unsafe struct Panels(float* data, nint inner, nint columns, nint width, nint row, nint next)
{
    private const nint MostReaders = 1024; // rows of the left factor beyond which packing costs nothing beside the product
    private const nint Aliased = 512; // rows of a multiple of this many floats share too few places of the caches

    /// <summary>The first panel.</summary>
    public readonly float* Data = data;

    /// <summary>Floats from row to row of a panel.</summary>
    public readonly nint Row = row;

    /// <summary>Floats from panel to panel.</summary>
    public readonly nint Next = next;

    /// <summary>Rows of the matrix: the inner dimension of the product.</summary>
    public readonly nint Inner = inner;

    /// <summary>Columns of the matrix.</summary>
    public readonly nint Columns = columns;

    /// <summary>Columns per panel.</summary>
    public readonly nint Width = width;

    /// <summary>Number of panels.</summary>
    public nint Count => (Columns + Width - 1) / Width;

    /// <summary>Where row <paramref name="row"/> of a panel lies.</summary>
    public float* At(nint panel, nint row) => Data + panel * Next + row * Row;

    /// <summary>Floats that <c>Pack</c> needs for [inner, columns].</summary>
    public static nint Floats(nint inner, nint columns) => inner * ((columns + Gemm.Width - 1) / Gemm.Width) * Gemm.Width;

    /// <summary>Packs <paramref name="b"/> [inner, columns] into <paramref name="memory"/> of <see cref="Floats"/> floats.</summary>
    public static Panels Pack(nint inner, nint columns, Mat b, float* memory)
    {
        var panels = new Panels(memory, inner, columns, Gemm.Width, Gemm.Width, inner * Gemm.Width);
        var job = new PackJob { Source = b, Target = panels };
        if (inner * columns < 1 << 15) for (var k = 0; k < panels.Count; k++) PackOne(&job, k);
        else Workers.Run((int)panels.Count, &job, &PackOne);
        return panels;
    }

    /// <summary>Packs into the calling thread's scratch memory, for a weight that serves one call.</summary>
    public static Panels Pack(nint inner, nint columns, Mat b, Slot slot) => Pack(inner, columns, b, Scratch.Floats(slot, Floats(inner, columns)));

    /// <summary>
    /// <paramref name="b"/> where it lies if it consists of whole panels and few rows of a left factor read it, otherwise
    /// packed into the calling thread's scratch memory.
    /// </summary>
    public static Panels Of(nint inner, nint columns, Mat b, Slot slot, nint readers) =>
        !b.Transposed && columns % Gemm.Width == 0 && b.Pitch % Aliased != 0 && readers <= MostReaders
            ? new Panels(b.Data, inner, columns, Gemm.Width, b.Pitch, Gemm.Width)
            : Pack(inner, columns, b, slot);

    private struct PackJob
    {
        public Mat Source;
        public Panels Target;
    }

    private static void PackOne(PackJob* job, int panel)
    {
        var t = job->Target;
        var source = job->Source.From(0, panel * t.Width);
        var to = t.Data + panel * t.Inner * t.Width;
        var columns = Math.Min(t.Width, t.Columns - panel * t.Width);
        if (columns < t.Width) new Span<float>(to, checked((int)(t.Inner * t.Width))).Clear();
        if (source.Transposed) TransposeRows(columns, t.Inner, source.Data, source.Pitch, to, t.Width);
        else CopyRows(t.Inner, columns, source.Data, source.Pitch, to, t.Width);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyRows(nint rows, nint columns, float* from, nint pitch, float* to, nint width)
    {
        for (nint p = 0; p < rows; p++, from += pitch, to += width)
        {
            nint j = 0;
            for (; j + 8 <= columns; j += 8) Vector256.Load(from + j).Store(to + j);
            for (; j < columns; j++) to[j] = from[j];
        }
    }

    // to[p, j] = from[j, p] for j < rows, p < columns: blocks of 8 x 8, edges element by element.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void TransposeRows(nint rows, nint columns, float* from, nint pitch, float* to, nint width)
    {
        nint j = 0;
        for (; j + 8 <= rows; j += 8)
        {
            nint p = 0;
            for (; p + 8 <= columns; p += 8) Transpose8(from + j * pitch + p, pitch, to + p * width + j, width);
            for (; p < columns; p++)
                for (nint i = j; i < j + 8; i++) to[p * width + i] = from[i * pitch + p];
        }
        for (; j < rows; j++)
            for (nint p = 0; p < columns; p++) to[p * width + j] = from[j * pitch + p];
    }

    // Rows r and r + 4 share a register, halves of four floats each; then two 4 x 4 transposes at once.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose8(float* from, nint pitch, float* to, nint width)
    {
        Transpose4Pairs(from, pitch, to, width);
        Transpose4Pairs(from + 4, pitch, to + 4 * width, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4Pairs(float* from, nint pitch, float* to, nint width)
    {
        var low = from + 4 * pitch;
        var r0 = Vector256.Create(Vector128.Load(from), Vector128.Load(low));
        var r1 = Vector256.Create(Vector128.Load(from + pitch), Vector128.Load(low + pitch));
        var r2 = Vector256.Create(Vector128.Load(from + 2 * pitch), Vector128.Load(low + 2 * pitch));
        var r3 = Vector256.Create(Vector128.Load(from + 3 * pitch), Vector128.Load(low + 3 * pitch));
        var (t0, t1) = (Avx.UnpackLow(r0, r1), Avx.UnpackHigh(r0, r1));
        var (t2, t3) = (Avx.UnpackLow(r2, r3), Avx.UnpackHigh(r2, r3));
        Avx.Shuffle(t0, t2, 0x44).Store(to);
        Avx.Shuffle(t0, t2, 0xEE).Store(to + width);
        Avx.Shuffle(t1, t3, 0x44).Store(to + 2 * width);
        Avx.Shuffle(t1, t3, 0xEE).Store(to + 3 * width);
    }
}

/// <summary>A weight [columns, inner], as a checkpoint stores it, packed once for any number of products x w'.</summary>
internal sealed unsafe class PackedWeights : IDisposable
{
    private float* memory;

    /// <summary>Packs a copy; the weight itself is not needed any more.</summary>
    /// <param name="weight">[columns, inner], rows of <paramref name="pitch"/> floats.</param>
    /// <param name="columns">Output features.</param>
    /// <param name="inner">Input features.</param>
    /// <param name="pitch">Floats from row to row.</param>
    public PackedWeights(float* weight, nint columns, nint inner, nint pitch)
    {
        memory = (float*)NativeMemory.AlignedAlloc((nuint)Math.Max(16, Panels.Floats(inner, columns)) * sizeof(float), 64);
        Panels = Panels.Pack(inner, columns, new Mat(weight, pitch).T, memory);
    }

    /// <summary>The panels; valid while this object is alive and not disposed.</summary>
    public Panels Panels { get; private set; }

    /// <summary>Packs again into the same memory, after the weight has changed.</summary>
    public void Repack(float* weight, nint pitch) => Panels = Panels.Pack(Panels.Inner, Panels.Columns, new Mat(weight, pitch).T, memory);

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
        Panels = default;
    }

    /// <summary>Frees the memory of an object that was not disposed.</summary>
    ~PackedWeights() => Free();
}
