using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Philox 4x32-10 (Salmon et al., SC 2011) for sixteen neighbouring counters at once.</summary>
internal static unsafe class Philox
{
    /// <summary>The four words of the blocks <paramref name="first"/> to first + 15 of a row.</summary>
    /// <param name="first">The number of the first block: the low half of its counter.</param>
    /// <param name="row">The high half of the counters.</param>
    /// <param name="key">The key.</param>
    /// <param name="words">Receives [4, 16]: word 0 of the sixteen blocks, then word 1, and so on.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Words(ulong first, ulong row, ulong key, uint* words)
    {
        Half(Vector512.Create(first) + Vector512<ulong>.Indices, row, key, words);
        Half(Vector512.Create(first + 8) + Vector512<ulong>.Indices, row, key, words + 8);
    }

    // Eight blocks; each word lies in the lower half of a 64-bit lane, which holds the products.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Half(Vector512<ulong> block, ulong row, ulong key, uint* words)
    {
        var low = Vector512.Create(0xFFFF_FFFFul);
        Vector512<ulong> c0 = block & low, c1 = Vector512.ShiftRightLogical(block, 32), c2 = Vector512.Create(row & uint.MaxValue), c3 = Vector512.Create(row >> 32);
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (var round = 0; round < 10; round++)
        {
            var even = c0 * Vector512.Create(0xD251_1F53ul);
            var odd = c2 * Vector512.Create(0xCD9E_8D57ul);
            (c0, c1) = (Vector512.ShiftRightLogical(odd, 32) ^ c1 ^ Vector512.Create((ulong)k0), odd & low);
            (c2, c3) = (Vector512.ShiftRightLogical(even, 32) ^ c3 ^ Vector512.Create((ulong)k1), even & low);
            unchecked
            {
                k0 += 0x9E37_79B9u;
                k1 += 0xBB67_AE85u;
            }
        }
        Narrow(c0).Store(words);
        Narrow(c1).Store(words + Vectors.Lanes);
        Narrow(c2).Store(words + 2 * Vectors.Lanes);
        Narrow(c3).Store(words + 3 * Vectors.Lanes);
    }

    private static Vector256<uint> Narrow(Vector512<ulong> words) => Vector256.Narrow(words.GetLower(), words.GetUpper());
}
