using System.Globalization;
using System.Runtime.InteropServices;

namespace Selm.Cli;

/// <summary>
/// The thread count of a run. libtorch can be told later, but OpenBLAS has a pool of its own that only the environment
/// reaches, and only before it is loaded; .NET's own SetEnvironmentVariable does not reach C libraries.
/// </summary>
internal static partial class Threads
{
    /// <summary>Sets the count for all native libraries; call it before the first tensor.</summary>
    /// <param name="count">Threads; 0 leaves what the environment says.</param>
    public static void Limit(int count)
    {
        if (count <= 0 || OperatingSystem.IsWindows())
        {
            return;
        }
        foreach (var name in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS" })
        {
            Environment.SetEnvironmentVariable(name, count.ToString(CultureInfo.InvariantCulture)); // what the run records
            _ = SetEnv(name, count.ToString(CultureInfo.InvariantCulture), overwrite: 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnv(string name, string value, int overwrite);
}
