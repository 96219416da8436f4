// Whoever started the kernel may die without a word, even before the kernel runs; an orphan would keep its memory for ever.
using System.Globalization;
using System.Runtime.InteropServices;

namespace Selm.Notebooks.Jupyter;

/// <summary>The process for which a kernel works: the one that Jupyter names in <c>JPY_PARENT_PID</c>, otherwise its parent.</summary>
internal static partial class Parent
{
    /// <summary>The variable that names Jupyter's process.</summary>
    public const string Variable = "JPY_PARENT_PID";

    private const int Init = 1, NoSuchProcess = 3, InterruptSignal = 2;
    private static readonly TimeSpan pulse = TimeSpan.FromMilliseconds(500);
    private static readonly int first = OperatingSystem.IsWindows() ? 0 : getppid();
    private static readonly int? named = int.TryParse(
        Environment.GetEnvironmentVariable(Variable), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id > 0 ? id : null;

    /// <summary>Refuses to serve nobody.</summary>
    /// <exception cref="NotebookException">The process is gone already.</exception>
    public static void Require()
    {
        if (IsGone() || (named is null && WasAdopted()))
        {
            throw new NotebookException("Who started this kernel is gone; start it by Jupyter, or by a process that stays.");
        }
    }

    /// <summary>Returns when the process has gone. On Windows, which tells nobody, it never returns.</summary>
    public static void Follow()
    {
        while (!IsGone())
        {
            Thread.Sleep(pulse);
        }
    }

    /// <summary>Passes an interrupt on. Windows has no such signal for one process.</summary>
    public static void Interrupt(int process)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = kill(process, InterruptSignal);
        }
    }

    // A process between Jupyter and the kernel may end at once, so that only Jupyter's own id counts then.
    private static bool IsGone() => !OperatingSystem.IsWindows()
        && (named is { } jupyter && jupyter != first ? kill(jupyter, 0) != 0 && Marshal.GetLastPInvokeError() == NoSuchProcess : getppid() != first);

    // An orphan's new parent is process 1, or a process of another session that collects orphans.
    private static bool WasAdopted() => !OperatingSystem.IsWindows()
        && (first == Init || (getsid(0) != Environment.ProcessId && getsid(first) != getsid(0)));

    [LibraryImport("libc")]
    private static partial int getppid();

    [LibraryImport("libc")]
    private static partial int getsid(int process);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int process, int signal);
}
