using Selm.HuggingFace.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>
/// The gradient of a loss of sequence log-probs in stages, so that neither logits nor activations of a whole batch are
/// ever held by a graph:
/// (1) log-probs of all sequences, the head in chunks and without a graph;
/// (2) the pure loss turns them into one weight per sequence, dL/d log pi(y|x);
/// (3) per chunk, the gradient of the head in closed form, d log p(y_t)/d logits = onehot(y_t) - softmax(logits), goes
///     into the hidden states and the head's matrix;
/// (4) the trunk's backward, as a whole or, with activation checkpointing, block by block from kept block inputs.
/// Exact: it equals the gradient of the plain formula to rounding.
/// </summary>
public static class StagedBackward
{
    /// <summary>Adds the gradient of a loss to the model's parameters.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <param name="weights">From sequence log-probs (row by row, response by response) to dL/dlogp of each.</param>
    /// <param name="checkpointing">Keep block inputs only and recompute each block in the backward pass.</param>
    /// <returns>The sequence log-probs, as <paramref name="weights"/> saw them.</returns>
    public static double[] Run(Llama model, IReadOnlyList<SharedRow> rows, Func<double[], double[]> weights, bool checkpointing = false)
    {
        using var scope = NewDisposeScope();
        var logps = new double[rows.Sum(row => row.Responses.Count)];
        var parts = Groups(model, rows).Select(group => Forward(model, group, checkpointing)).ToArray();
        foreach (var part in parts)
        {
            part.Group.Scatter<double>(part.Group.Targets.SumBySequence(TokenLogps.Read(part.Logps)), logps);
        }
        var perSequence = weights(logps);
        foreach (var part in parts)
        {
            Backward(model, part, part.Group.Gather(perSequence));
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

    private static void Backward(Llama model, Part part, double[] weights)
    {
        using var scope = NewDisposeScope();
        var targets = part.Group.Targets;
        var perToken = tensor(targets.SpreadToTokens(weights), [targets.Count], device: model.Device);
        var gradStates = HeadBackward(model, part.States.detach(), targets, part.Logps, perToken);
        if (part.Inputs is null)
        {
            Kernel.Backward(part.States, gradStates);
        }
        else
        {
            TrunkBackward(model, part.Group, part.Inputs, gradStates);
        }
        part.States.Dispose();
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

    private static void TrunkBackward(Llama model, RowGroup group, List<Tensor> inputs, Tensor grad)
    {
        for (var stage = model.Depth; stage >= 0; stage--)
        {
            using var scope = NewDisposeScope();
            var input = inputs[stage].detach().requires_grad_();
            var output = stage == model.Depth ? model.FinalNorm(input) : model.Block(stage, input, group.Plan, stage == model.Depth - 1 ? group.Targets.Predictors : null);
            Kernel.Backward(output, grad);
            grad = input.grad!.MoveToOuterDisposeScope();
            inputs[stage].Dispose();
        }
        using var embedded = model.Embed(group.Plan);
        if (embedded.requires_grad)
        {
            Kernel.Backward(embedded, grad);
        }
    }

    /// <summary>One group between its forward and its backward pass; Inputs are those of each block where they are kept.</summary>
    private sealed record Part(RowGroup Group, Tensor States, List<Tensor>? Inputs, Tensor Logps);
}
