// A sweep on a cluster is a Slurm job array: a task takes a cell, or a few short ones after each other. Everything is asked of
// Slurm by its own commands, and what a cell has done is in its folder, so that no accounting is needed.
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>The job arrays of a sweep.</summary>
/// <param name="folder">The sweep.</param>
public sealed class SweepSlurm(SweepFolder folder)
{
    private const string TaskFiles = "*.tasks";

    // States of accounting that say no more than the cell's own files do.
    private static readonly string[] uninteresting = ["COMPLETED", "FAILED", "RUNNING", "PENDING", "REQUEUED"];

    private string Place => Path.Combine(folder.Root, "slurm");

    // Arrays that were submitted, oldest first: the job's number, the stem of its files, and the cells of each task.
    private (string Job, string Stem, string[][] Tasks)[] Arrays => Directory.Exists(Place)
        ? [.. Directory.GetFiles(Place, TaskFiles).Select(file => Path.ChangeExtension(file, null)).Where(stem => File.Exists(stem + ".job")).OrderBy(Number)
            .Select(stem => (File.ReadAllText(stem + ".job").Trim(), stem, File.ReadAllLines(stem + ".tasks").Select(line => line.Split(' ')).ToArray()))]
        : [];

    /// <summary>Submits a job array.</summary>
    /// <param name="tasks">The cells of each task.</param>
    /// <param name="request">What one task needs.</param>
    /// <param name="cores">Cores of one task, where the request does not say.</param>
    /// <param name="memory">Memory of one task [bytes], where the request does not say; null for the cluster's default.</param>
    /// <param name="command">The words that start the worker, without the sweep's folder and the cells.</param>
    /// <param name="atOnce">Tasks at a time; null for as many as Slurm likes.</param>
    /// <returns>Slurm's number of the job.</returns>
    /// <exception cref="InputException">Slurm is not there or refuses, in its own words.</exception>
    public string Submit(IReadOnlyList<IReadOnlyList<SweepCellEntry>> tasks, SlurmRequest request, int cores, long? memory, IReadOnlyList<string> command, int? atOnce)
    {
        Directory.CreateDirectory(Place);
        var stem = Path.Combine(Place, (Directory.GetFiles(Place, TaskFiles).Select(Number).DefaultIfEmpty(0).Max() + 1).ToString(CultureInfo.InvariantCulture));
        AtomicFile.WriteText(stem + ".tasks", string.Concat(tasks.Select(task => string.Join(' ', task.Select(cell => cell.Folder)) + "\n")));
        AtomicFile.WriteText(stem + ".sh", Script(stem, tasks.Count, request, request.Cpus ?? cores, memory, command, atOnce));
        var (code, output, error) = Ask("sbatch", "--parsable", $"--output={stem}-%a.out", stem + ".sh");
        if (code != 0)
        {
            File.Delete(stem + ".tasks");
            throw new InputException($"Slurm refused the job array: {Sentence("sbatch", error)}. Nothing was submitted; correct slurm: of the sweep's file.");
        }
        var job = output.Trim().Split(';')[0];
        AtomicFile.WriteText(stem + ".job", job + "\n");
        return job;
    }

