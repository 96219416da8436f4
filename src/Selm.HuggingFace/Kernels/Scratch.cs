// Memory for intermediate values: per thread, aligned to a cache line, kept and grown, so that a kernel allocates
// nothing per call. Each purpose has a slot of its own; kernels that call each other use different slots.
using System.Runtime.InteropServices;

namespace Selm.HuggingFace.Kernels;

/// <summary>What a piece of scratch memory is for.</summary>
internal enum Slot
{
    /// <summary>Gemm: the right factor in panels.</summary>
    Panels,

    /// <summary>Gemm: rows of the left factor, where they cannot be read in place.</summary>
    LeftFactor,

    /// <summary>Layers: rows after the norm.</summary>
    Normed,

    /// <summary>Layers: gradient of the rows after the norm.</summary>
    NormedGradient,

    /// <summary>Layers: gradients of the norm's weight, one row per part.</summary>
    WeightSums,
    WeightTransposed,

    /// <summary>Feed-forward: gate and up side by side.</summary>
    Wide,

    /// <summary>Feed-forward: gradient of gate and up.</summary>
    WideGradient,

    /// <summary>Feed-forward: silu(gate) * up.</summary>
    Activation,

    /// <summary>Feed-forward: gradient of silu(gate) * up.</summary>
    ActivationGradient,

    /// <summary>Layers: the first weight in panels.</summary>
    FirstWeight,

    /// <summary>Layers: the second weight in panels.</summary>
    SecondWeight,

    /// <summary>Attention: first of its own.</summary>
    Attention0,

    /// <summary>Attention: second of its own.</summary>
    Attention1,

    /// <summary>Attention: third of its own.</summary>
    Attention2,

    /// <summary>Attention: fourth of its own.</summary>
    Attention3,

    /// <summary>Log-probs: first of its own.</summary>
    Head0,

    /// <summary>Log-probs: second of its own.</summary>
    Head1,

    /// <summary>Optimiser: one sum per block.</summary>
    Sums,
}

/// <summary>Memory of the calling thread, by purpose. What it holds between calls is undefined.</summary>
internal static unsafe class Scratch
{
    [ThreadStatic] private static Blocks? mine;

    /// <summary>At least <paramref name="count"/> floats, aligned to 64 bytes, valid until the thread asks for the same slot again.</summary>
    public static float* Floats(Slot slot, nint count) => (mine ??= new()).Get((int)slot, count);

    private sealed class Blocks
    {
        private readonly nint[] memory = new nint[Enum.GetValues<Slot>().Length];
        private readonly nint[] size = new nint[Enum.GetValues<Slot>().Length];

        public float* Get(int slot, nint count)
        {
            if (count > size[slot]) Grow(slot, count);
            return (float*)memory[slot];
        }

        private void Grow(int slot, nint count)
        {
            NativeMemory.AlignedFree((void*)memory[slot]);
            (memory[slot], size[slot]) = (0, 0);
            var floats = checked(Math.Max(count + count / 8, 1024) + 15) / 16 * 16;
            memory[slot] = (nint)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
            size[slot] = floats;
        }

        ~Blocks()
        {
            foreach (var block in memory) NativeMemory.AlignedFree((void*)block);
        }
    }
}
