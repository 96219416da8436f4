using System.Globalization;
using System.Text.Json;
using Selm.Cli.Commands;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli;

/// <summary>Runs cells of a sweep on this machine, in processes that share its cores.</summary>
internal static class SweepLocal
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    /// <summary>Runs cells; each leaves its state in the folder.</summary>
    /// <param name="sweep">The sweep.</param>
    /// <param name="cells">Those that are not finished.</param>
    /// <param name="jobs">Processes at a time.</param>
    /// <param name="progress">Is told about every cell that is done.</param>
    /// <param name="cancellation">Asks the processes to stop; the same call goes on later.</param>
    public static void Run(SweepFolder sweep, IReadOnlyList<SweepCellEntry> cells, int jobs, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        var pid = PidFile(sweep);
        AtomicFile.WriteText(pid, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {Environment.MachineName}\n"));
        var (done, failed, stages) = (0, 0, Stages(sweep));
        var ready = sweep.Record.Cells.Except(cells).SelectMany(stages).ToHashSet(StringComparer.Ordinal);
        var pool = new CellPool<SweepCellEntry>(jobs, () => new CellProcess(sweep.Record.Cores, SweepCellsCommand.Name, sweep.Root, SweepCellsCommand.Many))
        {
            Stages = stages,
            Patience = patience,
        };
        try
        {
            progress.Report(new StepProgress("cells", 0, cells.Count));
            pool.Run(cells, ready, cell => cell.Folder, Done, cancellation);
        }
        finally
        {
            File.Delete(pid);
        }

        void Done(SweepCellEntry cell, string? answer, CellProcess process)
        {
            var state = answer is null ? Died(process) : JsonFormat.Read<SweepState>(System.Text.Encoding.UTF8.GetBytes(answer));
            if (answer is null)
            {
                sweep.Set(cell, state);
            }
            failed += state.Status == SweepStatus.Failed ? 1 : 0;
            progress.Report(new StepProgress("cells", ++done, cells.Count, $"{cell.Name}{(state.Status == SweepStatus.Finished ? "" : $" {state.Status.ToString().ToLowerInvariant()}")}{(failed > 0 ? $", {failed} failed" : "")}"));
        }
    }

    /// <summary>The process that sweeps the folder on this machine now, or null.</summary>
    public static int? Pid(SweepFolder sweep) =>
        File.Exists(PidFile(sweep)) && File.ReadAllText(PidFile(sweep)).Trim().Split(' ') is [var id, var machine] && machine == Environment.MachineName
        && int.TryParse(id, CultureInfo.InvariantCulture, out var pid) && LiveProcess.Is(pid) ? pid : null;

    private static string PidFile(SweepFolder sweep) => Path.Combine(sweep.Root, "local.pid");

    // Runs of recipes wait for each other where they must; cells of the lab are kept from it, so that their processes are not idle.
    private static Func<SweepCellEntry, IReadOnlyList<string>> Stages(SweepFolder sweep)
    {
        if (!sweep.Record.Lab)
        {
            return _ => [];
        }
        var stages = sweep.Record.Cells.ToDictionary(cell => cell.Folder, cell => LabCells.SharedStages(sweep.LabOf(cell)));
        return cell => stages[cell.Folder];
    }

    private static SweepState Died(CellProcess process) => new(SweepStatus.Failed)
    {
        Why = process.LastError ?? (process.ExitCode is 137 or 9 ? "Its process was killed, perhaps for want of memory." : $"Its process ended with exit code {process.ExitCode} and without a word."),
    };
}
