// A run folder is a state machine on disk:
//   run.json              what the run is: recipe, input hashes, machine facts, kit version, commit, the day of its start
//   run.lock              held (flock) by the one process that writes here; freed by the system when that process dies
//   run.pid               that process and since when, for people (the lock file itself cannot be read while it is held)
//   stages/NAME.json      a stage is finished: its outputs and their hashes; written last, after the outputs themselves
//   metrics.jsonl         one line per optimiser step or evaluation (and where memory made passes smaller), cut back to the last checkpoint on resume
// The same command on an existing folder skips what is done. Everything else in the folder belongs to the stages.
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>
/// The folder of one run, open for writing by one process. Opening an existing folder with another recipe, input or
/// machine is refused with the exact difference.
/// </summary>
public sealed class RunFolder : IDisposable
{
    private const string PidFile = "run.pid";

    private readonly FileStream runLock;
    private readonly HashSet<string> verified = [];

    private RunFolder(string root, DateOnly started, FileStream runLock)
    {
        (Root, Started) = (root, started);
        this.runLock = runLock;
        Metrics = new MetricsLog(PathOf("metrics.jsonl"));
    }

    /// <summary>The folder.</summary>
    public string Root { get; }

    /// <summary>The day on which the run was started, by the clock of that machine: the date of the run, whenever it is continued.</summary>
    public DateOnly Started { get; }

    /// <summary>Whether the folder existed as a run before it was opened.</summary>
    public bool Resumed { get; private init; }

    /// <summary>The run's metrics, appended line by line.</summary>
    public MetricsLog Metrics { get; }

    /// <summary>Opens a folder for a run: creates it, or continues the run in it.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="recipeJson">The recipe as canonical JSON (an object).</param>
    /// <param name="inputHashes">SHA-256 of every input by name: base model, tokenizer, data, ranker.</param>
    /// <param name="machine">Facts that can change the last bits of a result: threads, BLAS, CPU kernel, libtorch.</param>
    /// <param name="resume">Demand that the run exists already.</param>
    /// <param name="allowDifferentMachine">Continue under other machine facts or another kit version; they are recorded.</param>
    /// <param name="started">What <see cref="StartOf"/> says, where it was asked already.</param>
    /// <exception cref="InputException">Another process runs there; the recipe, an input or the machine differs; the
    /// folder holds something else; <paramref name="resume"/> and there is no run; the folder is not writable.</exception>
    public static RunFolder Open(
        string folder,
        string recipeJson,
        IReadOnlyDictionary<string, string> inputHashes,
        IReadOnlyDictionary<string, string> machine,
        bool resume = false,
        bool allowDifferentMachine = false,
        DateOnly? started = null)
    {
        IsThere(folder, resume);
        var root = Path.GetFullPath(folder);
        var runFile = Path.Combine(root, "run.json");
        var runLock = Lock(root);
        try
        {
            AtomicFile.DeleteStaleTemps(root);
            using var recipe = JsonDocument.Parse(recipeJson);
            var now = new RunIdentity(
                recipe.RootElement.Clone(),
                RunIdentity.Sorted(inputHashes),
                RunIdentity.Sorted(machine.Append(new("kit", Provenance.KitVersion))),
                Provenance.BuiltFrom,
                [],
                started ?? StartOf(root));
            var existed = File.Exists(runFile);
            var isWritten = false;
            if (existed)
            {
                var before = RunIdentity.Read(runFile);
                now = before.Continue(now, root, allowDifferentMachine) with { Started = before.Started ?? now.Started };
                isWritten = now == before;
            }
            if (!isWritten)
            {
                AtomicFile.WriteJson(runFile, now);
            }
            return new RunFolder(root, now.Started!.Value, runLock) { Resumed = existed };
        }
        catch
        {
            runLock.Dispose();
            throw;
        }
    }

    /// <summary>Whether a folder holds a run that can be continued; nothing is made or changed.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="resume">Demand that the run exists.</param>
    /// <exception cref="InputException">There is none and <paramref name="resume"/> demands one, or the folder holds something else.</exception>
    public static bool IsThere(string folder, bool resume = false)
    {
        if (string.IsNullOrWhiteSpace(folder) || folder.Contains('\0', StringComparison.Ordinal))
        {
            throw new InputException($"'{folder.Replace("\0", "", StringComparison.Ordinal)}' is no name of a folder; give one such as data/runs/mine.");
        }
        var root = Path.GetFullPath(folder);
        var runFile = Path.Combine(root, "run.json");
        try
        {
            RefuseUnlessRunOrEmpty(root, runFile, resume);
        }
        catch (UnauthorizedAccessException e)
        {
            throw AtomicFile.NotWritten(root, e);
        }
        return File.Exists(runFile);
    }

    /// <summary>The day that a run in this folder has for its start: the one that it keeps, or today for a run that is not there yet.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <exception cref="InputException">run.json is damaged.</exception>
    public static DateOnly StartOf(string folder)
    {
        var runFile = Path.Combine(folder, "run.json");
        return (File.Exists(runFile) ? RunIdentity.Read(runFile).Started : null) ?? DateOnly.FromDateTime(DateTime.Today);
    }

