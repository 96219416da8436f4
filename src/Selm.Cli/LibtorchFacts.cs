using System.Diagnostics;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Engine;
using TorchSharp;

namespace Selm.Cli;

/// <summary>What the loaded libtorch says about itself.</summary>
/// <param name="Version">The libtorch that TorchSharp was made for.</param>
/// <param name="Provider">"package", or "SELM_LIBTORCH" where that variable names another libtorch.</param>
/// <param name="Folder">The folder it was loaded from.</param>
/// <param name="Cure">The copy of TorchSharp's library with the libstdc++ cure, or null where none was needed.</param>
/// <param name="Blas">The BLAS library that is loaded, or null where it is linked in.</param>
/// <param name="VectorBits">Width of the vectors that the kit's kernels compute with [bits]; 0 where libtorch's operators compute.</param>
/// <param name="HugePages">Whether fresh memory comes in pages of 2 MB where the system grants them.</param>
/// <param name="Threads">Threads of one operation.</param>
/// <param name="CudaDevices">How many CUDA devices it sees.</param>
internal sealed partial record LibtorchFacts(
    string Version, string Provider, string? Folder, string? Cure, string? Blas, int VectorBits, bool HugePages, int Threads, int CudaDevices)
{
    /// <summary>The facts, or the sentence that says what is missing.</summary>
    public static (LibtorchFacts? Facts, string? Missing) Read() => Libtorch.Missing is { } missing ? (null, missing) : (OfLoaded(), null);

    private static LibtorchFacts OfLoaded()
    {
        var origin = Libtorch.Origin;
        return new LibtorchFacts(torch.__version__, origin.Provider, origin.Folder, origin.CuredCopy, LoadedBlas(), Libtorch.VectorBits, HasHugePages(), Libtorch.Threads, torch.cuda.device_count());
    }

    private static string? LoadedBlas()
    {
        using var self = Process.GetCurrentProcess();
        return self.Modules.Cast<ProcessModule>().Select(module => Path.GetFileName(module.FileName)).FirstOrDefault(name => BlasName().IsMatch(name));
    }

    // The system's switch in brackets; with "madvise" glibc has to ask, which only a variable of the environment tells it to.
    private static bool HasHugePages()
    {
        const string file = "/sys/kernel/mm/transparent_hugepage/enabled";
        var mode = File.Exists(file) ? File.ReadAllText(file) : "[never]";
        var asked = Environment.GetEnvironmentVariable("GLIBC_TUNABLES")?.Contains("glibc.malloc.hugetlb=1", StringComparison.Ordinal) == true;
        return mode.Contains("[always]", StringComparison.Ordinal) || (asked && mode.Contains("[madvise]", StringComparison.Ordinal));
    }

    [GeneratedRegex("openblas|mkl_core|mkl_rt|blis|^libblas")]
    private static partial Regex BlasName();
}

/// <summary>One tensor operation and its gradient, against numbers known by heart.</summary>
/// <param name="Ok">Whether both were right.</param>
/// <param name="Milliseconds">How long it took [ms].</param>
/// <param name="What">What went wrong, or null.</param>
internal sealed record SelfCheck(bool Ok, double Milliseconds, string? What = null)
{
    /// <summary>f(x) = sum x^2 at (1, 2, 3): 14, with gradient (2, 4, 6).</summary>
    public static SelfCheck Run()
    {
        var watch = Stopwatch.StartNew();
        try
        {
            using var scope = torch.NewDisposeScope();
            var x = Numbers.Range(1, 4, torch.ScalarType.Float32, torch.CPU).requires_grad_(true);
            var f = (x * x).sum();
            f.backward();
            float[] got = [f.item<float>(), .. x.grad!.data<float>().ToArray()];
            var ok = got.SequenceEqual([14f, 2f, 4f, 6f]);
            return new SelfCheck(ok, watch.Elapsed.TotalMilliseconds, ok ? null : $"sum x^2 and its gradient came out as {string.Join(", ", got)}");
        }
        catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or MissingMethodException)
        {
            return new SelfCheck(false, watch.Elapsed.TotalMilliseconds, e.Message);
        }
    }
}
