namespace Selm.Cli;

/// <summary>Gives cells to processes, so many at a time. A cell waits while another one computes a stage that both need.</summary>
/// <param name="jobs">Processes at a time, at least 1.</param>
/// <param name="start">Starts one.</param>
internal sealed class CellPool<T>(int jobs, Func<CellProcess> start)
    where T : notnull
{
    /// <summary>The stages that a cell shares with others, by name.</summary>
    public Func<T, IReadOnlyList<string>> Stages { get; init; } = _ => [];

    /// <summary>How long cells may take to stop when the work is cancelled.</summary>
    public TimeSpan Patience { get; init; }

    /// <summary>Runs all cells.</summary>
    /// <param name="cells">The cells, each once.</param>
    /// <param name="ready">Stages that are there already.</param>
    /// <param name="line">The line that names a cell to a process.</param>
    /// <param name="done">Is told what the process said, null where it ended instead; the process still has its last words.</param>
    /// <param name="cancellation">Stops the processes; finished cells stay.</param>
    public void Run(IReadOnlyList<T> cells, ISet<string> ready, Func<T, string> line, Action<T, string?, CellProcess> done, CancellationToken cancellation)
    {
        var pending = cells.ToList();
        var running = new List<(T Cell, CellProcess Process, Task<string?> Answer)>();
        var idle = new Stack<CellProcess>();
        try
        {
            while (pending.Count + running.Count > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                while (running.Count < jobs && pending.FindIndex(MayStart) is >= 0 and var next)
                {
                    var (cell, process) = (pending[next], idle.Count > 0 ? idle.Pop() : start());
                    pending.RemoveAt(next);
                    running.Add((cell, process, process.Ask(line(cell))));
                }
                var ended = Task.WhenAny(running.Select(job => job.Answer)).WaitAsync(cancellation).GetAwaiter().GetResult();
                var (over, worker, answer) = running.Single(job => job.Answer == ended);
                running.RemoveAll(job => job.Answer == ended);
                ready.UnionWith(Stages(over));
                done(over, answer.GetAwaiter().GetResult(), worker);
                if (worker.Ended)
                {
                    worker.Dispose();
                }
                else
                {
                    idle.Push(worker);
                }
            }
        }
        finally
        {
            Parallel.ForEach([.. running.Select(job => job.Process), .. idle], process => process.Stop(Patience));
        }

        bool MayStart(T cell) => !Stages(cell).Any(stage => !ready.Contains(stage) && running.Exists(job => Stages(job.Cell).Contains(stage)));
    }
}
