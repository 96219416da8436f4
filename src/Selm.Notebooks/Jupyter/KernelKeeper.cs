using System.Runtime.InteropServices;
using Selm.Notebooks.Running;

namespace Selm.Notebooks.Jupyter;

/// <summary>
/// The process that Jupyter starts. It keeps the kernel in a process of its own, and when a cell's stack has overflowed starts
/// another, which tells the front end.
/// </summary>
internal static class KernelKeeper
{
    /// <returns>The kernel's exit code.</returns>
    /// <exception cref="NotebookException">The file is none of Jupyter's, or who started this process is gone.</exception>
    public static int Serve(string connectionFile)
    {
        ConnectionFile.Read(connectionFile);
        Parent.Require();
        var journal = Path.Combine(Path.GetTempPath(), $"selm-kernel-{Environment.ProcessId}.json");
        CellProcess? kernel = null;
        new Thread(() =>
        {
            Parent.Follow();
            kernel?.Kill();
            File.Delete(journal);
            Environment.Exit(Program.Success);
        })
        { IsBackground = true, Name = "parent" }.Start();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            if (kernel is { } running)
            {
                Parent.Interrupt(running.Id);
            }
        });
        int code;
        bool overflowed;
        do
        {
            var start = Program.Itself(["kernel", connectionFile, "--journal", journal]);
            start.Environment.Remove(Parent.Variable); // the kernel ends with this process
            kernel = new(start);
            code = kernel.Wait(out overflowed);
        }
        while (overflowed);
        File.Delete(journal);
        return code;
    }
}
