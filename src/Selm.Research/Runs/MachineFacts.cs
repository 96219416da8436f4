using System.Globalization;
using Selm.HuggingFace.Models;
using static TorchSharp.torch;

namespace Selm.Research.Runs;

/// <summary>What decides the last bits of a result: a run is continued only where these are the same.</summary>
public static class MachineFacts
{
    /// <summary>Reads the facts of this process.</summary>
    /// <param name="device">Where the run computes.</param>
    public static IReadOnlyDictionary<string, string> Now(string device) => new Dictionary<string, string>
    {
        ["device"] = device,
        ["threads"] = Fast.KeepsBits ? "any" : get_num_threads().ToString(CultureInfo.InvariantCulture),
        ["libtorch"] = __version__,
        ["kernels"] = Fast.BuildFacts,
        ["cpu"] = Provenance.CpuModel(),
    };
}
