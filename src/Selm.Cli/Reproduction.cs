// The run folder of a reproduction is data/runs/reproduce: worlds/ holds finished parts in exact worlds, cells/ and stages/
// those of the lab. All are named by the hash of what they are made from, so a second start only reads, other settings
// never meet the wrong file, and an interrupted run goes on. What is written for people goes to data/runs/preview, which git
// ignores; the recording (figures/, data/results, README's numbers) is written where it is asked for, and never read.
using System.Diagnostics;
using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.Research.Claims;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>How much is reproduced, and where.</summary>
/// <param name="Root">Holds data/runs and data/models; empty for the current folder.</param>
/// <param name="Scale">smoke, lab or gpu.</param>
/// <param name="Worlds">Exact worlds.</param>
/// <param name="Study">Seeds and budget of lab cells.</param>
/// <param name="Jobs">Threads and processes.</param>
/// <param name="Device">cpu or cuda, for lab cells.</param>
/// <param name="Record">Whether this becomes the recording; else it is a preview.</param>
internal sealed record ReproductionSettings(string Root, string Scale, int Worlds, LabStudy Study, int Jobs, string Device, bool Record)
{
    /// <summary>Finished parts of this and earlier runs.</summary>
    public string RunFolder => Path.Combine(Root, "data", "runs", "reproduce");

    /// <summary>Base models and rankers of the lab.</summary>
    public string Models => Path.Combine(Root, "data", "models", "lab");

    /// <summary>What is written for people: a preview has a folder of its own, but where a folder was named nothing else lies there.</summary>
    public ResultFolders Folders => Record || Root.Length > 0
        ? ResultFolders.Below(Root)
        : new(Path.Combine("data", "runs", "preview", "figures"), Path.Combine("data", "runs", "preview", "results"));
}

/// <summary>Runs experiments: exact worlds first, then all cells of the lab side by side, then their tables, figures and claims.</summary>
internal sealed class Reproduction(ReproductionSettings settings, ClaimRules rules, IProgress<StepProgress> progress, CancellationToken cancellation)
{
    /// <summary>Cells of the last run, for the table of costs.</summary>
    public IReadOnlyList<LabCellResult> Cells { get; private set; } = [];

    /// <summary>Runs experiments and writes their records, figures and tables.</summary>
    /// <param name="experiments">Which, in the order of the report.</param>
    public IReadOnlyList<ExperimentRecord> Run(IReadOnlyList<Experiment> experiments)
    {
        var worlds = new Dictionary<string, ExperimentRecord>();
        foreach (var experiment in experiments.Where(experiment => experiment.InWorlds is not null))
        {
            worlds[experiment.Name] = InWorlds(experiment);
            if (experiment.Cells is null)
            {
                worlds[experiment.Name] = Saved(worlds[experiment.Name]);
            }
        }
        Cells = LabJobs.Run(CellsOf(experiments), settings.Jobs, settings.Models, settings.RunFolder, progress, settings.Device, cancellation);
        var records = new LabRecords(settings.Study, Cells);
        return [.. experiments.Select(experiment => experiment.Cells is null ? worlds[experiment.Name] : InLab(experiment, records, worlds.GetValueOrDefault(experiment.Name)))];
    }

    /// <summary>The distinct cells of some experiments, seed by seed, so that an interrupted run has whole seeds.</summary>
    /// <param name="experiments">Which.</param>
    public IReadOnlyList<LabCellSpec> CellsOf(IReadOnlyList<Experiment> experiments) =>
    [
        .. experiments.SelectMany(experiment => experiment.Cells?.Invoke(settings.Study) ?? []).SelectMany(settings.Study.Each)
            .DistinctBy(cell => cell.Hash).OrderBy(cell => cell.Seed),
    ];

    private ExperimentRecord InWorlds(Experiment experiment)
    {
        // The library's own identity is part of the name: other code may come to other numbers.
        var key = ContentHash.Combine(experiment.Name, settings.Worlds.ToString(CultureInfo.InvariantCulture), rules.Sha256, typeof(ClaimRules).Module.ModuleVersionId.ToString());
        var file = Path.Combine(settings.RunFolder, "worlds", $"{experiment.Name}-{key[..16]}.json");
        if (File.Exists(file))
        {
            return ExperimentRecord.Read(file) with { Scale = settings.Scale };
        }
        cancellation.ThrowIfCancellationRequested();
        var clock = Stopwatch.StartNew();
        var result = experiment.InWorlds!(rules, settings.Worlds, settings.Jobs, progress);
        var record = Record(result, settings.Worlds, 0, 0, clock.Elapsed * Math.Min(settings.Jobs, Environment.ProcessorCount));
        AtomicFile.WriteJson(file, record);
        return record;
    }

    private ExperimentRecord InLab(Experiment experiment, LabRecords records, ExperimentRecord? exact)
    {
        var part = exact is null ? null : new ExperimentResult(exact.Name, exact.Tables, exact.Figures, exact.Claims);
        var result = experiment.InLab!(records, rules.At(settings.Scale == "gpu" ? "gpu" : "lab", settings.Study.Budget is LabBudget.Smoke or LabBudget.GpuSmoke), part);
        var cells = CellsOf([experiment]).Select(cell => cell.Hash).ToHashSet(StringComparer.Ordinal);
        var seconds = Cells.Where(cell => cells.Contains(cell.Spec.Hash)).Sum(cell => cell.WallSeconds ?? 0) + (exact?.Provenance.WallSeconds ?? 0);
        return Saved(Record(result, exact?.Worlds ?? 0, settings.Study.Seeds, settings.Study.HeadlineSeeds, TimeSpan.FromSeconds(seconds)));
    }

    private ExperimentRecord Saved(ExperimentRecord record)
    {
        record = settings.Record ? record : record.AsPreview();
        record.Save(settings.Folders);
        return record;
    }

    private ExperimentRecord Record(ExperimentResult result, int worlds, int seeds, int headlineSeeds, TimeSpan time) => new(
        ExperimentRecord.CurrentFormat, result.Name, settings.Scale, worlds, seeds, headlineSeeds, rules.Sha256,
        Provenance.Now(0, time, new Dictionary<string, string>(), seeds > 0 ? LibtorchFacts.Read().Facts?.Version : null), result.Claims, result.Tables, result.Figures);
}
