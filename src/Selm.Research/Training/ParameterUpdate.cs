using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Kernels;
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Runs;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Selm.Research.Training;

/// <summary>
/// Turns gradients into new weights: clipping and the optimiser. In bfloat16 gradients are summed in float32, and the optimiser changes a float32
/// master copy of every weight, because steps of 5e-7 vanish in eight bits of mantissa; or, where the recipe wants no copies, the weight itself,
/// rounded stochastically. A step is either whole (<see cref="Step"/>) or taken within the backward pass, parameter by parameter
/// (<see cref="Begin"/>, <see cref="Apply"/>, <see cref="End"/>).
/// </summary>
public sealed class ParameterUpdate : IDisposable
{
    private const long Piece = 1 << 24; // weights that are rounded or moved to the device at once
    private const long NormPiece = 1 << 22; // numbers of a bfloat16 gradient that are widened at once

    private readonly Parameter[] parameters;
    private readonly Dictionary<Parameter, int> places; // of the parameters
    private readonly Tensor[] weights; // what the optimiser changes: the parameters themselves, or float32 masters
    private readonly Tensor?[] sums; // gradients of bfloat16 parameters in float32
    private readonly double[] squares; // norms of the gradients of a step, squared
    private readonly ulong[] keys; // of the random streams that round
    private readonly OptimizerRecipe recipe;
    private readonly (string Name, Tensor[] OfParameter)[] moments; // as PyTorch calls them
    private int steps;
    private double rate;

    /// <summary>Makes the optimiser of a recipe over what a model trains: all its weights, or its adapter.</summary>
    /// <param name="model">The policy, already on its device and in its element type.</param>
    /// <param name="recipe">Kind and constants; weight decay, where asked for, is taken from every weight as PyTorch does.</param>
    /// <param name="seed">Seed of the stochastic rounding, where the recipe has it.</param>
    /// <param name="iteration">The iteration, part of the names of its random streams.</param>
    public ParameterUpdate(Llama model, OptimizerRecipe recipe, ulong seed = 0, int iteration = 0)
        : this([.. model.Trained], recipe, seed, iteration)
    {
    }

    /// <summary>Makes the optimiser of a recipe over some parameters.</summary>
    /// <param name="parameters">The parameters, already on their device and in their element type.</param>
    /// <param name="recipe">Kind and constants.</param>
    /// <param name="seed">Seed of the stochastic rounding, where the recipe has it.</param>
    /// <param name="iteration">The iteration, part of the names of its random streams.</param>
    internal ParameterUpdate(Parameter[] parameters, OptimizerRecipe recipe, ulong seed = 0, int iteration = 0)
    {
        this.parameters = parameters;
        this.recipe = recipe;
        places = new(parameters.Select((parameter, k) => KeyValuePair.Create(parameter, k)), ReferenceEqualityComparer.Instance);
        weights = recipe.MasterWeights && parameters.Any(IsHalf) ? [.. parameters.Select(Master)] : parameters;
        sums = new Tensor?[parameters.Length];
        squares = new double[parameters.Length];
        keys = [.. Enumerable.Range(0, parameters.Length).Select(k => PhiloxStream.Key(seed, $"rounding.iteration-{iteration}.parameter-{k}"))];
        string[] names = recipe.Name switch
        {
            OptimizerKind.Adamw => ["exp_avg", "exp_avg_sq"],
            OptimizerKind.Rmsprop => ["square_avg"],
            _ => [], // SGD without momentum has no memory
        };
        moments = [.. names.Select(name => (name, weights.Select(Moment).ToArray()))];
    }

    /// <summary>Optimiser steps done or begun.</summary>
    internal int Steps => steps;

    private bool HasMasters => !ReferenceEquals(parameters, weights);

    /// <summary>Takes over the gradients of a micro-batch; in bfloat16 they are summed in float32.</summary>
    public void Accumulate() => Accumulate(parameters);

