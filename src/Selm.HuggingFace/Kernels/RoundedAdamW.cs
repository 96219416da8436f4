// AdamW on weights or moments that are stored in bfloat16. Each part of a block is widened to float32 on the stack, updated by the
// float32 kernel and rounded back at random, so that no float32 copy of a tensor ever exists. Rounding to the nearest would
// lose steps of 5e-7 in eight bits of mantissa, and a second moment that decays by a thousandth would stand still.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Which random numbers round a tensor: those of the Philox stream of this key and row, four for each of its elements.</summary>
/// <param name="Key">The stream's key.</param>
/// <param name="Row">The row within the stream: the optimiser step.</param>
/// <param name="First">The number of the first element at hand, where this is a piece of a tensor.</param>
internal readonly record struct Rounding(ulong Key, long Row, long First = 0);

/// <summary>Numbers as float32 or bfloat16.</summary>
/// <param name="Start">The first.</param>
/// <param name="IsHalf">Whether they are bfloat16.</param>
internal readonly unsafe record struct Stored(nint Start, bool IsHalf)
{
    /// <summary>The first number of bfloat16.</summary>
    public ushort* Halves => (ushort*)Start;

    /// <summary>The first number of float32.</summary>
    public float* Floats => (float*)Start;
}

/// <summary>The update of <see cref="AdamW"/> where weights or moments are bfloat16; those are rounded stochastically, which on average changes nothing.</summary>
internal static unsafe class RoundedAdamW
{
    private const nint Block = 1 << 14; // elements per block
    private const int Part = 256; // elements that are widened at once, on the stack

    /// <summary>Updates weights and moments in place. Element i takes words 0 to 2 of block i of the random stream, for the weight and the two moments.</summary>
    /// <param name="parameter">[count].</param>
    /// <param name="gradient">[count]; left as it is.</param>
    /// <param name="first">Mean of gradients, [count].</param>
    /// <param name="second">Mean of squared gradients, [count].</param>
    /// <param name="count">Number of weights.</param>
    /// <param name="step">Constants.</param>
    /// <param name="rounding">The random numbers.</param>
    public static void Update(Stored parameter, Stored gradient, Stored first, Stored second, nint count, in AdamWStep step, in Rounding rounding)
    {
        var job = new Job
        {
            Weight = parameter, First = first, Second = second, Gradient = gradient, Count = count, Constants = AdamW.Constants(step), Rounding = rounding,
        };
        Workers.Run(checked((int)((count + Block - 1) / Block)), &job, &UpdateBlock);
    }

    /// <summary>Rounds float32 to bfloat16: up or down with the probabilities that make it right on average. What bfloat16 holds stays; infinities and NaN too.</summary>
    /// <param name="x">[count].</param>
    /// <param name="halves">Receives [count].</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="rounding">The random numbers.</param>
    /// <param name="word">Which of the four words of an element.</param>
    public static void Round(float* x, ushort* halves, nint count, in Rounding rounding, int word)
    {
        var words = stackalloc uint[4 * Vectors.Lanes];
        var part = stackalloc ushort[Vectors.Lanes];
        for (nint at = 0; at < count; at += Vectors.Lanes)
        {
            Philox.Words((ulong)(rounding.First + at), (ulong)rounding.Row, rounding.Key, words);
            Rounded(Vectors.Load(x + at, count - at), words + word * Vectors.Lanes).Store(part);
            for (nint k = 0; k < Math.Min(Vectors.Lanes, count - at); k++) halves[at + k] = part[k];
        }
    }

    private struct Job
    {
        public Stored Weight, Gradient, First, Second;
        public nint Count;
        public AdamW.Job Constants;
        public Rounding Rounding;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpdateBlock(Job* job, int block)
    {
        var buffer = stackalloc float[4 * Part];
        var words = stackalloc uint[4 * Vectors.Lanes];
        var constants = job->Constants with { Parameter = buffer, Gradient = buffer + Part, First = buffer + 2 * Part, Second = buffer + 3 * Part };
        var end = Math.Min(job->Count, (block + 1) * Block);
        for (var at = block * Block; at < end; at += Part)
        {
            var count = (int)Math.Min(Part, end - at);
            Widen(job->Weight, at, constants.Parameter, count);
            Widen(job->Gradient, at, constants.Gradient, count);
            Widen(job->First, at, constants.First, count);
            Widen(job->Second, at, constants.Second, count);
            AdamW.UpdateWhole(constants, 0, (count + Vectors.Lanes - 1) & ~(Vectors.Lanes - 1));
            for (var k = 0; k < count; k += Vectors.Lanes)
            {
                Philox.Words((ulong)(job->Rounding.First + at + k), (ulong)job->Rounding.Row, job->Rounding.Key, words);
                var left = Math.Min(Vectors.Lanes, count - k);
                Store(job->Weight, at + k, constants.Parameter + k, words, left);
                Store(job->First, at + k, constants.First + k, words + Vectors.Lanes, left);
                Store(job->Second, at + k, constants.Second + k, words + 2 * Vectors.Lanes, left);
            }
        }
    }

    // The elements from `at` on as float32; behind the last one zeros, up to a whole vector.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen(Stored from, nint at, float* to, int count)
    {
        var k = 0;
        if (from.IsHalf)
        {
            for (; k + Vectors.Lanes <= count; k += Vectors.Lanes)
            {
                var (low, high) = Vector256.Widen(Vector256.Load(from.Halves + at + k));
                Vector512.ShiftLeft(Vector512.Create(low, high), 16).AsSingle().Store(to + k);
            }
            for (; k < count; k++) to[k] = BitConverter.UInt32BitsToSingle((uint)from.Halves[at + k] << 16);
        }
        else
        {
            for (; k + Vectors.Lanes <= count; k += Vectors.Lanes) Vector512.Load(from.Floats + at + k).Store(to + k);
            for (; k < count; k++) to[k] = from.Floats[at + k];
        }
        for (; (k & (Vectors.Lanes - 1)) != 0; k++) to[k] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Stored to, nint at, float* from, uint* words, int count)
    {
        if (!to.IsHalf)
        {
            Vectors.Store(to.Floats + at, Vector512.Load(from), count);
        }
        else if (count >= Vectors.Lanes)
        {
            Rounded(Vector512.Load(from), words).Store(to.Halves + at);
        }
        else
        {
            var part = stackalloc ushort[Vectors.Lanes];
            Rounded(Vector512.Load(from), words).Store(part);
            for (var k = 0; k < count; k++) to.Halves[at + k] = part[k];
        }
    }

    // Sixteen random bits are added to the sixteen that go; what carries over rounds away from zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Rounded(Vector512<float> x, uint* words)
    {
        var bits = x.AsUInt32();
        var exponent = Vector512.Create(0x7F80_0000u);
        var noise = Vector512.AndNot(Vector512.Load(words) & Vector512.Create(0xFFFFu), Vector512.Equals(bits & exponent, exponent)); // none for infinity and NaN
        var kept = Vector512.ShiftRightLogical(bits + noise, 16);
        return Vector256.Narrow(kept.GetLower(), kept.GetUpper());
    }
}