    /// <summary>The cells that Slurm has in its queue: folder names with PENDING, RUNNING, COMPLETING, ...</summary>
    /// <exception cref="InputException">Slurm does not answer.</exception>
    public IReadOnlyDictionary<string, string> Queue()
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        if (Arrays is not { Length: > 0 } arrays)
        {
            return found;
        }
        var (code, output, error) = Ask("squeue", "--noheader", "--array", "--me", "--format=%F %K %T");
        if (code != 0)
        {
            throw new InputException($"Slurm does not answer: {Sentence("squeue", error)}. Cells that it runs go on; ask again later.");
        }
        foreach (var words in Lines(output).Select(line => line.Split(' ')).Where(words => words.Length == 3))
        {
            var array = Array.Find(arrays, array => array.Job == words[0]);
            if (array.Tasks is not null && int.TryParse(words[1], CultureInfo.InvariantCulture, out var task) && task < array.Tasks.Length)
            {
                foreach (var cell in array.Tasks[task])
                {
                    found[cell] = words[2];
                }
            }
        }
        return found;
    }

    /// <summary>What ended the last task of every cell, where Slurm keeps accounts and has a word for it: TIMEOUT, OUT_OF_MEMORY, NODE_FAIL, CANCELLED.</summary>
    public IReadOnlyDictionary<string, string> Ends()
    {
        var ends = new Dictionary<string, string>(StringComparer.Ordinal);
        var arrays = Arrays;
        if (arrays.Length == 0 || !Exists("sacct"))
        {
            return ends;
        }
        var (code, output, _) = Ask("sacct", "--noheader", "--parsable2", "--allocations", $"--jobs={string.Join(',', arrays.Select(array => array.Job))}", "--format=JobID,State");
        if (code != 0)
        {
            return ends; // accounting is switched off here
        }
        var states = Lines(output).Select(line => line.Split('|')).Where(words => words.Length == 2).GroupBy(words => words[0]).ToDictionary(group => group.Key, group => group.Last()[1].Split(' ')[0]);
        foreach (var (job, _, tasks) in arrays)
        {
            foreach (var (k, task) in tasks.Index())
            {
                if (states.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"{job}_{k}"), out var state) && !uninteresting.Contains(state))
                {
                    Array.ForEach(task, cell => ends[cell] = state);
                }
            }
        }
        return ends;
    }

    /// <summary>Takes what is left of the sweep's job arrays out of Slurm's queue; what runs is asked to stop and can go on later.</summary>
    /// <returns>How many cells were taken back.</returns>
    /// <exception cref="InputException">Slurm does not answer or refuses.</exception>
    public int Cancel()
    {
        var queue = Queue();
        if (queue.Count == 0)
        {
            return 0;
        }
        var (code, _, error) = Ask("scancel", [.. Arrays.Where(array => array.Tasks.Any(task => task.Any(queue.ContainsKey))).Select(array => array.Job)]);
        return code == 0 ? queue.Count : throw new InputException($"Slurm cancelled nothing: {Sentence("scancel", error)}.");
    }

    /// <summary>What tasks of a cell wrote past its log, newest last: a crash, or Slurm's own words about time and memory.</summary>
    /// <param name="cell">The cell.</param>
    public IReadOnlyList<string> OutputsOf(SweepCellEntry cell) =>
    [
        .. from array in Arrays
           from task in Enumerable.Range(0, array.Tasks.Length)
           let file = string.Create(CultureInfo.InvariantCulture, $"{array.Stem}-{task}.out")
           where array.Tasks[task].Contains(cell.Folder) && File.Exists(file) && new FileInfo(file).Length > 0
           select file,
    ];

    // Slurm's words take the place of what #SBATCH says where SBATCH_PARTITION and its like are set.
    private string Script(string stem, int tasks, SlurmRequest request, int cores, long? memory, IReadOnlyList<string> command, int? atOnce)
    {
        (string Option, string? Value)[] options =
        [
            ("job-name", $"selm-{folder.Record.Name}"),
            ("array", string.Create(CultureInfo.InvariantCulture, $"0-{tasks - 1}{(atOnce is { } most ? $"%{most}" : "")}")),
            ("open-mode", "append"),
            ("signal", "B:TERM@60"),
            ("cpus-per-task", cores.ToString(CultureInfo.InvariantCulture)),
            ("mem", request.Memory ?? (memory is { } bytes ? string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, bytes >> 20)}M") : null)),
            ("partition", request.Partition),
            ("account", request.Account),
            ("time", request.Time),
            ("gpus", request.Gpus),
        ];
        var text = new StringBuilder("#!/bin/bash\n#SBATCH --requeue\n");
        foreach (var (option, value) in options.Where(option => option.Value is not null))
        {
            text.Append(CultureInfo.InvariantCulture, $"#SBATCH --{option}={value}\n");
        }
        foreach (var extra in request.Extra)
        {
            text.Append(CultureInfo.InvariantCulture, $"#SBATCH {extra}\n");
        }
        return text.Append(CultureInfo.InvariantCulture, $"""

            # One minute before its time is up, and on scancel, the task gets SIGTERM: its cell stops after a step and goes on from its
            # checkpoint when the array is submitted again. selm takes the shell's place, so that the signal reaches it.
            export OMP_NUM_THREADS={cores} DOTNET_TieredPGO=0
            mapfile -t tasks <{Quoted(stem + ".tasks")}
            exec {string.Join(' ', command.Select(Quoted))} {Quoted(folder.Root)} {"${tasks[SLURM_ARRAY_TASK_ID]}"}

            """).ToString();
    }

    private static (int Code, string Output, string Error) Ask(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error.GetAwaiter().GetResult());
        }
        catch (Win32Exception e)
        {
            throw new InputException($"{program} was not found, so there is no Slurm here; start this on a machine that submits jobs, or take --engine local.", e);
        }
    }

    private static bool Exists(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(place => place.Length > 0 && File.Exists(Path.Combine(place, program)));

    // "sbatch: error: Batch job submission failed: ..." without what every line begins with.
    private static string Sentence(string program, string error) => Lines(error).Select(line => line.Replace($"{program}: ", "", StringComparison.Ordinal).Replace("error: ", "", StringComparison.Ordinal)).ToArray()
        is { Length: > 0 } lines ? string.Join("; ", lines).TrimEnd('.') : $"{program} failed without a word";

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static int Number(string file) => int.TryParse(Path.GetFileNameWithoutExtension(file), CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string Quoted(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
