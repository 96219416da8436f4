// Objective (3.1) with the two maximisations kept apart: a reward model that is optimistic about the policy's answer, then
// the policy of that reward. SELM is the same with r = beta log(pi / pi_ref) put in, so that one model does both.
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>How the explicit reward model is fitted in each iteration.</summary>
public sealed record RewardOptions
{
    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Passes over the pairs.</summary>
    public int Epochs { get; init; } = 4;
}

/// <summary>The reward model of a loop; each iteration goes on from the last one's.</summary>
/// <param name="settings">The loop's settings.</param>
/// <param name="initial">The model that the first one is a copy of.</param>
internal sealed class ExplicitReward(LoopSettings settings, Llama initial) : IDisposable
{
    private static readonly OptimizerRecipe adam = new() { Betas = [0.9, 0.99], WeightDecay = 0.01 };

    // r = 0 at the start: the head begins with zeros and so needs no seed.
    private readonly RewardTrainer model = new(initial, new float[initial.Config.HiddenSize]);

    /// <summary>Fits the reward model and hands its margins to the examples as what the policy is to learn.</summary>
    /// <param name="examples">Kept pairs; y, where there is one, is the policy's own answer.</param>
    /// <param name="references">y' ~ pi_ref of each, or null where there is no optimism.</param>
    /// <param name="iteration">From 0; names the random stream of the batches.</param>
    /// <exception cref="DivergenceException">The loss ran away to a number that is not finite.</exception>
    public TrainingExample[] Fit(IReadOnlyList<TrainingExample> examples, IReadOnlyList<int[]?> references, int iteration)
    {
        var pairs = examples.Select(e => Row(e)).ToArray();
        var rows = pairs.Select((pair, k) => examples[k].Tokens.Reference is { } y && references[k] is { } other
            ? pair with { Responses = [.. pair.Responses, y.Response.ToArray(), other] }
            : pair).ToArray();
        var size = settings.Training.BatchSize;
        var batches = Enumerable.Range(0, settings.Reward.Epochs).SelectMany(epoch => Order(rows.Length, iteration, epoch).Chunk(size)).ToArray();
        model.Fit(
            "the reward model", batches.Length, step => [.. batches[step].Select(k => rows[k])],
            new OptimisticRewardLoss(settings.Alpha), adam with { LearningRate = settings.Reward.LearningRate });
        var rewards = model.Score(pairs, settings.BatchSize);
        return
        [
            .. examples.Select((e, k) => e.WithoutReference() with
            {
                OwnLoss = new RewardDistillationLoss(settings.Beta, rewards[2 * k] - rewards[(2 * k) + 1]),
            }),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();

    private static SharedRow Row(TrainingExample example)
    {
        var (chosen, rejected) = (example.Tokens.Chosen, example.Tokens.Rejected);
        return new SharedRow(chosen.InputIds[..chosen.ResponseStart], [chosen.Response.ToArray(), rejected.Response.ToArray()]);
    }

    private int[] Order(int count, int iteration, int epoch)
    {
        var order = Enumerable.Range(0, count).ToArray();
        new PhiloxStream(settings.Training.Seed, FormattableString.Invariant($"reward-batches.iteration-{iteration}.epoch-{epoch}")).Shuffle(order.AsSpan());
        return order;
    }
}
