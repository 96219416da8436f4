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
        var job = Constants(step) with { Parameter = parameter, Gradient = gradient, First = first, Second = second, Count = count };
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

    /// <summary>The numbers of a step as the kernel takes them, without the tensors.</summary>
    internal static Job Constants(in AdamWStep step) => new()
    {
        Keep = (float)(1 - step.LearningRate * step.WeightDecay), Scale = (float)step.GradientScale, Eps = (float)step.Eps,
        Beta1 = (float)step.Beta1, Rest1 = (float)(1 - step.Beta1), Beta2 = (float)step.Beta2, Rest2 = (float)(1 - step.Beta2),
        Root = (float)Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step)), Rate = (float)(-step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step))),
    };

    internal struct Job
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

    private static void UpdateBlock(Job* job, int block)
    {
        var at = block * Block;
        var end = Math.Min(job->Count, at + Block);
        var whole = at + ((end - at) & ~15);
        UpdateWhole(*job, at, whole);
        var left = end - whole;
        if (left == 0) return;
        var last = stackalloc float[4 * 16]; // the last weights, moved to where there is room for whole vectors
        var moved = *job with { Parameter = last, Gradient = last + 16, First = last + 32, Second = last + 48 };
        Vectors.Load(job->Parameter + whole, left).Store(moved.Parameter);
        Vectors.Load(job->Gradient + whole, left).Store(moved.Gradient);
        Vectors.Load(job->First + whole, left).Store(moved.First);
        Vectors.Load(job->Second + whole, left).Store(moved.Second);
        UpdateWhole(moved, 0, 16);
        Vectors.Store(job->Parameter + whole, Vector512.Load(moved.Parameter), left);
        Vectors.Store(job->First + whole, Vector512.Load(moved.First), left);
        Vectors.Store(job->Second + whole, Vector512.Load(moved.Second), left);
    }

    // The weights from `at` to `end`, whole vectors.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void UpdateWhole(Job j, nint at, nint end)
    {
        for (; at < end; at += 16)
        {
            var g = Vector512.Load(j.Gradient + at) * j.Scale;
            var m = Vector512.FusedMultiplyAdd(g, Vector512.Create(j.Rest1), Vector512.Load(j.First + at) * j.Beta1);
            var v = Vector512.FusedMultiplyAdd(g * j.Rest2, g, Vector512.Load(j.Second + at) * j.Beta2);
            var denominator = Vector512.Sqrt(v) / Vector512.Create(j.Root) + Vector512.Create(j.Eps);
            (Vector512.Load(j.Parameter + at) * j.Keep + m * j.Rate / denominator).Store(j.Parameter + at);
            m.Store(j.First + at);
            v.Store(j.Second + at);
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
