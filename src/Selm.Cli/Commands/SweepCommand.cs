using System.CommandLine;
using System.Globalization;
using Selm.HuggingFace.Models;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm sweep</c>: a grid of runs, on this machine or as job arrays of Slurm.</summary>
internal static class SweepCommand
{
    private const int LargestArray = 1000; // Slurm's own default is 1001; larger sweeps have several cells in a task
    private const int ShortCells = 8; // of the lab in a task: they take seconds, and the first of a process compiles the code for all

    public static Command Create()
    {
        var spec = new Argument<string>("SPEC.yaml") { Description = "The sweep: name, recipe or lab, grid; optional cores, memory, slurm" };
        var engine = Values.Text("--engine", "local|slurm", "local: processes on this machine; slurm: a job array", "local");
        var output = Values.OptionalText("--out", "DIR", "The sweep's folder; what is there already is kept (default: data/runs/NAME of the sweep)");
        var jobs = Values.Whole("--jobs", "N", "Cells at a time; 0: as many as have room here, or as Slurm likes", 0);
        var cache = Values.OptionalText("--cache", "DIR", "What cells share and results of lab cells (default: cache in the sweep's folder); data/runs/reproduce is that of selm reproduce");
        var models = Values.Text("--models", "DIR", "Base models and rankers of the lab", RunFolderOptions.LabModels);
        var device = Values.Text("--device", "cpu|cuda|cuda:N", "Where cells of the lab compute; recipes say it themselves", "cpu");
        var anyMachine = Values.Switch("--allow-different-machine", "Let runs go on under another processor or other libraries; the last bits may differ");
        var command = new CliCommand(
            "sweep",
            "Runs a recipe or cells of the lab under every combination of a grid, here or on a cluster.",
            [
                "selm sweep alphas.yaml",
                "selm sweep alphas.yaml --engine slurm --out data/runs/alphas",
                "selm sweep status data/runs/alphas",
                "selm sweep collect data/runs/alphas",
            ],
            """
            SPEC.yaml:
              name: alphas
              recipe: zephyr-selm              # or a file or a list; or, for the lab, lab: {method: selm, ranker: model}
              grid: {loss.alpha: [0, 0.001, 0.01], seed: [1, 2, 3]}
              cores: 4                         # of one cell, as memory: 16G
              slurm: {partition: gpu, account: me, time: 4:00:00, gpus: 1, extra: [--constraint=a100]}
            Every cell has a folder DIR/cells/NAME-HASH with its recipe, its log and its run; what it is stays fixed. The same command
            goes on with what is not finished: cells that were killed, those that failed, and new ones. With --engine slurm it submits
            them as one job array and returns; a task that Slurm requeues goes on from its checkpoint.
            """)
        {
            spec, engine, output, jobs, cache, models, device, anyMachine,
            SweepViews.Status(), SweepViews.Collect(), SweepViews.Logs(), SweepViews.Cancel(),
        };
        command.SetAction(parsed =>
        {
            var file = parsed.GetRequiredValue(spec);
            var sweep = SweepSpec.Read(file);
            foreach (var cell in sweep.Cells.Where(cell => cell.Recipe is not null))
            {
                Named($"{file} (cell {cell.Name})", () => RunFolderOptions.Check(cell.Recipe!));
            }
            var slurm = IsSlurm(parsed.GetValue(engine)!);
            var root = parsed.GetValue(output) ?? Path.Combine("data", "runs", sweep.Name);
            var place = parsed.GetValue(device)!;
            if (!slurm)
            {
                DeviceName.Parse(place);
            }
            var cores = Cores(sweep);
            var atOnce = parsed.GetValue(jobs) is > 0 and var most ? most : slurm ? (int?)null : Room(sweep, cores, place);
            var folder = SweepFolder.Write(root, sweep.Cells, cells => new SweepRecord(
                sweep.Name, sweep.Cells[0].Lab is not null, cells, Path.GetFullPath(parsed.GetValue(cache) ?? Path.Combine(root, "cache")), Path.GetFullPath(parsed.GetValue(models)!), place, cores)
            {
                AllowDifferentMachine = parsed.GetValue(anyMachine),
            });
            return slurm
                ? Submit(folder, sweep.Slurm, sweep.Memory, atOnce, left => [.. left.Chunk(Math.Max(TakesSeconds(sweep) ? ShortCells : 1, ((left.Count - 1) / LargestArray) + 1))])
                : Run(folder, atOnce!.Value);
        });
        return command;
    }

    /// <summary>Whether an engine is Slurm.</summary>
    /// <exception cref="InputException">There is no such engine.</exception>
    public static bool IsSlurm(string engine) => engine switch
    {
        "slurm" => true,
        "local" => false,
        _ => throw new InputException($"--engine must be local or slurm but is '{engine}'; selm sweep --help shows examples."),
    };

