using System.CommandLine;
using System.Globalization;
using Selm.Research;
using TorchSharp;

namespace Selm.Cli;

/// <summary>The options <c>--device</c> and <c>--precision</c> and what they mean.</summary>
internal static class Devices
{
    public static Option<string> Option() => Values.Text("--device", "cpu|cuda|cuda:N", "Where to compute", "cpu");

    public static Option<string> PrecisionOption() => Values.Text("--precision", "fp32|bf16", "Number format to compute in", "fp32");

    /// <exception cref="InputException">The name is unknown.</exception>
    public static torch.ScalarType Precision(string name) => name switch
    {
        "fp32" => torch.ScalarType.Float32,
        "bf16" => torch.ScalarType.BFloat16,
        _ => throw new InputException($"There is no precision '{name}'; give fp32 or bf16."),
    };

    /// <exception cref="InputException">The name is unknown, or there is no such device.</exception>
    public static torch.Device Parse(string name)
    {
        var index = name.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(name["cuda:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        if (name is not ("cpu" or "cuda") && name != $"cuda:{index}")
        {
            throw new InputException($"There is no device '{name}'; give cpu, cuda or cuda:N.");
        }
        if (name == "cpu")
        {
            return torch.CPU;
        }
        return torch.cuda.device_count() > index
            ? new torch.Device(name)
            : throw new InputException($"The device '{name}' is not there (libtorch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices); give cpu, or see environment.md for CUDA.");
    }
}
