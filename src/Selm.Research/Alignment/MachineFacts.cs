using System.Globalization;
using Selm.Research.Models;
using Selm.Research.Runs;
using static TorchSharp.torch;

namespace Selm.Research.Alignment;

/// <summary>What decides the last bits of a result: a run is continued only where these are the same.</summary>
public static class MachineFacts
{
    /// <summary>Reads the facts of this process.</summary>
    /// <param name="device">Where the run computes.</param>
    public static IReadOnlyDictionary<string, string> Now(string device) => new Dictionary<string, string>
    {
        ["device"] = device,
        ["threads"] = get_num_threads().ToString(CultureInfo.InvariantCulture),
        // OpenBLAS on pthreads has a pool of its own; without these variables it takes every core.
        ["blas threads"] = Environment.GetEnvironmentVariable("OPENBLAS_NUM_THREADS") ?? Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? "default",
        ["libtorch"] = __version__,
        ["blas and cpu kernel"] = Fast.BuildFacts,
        ["cpu"] = Provenance.CpuModel(),
    };
}
