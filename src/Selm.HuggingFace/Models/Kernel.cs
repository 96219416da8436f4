using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>A managed kernel with its gradient, as libtorch's graph calls it.</summary>
internal abstract class Kernel
{
    // Managed code below libtorch must not throw, so what goes wrong in a backward pass waits here for its caller.
    [ThreadStatic]
    private static Exception? failure;

    // Gradients that the last node handed to libtorch. It takes them after the call, so they go when the next node is called:
    // in the caller's dispose scope those of all nodes would stay until the end.
    [ThreadStatic]
    private static Tensor?[]? handed;

    /// <summary>Computes the result; no graph is recorded meanwhile.</summary>
    /// <param name="inputs">Contiguous tensors.</param>
    /// <param name="extra">Where the backward pass is wanted: further tensors that it needs are added here. Otherwise null.</param>
    protected abstract Tensor Forward(Tensor[] inputs, List<Tensor>? extra);

    /// <summary>The gradients of the inputs; null for those that have none.</summary>
    /// <param name="inputs">As in the forward pass.</param>
    /// <param name="extra">What the forward pass kept.</param>
    /// <param name="grad">Gradient of the result, contiguous.</param>
    /// <param name="wants">Which inputs want a gradient: of frozen weights none is computed.</param>
    protected abstract Tensor?[] Backward(Tensor[] inputs, Tensor[] extra, Tensor grad, bool[] wants);

    /// <summary>Whether the backward pass reads an input's numbers; the others are not kept for it, and it finds an empty tensor in their place.</summary>
    /// <param name="input">Which.</param>
    /// <param name="wants">Which inputs want a gradient.</param>
    protected virtual bool Reads(int input, bool[] wants) => true;

    /// <summary>Runs the kernel, with a node in the graph where an input wants a gradient.</summary>
    public Tensor Run(params Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        Tensor[] plain = [.. inputs.Select(x => x.is_contiguous() ? x : x.contiguous())];
        Tensor output;
        if (is_grad_enabled() && plain.Any(x => x.requires_grad))
        {
            output = Node.apply([this, .. plain]);
        }
        else
        {
            using var noGrad = no_grad();
            output = Forward(plain, null);
        }
        GC.KeepAlive(inputs); // the kernel knows their memory only
        return output.MoveToOuterDisposeScope();
    }

    /// <summary>The backward pass of a graph that may hold kernels: what one of them threw is thrown here.</summary>
    public static void Backward(Tensor output, Tensor grad)
    {
        failure = null;
        try
        {
            autograd.backward(output, grad);
        }
        finally
        {
            Release();
        }
        if (failure is { } thrown)
        {
            failure = null;
            throw new InvalidOperationException($"The backward pass failed: {thrown.Message}", thrown);
        }
    }

    private static void Release()
    {
        foreach (var tensor in handed ?? [])
        {
            tensor?.Dispose();
        }
        handed = null;
    }

    private sealed class Node : autograd.SingleTensorFunction<Node>
    {
        public override string Name => nameof(Kernel);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var kernel = (Kernel)vars[0];
            Tensor[] inputs = [.. vars.Skip(1).Cast<Tensor>()];
            var extra = new List<Tensor>();
            var output = kernel.Forward(inputs, extra);
            ctx.save_data(nameof(Kernel), kernel);
            var wants = inputs.Select(input => input.requires_grad).ToArray();
            ctx.save_data(nameof(wants), wants);
            ctx.save_for_backward([.. inputs.Select((input, k) => kernel.Reads(k, wants) ? input : empty(0, device: CPU)), .. extra]);
            return output;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor gradOutput)
        {
            var wants = (bool[])ctx.get_data("wants");
            Release();
            try
            {
                using var scope = NewDisposeScope();
                using var noGrad = no_grad();
                var saved = ctx.get_saved_variables();
                var kernel = (Kernel)ctx.get_data(nameof(Kernel));
                var grads = kernel.Backward([.. saved.Take(wants.Length)], [.. saved.Skip(wants.Length)], gradOutput.contiguous(), wants);
                handed = [.. grads.Select(grad => grad?.DetachFromDisposeScope())];
                return [null!, .. handed.Select(gradient => gradient!)];
            }
#pragma warning disable CA1031 // an exception must not cross libtorch's frames
            catch (Exception e)
            {
                failure ??= e;
                return [.. Enumerable.Repeat<Tensor>(null!, wants.Length + 1)];
            }
#pragma warning restore CA1031
            finally
            {
                gradOutput.Dispose();
            }
        }
    }
}
