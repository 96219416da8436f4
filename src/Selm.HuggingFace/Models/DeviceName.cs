using System.Globalization;
using Selm.HuggingFace.Engine;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>Devices as recipes, options and lessons name them.</summary>
public static class DeviceName
{
    /// <summary>The device of a name.</summary>
    /// <param name="name">cpu, cuda or cuda:N.</param>
    /// <exception cref="InputException">The name is unknown, or this machine has no such device.</exception>
    /// <exception cref="DllNotFoundException">libtorch is not there, or does not fit.</exception>
    public static Device Parse(string name)
    {
        var index = name.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(name["cuda:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (name is not ("cpu" or "cuda") && name != $"cuda:{index}")
        {
            throw new InputException($"There is no device '{name}'; give cpu, cuda or cuda:N.");
        }
        _ = Libtorch.Origin;
        if (name == "cpu")
        {
            return CPU;
        }
        return cuda.device_count() > index
            ? new Device(name)
            : throw new InputException($"The device '{name}' is not there (libtorch {__version__} sees {cuda.device_count()} CUDA devices); give cpu, or see environment.md for CUDA.");
    }
}
