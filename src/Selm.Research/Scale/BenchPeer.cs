using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Selm.Research.Scale;

/// <summary>The eager PyTorch program of tests/benchmarks, one step at a time in a process of its own.</summary>
internal sealed class BenchPeer : IDisposable
{
    /// <summary>Variables that slow OpenBLAS where they are set; the program is started without them.</summary>
    internal static readonly string[] Slowing = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];

    // As Libtorch.cs tunes the kit's own: blocks stay with the process, and no step begins with page faults.
    private static readonly (string Name, string Value)[] keepingMemory =
        [("MALLOC_MMAP_THRESHOLD_", $"{32 << 20}"), ("MALLOC_TRIM_THRESHOLD_", $"{1 << 30}"), ("MALLOC_TOP_PAD_", $"{64 << 20}")];

    private readonly Process process;

    /// <summary>Starts it and waits for its warm-up.</summary>
    /// <param name="mode">What it does.</param>
    /// <param name="shape">On which model and batch.</param>
    /// <param name="tuned">Whether its allocator is tuned as the kit's own; otherwise it is glibc's as it comes.</param>
    /// <param name="device">cpu in float32, or a CUDA device in bfloat16.</param>
    /// <exception cref="InputException">There is no program, no Python with torch, or it failed.</exception>
    internal BenchPeer(BenchMode mode, BenchShape shape, bool tuned, string device = "cpu")
    {
        var start = new ProcessStartInfo(Python()) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Script());
        start.ArgumentList.Add(mode.ToString().ToLowerInvariant());
        start.ArgumentList.Add("--serve");
        if (device != "cpu")
        {
            start.ArgumentList.Add("--device");
            start.ArgumentList.Add(device);
        }
        (string Name, int Value)[] options =
        [
            ("vocab", shape.Vocab), ("hidden", shape.Hidden), ("layers", shape.Layers), ("heads", shape.Heads), ("kv-heads", shape.KvHeads), ("ff", shape.Ff),
            ("prompt", shape.Prompt), ("response", shape.Response), ("batch", shape.Batch), ("threads", shape.Threads),
        ];
        foreach (var (name, value) in options)
        {
            start.ArgumentList.Add($"--{name}");
            start.ArgumentList.Add(value.ToString(CultureInfo.InvariantCulture));
        }
        SetEnvironment(start.Environment, tuned);
        process = Process.Start(start)!;
        AppDomain.CurrentDomain.ProcessExit += Kill; // a signal ends the bench without disposing anything
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        Torch = Read().GetProperty("torch").GetString()!;
    }

    /// <summary>Its version of PyTorch.</summary>
    internal string Torch { get; }

    /// <summary>Runs one step.</summary>
    /// <returns>Wall and processor time in milliseconds, by its own clocks.</returns>
    internal (double Wall, double Cpu) Step()
    {
        process.StandardInput.WriteLine("go");
        process.StandardInput.Flush();
        var row = Read();
        return (row.GetProperty("ms").GetDouble(), row.GetProperty("cpu_ms").GetDouble());
    }

    /// <summary>What the program's environment has to say about allocator and BLAS, whatever this one says.</summary>
    internal static void SetEnvironment(IDictionary<string, string?> environment, bool tuned)
    {
        foreach (var name in environment.Keys.Where(name => Slowing.Contains(name) || name == "GLIBC_TUNABLES" || name.StartsWith("MALLOC_", StringComparison.Ordinal)).ToArray())
        {
            environment.Remove(name);
        }
        foreach (var (name, value) in tuned ? keepingMemory : [])
        {
            environment[name] = value;
        }
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= Kill;
        process.StandardInput.Close(); // the end of its input ends it
        if (!process.WaitForExit(2000))
        {
            process.Kill();
        }
        process.Dispose();
    }

    private void Kill(object? sender, EventArgs e) => process.Kill();

    private JsonElement Read() => process.StandardOutput.ReadLine() is { } line
        ? JsonDocument.Parse(line).RootElement
        : throw new InputException($"{Script()} ended before its first step; run it by hand to see why.");

    private static string Script()
    {
        const string path = "tests/benchmarks/peer.py";
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Path.Combine(folder.FullName, path) is var file && File.Exists(file))
            {
                return file;
            }
        }
        throw new InputException($"{path} is not above {AppContext.BaseDirectory}; --peer needs the kit's source tree.");
    }

    // The first python3 of PATH that has torch.
    private static string Python()
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Distinct())
        {
            if (Path.Combine(folder, "python3") is var python && File.Exists(python) && HasTorch(python))
            {
                return python;
            }
        }
        throw new InputException("No python3 in PATH can import torch, which --peer measures against; install it (apt-get install python3-torch) or leave --peer out.");
    }

    private static bool HasTorch(string python)
    {
        var start = new ProcessStartInfo(python, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"])
        {
            RedirectStandardError = true,
        };
        try
        {
            using var probe = Process.Start(start)!;
            probe.StandardError.ReadToEnd();
            probe.WaitForExit();
            return probe.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // a file of that name that may not be run
        }
    }
}
