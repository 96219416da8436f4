// Each notebook gets a process of its own, so that none sees what another has loaded, and one whose stack overflows can be told.
using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Selm.Notebooks.Engine;
using Selm.Notebooks.Format;
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
        var journal = new Option<string?>("--journal") { Description = "Run here and note each cell in this file", Hidden = true };
        var command = new Command("run", "Executes notebooks, each in a fresh process, and stops at the first error.") { files, check, output, parameters, timeout, journal };
        command.SetAction(parsed =>
        {
            var notebooks = NotebookFiles.ToRun(parsed.GetRequiredValue(files));
            var options = new Options(
                parsed.GetValue(check), parsed.GetValue(output), [.. (parsed.GetValue(parameters) ?? []).Select(Pair)], parsed.GetValue(timeout));
            if (!(options.Timeout > 0 && options.Timeout < int.MaxValue / 1000.0))
            {
                throw new NotebookException("--timeout is a number of seconds above 0.");
            }
            return parsed.GetValue(journal) is { } file ? RunHere(notebooks[0], options, file) : RunEach(notebooks, options);
        });
        return command;
    }

    private sealed record Options(bool Check, string? Out, IReadOnlyList<KeyValuePair<string, string>> Parameters, double Timeout);

    private static int RunHere(NotebookFile notebook, Options options, string journal)
    {
        var done = NotebookRun.Execute(notebook.Path, new(options.Check, Target(notebook, options), options.Parameters, options.Timeout, journal), Console.Out);
        return done ? Program.Success : Program.Failure;
    }

    private static string Target(NotebookFile notebook, Options options) => options.Out is null ? notebook.Path : Path.Combine(options.Out, notebook.Relative);

    private static int RunEach(IReadOnlyList<NotebookFile> notebooks, Options options)
    {
        var failed = 0;
        foreach (var notebook in notebooks)
        {
            var code = RunAlone(notebook, options);
            if (code is not (Program.Success or Program.Failure or Program.WrongInput))
            {
                Console.Error.WriteLine($"{notebook.Path}: its process ended with exit code {code}.");
                code = Program.Failure;
            }
            if (code != Program.Success && !options.Check)
            {
                return code == Program.WrongInput ? code : Program.Failure;
            }
            failed += code == Program.Success ? 0 : 1;
        }
        if (notebooks.Count > 1)
        {
            Console.WriteLine(failed == 0 ? $"{notebooks.Count} notebooks done" : $"{failed} of {notebooks.Count} notebooks failed");
        }
        return failed == 0 ? Program.Success : Program.Failure;
    }

    private static int RunAlone(NotebookFile notebook, Options options)
    {
        var journal = Path.GetTempFileName();
        try
        {
            string[] arguments =
            [
                "run", notebook.Path, .. options.Check ? ["--check"] : Array.Empty<string>(),
                .. options.Out is null ? [] : new[] { "--out", Path.GetDirectoryName(Target(notebook, options))! },
                .. options.Parameters.SelectMany(pair => new[] { "--parameter", $"{pair.Key}={pair.Value}" }),
                "--timeout", options.Timeout.ToString(CultureInfo.InvariantCulture), "--journal", journal,
            ];
            using var child = new CellProcess(Program.Itself(arguments));
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, _ => child.Kill());
            var code = child.Wait(out var overflowed);
            return overflowed ? Overflowed(notebook, options, journal) : code;
        }
        finally
        {
            File.Delete(journal);
        }
    }

    // Says which cell it was, there too, and keeps what the cells before it have put out.
    private static int Overflowed(NotebookFile notebook, Options options, string journal)
    {
        var (number, outputs) = CellJournal.Read(journal);
        var sentence = $"cell {number} of {Path.GetFileName(notebook.Path)} overflowed the stack";
        var target = Target(notebook, options);
        if (!options.Check)
        {
            var kept = Notebook.Read(notebook.Path);
            Parameters.Apply(kept, options.Parameters);
            foreach (var cell in kept.Cells.Where(cell => cell.IsCode && cell.Number <= number))
            {
                cell.Outputs = outputs.TryGetValue(cell.Number, out var said) ? said : [Error(sentence)];
            }
            kept.Strip();
            kept.Write(target);
        }
        Console.WriteLine($"{notebook.Path}: {sentence} of {ScriptEngine.StackBytes >> 20} MB; a method that calls itself must come to an end"
            + (options.Check ? "." : $"; {target} has the outputs of the cells before it."));
        return Program.Failure;
    }

    private static JsonObject Error(string sentence) => new()
    {
        ["ename"] = "StackOverflow",
        ["evalue"] = sentence,
        ["output_type"] = "error",
        ["traceback"] = new JsonArray(sentence),
    };

    private static KeyValuePair<string, string> Pair(string text) => text.Split('=', 2) is [var name, var value] && name != ""
        ? new(name, value)
        : throw new NotebookException($"--parameter '{text}' is not of the form NAME=VALUE.");
}
