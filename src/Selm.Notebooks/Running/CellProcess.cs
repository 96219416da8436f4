// The runtime ends a process whose stack overflows and prints a page of frames: only another process can say what happened.
// So cells run in a child; its stderr passes through here as far as it is no such page.
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Selm.Notebooks.Running;

/// <summary>A process of this program in which cells run.</summary>
internal sealed class CellProcess : IDisposable
{
    private const string Overflow = "Stack overflow";

    // A process that a cell has started may hold the pipe open.
    private static readonly TimeSpan lastWords = TimeSpan.FromSeconds(2);

    private readonly Process child;
    private readonly Thread reader;
    private volatile bool overflowed;

    public CellProcess(ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        start.Environment.TryAdd("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"); // on Linux: half as many page faults until the first cell is done
        child = Process.Start(start)!;
        reader = new(Forward) { IsBackground = true, Name = "stderr" };
        reader.Start();
    }

    public int Id => child.Id;

    /// <summary>Waits for the process's end; a signal that would end this process ends both.</summary>
    /// <param name="hasOverflowed">Whether its stack overflowed.</param>
    /// <returns>Its exit code.</returns>
    public int Wait(out bool hasOverflowed)
    {
        void Stop(PosixSignalContext signal) => Kill(); // this process ends by the signal's own action
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        child.WaitForExit();
        reader.Join(lastWords);
        hasOverflowed = overflowed;
        return child.ExitCode;
    }

    /// <summary>Ends the process at once.</summary>
    public void Kill() => child.Kill();

    public void Dispose() => child.Dispose();

    private void Forward()
    {
        while (child.StandardError.ReadLine() is { } line)
        {
            overflowed |= line.StartsWith(Overflow, StringComparison.Ordinal);
            if (!overflowed)
            {
                Console.Error.WriteLine(line);
            }
        }
    }
}