    /// <summary>The full path of a file of the run, given by its parts.</summary>
    public string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    /// <summary>Whether a stage is finished; the first time it is asked, its outputs are hashed and compared.</summary>
    /// <param name="stage">The stage's name: letters, digits, '-', '_' and '.', e.g. "iteration-2.rank".</param>
    /// <exception cref="InputException">An output of the finished stage is gone or was changed.</exception>
    public bool IsDone(string stage)
    {
        var marker = MarkerOf(stage);
        if (verified.Contains(stage))
        {
            return true;
        }
        if (!File.Exists(marker))
        {
            return false;
        }
        foreach (var (name, hash) in ReadOutputs(marker))
        {
            var path = PathOf(name);
            var wrong = !File.Exists(path) ? "is gone" : ContentHash.OfFile(path) != hash ? "was changed" : null;
            if (wrong is not null)
            {
                throw new InputException(
                    $"{path} {wrong} since stage '{stage}' finished; restore it, or delete {marker} and the later stages to do them again.");
            }
        }
        verified.Add(stage);
        return true;
    }

    /// <summary>Marks a stage as finished. Its outputs must be on disk; their hashes are recorded.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="outputs">Files of the run that later stages read, relative to <see cref="Root"/>.</param>
    /// <exception cref="InputException">An output is missing or the marker cannot be written.</exception>
    public void MarkDone(string stage, params IEnumerable<string> outputs)
    {
        var hashes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in outputs)
        {
            hashes[name] = ContentHash.OfFile(PathOf(name));
        }
        AtomicFile.WriteJson(MarkerOf(stage), new { Stage = stage, Outputs = hashes });
        verified.Add(stage);
    }

    /// <summary>Runs a stage unless it is finished, then marks it.</summary>
    /// <param name="stage">The stage's name.</param>
    /// <param name="outputs">The files it writes, relative to <see cref="Root"/>.</param>
    /// <param name="work">Writes them, atomically each.</param>
    /// <returns>Whether the work was done now.</returns>
    /// <exception cref="InputException">As <see cref="IsDone"/> and <see cref="MarkDone"/>.</exception>
    public bool Stage(string stage, IEnumerable<string> outputs, Action work)
    {
        if (IsDone(stage))
        {
            return false;
        }
        work();
        MarkDone(stage, outputs);
        return true;
    }

    /// <summary>The recorded hashes of a finished stage's outputs, by relative name.</summary>
    /// <exception cref="InputException">The stage is not finished, or an output is gone or was changed.</exception>
    public IReadOnlyDictionary<string, string> OutputsOf(string stage) => IsDone(stage)
        ? ReadOutputs(MarkerOf(stage))
        : throw new InputException($"{MarkerOf(stage)} does not exist: stage '{stage}' of that run is not finished; run it first.");

    /// <summary>Closes the metrics and frees the lock.</summary>
    public void Dispose()
    {
        Metrics.Dispose();
        File.Delete(PathOf(PidFile));
        runLock.Dispose();
    }

    private string MarkerOf(string stage) =>
        stage.Length > 0 && stage.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? PathOf("stages", stage + ".json")
            : throw new ArgumentException($"'{stage}' is not a stage name", nameof(stage));

    private static Dictionary<string, string> ReadOutputs(string marker)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(marker));
            return json.RootElement.GetProperty("outputs").EnumerateObject().ToDictionary(o => o.Name, o => o.Value.GetString()!);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new InputException($"{marker} is damaged; delete it to do that stage again.", e);
        }
    }

    private static void RefuseUnlessRunOrEmpty(string root, string runFile, bool resume)
    {
        if (File.Exists(runFile))
        {
            return;
        }
        if (resume)
        {
            throw new InputException($"{root} holds no run to resume (there is no run.json); check the path or leave --resume away.");
        }
        if (File.Exists(root))
        {
            throw new InputException($"{root} is a file; choose another name for the folder of the run.");
        }
        // Whatever a run that died before run.json left behind may be used again; anything else is someone's.
        if (Directory.Exists(root)
            && Directory.EnumerateFileSystemEntries(root).Select(Path.GetFileName).FirstOrDefault(IsForeign) is { } other)
        {
            throw new InputException($"{root} is not a run folder and is not empty (it holds {other}); choose a new or empty folder.");
        }
    }

    private static bool IsForeign(string? name) => name is not ("run.lock" or PidFile) && !name!.StartsWith("run.json.tmp-", StringComparison.Ordinal);

    // The system frees the lock of a dead process, so a left-over lock file is simply taken over.
    private static FileStream Lock(string root)
    {
        var path = Path.Combine(root, "run.lock");
        try
        {
            Directory.CreateDirectory(root);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            File.WriteAllText(Path.Combine(root, PidFile), string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} since {DateTime.Now:yyyy-MM-dd HH:mm:ss}\n"));
            return file;
        }
        catch (IOException e) when (AtomicFile.IsInUse(e))
        {
            throw new InputException($"{root} is being written by another process{Holder(root)}; wait for it to end or choose another folder.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.NotWritten(root, e);
        }
    }

    private static string Holder(string root)
    {
        var path = Path.Combine(root, PidFile);
        return File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 and < 100 } holder ? $" (pid {holder})" : "";
    }
}
