using System.Diagnostics;
using System.Text.Json;
using Selm.Cli.Commands;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>
/// Runs cells of the lab side by side, in processes with one thread. A process takes one cell after the other, because half of
/// a short cell's time goes into compiling the code it runs; one that ends takes only its own cell with it.
/// </summary>
internal static class LabJobs
{
    /// <summary>Results in the order of the specs; finished cells are only read.</summary>
    /// <remarks>
    /// A cell waits while another one computes a stage that both need. A process that ends without a result marks its cell
    /// failed for this call; nothing is recorded, so the next call tries it again.
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
        var pending = cells.DistinctBy(cell => cell.Hash).ToList();
        var ready = new HashSet<string>(StringComparer.Ordinal);
        foreach (var cell in pending.ToList())
        {
            if (LabCells.Find(cell, cacheFolder) is { } finished)
            {
                Collect(cell, finished);
            }
        }
        var total = pending.Count + results.Count;
        var running = new List<(LabCellSpec Spec, Worker Worker, Task<LabCellResult> Result)>();
        var idle = new Stack<Worker>();
        try
        {
            while (pending.Count + running.Count > 0)
            {
                while (running.Count < jobs && pending.Find(MayStart) is { } next)
                {
                    pending.Remove(next);
                    var worker = idle.Count > 0 ? idle.Pop() : new Worker(modelsFolder, cacheFolder, device);
                    running.Add((next, worker, worker.Run(next)));
                }
                var ended = Task.WhenAny(running.Select(job => job.Result)).WaitAsync(cancellation).GetAwaiter().GetResult();
                var done = running.Single(job => job.Result == ended);
                running.Remove(done);
                Collect(done.Spec, ended.GetAwaiter().GetResult());
                if (done.Worker.Ended)
                {
                    done.Worker.Dispose();
                }
                else
                {
                    idle.Push(done.Worker);
                }
                Report(done.Spec);
            }
        }
        finally
        {
            foreach (var worker in running.Select(job => job.Worker).Concat(idle))
            {
                worker.Dispose();
            }
        }
        return [.. cells.Select(cell => results[cell.Hash])];

        void Collect(LabCellSpec cell, LabCellResult result)
        {
            pending.Remove(cell);
            results[cell.Hash] = result;
            ready.UnionWith(LabCells.SharedStages(cell));
        }

        bool MayStart(LabCellSpec cell) => !LabCells.SharedStages(cell).Any(
            stage => !ready.Contains(stage) && running.Exists(job => LabCells.SharedStages(job.Spec).Contains(stage)));

        void Report(LabCellSpec cell)
        {
            progress?.Report(new StepProgress(
                "lab cells", total - pending.Count - running.Count, total, $"{cell.Name}{(results[cell.Hash].Failure is null ? "" : " failed")}"));
        }
    }

    // One process, which reads its cells from standard input; disposing it ends it where it still runs.
    private sealed class Worker : IDisposable
    {
        private readonly string cacheFolder;
        private readonly Process process;
        private string? lastError;

        public Worker(string modelsFolder, string cacheFolder, string device)
        {
            this.cacheFolder = cacheFolder;
            // The host that runs this program, which may be nowhere on the PATH, runs selm.dll.
            var host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
            var start = new ProcessStartInfo(host)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            string[] arguments =
                [Path.Combine(AppContext.BaseDirectory, "selm.dll"), LabCellCommand.Name, "--spec", LabCellCommand.Many, "--cache", cacheFolder, "--models", modelsFolder, "--device", device];
            Array.ForEach(arguments, start.ArgumentList.Add);
            start.Environment["OMP_NUM_THREADS"] = "1";
            start.Environment["DOTNET_TieredPGO"] = "0"; // profiling costs a process of seconds a seventh of its time where all cores are busy
            process = Process.Start(start)!;
            process.ErrorDataReceived += (_, line) => lastError = string.IsNullOrEmpty(line.Data) ? lastError : line.Data;
            process.BeginErrorReadLine();
        }

        public bool Ended { get; private set; }

        public async Task<LabCellResult> Run(LabCellSpec spec)
        {
            lastError = null;
            try
            {
                await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(spec, JsonFormat.Line));
                await process.StandardInput.FlushAsync();
            }
            catch (IOException)
            {
                // It ended between two cells; what it printed last says why.
            }
            Ended = await process.StandardOutput.ReadLineAsync() is null;
            if (Ended)
            {
                await process.WaitForExitAsync();
            }
            try
            {
                return LabCells.Find(spec, cacheFolder) ?? Failed(lastError ?? "The process gave no result.");
            }
            catch (InputException e)
            {
                return Failed(e.Message);
            }

            LabCellResult Failed(string why) => new(spec, null, [], [], [], why);
        }

        public void Dispose()
        {
            if (!process.HasExited)
            {
                process.Kill();
                process.WaitForExit();
            }
            process.Dispose();
        }
    }
}
