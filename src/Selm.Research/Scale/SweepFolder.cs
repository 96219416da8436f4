// The folder of a sweep:
//   sweep.json             which cells it has now, what they share and what one of them needs
//   cells/NAME-HASH/       a cell: recipe.yaml or cell.json (written once), state.json, log.txt, lock, and run/, its run folder
//   cache/                 reference log-probs and first answers of recipes; stages and results of lab cells
//   slurm/                 job arrays: N.sh, N.tasks (the cells of a task per line), outputs, and jobs.jsonl
// Whether a cell is finished is never kept twice: it is where its result is.
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>A cell as the sweep's folder keeps it.</summary>
/// <param name="Name">Its settings for people.</param>
/// <param name="Folder">Its folder's name.</param>
/// <param name="Settings">What the sweep's file sets, by key.</param>
public sealed record SweepCellEntry(string Name, string Folder, IReadOnlyDictionary<string, string> Settings);

/// <summary>A sweep as its folder keeps it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Lab">Whether its cells are those of the lab.</param>
/// <param name="Cells">Its cells.</param>
/// <param name="Cache">What cells share; full path.</param>
/// <param name="Models">Base models and rankers of the lab; full path.</param>
/// <param name="Device">Where cells of the lab compute; recipes say it themselves.</param>
/// <param name="Cores">Cores of one cell.</param>
public sealed record SweepRecord(string Name, bool Lab, IReadOnlyList<SweepCellEntry> Cells, string Cache, string Models, string Device, int Cores)
{
    /// <summary>Whether runs may be continued under another processor or other libraries.</summary>
    public bool AllowDifferentMachine { get; init; }
}

/// <summary>How far a cell is.</summary>
public enum SweepStatus
{
    /// <summary>Not begun.</summary>
    Waiting,

    /// <summary>Slurm has it and has not started it.</summary>
    Queued,

    /// <summary>A process computes it.</summary>
    Running,

    /// <summary>Begun and left, by a signal, a kill or the end of its time; it can go on.</summary>
    Stopped,

    /// <summary>It ended in an error.</summary>
    Failed,

    /// <summary>Its result is there.</summary>
    Finished,
}

/// <summary>What is known of a cell, as state.json keeps it.</summary>
/// <param name="Status">How far it is.</param>
public sealed record SweepState(SweepStatus Status)
{
    /// <summary>Why it failed or stopped, in one sentence, or null.</summary>
    public string? Why { get; init; }

    /// <summary>Seconds of its last process; null where unknown.</summary>
    public double? Seconds { get; init; }

    /// <summary>Machine and process that took it last.</summary>
    public string? Where { get; init; }

    /// <summary>Whether the failure is the cell's result, which another try would only repeat.</summary>
    public bool Final { get; init; }
}

/// <summary>The folder of a sweep: what its cells are, and how far they are.</summary>
public sealed class SweepFolder
{
    private const string RecordFile = "sweep.json", RecipeFile = "recipe.yaml", LabFile = "cell.json";

    private SweepFolder(string root, SweepRecord record) => (Root, Record) = (Path.GetFullPath(root), record);

    /// <summary>The folder's full path.</summary>
    public string Root { get; }

    /// <summary>What the sweep is.</summary>
    public SweepRecord Record { get; }

    /// <summary>Makes the folder, or brings an existing one to what the sweep is now: new cells are added, known ones stay as they are.</summary>
    /// <param name="root">The folder.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="of">From the cells' entries to the sweep.</param>
    /// <exception cref="InputException">A cell of the same name is there with other content (the difference is told), or the folder is something else's.</exception>
    public static SweepFolder Write(string root, IReadOnlyList<SweepCell> cells, Func<IReadOnlyList<SweepCellEntry>, SweepRecord> of)
    {
        RefuseForeign(root);
        var known = Directory.Exists(Path.Combine(root, "cells")) ? Directory.GetDirectories(Path.Combine(root, "cells")).Select(path => Path.GetFileName(path)!).ToArray() : [];
        var entries = cells.Select(cell =>
        {
            var folder = Array.Find(known, cell.IsIn);
            if (folder is null && Array.Find(known, other => SweepCell.NameOf(other) == SweepCell.NameOf(cell.Folder)) is { } changed)
            {
                throw Changed(root, changed, cell);
            }
            return new SweepCellEntry(cell.Name, folder ?? cell.Folder, cell.Settings);
        }).ToArray();
        foreach (var (cell, entry) in cells.Zip(entries))
        {
            var file = Path.Combine(root, "cells", entry.Folder, cell.Recipe is null ? LabFile : RecipeFile);
            if (!File.Exists(file))
            {
                AtomicFile.WriteText(file, cell.Recipe?.ToYaml() ?? JsonSerializer.Serialize(cell.Lab, JsonFormat.Indented) + "\n");
            }
        }
        var folder = new SweepFolder(root, of(entries));
        AtomicFile.WriteJson(Path.Combine(root, RecordFile), folder.Record);
        return folder;
    }

