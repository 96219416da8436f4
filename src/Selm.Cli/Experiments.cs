using Selm.Research.Claims;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Theory;
using Figure1 = Selm.Research.Claims.Figure1;

namespace Selm.Cli;

/// <summary>An experiment that <c>selm reproduce</c> knows: a part in exact worlds, a part in the lab language, or both.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Question">What it asks, in a few words.</param>
internal sealed record Experiment(string Name, string Question)
{
    /// <summary>From the rules, the number of worlds and of threads to a result; null where it needs no exact worlds.</summary>
    public Func<ClaimRules, int, int, IProgress<StepProgress>, ExperimentResult>? InWorlds { get; init; }

    /// <summary>The cells that it needs, without seeds; null where it needs none.</summary>
    public Func<LabStudy, IReadOnlyList<LabCellSpec>>? Cells { get; init; }

    /// <summary>From the finished cells and the part in exact worlds to the result.</summary>
    public Func<LabRecords, ClaimRules, ExperimentResult?, ExperimentResult>? InLab { get; init; }

    /// <summary>Whether <c>selm reproduce</c> without names runs it.</summary>
    public bool ByDefault { get; init; } = true;

    /// <summary>All of them, in the order in which they are reported.</summary>
    public static IReadOnlyList<Experiment> All { get; } =
    [
        new(TablesAudit.Name, "what the paper's printed tables themselves say, given their noise")
        {
            InWorlds = (rules, _, _, _) => TablesAudit.Run(rules, PaperFolder()),
        },
        new("theorem31", "the derivation and Theorem 3.1 as residuals, printed and repaired") { InWorlds = Theorem31Check.Run },
        new("figure1", "where optimism asks when several rewards fit the data") { InWorlds = Figure1.Run },
        new("exploration", $"what {ExplorationMethod.All.Count} ways to learn online find in the same worlds") { InWorlds = Exploration.Run },
        new("map", "when optimism pays: its weight against everything around it") { InWorlds = Map.Run },
        Lab(Table1.Name, "SELM, iterative DPO and their siblings by win rate, length and two-turn score", Table1.Cells, (records, rules) => Table1.Of(records, rules, Paper())),
        Lab(Table2.Name, "six small benchmarks before and after alignment", Table2.Cells, (records, rules) => Table2.Of(records, rules, Paper())),
        Lab(Figure2.Name, "every iteration of SELM and of iterative DPO against every other", Figure2.Cells, (records, rules) => Figure2.Of(records, rules, Paper())),
        Lab(Figure3.Name, "the weight of optimism, and how rewards are distributed", Figure3.Cells, Figure3.Of),
        new(Figure4.Name, "SELM's implicit reward minus DPO's over optimiser steps, in exact worlds and in the lab language")
        {
            InWorlds = Figure4Exact.Run,
            Cells = Figure4.Cells,
            InLab = (records, rules, exact) => Figure4.Of(records, rules, exact!),
        },
        Lab(Figure5V3.Name, "how the gap of implicit rewards goes on over iterations", Figure5V3.Cells, Figure5V3.Of),
        Lab(Figure5Grid.Name, "iterative DPO under other numbers of iterations, batches, learning-rate cycles and update rules", Figure5Grid.Cells, Figure5Grid.Of),
        Lab(Headroom.Name, "time to the first rare good answer, where exploration has something to find", Headroom.Cells, Headroom.Of) with { ByDefault = false },
    ];

    /// <summary>What <c>selm reproduce</c> without names runs: at gpu scale the sweep over alpha and the curve over optimiser steps, else all but headroom.</summary>
    public static IEnumerable<Experiment> DefaultAt(string scale) => All.Where(experiment => scale == "gpu" ? experiment.Name is Figure3.Name or Figure4.Name : experiment.ByDefault);

    /// <summary>The experiment with a name.</summary>
    /// <exception cref="InputException">There is none; names the nearest.</exception>
    public static Experiment Named(string name) => All.FirstOrDefault(experiment => experiment.Name == name)
        ?? throw new InputException($"There is no experiment '{name}'; did you mean '{NearestName.Of(name, All.Select(experiment => experiment.Name))}'? (selm reproduce --list shows all.)");

    private static string PaperFolder() => KitFolder.Find(Path.Combine("data", "paper"));

    private static PaperTables Paper() => PaperTables.Read(PaperFolder());

    private static Experiment Lab(
        string name, string question, Func<LabStudy, IReadOnlyList<LabCellSpec>> cells, Func<LabRecords, ClaimRules, ExperimentResult> of) =>
        new(name, question) { Cells = cells, InLab = (records, rules, _) => of(records, rules) };
}
