// Lesson 17: sizing a run of one's own.
namespace Selm.Research.Lessons;

/// <summary>Checks of lesson 17, your own checkpoint.</summary>
public static class Exercises17
{
    private const double Gigabyte = 1e9;

    /// <summary>17.1: optimiser steps of one iteration.</summary>
    /// <param name="answer">(pairs in the data, portions, pairs per forward pass, forward passes per step) to steps.</param>
    public static ExerciseResult Steps(Func<int, int, int, int, int>? answer) => Exercise.Judge("17.1", answer, (f, random) =>
    {
        var (portions, batch, accumulate) = (2 + random.NextInt(3), 2 + random.NextInt(7), 4 + random.NextInt(29));
        var pairs = 20_000 + random.NextInt(40_000);
        var (portion, size) = (pairs / portions, batch * accumulate);
        return new Trial(f(pairs, portions, batch, accumulate), (portion + size - 1) / size,
            ("the last step may be a small one: round up", portion / size),
            ("gradient_accumulation forward passes make one step", (portion + batch - 1) / batch),
            ("an iteration has one portion of the data", (pairs + size - 1) / size),
            ("divide by the pairs of a step, batch_size times gradient_accumulation, not by their sum", (portion + batch + accumulate - 1) / (batch + accumulate)));
    });

    /// <summary>17.2: memory of a training with AdamW, activations left out.</summary>
    /// <param name="answer">(weights in billions, whether passes are in bf16 over fp32 master weights) to gigabytes.</param>
    public static ExerciseResult Memory(Func<double, bool, double>? answer) => Exercise.Judge("17.2", answer, (f, random) =>
    {
        var (billions, bf16) = (1 + (12 * random.NextDouble()), random.NextInt(2) == 1);
        double Of(double perWeight) => billions * 1e9 * perWeight / Gigabyte;
        var pass = bf16 ? 2 : 4; // bytes of a weight and of its gradient
        var right = (2 * pass) + (bf16 ? 8 : 0) + 8;
        return new Trial(f(billions, bf16), Of(right),
            ("something of a weight's own size is missing: the policy's weights and their gradients both have it", Of(right - pass)),
            ("the frozen reference is not held during training: its log-probs were taken before", Of(right + pass)),
            ("AdamW keeps two numbers of four bytes per weight", Of(right - 4)),
            ("in bf16 there are fp32 master weights and their fp32 gradients beside the bf16 ones: eight bytes", Of((2 * pass) + 8)),
            ("gradients are summed in fp32 too: master weights and their gradients, four bytes each", Of(right - (bf16 ? 4 : 0))),
            ("there is one model in training, not two", Of(2 * right)));
    });

    /// <summary>17.3: beta for answers of another length.</summary>
    /// <param name="answer">(beta that worked, mean tokens of its answers, mean tokens of yours) to the beta at which a typical log-ratio is worth as much.</param>
    public static ExerciseResult Beta(Func<double, double, double, double>? answer) => Exercise.Judge("17.3", answer, (f, random) =>
    {
        var (beta, theirs, mine) = (0.01 + (0.1 * random.NextDouble()), 100 + (400 * random.NextDouble()), 10 + (60 * random.NextDouble()));
        return new Trial(f(beta, theirs, mine), beta * theirs / mine,
            ("shorter answers have smaller log-ratios: they need a larger beta", beta * mine / theirs),
            ("log-ratios are sums over tokens: beta must change with the length", beta),
            ("in proportion, not with the square root: a sum over twice the tokens is twice as large", beta * Math.Sqrt(theirs / mine)));
    });
}