    /// <summary>Opens the folder of a sweep.</summary>
    /// <param name="root">The folder.</param>
    /// <exception cref="InputException">There is no sweep in it.</exception>
    public static SweepFolder Read(string root)
    {
        var file = Path.Combine(root, RecordFile);
        try
        {
            return new SweepFolder(root, JsonFormat.Read<SweepRecord>(File.ReadAllBytes(file)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{root} holds no sweep (there is no {RecordFile}); give the folder that selm sweep wrote to.", e);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{file} cannot be read ({e.Message.TrimEnd('.')}); run selm sweep again, which writes it anew.", e);
        }
    }

    /// <summary>The cell of a name or of a folder's name.</summary>
    /// <param name="name">Either.</param>
    /// <exception cref="InputException">There is none; the nearest is told.</exception>
    public SweepCellEntry Find(string name) => Record.Cells.FirstOrDefault(cell => cell.Name == name || cell.Folder == name)
        ?? throw new InputException($"{Root} has no cell '{name}'; did you mean '{NearestName.Of(name, Record.Cells.Select(cell => cell.Name))}'? (selm sweep status {Root} shows all.)");

    /// <summary>A file of a cell.</summary>
    public string PathOf(SweepCellEntry cell, params ReadOnlySpan<string> parts) => Path.Combine([Root, "cells", cell.Folder, .. parts]);

    /// <summary>The run folder of a recipe's cell.</summary>
    public string RunOf(SweepCellEntry cell) => PathOf(cell, "run");

    /// <summary>What a cell prints while it computes.</summary>
    public string LogOf(SweepCellEntry cell) => PathOf(cell, "log.txt");

    /// <summary>The recipe of a cell.</summary>
    /// <exception cref="InputException">Its file is gone or was changed to something else.</exception>
    public Recipe RecipeOf(SweepCellEntry cell) => Recipe.Read(PathOf(cell, RecipeFile));

    /// <summary>The lab's cell of a cell.</summary>
    /// <exception cref="InputException">As <see cref="RecipeOf"/>.</exception>
    public LabCellSpec LabOf(SweepCellEntry cell) => LabCellSpec.Read(PathOf(cell, LabFile));

    /// <summary>Holds a cell, so that no other process computes it; waits where one does.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    public IDisposable Hold(SweepCellEntry cell, CancellationToken cancellation) => WaitingLock.Take(PathOf(cell, "lock"), cancellation);

    /// <summary>Writes down how far a cell is.</summary>
    public void Set(SweepCellEntry cell, SweepState state) => AtomicFile.WriteJson(PathOf(cell, "state.json"), state);

    /// <summary>How far a cell is, as files and locks say; Slurm's queue is another matter.</summary>
    public SweepState StateOf(SweepCellEntry cell)
    {
        var written = Written(cell);
        return Result(cell, written) is { } result ? result
            : WaitingLock.IsHeld(PathOf(cell, "lock")) ? (written ?? new(SweepStatus.Running)) with { Status = SweepStatus.Running, Why = null, Seconds = null }
            : written is null or { Status: SweepStatus.Finished } ? new(SweepStatus.Waiting)
            : written.Status == SweepStatus.Failed ? written
            : written with { Status = SweepStatus.Stopped, Seconds = null };
    }

    // The state of a cell that has its result; reading a lab cell's is left out where it is known to be a good one.
    private SweepState? Result(SweepCellEntry cell, SweepState? written)
    {
        if (!Record.Lab)
        {
            return File.Exists(Path.Combine(RunOf(cell), "stages", "answers.json")) ? (written ?? new(SweepStatus.Finished)) with { Status = SweepStatus.Finished, Why = null } : null;
        }
        var spec = LabOf(cell);
        if (written is { Status: SweepStatus.Finished } && File.Exists(LabCells.PathOf(spec, Record.Cache)))
        {
            return written;
        }
        return LabCells.Find(spec, Record.Cache) is { } result
            ? new SweepState(result.Failure is null ? SweepStatus.Finished : SweepStatus.Failed) { Why = result.Failure, Final = result.Failure is not null, Seconds = result.WallSeconds, Where = written?.Where }
            : null;
    }

    private SweepState? Written(SweepCellEntry cell)
    {
        var file = PathOf(cell, "state.json");
        try
        {
            return File.Exists(file) ? JsonFormat.Read<SweepState>(File.ReadAllBytes(file)) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{file} cannot be read ({e.Message.TrimEnd('.')}); delete it and start the sweep again.", e);
        }
    }

    private static void RefuseForeign(string root)
    {
        if (File.Exists(root))
        {
            throw new InputException($"{root} is a file; choose another name for the folder of the sweep.");
        }
        if (Directory.Exists(root) && !File.Exists(Path.Combine(root, RecordFile)) && !Directory.Exists(Path.Combine(root, "cells")) && Directory.EnumerateFileSystemEntries(root).FirstOrDefault() is { } other)
        {
            throw new InputException($"{root} is no folder of a sweep and is not empty (it holds {Path.GetFileName(other)}); choose a new or empty folder with --out.");
        }
    }

    private static InputException Changed(string root, string folder, SweepCell cell)
    {
        var (recipe, lab) = (Path.Combine(root, "cells", folder, RecipeFile), Path.Combine(root, "cells", folder, LabFile));
        var before = File.Exists(recipe) ? new SweepCell("", cell.Settings) { Recipe = Recipe.Read(recipe) }
            : File.Exists(lab) ? new SweepCell("", cell.Settings) { Lab = LabCellSpec.Read(lab) }
            : null;
        static SortedDictionary<string, string> Flat(SweepCell of) => RunIdentity.Flatten(JsonElement.Parse(of.Content));
        var difference = before is null ? "its recipe is gone" : string.Join("; ", RunIdentity.Differences(Flat(before), Flat(cell)));
        return new InputException($"The cell {cell.Name} of {root} was made with other numbers ({difference}); give it those again, or choose another folder with --out.");
    }
}
