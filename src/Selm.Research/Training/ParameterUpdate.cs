using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
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
    private readonly OptimizerRecipe recipe;
    private readonly (string Name, Tensor[] OfParameter)[] moments; // as PyTorch calls them
    private int steps;

    /// <summary>Makes the optimiser of a recipe over what a model trains: all its weights, or its adapter.</summary>
    /// <param name="model">The policy, already on its device and in its element type.</param>
    /// <param name="recipe">Kind and constants; weight decay, where asked for, is taken from every weight as PyTorch does.</param>
    public ParameterUpdate(Llama model, OptimizerRecipe recipe)
        : this([.. model.Trained], recipe)
    {
    }

    /// <summary>Makes the optimiser of a recipe over some parameters.</summary>
    /// <param name="parameters">The parameters, already on their device and in their element type.</param>
    /// <param name="recipe">Kind and constants.</param>
    internal ParameterUpdate(Parameter[] parameters, OptimizerRecipe recipe)
    {
        this.parameters = parameters;
        this.recipe = recipe;
        masters = parameters.Any(parameter => parameter.dtype == ScalarType.BFloat16) ? [.. parameters.Select(Master)] : parameters;
        string[] names = recipe.Name switch
        {
            OptimizerKind.Adamw => ["exp_avg", "exp_avg_sq"],
            OptimizerKind.Rmsprop => ["square_avg"],
            _ => [], // SGD without momentum has no memory
        };
        moments = [.. names.Select(name => (name, masters.Select(master => zeros_like(master, requires_grad: false).DetachFromDisposeScope()).ToArray()))];
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
                master.grad = master.grad is { } sum ? sum.AddInPlace(grad.to_type(ScalarType.Float32)) : grad.to_type(ScalarType.Float32);
                parameter.grad = null;
            }
        }
    }

    /// <summary>One optimiser step; gradients are gone afterwards.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="maxNorm">Gradients of a larger norm over all weights are scaled down to it; 0 leaves them alone.</param>
    /// <returns>The norm of the gradient before clipping.</returns>
    public double Step(double learningRate, double maxNorm)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var norm = Math.Sqrt(masters.Sum(master => master.grad is { } grad ? Fast.SquaredNorm(grad) : 0));
        if (!double.IsFinite(norm))
        {
            return norm; // the caller says so; the weights stay as they were
        }
        steps++;
        var scale = maxNorm == 0 ? 1 : Math.Min(1, maxNorm / (norm + 1e-6)); // as PyTorch clips
        for (var k = 0; k < masters.Length; k++)
        {
            if (masters[k].grad is not { } grad)
            {
                continue;
            }
            Update(k, grad, learningRate, scale);
            masters[k].grad = null;
            if (HasMasters)
            {
                parameters[k].copy_(masters[k]);
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
        for (var k = 0; k < masters.Length; k++)
        {
            foreach (var (name, ofParameter) in moments)
            {
                yield return ($"{name}.{k}", ofParameter[k]);
            }
        }
    }

    /// <summary>Puts saved weights and moments back.</summary>
    /// <param name="file">What <see cref="State"/> was written to.</param>
    /// <param name="step">Optimiser steps that had been done.</param>
    /// <exception cref="InputException">A tensor is missing or has another shape.</exception>
    public void Restore(SafetensorsFile file, int step)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, tensor) in State())
        {
            if (!file.Shape(name).SequenceEqual(tensor.shape))
            {
                throw new InputException($"{file.Path}: the tensor \"{name}\" has another shape than what is trained; delete the folder of checkpoints to train from the start.");
            }
            tensor.copy_(file.Read(name, tensor.dtype, tensor.device));
        }
        steps = step;
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
        foreach (var tensor in moments.SelectMany(moment => moment.OfParameter))
        {
            tensor.Dispose();
        }
        if (HasMasters)
        {
            foreach (var master in masters)
            {
                master.Dispose();
            }
        }
    }

    private void Update(int k, Tensor grad, double learningRate, double scale)
    {
        switch (recipe.Name)
        {
            case OptimizerKind.Adamw:
                var step = new Selm.HuggingFace.Kernels.AdamWStep(learningRate, recipe.Betas[0], recipe.Betas[1], recipe.Eps, recipe.WeightDecay, steps, scale);
                Fast.AdamW(masters[k], grad, moments[0].OfParameter[k], moments[1].OfParameter[k], step);
                break;
            case OptimizerKind.Rmsprop:
                PlainUpdates.RmsProp(masters[k], grad, moments[0].OfParameter[k], learningRate, recipe, scale);
                break;
            default:
                PlainUpdates.Sgd(masters[k], grad, learningRate, recipe, scale);
                break;
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
}
