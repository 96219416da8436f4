using System.Text.Json;
using Selm.Cli.Commands;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>Runs cells of the lab side by side, in processes with one thread.</summary>
internal static class LabJobs
{
    /// <summary>Results in the order of the specs; finished cells are only read.</summary>
    /// <remarks>
    /// A process that ends without a result marks its cell failed for this call; nothing is recorded, so the next call tries it again.
    /// </remarks>
    /// <param name="specs">The cells; equal ones are computed once.</param>
    /// <param name="jobs">Processes at a time, at least 1.</param>
    /// <param name="modelsFolder">Base models and rankers.</param>
    /// <param name="cacheFolder">Results and shared stages.</param>
    /// <param name="progress">Is told about finished cells.</param>
    /// <param name="device">Where each of them computes: cpu, cuda or cuda:N.</param>
    /// <param name="cancellation">Ends the processes; finished cells stay.</param>
    public static IReadOnlyList<LabCellResult> Run(
        IReadOnlyList<LabCellSpec> specs, int jobs, string modelsFolder, string cacheFolder, IProgress<StepProgress>? progress = null,
        string device = "cpu", CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(jobs, 1);
        var cells = specs.Select(spec => spec.Resolved()).ToArray();
        var results = new Dictionary<string, LabCellResult>(StringComparer.Ordinal);
        var pending = new List<LabCellSpec>();
        var ready = new HashSet<string>(StringComparer.Ordinal);
        foreach (var cell in cells.DistinctBy(cell => cell.Hash))
        {
            if (LabCells.Find(cell, cacheFolder) is { } finished)
            {
                results[cell.Hash] = finished;
                ready.UnionWith(LabCells.SharedStages(cell));
            }
            else
            {
                pending.Add(cell);
            }
        }
        var total = pending.Count + results.Count;
        var pool = new CellPool<LabCellSpec>(jobs, () => new CellProcess(1, LabCellCommand.Name, "--spec", LabCellCommand.Many, "--cache", cacheFolder, "--models", modelsFolder, "--device", device))
        {
            Stages = LabCells.SharedStages,
        };
        pool.Run(pending, ready, cell => JsonSerializer.Serialize(cell, JsonFormat.Line), Collect, cancellation);
        return [.. cells.Select(cell => results[cell.Hash])];

        void Collect(LabCellSpec cell, string? answer, CellProcess process)
        {
            results[cell.Hash] = Result(cell, cacheFolder, process.LastError ?? "The process gave no result.");
            progress?.Report(new StepProgress("lab cells", results.Count, total, $"{cell.Name}{(results[cell.Hash].Failure is null ? "" : " failed")}"));
        }
    }

    private static LabCellResult Result(LabCellSpec cell, string cacheFolder, string otherwise)
    {
        try
        {
            return LabCells.Find(cell, cacheFolder) ?? Failed(otherwise);
        }
        catch (InputException e)
        {
            return Failed(e.Message);
        }

        LabCellResult Failed(string why) => new(cell, null, [], [], [], why);
    }
}
