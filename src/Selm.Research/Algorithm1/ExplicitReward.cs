// Objective (3.1) with the two maximisations kept apart: a reward model that is optimistic about the policy's answer, then
// the policy of that reward. SELM is the same with r = beta log(pi / pi_ref) put in, so that one model does both.
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>The reward model of a loop; each iteration goes on from the last one's.</summary>
internal static class ExplicitReward
{
    private static readonly OptimizerRecipe adam = new() { Betas = [0.9, 0.99], WeightDecay = 0.01 };

    /// <summary>Fits the reward model further and tells its margins.</summary>
    /// <param name="model">The reward model.</param>
    /// <param name="settings">The loop's settings.</param>
    /// <param name="examples">Kept pairs; y, where there is one, is the policy's own answer.</param>
    /// <param name="references">y' ~ pi_ref of each, or null where there is no optimism.</param>
    /// <param name="iteration">From 0; names the random stream of the batches.</param>
    /// <returns>r(y_w) - r(y_l) of each example.</returns>
    /// <exception cref="DivergenceException">The loss ran away to a number that is not finite.</exception>
    public static double[] Fit(RewardTrainer model, LoopSettings settings, IReadOnlyList<TrainingExample> examples, IReadOnlyList<int[]?> references, int iteration)
    {
        var pairs = examples.Select(e => Row(e)).ToArray();
        var rows = pairs.Select((pair, k) => examples[k].Tokens.Reference is { } y && references[k] is { } other
            ? pair with { Responses = [.. pair.Responses, y.Response.ToArray(), other] }
            : pair).ToArray();
        var batches = Enumerable.Range(0, settings.Reward.Epochs)
            .SelectMany(epoch => Order(settings, rows.Length, iteration, epoch).Chunk(settings.Training.BatchSize)).ToArray();
        model.Fit(
            "the reward model", batches.Length, step => [.. batches[step].Select(k => rows[k])],
            new OptimisticRewardLoss(settings.Alpha), adam with { LearningRate = settings.Reward.LearningRate });
        var rewards = model.Score(pairs, settings.BatchSize);
        return [.. examples.Select((_, k) => rewards[2 * k] - rewards[(2 * k) + 1])];
    }

    private static SharedRow Row(TrainingExample example)
    {
        var (chosen, rejected) = (example.Tokens.Chosen, example.Tokens.Rejected);
        return new SharedRow(chosen.InputIds[..chosen.ResponseStart], [chosen.Response.ToArray(), rejected.Response.ToArray()]);
    }

    private static int[] Order(LoopSettings settings, int count, int iteration, int epoch)
    {
        var order = Enumerable.Range(0, count).ToArray();
        new PhiloxStream(settings.Training.Seed, FormattableString.Invariant($"reward-batches.iteration-{iteration}.epoch-{epoch}")).Shuffle(order.AsSpan());
        return order;
    }
}
