// Exit codes: 0 = done; 1 = a notebook failed or differs; 2 = something a person gave is wrong (one sentence on stderr).
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using Selm.Notebooks.Commands;

namespace Selm.Notebooks;

/// <summary>The program: a headless runner for C# notebooks, and a Jupyter kernel.</summary>
internal static class Program
{
    public const int Success = 0, Failure = 1, WrongInput = 2;

    public static int Main(string[] args)
    {
        var root = new RootCommand("Runs C# notebooks without a front end, and serves them to Jupyter as the kernel .net-csharp.")
        {
            RunNotebooksCommand.Create(),
            StripCommand.Create(),
            KernelCommands.CreateKernel(),
            KernelCommands.CreateInstall(),
        };
        var parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        if (Problem(parsed) is { } problem && parsed.Action is not System.CommandLine.Help.HelpAction)
        {
            Console.Error.WriteLine(problem);
            return WrongInput;
        }
        var errors = Console.Error; // cells take the console over
        try
        {
            var code = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
            Environment.Exit(code); // also when a cell has left threads behind
            return code;
        }
        catch (Exception e) when (e is NotebookException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine(e.Message);
            Environment.Exit(WrongInput);
            return WrongInput;
        }
    }

    // An option that the command does not have becomes one of its files.
    private static string? Problem(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        return parsed.UnmatchedTokens.Concat(parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value))
            .FirstOrDefault(token => token.StartsWith("--", StringComparison.Ordinal)) is { } unknown
            ? $"selm notebooks {command.Name} has no option '{unknown}'; it has {string.Join(", ", command.Options.Where(option => !option.Hidden).Select(option => option.Name))}."
            : parsed.Errors is [var first, ..] ? $"{first.Message.TrimEnd('.')}; --help shows what there is." : null;
    }

    /// <summary>How to start this program once more.</summary>
    public static ProcessStartInfo Itself(IEnumerable<string> arguments)
    {
        var process = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(process) == "dotnet"
            ? new(process, [Path.Combine(AppContext.BaseDirectory, "selm-notebooks.dll"), .. arguments])
            : new(process, arguments);
    }
}
