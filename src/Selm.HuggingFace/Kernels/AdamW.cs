// The optimiser's step in one pass over a parameter, and the norm that gradients are clipped by.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Selm.HuggingFace.Kernels;

/// <summary>Constants of one AdamW step (Loshchilov and Hutter 2019).</summary>
/// <param name="LearningRate">Of this step.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Eps">Added to the root of the second moment.</param>
/// <param name="WeightDecay">Decoupled: the parameter shrinks by learningRate * weightDecay first.</param>
/// <param name="Step">Number of this step, from 1.</param>
/// <param name="GradientScale">The gradient is multiplied by this first; 1 where nothing is clipped.</param>
internal readonly record struct AdamWStep(double LearningRate, double Beta1, double Beta2, double Eps, double WeightDecay, int Step, double GradientScale = 1);

/// <summary>
/// AdamW in float32, in PyTorch's order of operations:
/// p *= 1 - lr wd; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
/// </summary>
internal static unsafe class AdamW
{
    private const nint Block = 1 << 14; // floats per block

    /// <summary>Updates a parameter and its moments in place.</summary>
    /// <param name="parameter">[count].</param>
    /// <param name="gradient">[count]; left as it is.</param>
    /// <param name="first">Mean of gradients, [count]; zeros before the first step.</param>
    /// <param name="second">Mean of squared gradients, [count]; zeros before the first step.</param>
    /// <param name="count">Number of weights.</param>
    /// <param name="step">Constants.</param>
    public static void Update(float* parameter, float* gradient, float* first, float* second, nint count, in AdamWStep step)
    {
        var job = new Job
        {
            Parameter = parameter, Gradient = gradient, First = first, Second = second, Count = count,
            Keep = (float)(1 - step.LearningRate * step.WeightDecay), Scale = (float)step.GradientScale, Eps = (float)step.Eps,
            Beta1 = (float)step.Beta1, Rest1 = (float)(1 - step.Beta1), Beta2 = (float)step.Beta2, Rest2 = (float)(1 - step.Beta2),
            Root = (float)Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step)), Rate = (float)(-step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step))),
        };
        Workers.Run(checked((int)((count + Block - 1) / Block)), &job, &UpdateBlock);
    }

    /// <summary>The sum of squares, in double precision and in an order that does not depend on threads.</summary>
    /// <param name="x">[count].</param>
    /// <param name="count">Number of floats.</param>
    public static double SquaredNorm(float* x, nint count)
    {
        var blocks = checked((int)((count + Block - 1) / Block));
        var sums = (double*)Scratch.Floats(Slot.Sums, 2 * (nint)blocks);
        var job = new NormJob { X = x, Count = count, Sums = sums };
        Workers.Run(blocks, &job, &NormBlock);
        var total = 0.0;
        for (var k = 0; k < blocks; k++) total += sums[k];
        return total;
    }

    private struct Job
    {
        public float* Parameter, Gradient, First, Second;
        public nint Count;
        public float Keep, Scale, Beta1, Rest1, Beta2, Rest2, Root, Eps, Rate;
    }

    private struct NormJob
    {
        public float* X;
        public nint Count;
        public double* Sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpdateBlock(Job* job, int block)
    {
        var at = block * Block;
        var end = Math.Min(job->Count, at + Block);
        var j = *job; // so that its numbers stay in registers
        for (; at < end; at += 16)
        {
            var left = end - at;
            var g = Vectors.Load(j.Gradient + at, left) * j.Scale;
            var p = Vectors.Load(j.Parameter + at, left) * j.Keep;
            var m = Vector512.FusedMultiplyAdd(g, Vector512.Create(j.Rest1), Vectors.Load(j.First + at, left) * j.Beta1);
            var v = Vector512.FusedMultiplyAdd(g * j.Rest2, g, Vectors.Load(j.Second + at, left) * j.Beta2);
            var denominator = Vector512.Sqrt(v) / Vector512.Create(j.Root) + Vector512.Create(j.Eps);
            Vectors.Store(j.Parameter + at, p + m * j.Rate / denominator, left);
            Vectors.Store(j.First + at, m, left);
            Vectors.Store(j.Second + at, v, left);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NormBlock(NormJob* job, int block)
    {
        var at = block * Block;
        var end = Math.Min(job->Count, at + Block);
        Vector512<double> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; at + 32 <= end; at += 32)
        {
            var (a, b) = Vector512.Widen(Vector512.Load(job->X + at));
            var (c, d) = Vector512.Widen(Vector512.Load(job->X + at + 16));
            s0 = Vector512.FusedMultiplyAdd(a, a, s0);
            s1 = Vector512.FusedMultiplyAdd(b, b, s1);
            s2 = Vector512.FusedMultiplyAdd(c, c, s2);
            s3 = Vector512.FusedMultiplyAdd(d, d, s3);
        }
        var sum = Vector512.Sum(s0 + s1 + (s2 + s3));
        for (; at < end; at++) sum += (double)job->X[at] * job->X[at];
        job->Sums[block] = sum;
    }
}
