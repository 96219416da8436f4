using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>What undoes a mode when it is disposed.</summary>
    private sealed class Restore(Action undo) : IDisposable
    {
        private Action? undo = undo;

        public void Dispose()
        {
            undo?.Invoke();
            undo = null;
        }
    }

    public static IDisposable no_grad() => set_grad_enabled(false);

    public static IDisposable enable_grad(bool enabled = true) => set_grad_enabled(enabled);

    public static IDisposable set_grad_enabled(bool mode = true)
    {
        var before = Native.selm_grad_enabled();
        Native.selm_set_grad_enabled(mode ? 1 : 0);
        return new Restore(() => Native.selm_set_grad_enabled(before));
    }

    public static IDisposable inference_mode(bool mode = true)
    {
        var guard = Native.selm_inference_enter(mode ? 1 : 0);
        return new Restore(() => Native.selm_inference_leave(guard));
    }

    public static bool is_grad_enabled() => Native.selm_grad_enabled() != 0;

    public static bool is_inference_mode_enabled() => Native.selm_inference_enabled() != 0;

    public static class autograd
    {
        public static unsafe void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
        {
            var count = tensors.Count;
            var roots = stackalloc nint[count];
            var grads = stackalloc nint[count];
            var leaves = stackalloc nint[inputs?.Count ?? 0];
            Fill(roots, tensors);
            if (grad_tensors is not null)
            {
                Fill(grads, grad_tensors);
            }
            else
            {
                new Span<nint>(grads, count).Clear();
            }
            if (inputs is not null)
            {
                Fill(leaves, inputs);
            }
            Native.Check(Native.selm_backward(roots, grads, count, retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, leaves, inputs?.Count ?? 0));
            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        public static void backward(Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        public static unsafe IList<Tensor> grad(IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            var count = outputs.Count;
            var roots = stackalloc nint[count];
            var grads = stackalloc nint[count];
            var leaves = stackalloc nint[inputs.Count];
            var results = stackalloc nint[inputs.Count];
            new Span<nint>(grads, count).Clear();
            Fill(roots, outputs);
            Fill(leaves, inputs);
            if (grad_outputs is not null)
            {
                Fill(grads, grad_outputs);
            }
            Native.Check(Native.selm_autograd(roots, grads, count, leaves, inputs.Count, retain_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, results));
            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            var found = new Tensor[inputs.Count];
            for (var k = 0; k < found.Length; k++)
            {
                found[k] = Dispatch.Wrap(results[k])!;
            }
            return found;
        }

        private static unsafe void Fill(nint* handles, IList<Tensor> tensors)
        {
            for (var k = 0; k < tensors.Count; k++)
            {
                handles[k] = tensors[k]?.Handle ?? 0;
            }
        }
    }
}
