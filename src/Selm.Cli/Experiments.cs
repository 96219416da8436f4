using System.Diagnostics;
using Selm.Research;
using Selm.Research.Experiments;
using Selm.Research.Figures;
using Selm.Research.Runs;
using Selm.Research.Theory;
using Figure1 = Selm.Research.Experiments.Figure1;
using Theorem31 = Selm.Research.Experiments.Theorem31;

namespace Selm.Cli;

/// <summary>An experiment that <c>selm reproduce</c> knows.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Question">What it asks, in a few words.</param>
/// <param name="Run">From the number of worlds and of threads to its result.</param>
internal sealed record Experiment(string Name, string Question, Func<ClaimRules, int, int, IProgress<StepProgress>, ExperimentResult> Run)
{
    /// <summary>Worlds at lab scale and at smoke scale.</summary>
    public const int LabWorlds = 400, SmokeWorlds = 20;

    /// <summary>All of them, in the order in which they run.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        new(TablesAudit.Name, "what the paper's printed tables themselves say, given their noise", (rules, _, _, _) => TablesAudit.Run(rules, KitFolder.Find(Path.Combine("data", "paper")))),
        new("theorem31", "the derivation and Theorem 3.1 as residuals, printed and repaired", Theorem31.Run),
        new("figure1", "where optimism asks when several rewards fit the data", Figure1.Run),
        new("figure4", "SELM's implicit reward minus DPO's over optimiser steps, in exact worlds", Figure4Exact.Run),
        new("exploration", $"what {ExplorationMethod.All.Count} ways to learn online find in the same worlds", Exploration.Run),
        new("map", "when optimism pays: its weight against everything around it", Map.Run),
    ];

    /// <summary>The experiment with a name.</summary>
    /// <exception cref="InputException">There is none; names the nearest.</exception>
    public static Experiment Named(string name) => All.FirstOrDefault(experiment => experiment.Name == name)
        ?? throw new InputException($"There is no experiment '{name}'; did you mean '{NearestName.Of(name, All.Select(experiment => experiment.Name))}'? (selm reproduce --list shows all.)");

    /// <summary>Runs it and writes figures/*.svg, data/results/NAME.json and one CSV per table below a folder.</summary>
    public ExperimentResult Record(ClaimRules rules, string root, string scale, int worlds, int jobs, IProgress<StepProgress> progress)
    {
        var clock = Stopwatch.StartNew();
        var result = Run(rules, worlds, jobs, progress);
        foreach (var figure in result.Figures)
        {
            SvgWriter.Save(figure, Path.Combine(root, "figures", $"{figure.Id}.svg"));
        }
        var results = Path.Combine(root, "data", "results");
        foreach (var table in result.Tables)
        {
            TableWriter.SaveCsv(table, Path.Combine(results, $"{table.Id}.csv"));
        }
        var provenance = Provenance.Now(0, clock.Elapsed, new Dictionary<string, string>());
        AtomicFile.WriteJson(Path.Combine(results, $"{Name}.json"), new { Name, ClaimsSha256 = rules.Sha256, Scale = scale, Worlds = worlds, Provenance = provenance, result.Claims, result.Tables });
        return result;
    }
}
