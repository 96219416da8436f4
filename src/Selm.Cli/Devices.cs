using System.CommandLine;
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
}
