using System.Runtime.ExceptionServices;
using Selm.Notebooks.Format;

namespace Selm.Notebooks.Running;

/// <summary>
/// Tells what would end a run without a word, or with a success that is none: a cell that calls <c>Environment.Exit</c>, and
/// an exception on a thread that a cell has started. Once per process.
/// </summary>
internal sealed class RunGuard : IDisposable
{
    private readonly string path;
    private readonly TextWriter progress;
    private volatile int cell;

    public RunGuard(string path, TextWriter progress)
    {
        (this.path, this.progress) = (path, progress);
        AppDomain.CurrentDomain.ProcessExit += Exits;
        ExceptionHandling.SetUnhandledExceptionHandler(Thrown);
    }

    /// <summary>The cell that runs from now on.</summary>
    public void Enter(NotebookCell entered) => cell = entered.Number;

    public void Dispose() => AppDomain.CurrentDomain.ProcessExit -= Exits;

    private void Exits(object? sender, EventArgs e)
    {
        progress.WriteLine($"{path}: cell {cell}: the cell has ended the process; leave Environment.Exit out of notebooks.");
        Environment.ExitCode = Program.Failure;
    }

    private bool Thrown(Exception thrown)
    {
        Dispose();
        progress.WriteLine($"{path}: cell {cell}: a thread that a cell started has ended with {thrown.GetType().Name}: {thrown.Message}");
        Environment.Exit(Program.Failure);
        return true;
    }
}