    /// <summary>The same for some parameters, whose own gradients are free afterwards where they are bfloat16.</summary>
    internal void Accumulate(IEnumerable<Parameter> some)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var parameter in some.Where(IsHalf))
        {
            if (parameter.grad is { } grad)
            {
                ref var sum = ref sums[places[parameter]];
                if (sum is null)
                {
                    sum = grad.to_type(ScalarType.Float32).DetachFromDisposeScope();
                }
                else
                {
                    sum.AddInPlace(grad);
                }
                parameter.grad = null;
            }
        }
    }

    /// <summary>Drops all gradients, such as those of a step that could not be finished.</summary>
    internal void Forget()
    {
        for (var k = 0; k < parameters.Length; k++)
        {
            Drop(k);
            parameters[k].grad = null;
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
        for (var k = 0; k < parameters.Length; k++)
        {
            squares[k] = Gradient(k) is { } grad ? SquaredNorm(grad) : 0;
        }
        var norm = End();
        if (!double.IsFinite(norm))
        {
            return norm; // the caller says so; the weights stay as they were
        }
        (rate, steps) = (learningRate, steps + 1);
        var scale = maxNorm == 0 ? 1 : Math.Min(1, maxNorm / (norm + 1e-6)); // as PyTorch clips
        for (var k = 0; k < parameters.Length; k++)
        {
            if (Gradient(k) is { } grad)
            {
                Update(k, grad, scale);
            }
        }
        return norm;
    }

    /// <summary>Begins a step that is taken within a backward pass.</summary>
    /// <param name="learningRate">Of this step.</param>
    internal void Begin(double learningRate)
    {
        (rate, steps) = (learningRate, steps + 1);
        Array.Clear(squares);
    }

    /// <summary>
    /// Takes the step of parameters whose gradients are complete and frees these. After a gradient that is not finite nothing more is changed.
    /// </summary>
    internal void Apply(IEnumerable<Parameter> complete)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var parameter in complete)
        {
            if (parameter.grad is not { } grad)
            {
                continue;
            }
            var k = places[parameter];
            squares[k] = SquaredNorm(grad);
            if (double.IsFinite(End()))
            {
                Update(k, grad, 1);
            }
        }
    }

    /// <summary>The norm of the gradients since <see cref="Begin"/>, as <see cref="Step"/> returns it.</summary>
    internal double End() => Math.Sqrt(squares.Sum());

    /// <summary>Everything a later process needs to go on: weights and moments by name.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State()
    {
        for (var k = 0; k < weights.Length; k++)
        {
            yield return ($"weight.{k}", weights[k]);
        }
        for (var k = 0; k < weights.Length; k++)
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
            using var saved = file.Read(name, tensor.dtype, tensor.device);
            tensor.copy_(saved);
        }
        steps = step;
        if (HasMasters)
        {
            foreach (var (parameter, master) in parameters.Zip(weights))
            {
                parameter.copy_(master);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in moments.SelectMany(moment => moment.OfParameter).Concat(sums.OfType<Tensor>()).Concat(HasMasters ? weights : []))
        {
            tensor.Dispose();
        }
    }

    private static bool IsHalf(Parameter parameter) => parameter.dtype == ScalarType.BFloat16;

    private Tensor? Gradient(int k) => IsHalf(parameters[k]) ? sums[k] : parameters[k].grad;

    private void Drop(int k)
    {
        sums[k]?.Dispose();
        sums[k] = null;
    }

    // Piece by piece where it is bfloat16, so that no float32 copy of a gradient exists.
    private static double SquaredNorm(Tensor grad)
    {
        if (grad.dtype == ScalarType.Float32)
        {
            return Fast.SquaredNorm(grad);
        }
        using var outer = NewDisposeScope();
        var (sum, flat) = (0.0, grad.contiguous().view(-1));
        for (long at = 0; at < flat.numel(); at += NormPiece)
        {
            using var scope = NewDisposeScope();
            sum += Fast.SquaredNorm(flat.narrow(0, at, Math.Min(NormPiece, flat.numel() - at)).to_type(ScalarType.Float32));
        }
        return sum;
    }

    // Changes a parameter and frees its gradient.
    private void Update(int k, Tensor grad, double scale)
    {
        switch (recipe.Name)
        {
            case OptimizerKind.Adamw:
                AdamW(k, grad, new AdamWStep(rate, recipe.Betas[0], recipe.Betas[1], recipe.Eps, recipe.WeightDecay, steps, scale));
                break;
            case OptimizerKind.Rmsprop:
                PlainUpdates.RmsProp(weights[k], grad.to_type(ScalarType.Float32), moments[0].OfParameter[k], rate, recipe, scale);
                break;
            default:
                PlainUpdates.Sgd(weights[k], grad.to_type(ScalarType.Float32), rate, recipe, scale);
                break;
        }
        Drop(k);
        parameters[k].grad = null;
        if (HasMasters)
        {
            parameters[k].copy_(weights[k]);
        }
    }

    private void AdamW(int k, Tensor grad, AdamWStep step)
    {
        var (first, second, away) = (moments[0].OfParameter[k], moments[1].OfParameter[k], moments[0].OfParameter[k].device_type != weights[k].device_type);
        var rounds = first.dtype == ScalarType.BFloat16 || weights[k].dtype == ScalarType.BFloat16;
        if (!rounds && !away)
        {
            Fast.AdamW(weights[k], grad.to_type(ScalarType.Float32), first, second, step);
            return;
        }
        var (count, flat) = (grad.numel(), grad.contiguous().view(-1));
        for (long at = 0; at < count; at += Piece)
        {
            using var scope = NewDisposeScope();
            Tensor Part(Tensor x) => x.view(-1).narrow(0, at, Math.Min(Piece, count - at));
            var (weight, gradient, m, v) = (Part(weights[k]), Part(flat), Part(first), Part(second));
            var (here, there) = away ? (m.to(weight.device, copy: true), v.to(weight.device, copy: true)) : (m, v);
            if (rounds)
            {
                RoundedUpdate.AdamW(weight, gradient, here, there, step, new Rounding(keys[k], steps, at));
            }
            else
            {
                Fast.AdamW(weight, gradient.to_type(ScalarType.Float32), here, there, step);
            }
            if (away)
            {
                m.copy_(here);
                v.copy_(there);
            }
        }
    }

    private Tensor Moment(Tensor weight)
    {
        var dtype = recipe.Moments == Precision.Bf16 ? ScalarType.BFloat16 : weight.dtype == ScalarType.BFloat16 ? ScalarType.Float32 : weight.dtype;
        var host = recipe.MomentsOn == MomentsPlace.Host;
        var moment = zeros(weight.shape, dtype, host ? CPU : weight.device);
        if (host && weight.device_type == DeviceType.CUDA)
        {
            using var pageable = moment;
            moment = moment.pin_memory(); // copies at the bus's full rate
        }
        return moment.DetachFromDisposeScope();
    }

    private static Tensor Master(Parameter parameter)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return parameter.detach().to_type(ScalarType.Float32).DetachFromDisposeScope();
    }
}
