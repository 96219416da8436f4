using Selm.HuggingFace.Models;
using Selm.Research.Objectives;
using TorchSharp.Modules;

namespace Selm.Research.Training;

/// <summary>The gradient of a preference loss over a batch of examples, and the same without a gradient for evaluation.</summary>
public static class PreferenceStep
{
    /// <summary>Adds the gradient of the mean loss over <paramref name="batchTotal"/> examples to the model's parameters.</summary>
    /// <param name="policy">The model.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="examples">The micro-batch.</param>
    /// <param name="batchTotal">Examples in the whole batch, of which this is a part.</param>
    /// <param name="checkpointing">Recompute activations in the backward pass.</param>
    /// <param name="sharePrompt">Whether a common prompt is computed once.</param>
    /// <param name="complete">Is told which parameters' gradients are complete (<see cref="StagedBackward.Run"/>).</param>
    /// <returns>Loss and log-probs of each example.</returns>
    public static (LossResult[] Losses, SequenceLogps[] Logps) Backward(
        Llama policy, IPreferenceLoss loss, IReadOnlyList<TrainingExample> examples, int batchTotal, bool checkpointing = false, bool sharePrompt = true,
        Action<IReadOnlyList<Parameter>>? complete = null)
    {
        var (losses, logps) = (new LossResult[examples.Count], new SequenceLogps[examples.Count]);
        StagedBackward.Run(policy, [.. examples.SelectMany(e => e.Rows(sharePrompt))], sums =>
        {
            var weights = new double[sums.Length];
            Evaluate(loss, examples, sums, losses, logps, (example, result, at) => example.Weights(result, weights.AsSpan(at, example.Sequences)));
            for (var k = 0; k < weights.Length; k++)
            {
                weights[k] /= batchTotal;
            }
            return weights;
        }, checkpointing, complete);
        return (losses, logps);
    }

    /// <summary>Loss and log-probs of each example, without a gradient.</summary>
    /// <param name="policy">The model.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="examples">The examples.</param>
    /// <param name="batchSize">Examples per batch.</param>
    public static StepMetrics Evaluate(Llama policy, IPreferenceLoss loss, IReadOnlyList<TrainingExample> examples, int batchSize)
    {
        var (losses, logps) = (new LossResult[examples.Count], new SequenceLogps[examples.Count]);
        for (var at = 0; at < examples.Count; at += batchSize)
        {
            var batch = examples.Skip(at).Take(batchSize).ToArray();
            var sums = TokenLogps.Of(policy, [.. batch.SelectMany(e => e.Rows())]).Sums;
            Evaluate(loss, batch, sums, losses.AsSpan(at), logps.AsSpan(at), null);
        }
        return StepMetrics.Of(losses, logps, [.. examples.Select(e => e.SampleSlot >= 0)]);
    }

    private static void Evaluate(
        IPreferenceLoss loss, IReadOnlyList<TrainingExample> examples, double[] sums, Span<LossResult> losses, Span<SequenceLogps> logps,
        Action<TrainingExample, LossResult, int>? weigh)
    {
        var (at, own) = (0, false);
        for (var k = 0; k < examples.Count; k++)
        {
            logps[k] = examples[k].Logps(sums.AsSpan(at, examples[k].Sequences), (examples[k].OwnLoss ?? loss).Needs);
            at += examples[k].Sequences;
            own |= examples[k].OwnLoss is not null;
        }
        if (own)
        {
            for (var k = 0; k < examples.Count; k++)
            {
                losses[k] = (examples[k].OwnLoss ?? loss).Evaluate(logps[k]);
            }
        }
        else
        {
            loss.EvaluateBatch(logps[..examples.Count], losses[..examples.Count]);
        }
        at = 0;
        for (var k = 0; weigh is not null && k < examples.Count; k++)
        {
            weigh(examples[k], losses[k], at);
            at += examples[k].Sequences;
        }
    }
}