    /// <summary>Submits what is neither finished nor in Slurm's queue.</summary>
    /// <param name="folder">The sweep.</param>
    /// <param name="request">What one task needs.</param>
    /// <param name="memory">Memory of one task [bytes], or null.</param>
    /// <param name="atOnce">Tasks at a time, or null.</param>
    /// <param name="tasks">From cells to tasks.</param>
    public static int Submit(SweepFolder folder, SlurmRequest request, long? memory, int? atOnce, Func<IReadOnlyList<SweepCellEntry>, IReadOnlyList<IReadOnlyList<SweepCellEntry>>> tasks)
    {
        var slurm = new SweepSlurm(folder);
        var queue = slurm.Queue();
        var left = Left(folder);
        var free = left.Where(cell => !queue.ContainsKey(cell.Folder)).ToArray();
        if (free.Length == 0)
        {
            Console.WriteLine(left.Count == 0 ? Sentence(folder, "") : $"All {left.Count} cells that are left are in Slurm's queue already; selm sweep status {folder.Root} shows them.");
            return left.Count == 0 && Failures(folder) > 0 ? SelmCommandLine.Failure : SelmCommandLine.Success;
        }
        var array = tasks(free);
        var job = slurm.Submit(array, request, folder.Record.Cores, memory, [.. CellProcess.Program, SweepCellsCommand.Name], atOnce);
        Console.WriteLine($"Submitted {Counted(free.Length, "cell")} as job array {job} ({Counted(array.Count, "task")}); selm sweep status {folder.Root} shows them, the same command submits again what failed.");
        return SelmCommandLine.Success;
    }

    /// <summary>Runs what is not finished on this machine.</summary>
    /// <param name="folder">The sweep.</param>
    /// <param name="jobs">Cells at a time.</param>
    public static int Run(SweepFolder folder, int jobs)
    {
        var left = Left(folder);
        if (left.Count > 0)
        {
            ProgressView.Run(progress =>
            {
                SweepLocal.Run(folder, left, jobs, progress, Interrupt.Token);
                return left.Count;
            });
        }
        var failures = Failures(folder);
        Console.WriteLine(Sentence(folder, $"; selm sweep collect {folder.Root} makes their table"));
        return failures > 0 ? SelmCommandLine.Failure : SelmCommandLine.Success;
    }

    /// <summary>"12 cells: 11 finished, 1 failed".</summary>
    public static string Counts(IEnumerable<SweepStatus> states)
    {
        var all = states.ToArray();
        return $"{Counted(all.Length, "cell")}: {string.Join(", ", all.GroupBy(state => state).OrderByDescending(group => group.Key).Select(group => $"{group.Count()} {group.Key.ToString().ToLowerInvariant()}"))}";
    }

    private static string Sentence(SweepFolder folder, string more) => $"{Counts(folder.Record.Cells.Select(cell => folder.StateOf(cell).Status))}{more}.";

    // Names every cell that failed, on standard error, with why.
    private static int Failures(SweepFolder folder)
    {
        var failed = folder.Record.Cells.Select(cell => (cell, State: folder.StateOf(cell))).Where(one => one.State.Status == SweepStatus.Failed).ToArray();
        foreach (var (cell, state) in failed)
        {
            Console.Error.WriteLine($"{cell.Name} failed: {state.Why}{(state.Final ? " (This is its result; another try would repeat it.)" : "")}");
        }
        return failed.Length;
    }

    /// <summary>The cells that have no result yet.</summary>
    public static IReadOnlyList<SweepCellEntry> Left(SweepFolder folder) =>
        [.. folder.Record.Cells.Where(cell => folder.StateOf(cell) is not ({ Status: SweepStatus.Finished } or { Final: true }))];

    private static string Counted(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static bool TakesSeconds(SweepSpec sweep) => sweep.Cells.All(cell => cell.Lab is { Budget: LabBudget.Lab or LabBudget.Smoke });

    private static int Cores(SweepSpec sweep)
    {
        var threads = sweep.Cells.Max(cell => cell.Recipe?.Threads ?? 1);
        return sweep.Cores is { } given && given < threads
            ? throw new InputException($"The sweep {sweep.Name} gives a cell {given} cores, but a recipe of it asks for {threads} threads; raise cores or lower threads.")
            : sweep.Cores ?? Math.Max(1, threads);
    }

    // As many cells as have cores and memory; one where they share a GPU.
    private static int Room(SweepSpec sweep, int cores, string device)
    {
        if (sweep.Cells.Any(cell => (cell.Recipe?.Device ?? device) != "cpu"))
        {
            return 1;
        }
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return sweep.Memory > total
            ? throw new InputException($"The sweep {sweep.Name} gives a cell {Wording.Bytes(sweep.Memory.Value)} of memory, but this machine has {Wording.Bytes(total)}; lower memory, or take --engine slurm.")
            : (int)Math.Max(1, Math.Min(Environment.ProcessorCount / cores, sweep.Memory is { } memory ? total / memory : int.MaxValue));
    }

    private static void Named(string what, Action check)
    {
        try
        {
            check();
        }
        catch (InputException e)
        {
            throw new InputException($"{what}: {e.Message}", e);
        }
    }
}
