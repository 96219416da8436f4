// Filters whose cut depends on the entropy of the row, or on a plain probability.
using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

public static partial class LogitsFilter
{
    /// <summary>
    /// Keeps the tokens whose surprise -log p is closest to the row's entropy, until they hold the given mass
    /// ("locally typical sampling", Meister et al. 2022); the best token may go.
    /// </summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="mass">The probability to keep, in (0, 1).</param>
    public static Tensor Typical(Tensor scores, double mass)
    {
        using var scope = NewDisposeScope();
        var distance = (-scores.log_softmax(-1) - Entropy(scores)).abs();
        var (rising, order) = distance.sort(-1, descending: false, stable: true);
        var cumulative = scores.gather(-1, order).softmax(-1).cumsum(-1);
        var last = cumulative.Below(mass).sum(-1, keepdim: true).NotAbove(scores.size(-1) - 1);
        return Drop(scores, distance.gt(rising.gather(-1, last))).MoveToOuterDisposeScope();
    }

    /// <summary>Removes tokens below a fixed probability ("epsilon sampling", Hewitt et al. 2022); the best score always stays.</summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="epsilon">In (0, 1).</param>
    public static Tensor Epsilon(Tensor scores, double epsilon)
    {
        using var scope = NewDisposeScope();
        var unlikely = scores.softmax(-1).Below(epsilon);
        return DropBelowBest(scores, unlikely).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Removes tokens below min(epsilon, sqrt(epsilon) exp(-entropy)) ("eta sampling", Hewitt et al. 2022); the best
    /// score always stays.
    /// </summary>
    /// <param name="scores">[batch, vocab].</param>
    /// <param name="epsilon">In (0, 1).</param>
    public static Tensor Eta(Tensor scores, double epsilon)
    {
        using var scope = NewDisposeScope();
        var eta = (-Entropy(scores)).exp().Times(Math.Sqrt(epsilon)).NotAbove(epsilon);
        return DropBelowBest(scores, scores.softmax(-1).lt(eta)).MoveToOuterDisposeScope();
    }

    private static Tensor DropBelowBest(Tensor scores, Tensor mask) =>
        Drop(scores, mask.logical_and(scores.lt(scores.amax([-1L], keepdim: true))));

    // -sum p log p over each row, [batch, 1]; 0 log 0 = 0.
    private static Tensor Entropy(Tensor scores)
    {
        var logs = scores.log_softmax(-1);
        var probabilities = logs.exp();
        return -(probabilities * logs).Masked(probabilities.EqualTo(0), 0).sum(-1, keepdim: true);
    }
}
