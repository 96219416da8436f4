using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using TorchSharp;
using static Selm.HuggingFace.Engine.TensorMemory;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// AdamW where weights or moments are bfloat16: the kernel, and beside it the composition of TorchSharp operators, which serves CUDA and
/// processors without wide vectors. Both round with the same random bits, those of the kit's one generator.
/// </summary>
internal static class RoundedUpdate
{
    /// <summary>One AdamW step in place; the arithmetic is float32, what is bfloat16 is rounded stochastically.</summary>
    /// <param name="parameter">The weights, float32 or bfloat16, contiguous.</param>
    /// <param name="gradient">Their gradient, of the same shape, float32 or bfloat16; left as it is.</param>
    /// <param name="first">Mean of gradients, float32 or bfloat16.</param>
    /// <param name="second">Mean of squared gradients, as <paramref name="first"/>.</param>
    /// <param name="step">Constants.</param>
    /// <param name="rounding">The random numbers.</param>
    public static unsafe void AdamW(Tensor parameter, Tensor gradient, Tensor first, Tensor second, in AdamWStep step, in Rounding rounding)
    {
        using var scope = NewDisposeScope();
        if (Fast.Rounds(parameter))
        {
            var flat = gradient.contiguous();
            RoundedAdamW.Update(Of(parameter), Of(flat), Of(first), Of(second), (nint)parameter.numel(), step, rounding);
            GC.KeepAlive((parameter, flat, first, second));
            return;
        }
        var wide = gradient.to_type(ScalarType.Float32);
        var (p, m, v) = (parameter.to_type(ScalarType.Float32), first.to_type(ScalarType.Float32), second.to_type(ScalarType.Float32)); // float32 ones themselves
        Fast.AdamW(p, wide, m, v, step);
        var words = Words(parameter.numel(), rounding, parameter.device);
        Put(parameter, p, words[0]);
        Put(first, m, words[1]);
        Put(second, v, words[2]);
    }

    /// <summary>Rounds float32 to what bfloat16 holds, at random and right on average; infinities and NaN stay.</summary>
    /// <param name="x">Float32.</param>
    /// <param name="words">32 random bits for each element, int64.</param>
    /// <returns>Float32 numbers that bfloat16 holds.</returns>
    internal static Tensor Round(Tensor x, Tensor words)
    {
        using var scope = NewDisposeScope();
        var noise = words.bitwise_and(Whole(0xFFFF, x.device)).to_type(ScalarType.Float32).Times(1.0 / (1 << 16)); // [0, 1)
        var (mantissa, _) = x.frexp(); // [1/2, 1): eight binary digits of it stay
        var unit = x.div(mantissa); // the power of two, exactly
        var rounded = mantissa.abs().Times(256).Plus(noise).floor().mul(mantissa.sign()).mul(unit).Times(1.0 / 256);
        return where(rounded.isfinite(), rounded, x).MoveToOuterDisposeScope(); // 0 / 0, infinity, NaN
    }

    /// <summary>The four words of each block of a Philox row, as operators: int64 wraps as the 64-bit products of the kernel do.</summary>
    /// <param name="count">Blocks, from rounding.First on.</param>
    /// <param name="rounding">Key and row.</param>
    /// <param name="device">Where to.</param>
    /// <returns>Four tensors [count], int64, of numbers below 2^32.</returns>
    internal static Tensor[] Words(long count, in Rounding rounding, Device device)
    {
        using var scope = NewDisposeScope();
        Tensor low = Whole(0xFFFF_FFFF, device), half = Whole(32, device), one = Whole(0xD251_1F53, device), other = Whole(0xCD9E_8D57, device);
        var block = Numbers.Range(rounding.First, rounding.First + count, ScalarType.Int64, device);
        var row = zeros([count], ScalarType.Int64, device).AddInPlace(Whole(rounding.Row, device));
        Tensor[] c = [block.bitwise_and(low), High(block), row.bitwise_and(low), High(row)];
        uint k0 = (uint)rounding.Key, k1 = (uint)(rounding.Key >> 32);
        for (var round = 0; round < 10; round++)
        {
            using var inner = NewDisposeScope();
            var (even, odd) = (c[0].mul(one), c[2].mul(other));
            Tensor[] next = [High(odd).bitwise_xor(c[1]).bitwise_xor(Whole(k0, device)), odd.bitwise_and(low), High(even).bitwise_xor(c[3]).bitwise_xor(Whole(k1, device)), even.bitwise_and(low)];
            foreach (var used in c)
            {
                used.Dispose();
            }
            c = [.. next.Select(word => word.MoveToOuterDisposeScope())];
            unchecked
            {
                k0 += 0x9E37_79B9u;
                k1 += 0xBB67_AE85u;
            }
        }
        return [.. c.Select(word => word.MoveToOuterDisposeScope())];

        Tensor High(Tensor x) => x.bitwise_right_shift(half).bitwise_and(low);
    }

    private static void Put(Tensor target, Tensor wide, Tensor words)
    {
        if (target.dtype == ScalarType.BFloat16)
        {
            target.copy_(Round(wide.view(-1), words).view(target.shape));
        }
    }

    private static unsafe Stored Of(Tensor x) => x.dtype == ScalarType.BFloat16 ? new((nint)Halves(x), true) : new((nint)Floats(x), false);

    private static Tensor Whole(long number, Device device) => tensor(number, ScalarType.Int64, device);
}
