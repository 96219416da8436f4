using System.Runtime.CompilerServices;
using Xunit.Sdk;

namespace Selm.HuggingFace.Tests.Kernels;

/// <summary>
/// A matrix inside a larger piece of memory, for kernels that take pointers. It begins at an address that is a multiple
/// of four bytes only and its rows may lie further apart than they are wide. What lies around it is NaN, so that reading
/// too far spoils a result; <see cref="CheckAround"/> tells whether something was written there.
/// </summary>
internal sealed unsafe class Block
{
    private const int Margin = 67;
    private const int Around = 0x7FC01234;
    private readonly float[] memory;

    public Block(int rows, int columns, int gap = 0)
    {
        (Rows, Columns, Pitch) = (rows, columns, columns + gap);
        memory = GC.AllocateArray<float>((rows * Pitch) + (2 * Margin), pinned: true);
        memory.AsSpan().Fill(BitConverter.Int32BitsToSingle(Around));
    }

    public int Rows { get; }

    public int Columns { get; }

    public int Pitch { get; }

    public float* Pointer => (float*)Unsafe.AsPointer(ref memory[Margin]);

    public float this[int row, int column]
    {
        get => memory[Margin + (row * Pitch) + column];
        set => memory[Margin + (row * Pitch) + column] = value;
    }

    public static Block Random(Random random, int rows, int columns, int gap = 0, double scale = 1) =>
        new Block(rows, columns, gap).Fill((_, _) => (float)(scale * ((2 * random.NextDouble()) - 1)));

    public Block Fill(Func<int, int, float> value)
    {
        for (var i = 0; i < Rows; i++) for (var j = 0; j < Columns; j++) this[i, j] = value(i, j);
        return this;
    }

    public Block Copy() => new Block(Rows, Columns, Pitch - Columns).Fill((i, j) => this[i, j]);

    public double[,] ToDouble()
    {
        var values = new double[Rows, Columns];
        for (var i = 0; i < Rows; i++) for (var j = 0; j < Columns; j++) values[i, j] = this[i, j];
        return values;
    }

    /// <summary>Every element has the same bits as the other's.</summary>
    public void CheckSameBits(Block other)
    {
        for (var i = 0; i < Rows; i++)
            for (var j = 0; j < Columns; j++)
                if (BitConverter.SingleToInt32Bits(this[i, j]) != BitConverter.SingleToInt32Bits(other[i, j]))
                    throw new XunitException($"[{i}, {j}] of [{Rows}, {Columns}]: {this[i, j]:R} and {other[i, j]:R} differ.");
    }

    /// <summary>Every element is as expected, up to 1e-5 of the expected value or of the given size of its terms, whichever is larger.</summary>
    public void CheckClose(double[,] expected, Func<int, int, double>? size = null, double tolerance = 1e-5)
    {
        for (var i = 0; i < Rows; i++)
        {
            for (var j = 0; j < Columns; j++)
            {
                var allowed = tolerance * Math.Max(Math.Abs(expected[i, j]), size?.Invoke(i, j) ?? 1);
                if (!(Math.Abs(this[i, j] - expected[i, j]) <= allowed))
                    throw new XunitException($"[{i}, {j}] of [{Rows}, {Columns}] is {this[i, j]:R}, expected {expected[i, j]:R}.");
            }
        }
    }

    /// <summary>Nothing was written before, after or between the rows.</summary>
    public void CheckAround()
    {
        for (var k = 0; k < memory.Length; k++)
        {
            var (row, column) = (Math.Max(0, k - Margin) / Math.Max(1, Pitch), Math.Max(0, k - Margin) % Math.Max(1, Pitch));
            if (k >= Margin && row < Rows && column < Columns) continue;
            if (BitConverter.SingleToInt32Bits(memory[k]) != Around) throw new XunitException($"Memory at {k - Margin} floats from a [{Rows}, {Columns}] block was written: {memory[k]:R}.");
        }
    }
}
