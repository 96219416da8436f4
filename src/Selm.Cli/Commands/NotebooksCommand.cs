// The notebooks are run by a program of their own beside this one (src/Selm.Notebooks): it holds a compiler that no other
// command needs, and what it loads must be the library that a notebook names, not the one selm was built with.
using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Selm.Cli.Commands;

/// <summary><c>selm notebooks</c>: hands everything to the notebook program.</summary>
internal static partial class NotebooksCommand
{
    private const string Name = "notebooks", KernelParent = "JPY_PARENT_PID";

    // Listed by the help and suggested for a mistyped one; what they are is the notebook program's affair.
    private static readonly Command[] commands =
    [
        new("run", "Executes each notebook in a fresh process and stops at the first error"),
        new("strip", "Brings what VS Code or Jupyter has saved into the committed form"),
        new("install-kernel", "Installs the Jupyter kernel .net-csharp for this user"),
        new("kernel", "The kernel itself, started by Jupyter"),
    ];

    /// <summary>Whether these arguments are for the notebook program; its bare name, its help and unknown commands are answered here.</summary>
    public static bool PassesThrough(string[] args) => args is [Name, var name, ..] && commands.Any(command => command.Name == name);

    public static Command Create()
    {
        var command = new CliCommand(
            Name,
            "Runs the notebooks without a front end, or serves them to Jupyter.",
            [
                "selm notebooks run notebooks",
                "selm notebooks run notebooks/05-derivation.ipynb --parameter device=cuda --out executed",
                "selm notebooks run notebooks --check",
                "selm notebooks strip notebooks",
                "selm notebooks install-kernel",
            ],
            """
            run takes files or folders, and
              --check                   write nothing, compare with the outputs in the file
              --out DIR                 write the executed notebooks there
              --parameter NAME=VALUE    set a variable of the cell tagged 'parameters'
              --timeout SECONDS         the longest that a cell may take
            selm notebooks run --help says more.
            """);
        foreach (var name in commands)
        {
            command.Add(name);
        }
        command.SetAction(parsed =>
        {
            new ExamplesHelp().Invoke(parsed);
            return SelmCommandLine.WrongInput;
        });
        return command;
    }

    /// <summary>Runs the notebook program on this console; both end together.</summary>
    public static int Run(string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, Name, "selm-notebooks.dll");
        if (!File.Exists(program))
        {
            Console.Error.WriteLine($"{program} is missing; build the kit again with dotnet build src/Selm.Cli, or start it by ./selm.");
            return SelmCommandLine.WrongInput;
        }
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var start = new ProcessStartInfo(dotnet, [program, .. arguments]) { UseShellExecute = false };
        if (arguments is ["kernel", ..] && !OperatingSystem.IsWindows() && !start.Environment.ContainsKey(KernelParent))
        {
            // A kernel ends with whoever started it, which is not this process; process 1 collects orphans.
            const int Init = 1;
            if (getppid() == Init)
            {
                Console.Error.WriteLine("Who started this kernel is gone; start it by Jupyter, or by a process that stays.");
                return SelmCommandLine.WrongInput;
            }
            start.Environment[KernelParent] = $"{getppid()}";
        }
        using var child = Process.Start(start)!;
        void Stop(PosixSignalContext signal) => Terminate(child); // this process ends by the signal's own action
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        child.WaitForExit();
        return child.ExitCode;
    }

    // By TERM, so that it can end the process of the notebook that is running.
    private static void Terminate(Process child)
    {
        if (OperatingSystem.IsWindows())
        {
            child.Kill();
            return;
        }
        const int Term = 15;
        _ = kill(child.Id, Term);
    }

    [LibraryImport("libc")]
    private static partial int getppid();

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
