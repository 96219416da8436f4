// One notebook runs in this process; of several each gets a process of its own, so that none sees what another has loaded.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Selm.Notebooks.Running;

namespace Selm.Notebooks.Commands;

/// <summary><c>run</c>: executes notebooks without a front end.</summary>
internal static class RunNotebooksCommand
{
    private const double DefaultTimeout = 600;

    public static Command Create()
    {
        var files = new Argument<string[]>("FILES") { Description = "Notebooks, or folders of them", DefaultValueFactory = _ => ["notebooks"], Arity = ArgumentArity.ZeroOrMore };
        var check = new Option<bool>("--check") { Description = "Write nothing; compare with the outputs in the file, times and ids masked; cells tagged 'volatile' are not compared" };
        var output = new Option<string?>("--out") { Description = "Write the executed notebooks into this folder instead of over the old ones", HelpName = "DIR" };
        var parameters = new Option<string[]>("--parameter") { Description = "A value for a variable of the cell tagged 'parameters'; may be repeated", HelpName = "NAME=VALUE" };
        var timeout = new Option<double>("--timeout") { Description = "The longest that a cell may take", HelpName = "SECONDS", DefaultValueFactory = _ => DefaultTimeout };
        var command = new Command("run", "Executes notebooks, each in a fresh process, and stops at the first error.") { files, check, output, parameters, timeout };
        command.SetAction(parsed =>
        {
            var notebooks = NotebookFiles.ToRun(parsed.GetRequiredValue(files));
            var options = new Options(
                parsed.GetValue(check), parsed.GetValue(output), [.. (parsed.GetValue(parameters) ?? []).Select(Pair)], parsed.GetValue(timeout));
            if (!(options.Timeout > 0 && options.Timeout < int.MaxValue / 1000.0))
            {
                throw new NotebookException("--timeout is a number of seconds above 0.");
            }
            return notebooks is [var only] ? RunHere(only, options) : RunEach(notebooks, options);
        });
        return command;
    }

    private sealed record Options(bool Check, string? Out, IReadOnlyList<KeyValuePair<string, string>> Parameters, double Timeout);

    private static int RunHere(NotebookFile notebook, Options options)
    {
        var target = options.Out is null ? notebook.Path : Path.Combine(options.Out, notebook.Relative);
        var done = NotebookRun.Execute(notebook.Path, new(options.Check, target, options.Parameters, options.Timeout), Console.Out);
        return done ? Program.Success : Program.Failure;
    }

    private static int RunEach(IReadOnlyList<NotebookFile> notebooks, Options options)
    {
        var failed = 0;
        foreach (var notebook in notebooks)
        {
            var code = RunAlone(notebook, options);
            if (code is not (Program.Success or Program.Failure or Program.WrongInput))
            {
                Console.Error.WriteLine($"{notebook.Path}: its process ended with exit code {code}.");
            }
            if (code != Program.Success && !options.Check)
            {
                return code == Program.WrongInput ? code : Program.Failure;
            }
            failed += code == Program.Success ? 0 : 1;
        }
        Console.WriteLine(failed == 0 ? $"{notebooks.Count} notebooks done" : $"{failed} of {notebooks.Count} notebooks failed");
        return failed == 0 ? Program.Success : Program.Failure;
    }

    private static int RunAlone(NotebookFile notebook, Options options)
    {
        string[] arguments =
        [
            "run", notebook.Path, .. options.Check ? ["--check"] : Array.Empty<string>(),
            .. options.Out is null ? [] : new[] { "--out", Path.GetDirectoryName(Path.Combine(options.Out, notebook.Relative))! },
            .. options.Parameters.SelectMany(pair => new[] { "--parameter", $"{pair.Key}={pair.Value}" }),
            "--timeout", options.Timeout.ToString(CultureInfo.InvariantCulture),
        ];
        using var child = Process.Start(Program.Itself(arguments))!;
        void Stop(PosixSignalContext signal) => child.Kill(); // both end together; this process by the signal's own action
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        child.WaitForExit();
        return child.ExitCode;
    }

    private static KeyValuePair<string, string> Pair(string text) => text.Split('=', 2) is [var name, var value] && name != ""
        ? new(name, value)
        : throw new NotebookException($"--parameter '{text}' is not of the form NAME=VALUE.");
}
