// The kit's only source of chance: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A counter-based generator is a keyed bijection of a counter, so every (seed, name, row) owns
// 2^66 numbers of its own: what a row draws cannot depend on the batch it sits in, nor on what was drawn before it.
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Selm.Research.Numerics;

/// <summary>
/// A stream of random numbers named by (seed, stream name, row). The same three always give the same numbers, on every
/// machine for integers and uniforms, and up to the C library's logarithm and cosine for the other draws.
/// </summary>
/// <remarks>
/// The first eight bytes of SHA-256(seed as 8 little-endian bytes, name in UTF-8) are the Philox key; the 128-bit
/// counter is the block number (low half) beside the row (high half). Creating a stream costs about a microsecond.
/// An instance is not thread-safe; give each thread its own row.
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A stream of numbers, the literature's word, not a System.IO.Stream.")]
public sealed class PhiloxStream
{
    private readonly ulong key;
    private readonly ulong row;
    private ulong block;
    private UInt128 buffer;
    private int buffered;
    private double spareGaussian = double.NaN;

    /// <summary>Opens the stream at its first number.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="streamName">What the numbers are for, e.g. <c>"sampling"</c>; streams of different names are independent.</param>
    /// <param name="row">The example, step or seed index within the stream; rows are independent.</param>
    public PhiloxStream(ulong seed, string streamName, long row = 0)
    {
        ArgumentNullException.ThrowIfNull(streamName);
        key = Key(seed, streamName);
        this.row = unchecked((ulong)row);
    }

    /// <summary>32 random bits.</summary>
    public uint NextUInt32()
    {
        if (buffered == 0)
        {
            buffer = Philox4x32(new UInt128(row, block++), key);
            buffered = 4;
        }
        var value = (uint)(buffer & uint.MaxValue);
        buffer >>= 32;
        buffered--;
        return value;
    }

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A uniform number in [0, 1) with 24 random bits.</summary>
    public float NextFloat() => (NextUInt32() >> 8) * (1f / (1 << 24));

    /// <summary>A uniform integer in [0, <paramref name="exclusiveMax"/>), without modulo bias (Lemire's method).</summary>
    /// <param name="exclusiveMax">The number of outcomes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="exclusiveMax"/> is below 1.</exception>
    public int NextInt(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(exclusiveMax, 1);
        var range = (uint)exclusiveMax;
        var product = (ulong)NextUInt32() * range;
        if ((uint)product < range)
        {
            // 2^32 mod range: that many of the low halves would favour the small outcomes.
            var excess = unchecked(0u - range) % range;
            while ((uint)product < excess)
            {
                product = (ulong)NextUInt32() * range;
            }
        }
        return (int)(product >> 32);
    }

    /// <summary>A standard normal number (Box-Muller; two per pair of uniforms).</summary>
    public double NextGaussian()
    {
        if (!double.IsNaN(spareGaussian))
        {
            var spare = spareGaussian;
            spareGaussian = double.NaN;
            return spare;
        }
        var radius = Math.Sqrt(-2 * Math.Log(NextOpenDouble()));
        var (sin, cos) = Math.SinCos(2 * Math.PI * NextDouble());
        spareGaussian = radius * sin;
        return radius * cos;
    }

    /// <summary>
    /// A standard Gumbel number, -log(-log u), always finite. The index of the largest logit plus Gumbel number is a sample of the softmax.
    /// </summary>
    public double NextGumbel() => -Math.Log(-Math.Log(NextOpenDouble()));

    /// <summary>Puts the items into a uniformly random order (Fisher-Yates, in place).</summary>
    /// <typeparam name="T">The type of an item.</typeparam>
    /// <param name="items">What is shuffled.</param>
    public void Shuffle<T>(Span<T> items)
    {
        for (var last = items.Length - 1; last > 0; last--)
        {
            var other = NextInt(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>Fills the span with what successive calls of <see cref="NextFloat"/> return.</summary>
    /// <param name="values">The span to fill.</param>
    public void FillUniform(Span<float> values)
    {
        foreach (ref var value in values)
        {
            value = NextFloat();
        }
    }

    /// <summary>Fills the span with what successive calls of <see cref="NextGaussian"/> return, rounded to float.</summary>
    /// <param name="values">The span to fill.</param>
    public void FillGaussian(Span<float> values)
    {
        foreach (ref var value in values)
        {
            value = (float)NextGaussian();
        }
    }

    /// <summary>The Philox 4x32-10 bijection: ten rounds of two 32 x 32 -> 64 bit products, the key stepped by Weyl constants.</summary>
    /// <param name="counter">Four words, the first lowest.</param>
    /// <param name="key">Two words, the first lowest.</param>
    internal static UInt128 Philox4x32(UInt128 counter, ulong key)
    {
        var (c0, c1) = ((uint)(ulong)counter, (uint)((ulong)counter >> 32));
        var (c2, c3) = ((uint)(ulong)(counter >> 64), (uint)(ulong)(counter >> 96));
        var (k0, k1) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < 10; round++)
        {
            var even = (ulong)c0 * 0xD2511F53u;
            var odd = (ulong)c2 * 0xCD9E8D57u;
            (c0, c1) = ((uint)(odd >> 32) ^ c1 ^ k0, (uint)odd);
            (c2, c3) = ((uint)(even >> 32) ^ c3 ^ k1, (uint)even);
            unchecked
            {
                k0 += 0x9E3779B9u;
                k1 += 0xBB67AE85u;
            }
        }
        return new UInt128(((ulong)c3 << 32) | c2, ((ulong)c1 << 32) | c0);
    }

    /// <summary>The key of a stream, for kernels that draw whole rows of it.</summary>
    internal static ulong Key(ulong seed, string streamName)
    {
        var named = new byte[sizeof(ulong) + Encoding.UTF8.GetByteCount(streamName)];
        BinaryPrimitives.WriteUInt64LittleEndian(named, seed);
        Encoding.UTF8.GetBytes(streamName, named.AsSpan(sizeof(ulong)));
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(named, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    private ulong NextUInt64()
    {
        ulong low = NextUInt32();
        return low | ((ulong)NextUInt32() << 32);
    }

    // Uniform in the open interval: (k + 1/2) / 2^52 is exact and neither 0 nor 1, so its logarithm is finite and not 0.
    private double NextOpenDouble() => ((NextUInt64() >> 12) + 0.5) * (1.0 / (1UL << 52));
}
