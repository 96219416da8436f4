using System.Collections.Concurrent;
using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Algorithm1;
using Selm.Research.Lab;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm sweep-cells</c>: cells of a sweep in this process, one after the other; what a job array and <see cref="SweepLocal"/> start. Not in the help.</summary>
internal static class SweepCellsCommand
{
    public const string Name = "sweep-cells";

    /// <summary>Instead of names: they come on standard input, one per line.</summary>
    public const string Many = "-";

    public static Command Create()
    {
        var folder = Values.Folder("DIR", "The folder of a sweep");
        var cells = new Argument<string[]>("CELL") { Description = "Names of cells; - reads them from standard input, one per line", Arity = ArgumentArity.OneOrMore };
        var command = new CliCommand(
            Name,
            "Runs cells of a sweep in this process, or continues them; what each prints goes to its log.txt.",
            [
                "selm sweep-cells data/runs/alphas alpha-0.001_seed-1",
            ])
        {
            folder, cells,
        };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            var sweep = SweepFolder.Read(parsed.GetRequiredValue(folder));
            return parsed.GetRequiredValue(cells) is [Many] ? Serve(sweep) : Run(sweep, parsed.GetRequiredValue(cells));
        });
        return command;
    }

    private static int Run(SweepFolder sweep, string[] cells)
    {
        var (threads, failed) = (Libtorch.Threads, false);
        foreach (var cell in cells.Select(sweep.Find))
        {
            var state = Run(sweep, cell, threads);
            failed |= state.Status == SweepStatus.Failed;
            if (state.Status == SweepStatus.Stopped)
            {
                return SelmCommandLine.Interrupted;
            }
        }
        return failed ? SelmCommandLine.Failure : SelmCommandLine.Success;
    }

    // Standard input ends when no cell is left. Where it ends in the middle of one, whoever named it is gone, and the cell is left for later.
    private static int Serve(SweepFolder sweep)
    {
        Interrupt.LeavesCtrlC = true;
        using var names = new BlockingCollection<string>();
        var unanswered = 0;
        new Thread(() =>
        {
            while (Console.In.ReadLine() is { } name)
            {
                Interlocked.Increment(ref unanswered);
                names.Add(name);
            }
            names.CompleteAdding();
            if (Volatile.Read(ref unanswered) > 0)
            {
                Interrupt.Stop();
            }
        }) { IsBackground = true }.Start();
        var threads = Libtorch.Threads;
        foreach (var name in names.GetConsumingEnumerable())
        {
            var state = Run(sweep, sweep.Find(name), threads);
            Interlocked.Decrement(ref unanswered);
            Console.WriteLine(JsonSerializer.Serialize(state, JsonFormat.Line));
            if (state.Status == SweepStatus.Stopped)
            {
                return SelmCommandLine.Interrupted;
            }
        }
        return SelmCommandLine.Success;
    }

    private static SweepState Run(SweepFolder sweep, SweepCellEntry cell, int threads)
    {
        using var held = sweep.Hold(cell, Interrupt.Token);
        if (sweep.StateOf(cell) is ({ Status: SweepStatus.Finished } or { Final: true }) and var done)
        {
            return done;
        }
        var running = new SweepState(SweepStatus.Running) { Where = Where() };
        sweep.Set(cell, running);
        var (output, error, clock) = (Console.Out, Console.Error, Stopwatch.StartNew());
        using var log = new StreamWriter(sweep.LogOf(cell), append: true) { AutoFlush = true };
        try
        {
            log.WriteLine($"{DateTime.UtcNow:u} {running.Where}");
            Console.SetOut(log);
            Console.SetError(log);
            var state = Attempt(sweep, cell, threads) with { Where = running.Where, Seconds = Math.Round(clock.Elapsed.TotalSeconds, 2) };
            log.WriteLine(state.Why ?? $"{state.Status}");
            sweep.Set(cell, state);
            return state;
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }
    }

    private static SweepState Attempt(SweepFolder sweep, SweepCellEntry cell, int threads)
    {
        try
        {
            if (sweep.Record.Lab)
            {
                Libtorch.Threads = 1;
                var result = ProgressView.Run(progress => LabCells.Run(
                    sweep.LabOf(cell), sweep.Record.Models, sweep.Record.Cache, progress, DeviceName.Parse(sweep.Record.Device), Interrupt.Token));
                return result.Failure is { } why ? new(SweepStatus.Failed) { Why = why, Final = true } : new(SweepStatus.Finished);
            }
            Libtorch.Threads = threads;
            RunFolderOptions.Run(new RunOptions(sweep.RecipeOf(cell), sweep.RunOf(cell), false, sweep.Record.AllowDifferentMachine, sweep.Record.Cache), sweep.Record.Models);
            return new(SweepStatus.Finished);
        }
        catch (OperationCanceledException)
        {
            return new(SweepStatus.Stopped);
        }
        catch (Exception e)
        {
            return new(SweepStatus.Failed) { Why = SelmCommandLine.Sentence(e) };
        }
    }

    private static string Where()
    {
        var job = Environment.GetEnvironmentVariable("SLURM_ARRAY_JOB_ID");
        return $"{Environment.MachineName} pid {Environment.ProcessId}{(job is null ? "" : $" job {job}_{Environment.GetEnvironmentVariable("SLURM_ARRAY_TASK_ID")}")}";
    }
}
