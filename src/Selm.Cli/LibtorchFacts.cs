using System.Diagnostics;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Selm.Cli;

/// <summary>What the loaded libtorch says about itself.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Folder">The folder it was loaded from, or null where the system does not tell.</param>
/// <param name="Blas">The BLAS library that is loaded, or null where it is linked in.</param>
/// <param name="CpuCapability">The widest kernels it uses on this processor, such as AVX2.</param>
/// <param name="Threads">Threads of one operation.</param>
/// <param name="CudaDevices">How many CUDA devices it sees.</param>
internal sealed partial record LibtorchFacts(
    string Version, string? Folder, string? Blas, string? CpuCapability, int Threads, int CudaDevices)
{
    /// <summary>The facts, or the sentence that says what is missing.</summary>
    public static (LibtorchFacts? Facts, string? Missing) Read()
    {
        try
        {
            var version = torch.__version__;
            var config = Config();
            return (new LibtorchFacts(
                version,
                Loaded(name => name.StartsWith("libtorch_cpu.so", StringComparison.Ordinal)) is { } path ? Path.GetDirectoryName(path) : null,
                Loaded(name => BlasName().IsMatch(name)) is { } blas ? Path.GetFileName(blas) : null,
                Capability().Match(config) is { Success: true } capability ? capability.Groups[1].Value : null,
                torch.get_num_threads(),
                torch.cuda.device_count()), null);
        }
        catch (Exception e) when (e is DllNotFoundException || e.InnerException is DllNotFoundException)
        {
            return (null, (e as DllNotFoundException ?? e.InnerException!).Message);
        }
    }

    // The official packages do not show libtorch's own description of its build.
    private static string Config() =>
#if TORCHSHARP_PACKAGE
        "";
#else
        torch.BuildConfig;
#endif

    private static string? Loaded(Predicate<string> name)
    {
        using var self = Process.GetCurrentProcess();
        return self.Modules.Cast<ProcessModule>().Select(module => module.FileName).FirstOrDefault(path => name(Path.GetFileName(path)));
    }

    [GeneratedRegex("openblas|mkl_core|mkl_rt|blis|^libblas")]
    private static partial Regex BlasName();

    [GeneratedRegex(@"CPU capability usage: (.+)")]
    private static partial Regex Capability();
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
            var x = torch.arange(1, 4, torch.ScalarType.Float32).requires_grad_(true);
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
