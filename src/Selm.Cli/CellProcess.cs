using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Selm.Cli;

/// <summary>
/// A selm of its own that takes cells one after the other: a line in names a cell, a line out says that it is done. Half of a
/// short cell's time goes into compiling the code it runs, so a process takes many; one that ends takes only its own cell with it.
/// </summary>
internal sealed partial class CellProcess : IDisposable
{
    private const int Terminate = 15;

    // What still runs when this process is told to end at once.
    private static readonly List<Process> live = [];

    private readonly Process process;
    private bool busy;

    static CellProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (live)
        {
            live.ForEach(process => process.Kill());
        }
    };

    /// <summary>Starts it.</summary>
    /// <param name="threads">Threads of its computations.</param>
    /// <param name="arguments">The command and its options.</param>
    public CellProcess(int threads, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Program[0], [.. Program[1..], .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMP_NUM_THREADS"] = $"{threads}";
        start.Environment["DOTNET_TieredPGO"] = "0"; // profiling costs a process of seconds a seventh of its time where all cores are busy
        process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => LastError = string.IsNullOrEmpty(line.Data) ? LastError : line.Data;
        process.BeginErrorReadLine();
        lock (live)
        {
            live.Add(process);
        }
    }

    /// <summary>The words that start this program: the host that runs it, which may be nowhere on the PATH, and selm.dll.</summary>
    public static string[] Program =>
        [Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", Path.Combine(AppContext.BaseDirectory, "selm.dll")];

    /// <summary>The last line that it printed on standard error since the newest cell was named.</summary>
    public string? LastError { get; private set; }

    /// <summary>Whether it has ended.</summary>
    public bool Ended { get; private set; }

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => process.ExitCode;

    /// <summary>Names a cell and waits for what it says; null where it ended instead.</summary>
    /// <param name="cell">The cell, on one line.</param>
    public async Task<string?> Ask(string cell)
    {
        (LastError, busy) = (null, true);
        try
        {
            await process.StandardInput.WriteLineAsync(cell);
            await process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // It ended between two cells; what it printed last says why.
        }
        var answer = await process.StandardOutput.ReadLineAsync();
        busy = false;
        if (answer is null)
        {
            Ended = true;
            await process.WaitForExitAsync();
        }
        return answer;
    }

    /// <summary>Ends it: at once where it waits for a cell, else it is asked to stop after its step and has some seconds for that.</summary>
    /// <param name="patience">How long a busy one may take.</param>
    public void Stop(TimeSpan patience)
    {
        if (!process.HasExited && busy && patience > TimeSpan.Zero && !OperatingSystem.IsWindows())
        {
            RequestEnd(process.Id);
            process.WaitForExit(patience);
        }
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (live)
        {
            live.Remove(process);
        }
        if (!process.HasExited)
        {
            process.Kill();
            process.WaitForExit();
        }
        process.Dispose();
    }

    /// <summary>Asks a process to end.</summary>
    /// <param name="process">Its number.</param>
    /// <returns>Whether there is such a process.</returns>
    public static bool RequestEnd(int process) => SendSignal(process, Terminate) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
