using Selm.HuggingFace.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>
/// The gradient of a loss of sequence log-probs in stages, so that neither logits nor activations of a whole batch are
/// ever held by a graph:
/// (1) log-probs of all sequences, the head in chunks and without a graph;
/// (2) the pure loss turns them into one weight per sequence, dL/d log pi(y|x);
/// (3) per chunk, the gradient of the head in closed form, d log p(y_t)/d logits = onehot(y_t) - softmax(logits), goes
///     into the hidden states and the head's matrix;
/// (4) the trunk's backward, as a whole or, with activation checkpointing, block by block from kept block inputs: then a block's
///     gradient is complete, and may be used and freed, before that of the block below begins.
/// Exact: it equals the gradient of the plain formula to rounding.
/// </summary>
public static class StagedBackward
{
    /// <summary>Adds the gradient of a loss to the model's parameters.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <param name="weights">From sequence log-probs (row by row, response by response) to dL/dlogp of each.</param>
    /// <param name="checkpointing">Keep block inputs only and recompute each block in the backward pass.</param>
    /// <param name="complete">Is told which parameters' gradients this pass adds no more to: with <paramref name="checkpointing"/> those of the head, of
    /// the last norm, of each block from the last, and the rest; without it all at once. It may change these parameters and free their gradients.</param>
    /// <returns>The sequence log-probs, as <paramref name="weights"/> saw them.</returns>
    public static double[] Run(
        Llama model, IReadOnlyList<SharedRow> rows, Func<double[], double[]> weights, bool checkpointing = false, Action<IReadOnlyList<Parameter>>? complete = null)
    {
        using var scope = NewDisposeScope();
        var logps = new double[rows.Sum(row => row.Responses.Count)];
        var parts = Groups(model, rows).Select(group => Forward(model, group, checkpointing)).ToArray();
        foreach (var part in parts)
        {
            part.Group.Scatter<double>(part.Group.Targets.SumBySequence(TokenLogps.Read(part.Logps)), logps);
        }
        var perSequence = weights(logps);
        if (checkpointing)
        {
            BackwardByBlock(model, parts, perSequence, complete);
        }
        else
        {
            foreach (var part in parts)
            {
                using var one = NewDisposeScope();
                Kernel.Backward(part.States, HeadBackward(model, part, perSequence));
                part.States.Dispose();
            }
            complete?.Invoke(model.Trained);
        }
        foreach (var part in parts)
        {
            part.Group.Dispose();
        }
        return logps;
    }

    // Rows whose responses have no token at all keep the log-prob 0 and have no gradient; the model is not asked.
    private static IEnumerable<RowGroup> Groups(Llama model, IReadOnlyList<SharedRow> rows)
    {
        foreach (var group in RowGroup.Of(model, rows))
        {
            if (group.Targets.Count > 0)
            {
                yield return group;
            }
            else
            {
                group.Dispose();
            }
        }
    }

    private static Part Forward(Llama model, RowGroup group, bool checkpointing)
    {
        var inputs = checkpointing ? new List<Tensor>() : null;
        var states = inputs is null ? model.Hidden(group.Plan, group.Targets.Predictors) : HiddenKeepingInputs(model, group, inputs);
        return new Part(group, states, inputs, TokenLogps.Of(model, states.detach(), group.Targets));
    }

    private static Tensor HeadBackward(Llama model, Part part, double[] perSequence)
    {
        using var scope = NewDisposeScope();
        var targets = part.Group.Targets;
        var perToken = tensor(targets.SpreadToTokens(part.Group.Gather(perSequence)), [targets.Count], device: model.Device);
        return HeadBackward(model, part.States.detach(), targets, part.Logps, perToken).MoveToOuterDisposeScope();
    }

    // Adds dL/d(head matrix) and returns dL/d(states), [targets, hidden].
    internal static Tensor HeadBackward(Llama model, Tensor states, ResponseTargets targets, Tensor logps, Tensor perToken)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var head = model.Head;
        var gradHead = head.requires_grad ? head.grad ?? head.zeros_like() : null;
        var gradStates = Fast.TokenLogpsBackward(states, head, targets.Ids, logps, perToken, gradHead);
        if (gradHead is not null)
        {
            head.grad = gradHead;
        }
        return gradStates.MoveToOuterDisposeScope();
    }

    private static Tensor HiddenKeepingInputs(Llama model, RowGroup group, List<Tensor> inputs)
    {
        using var noGrad = no_grad();
        inputs.Add(model.Embed(group.Plan));
        for (var layer = 0; layer < model.Depth; layer++)
        {
            inputs.Add(model.Block(layer, inputs[layer], group.Plan, layer == model.Depth - 1 ? group.Targets.Predictors : null));
        }
        return model.FinalNorm(inputs[^1]);
    }

    // All groups pass a block before any passes the one below, so that the block's gradient is complete then.
    private static void BackwardByBlock(Llama model, Part[] parts, double[] perSequence, Action<IReadOnlyList<Parameter>>? complete)
    {
        using var scope = NewDisposeScope();
        var grads = new Tensor[parts.Length];
        for (var k = 0; k < parts.Length; k++)
        {
            grads[k] = HeadBackward(model, parts[k], perSequence);
            parts[k].States.Dispose();
        }
        var open = new HashSet<Parameter>(model.Trained, ReferenceEqualityComparer.Instance);
        if (!ReferenceEquals(model.Head, model.Embedding)) // a head that is the embedding has more to come
        {
            Close([model.Head]);
        }
        for (var stage = model.Depth; stage >= 0; stage--)
        {
            for (var k = 0; k < parts.Length; k++)
            {
                using var input = grads[k];
                grads[k] = StageBackward(model, parts[k], stage, input);
            }
            Close(model.ParametersOf(stage));
        }
        for (var k = 0; k < parts.Length; k++)
        {
            using var embedded = model.Embed(parts[k].Group.Plan);
            if (embedded.requires_grad)
            {
                Kernel.Backward(embedded, grads[k]);
            }
        }
        Close(open.ToArray());

        void Close(IEnumerable<Parameter> parameters) => complete?.Invoke([.. parameters.Where(open.Remove)]);
    }

    // The gradient of a stage's input from that of its output: a block's, or above them the last norm's.
    private static Tensor StageBackward(Llama model, Part part, int stage, Tensor grad)
    {
        using var scope = NewDisposeScope();
        var input = part.Inputs![stage].detach().requires_grad_();
        var output = stage == model.Depth ? model.FinalNorm(input) : model.Block(stage, input, part.Group.Plan, stage == model.Depth - 1 ? part.Group.Targets.Predictors : null);
        Kernel.Backward(output, grad);
        part.Inputs[stage].Dispose();
        return input.grad!.MoveToOuterDisposeScope();
    }

    /// <summary>One group between its forward and its backward pass; Inputs are those of each block where they are kept.</summary>
    private sealed record Part(RowGroup Group, Tensor States, List<Tensor>? Inputs, Tensor Logps);
}
