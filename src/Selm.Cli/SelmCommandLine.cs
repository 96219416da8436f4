// The command line's contract: 0 = done; 2 = something a person gave is wrong (one sentence on stderr);
// 1 = a defect of the kit or of the machine (one line, the stack with --verbose); 3 = a training ran away to numbers
// that are not finite (one sentence); 130 = interrupted.
using System.CommandLine;
using System.CommandLine.Help;
using Selm.Cli.Commands;
using Selm.Research;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Cli;

/// <summary>The command <c>selm</c>: parses, runs, and turns every failure into an exit code and one sentence.</summary>
internal static class SelmCommandLine
{
    public const int Success = 0, Failure = 1, WrongInput = 2, Diverged = 3, Interrupted = 130;

    private static readonly Option<bool> verbose = new("--verbose")
    {
        Description = "Show the stack of an unexpected error",
        Recursive = true,
    };

    public static int Run(string[] args)
    {
        Interrupt.Watch();
        if (NotebooksCommand.PassesThrough(args))
        {
            return NotebooksCommand.Run(args[1..]);
        }
        var root = Build();
        var parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        if (parsed.Action is not ExamplesHelp && Usage.Problem(parsed) is { } problem)
        {
            Console.Error.WriteLine(problem);
            return WrongInput;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception e)
        {
            return Explain(Innermost(e), parsed.GetValue(verbose));
        }
    }

    private static RootCommand Build()
    {
        var root = new RootCommand("Self-Exploring Language Models (SELM): losses, sampling, ranking and training.")
        {
            DoctorCommand.Create(),
            TourCommand.Create(),
            ReproduceCommand.Create(),
            MakeDemoCommand.Create(),
            DataCommand.Create(),
            LogprobsCommand.Create(),
            MergeCommand.Create(),
            GenerateCommand.Create(),
            RankCommand.Create(),
            LossCommand.Create(),
            TrainCommand.Create(),
            RunCommand.Create(),
            StatusCommand.Create(),
            ShowCommand.Create(),
            NotebooksCommand.Create(),
            PlanCommand.Create(),
            BenchCommand.Create(),
            EvaluateCommand.Create(),
            SweepCommand.Create(),
            LabCellCommand.Create(),
            SweepCellsCommand.Create(),
        };
        root.Add(verbose);
        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion();
        root.Options.OfType<HelpOption>().Single().Action = new ExamplesHelp();
        root.SetAction(parsed =>
        {
            new ExamplesHelp().Invoke(parsed);
            return WrongInput;
        });
        return root;
    }

    private static int Explain(Exception error, bool stack)
    {
        Console.Error.WriteLine(Sentence(error, stack));
        return error switch
        {
            InputException or DllNotFoundException => WrongInput,
            DivergenceException => Diverged,
            StoppedException or OperationCanceledException => Interrupted,
            _ => Failure,
        };
    }

    /// <summary>A failure in one sentence.</summary>
    /// <param name="error">What was thrown.</param>
    /// <param name="stack">Whether an unexpected one is shown with its stack instead.</param>
    public static string Sentence(Exception error, bool stack = false) => Innermost(error) switch
    {
        InputException or DllNotFoundException or DivergenceException or StoppedException => Innermost(error).Message,
        OperationCanceledException => "Interrupted; what was finished is kept, nothing is half-written.",
        _ when stack => error.ToString(),
        var other => $"Unexpected error: {other.Message.Split('\n')[0].TrimEnd('.', '\r')} ({other.GetType().Name}); the same command with --verbose shows where.",
    };

    // A static constructor or a task wraps what really went wrong.
    private static Exception Innermost(Exception error) =>
        error is TypeInitializationException or AggregateException or System.Reflection.TargetInvocationException && error.InnerException is { } inner
            ? Innermost(inner)
            : error;

    private sealed class PrintVersion : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            Console.WriteLine($"selm {Provenance.KitVersion}{(Provenance.BuiltFrom is { } commit ? $" ({commit[..Math.Min(12, commit.Length)]})" : "")}");
            return Success;
        }
    }
}
