using TorchSharp.Interop;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>What happens to a module's tensors as a whole: saving, loading, moving, disposing.</summary>
        public partial class Module
        {
            /// <summary>
            /// Parameters and persistent buffers by their dotted names, the tensors themselves and not copies. A tied weight
            /// appears under each of its names.
            /// </summary>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                var stem = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var (component, value) in ownParameters)
                {
                    destination.TryAdd(stem + component, value);
                }
                foreach (var (component, value, _) in ownBuffers.Where(own => own.Persistent))
                {
                    destination.TryAdd(stem + component, value);
                }
                foreach (var (component, module) in ownModules)
                {
                    module.state_dict(destination, stem + component);
                }
                return destination;
            }

            /// <summary>Copies the values of a state dict into the module's tensors, converting dtype and device.</summary>
            /// <returns>The names that the source lacks and those that the module lacks.</returns>
            /// <exception cref="InvalidOperationException">The load is strict and names are missing or left over.</exception>
            public virtual (IList<string>, IList<string>) load_state_dict(Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                var destination = state_dict();
                var missing = destination.Keys.Where(key => !source.ContainsKey(key) && skip?.Contains(key) != true).ToList();
                var unexpected = source.Keys.Where(key => !destination.ContainsKey(key) && skip?.Contains(key) != true).ToList();
                if (strict && missing.Count + unexpected.Count > 0)
                {
                    throw new InvalidOperationException(
                        $"the state dict does not fit the module: missing [{string.Join(", ", missing)}], unexpected [{string.Join(", ", unexpected)}]");
                }
                using var mode = no_grad();
                foreach (var (key, value) in source)
                {
                    if (destination.TryGetValue(key, out var target) && skip?.Contains(key) != true)
                    {
                        target.copy_(value);
                    }
                }
                return (missing, unexpected);
            }

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    using var grad = parameter.grad;
                    if (grad is null)
                    {
                        continue;
                    }
                    if (set_to_none)
                    {
                        parameter.grad = null;
                    }
                    else
                    {
                        grad.zero_();
                    }
                }
            }

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Disposes parameters, buffers and submodules.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (!disposing)
                {
                    return;
                }
                foreach (var (_, value, _) in ownBuffers)
                {
                    value.Dispose();
                }
                foreach (var (_, value) in ownParameters)
                {
                    value.Dispose();
                }
                foreach (var (_, module) in ownModules)
                {
                    module.Dispose();
                }
            }

            /// <summary>
            /// Moves and converts all parameters, their gradients and buffers. The tensor objects stay the same and change
            /// what they hold, so optimizers and tied weights keep pointing at them; only floating-point ones change dtype.
            /// </summary>
            internal void Move(ScalarType? dtype, Device? device)
            {
                using var mode = no_grad();
                foreach (var parameter in parameters())
                {
                    Move(parameter, dtype, device);
                    using var grad = parameter.grad;
                    if (grad is not null)
                    {
                        using var moved = Converted(grad, dtype, device);
                        parameter.grad = moved;
                    }
                }
                foreach (var buffer in buffers())
                {
                    Move(buffer, dtype, device);
                }
            }

            private static void Move(Tensor tensor, ScalarType? dtype, Device? device)
            {
                using var moved = Converted(tensor, dtype, device);
                Native.Check(Native.selm_set_data(tensor.Handle, moved.Handle));
            }

            private static Tensor Converted(Tensor tensor, ScalarType? dtype, Device? device)
            {
                var own = tensor.dtype;
                var isFloat = own is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16;
                using var plain = tensor.detach();
                return plain.to(isFloat ? dtype ?? own : own, device ?? tensor.device);
            }
        }
    }
}

public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.ScalarType type, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, type, null);

    public static T to<T>(this T module, torch.Device device, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, null, device);

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, type, device);

    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, null, new torch.Device(deviceType, deviceIndex));

    public static T to<T>(this T module, string device, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, null, new torch.Device(device));

    public static T cpu<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, null, torch.CPU);

    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, null, new torch.Device(DeviceType.CUDA, deviceIndex));

    public static T half<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, torch.ScalarType.Float16, null);

    public static T bfloat16<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, torch.ScalarType.BFloat16, null);

    public static T @float<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, torch.ScalarType.Float32, null);

    public static T @double<T>(this T module, bool non_blocking = false)
        where T : torch.nn.Module => Move(module, torch.ScalarType.Float64, null);

    private static T Move<T>(T module, torch.ScalarType? type, torch.Device? device)
        where T : torch.nn.Module
    {
        module.Move(type, device);
        return module;
    }
}
