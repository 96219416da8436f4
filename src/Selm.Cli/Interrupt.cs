using System.Runtime.InteropServices;

namespace Selm.Cli;

/// <summary>
/// Ctrl-C and SIGTERM. Long work is asked to stop at its next report of progress, so that it ends between two steps;
/// a second signal, or work that reports nothing, ends at once. Files appear whole or not at all either way.
/// Where Ctrl-C is ignored from the start, as in the background job of a script, it stays ignored: it is meant for
/// what runs in the foreground. SIGTERM stops such a job.
/// </summary>
internal static partial class Interrupt
{
    private static readonly CancellationTokenSource source = new();
    private static readonly List<PosixSignalRegistration> registrations = [];

    /// <summary>Whether the running work looks at <see cref="Token"/>.</summary>
    public static bool WorkReports { get; set; }

    /// <summary>Whether Ctrl-C is left to the process that started this one and will end it.</summary>
    public static bool LeavesCtrlC { get; set; }

    public static CancellationToken Token => source.Token;

    /// <summary>Asks the running work to stop, as a signal does.</summary>
    public static void Stop() => source.Cancel();

    public static void Watch()
    {
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle));
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle));
    }

    private static void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        if (LeavesCtrlC && context.Signal == PosixSignal.SIGINT)
        {
            return;
        }
        if (!WorkReports || source.IsCancellationRequested)
        {
            if (!Console.IsErrorRedirected)
            {
                Console.Error.Write("\u001b[?25h"); // a progress bar hides the cursor and cannot bring it back any more
            }
            if (!OperatingSystem.IsWindows())
            {
                // The last of the handlers: libtorch, taken down while another thread computes in it, would crash.
                AppDomain.CurrentDomain.ProcessExit += (_, _) => EndProcess(SelmCommandLine.Interrupted);
            }
            Environment.Exit(SelmCommandLine.Interrupted);
        }
        Console.Error.WriteLine("Stopping after this step; press Ctrl-C again to stop at once.");
        source.Cancel();
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void EndProcess(int code);
}
