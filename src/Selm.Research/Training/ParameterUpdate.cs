using Selm.Research.Models;
using Selm.Research.Runs;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>
/// Turns accumulated gradients into new weights: clipping, the optimiser, and in bfloat16 a float32 master copy of
/// every weight, because steps of 5e-7 vanish in eight bits of mantissa.
/// </summary>
public sealed class ParameterUpdate : IDisposable
{
    private readonly Parameter[] parameters;
    private readonly Parameter[] masters; // the parameters themselves where they are float32
    private readonly OptimizerHelper optimizer;

    /// <summary>Makes the optimiser of a recipe over all weights of a model.</summary>
    /// <param name="model">The policy, already on its device and in its element type.</param>
    /// <param name="recipe">Kind and constants; weight decay, where asked for, is taken from every weight as PyTorch does.</param>
    public ParameterUpdate(Llama model, OptimizerRecipe recipe)
    {
        parameters = [.. model.parameters()];
        masters = model.Dtype == ScalarType.BFloat16 ? [.. parameters.Select(Master)] : parameters;
        optimizer = recipe.Name switch
        {
            OptimizerKind.Adamw => optim.AdamW(masters, recipe.LearningRate, recipe.Betas[0], recipe.Betas[1], recipe.Eps, recipe.WeightDecay),
            OptimizerKind.Rmsprop => optim.RMSProp(masters, recipe.LearningRate, eps: recipe.Eps, weight_decay: recipe.WeightDecay),
            _ => optim.SGD(masters, recipe.LearningRate, weight_decay: recipe.WeightDecay),
        };
    }

    private bool HasMasters => !ReferenceEquals(parameters, masters);

    /// <summary>Takes over the gradients of a micro-batch; in bfloat16 they are summed in float32.</summary>
    public void Accumulate()
    {
        if (!HasMasters)
        {
            return;
        }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (parameter, master) in parameters.Zip(masters))
        {
            if (parameter.grad is { } grad)
            {
                master.grad = master.grad is { } sum ? sum.add_(grad.to_type(ScalarType.Float32)) : grad.to_type(ScalarType.Float32);
                parameter.grad = null;
            }
        }
    }

    /// <summary>One optimiser step; gradients are gone afterwards.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="maxNorm">Gradients of a larger norm over all weights are scaled down to it.</param>
    /// <returns>The norm of the gradient before clipping.</returns>
    public double Step(double learningRate, double maxNorm)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var norm = nn.utils.clip_grad_norm_(masters, maxNorm);
        if (!double.IsFinite(norm))
        {
            return norm; // the caller says so; the weights stay as they were
        }
        foreach (var group in optimizer.ParamGroups)
        {
            group.LearningRate = learningRate;
        }
        optimizer.step();
        foreach (var (parameter, master) in parameters.Zip(masters))
        {
            master.grad = null;
            if (HasMasters)
            {
                parameter.copy_(master);
            }
        }
        return norm;
    }

    /// <summary>Everything a later process needs to go on: weights and moments by name.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State()
    {
        for (var k = 0; k < masters.Length; k++)
        {
            yield return ($"weight.{k}", masters[k]);
        }
        var states = optimizer.state_dict().State;
        for (var k = 0; k < states.Count; k++)
        {
            foreach (var (name, moment) in Moments(states[k]))
            {
                if (moment is not null)
                {
                    yield return ($"{name}.{k}", moment);
                }
            }
        }
    }

    /// <summary>Puts saved weights and moments back.</summary>
    /// <param name="file">What <see cref="State"/> was written to.</param>
    /// <param name="step">Optimiser steps that had been done.</param>
    public void Restore(SafetensorsFile file, int step)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, tensor) in State().ToArray())
        {
            tensor.copy_(file.Read(name, tensor.dtype, tensor.device));
        }
        foreach (var state in optimizer.state_dict().State)
        {
            SetStep(state, step);
        }
        if (HasMasters)
        {
            foreach (var (parameter, master) in parameters.Zip(masters))
            {
                parameter.copy_(master);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        optimizer.Dispose();
        if (HasMasters)
        {
            foreach (var master in masters)
            {
                master.Dispose();
            }
        }
    }

    private static Parameter Master(Parameter parameter)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var master = new Parameter(parameter.detach().to_type(ScalarType.Float32));
        master.DetachFromDisposeScope();
        return master;
    }

    private static (string, Tensor?)[] Moments(OptimizerState state) => state switch
    {
        AdamW.State adam => [("exp_avg", adam.exp_avg), ("exp_avg_sq", adam.exp_avg_sq)],
        RMSProp.State rms => [("square_avg", rms.square_avg)],
        _ => [], // SGD without momentum has no memory
    };

    private static void SetStep(OptimizerState state, int step)
    {
        switch (state)
        {
            case AdamW.State adam:
                adam.step = step;
                break;
            case RMSProp.State rms:
                rms.step = step;
                break;
        }
    }
}
