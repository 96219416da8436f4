using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Claims;
using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm reproduce</c>: every experiment of the paper, its figures, tables and claims, as a preview or as the recording.</summary>
internal static class ReproduceCommand
{
    private const int LabWorlds = 400, SmokeWorlds = 20, LabSeeds = 3;
    private const double SecondsPerCell = 6, SecondsPerSeed = 25; // measured on one core of an AMD EPYC; LOG.md

    public static Command Create()
    {
        var names = new Argument<string[]>("EXPERIMENT") { Description = "Experiments to run (--list shows them); none for the default set", Arity = ArgumentArity.ZeroOrMore };
        var list = Values.Switch("--list", "Show the experiments, their runs and their cost, and stop");
        var scale = Values.Text("--scale", "smoke|lab|gpu", "smoke: minutes, measures nothing; lab: the lab language, two cores; gpu: the enlarged language and a larger model", "lab");
        var seeds = Values.Whole("--seeds", "N", "Seeds per lab cell, and exact worlds where N is given; 0 takes the scale's number", 0);
        var headline = Values.Whole("--headline-seeds", "N", "Seeds of the headline cells (alpha 0, 0.001, 0.01 on the paper's scale; both rankers); 0 for as many as --seeds", 0);
        var first = Values.Whole("--first-seed", "N", "First seed of the lab cells; development uses 1900 and leaves the headline seeds alone", (int)LabStudy.FirstRecorded);
        first.Hidden = true;
        var budget = Values.Text("--budget", "full|smoke", "smoke: the identical path of the scale with a tiny model and few pairs, for any CPU", "full");
        var jobs = Values.Whole("--jobs", "N", "Processes and threads at once; results do not depend on it", Environment.ProcessorCount, least: 1);
        var device = Values.Text("--device", "cpu|cuda", "Where lab cells train", "cpu");
        var engine = Values.Text("--engine", "local|slurm", "Where lab cells run: processes here, or a job array of Slurm", "local");
        var record = Values.Switch("--record", $"Make this the recording: overwrite figures/, data/results and README's numbers; scale lab, at least {ClaimRule.FewestSeeds} seeds");
        var redraw = Values.Switch("--redraw", "Run nothing: judge the recording in data/results again and draw its figures, tables, report and README's numbers");
        var output = Values.Text("--out", "DIR", "Folder below which figures/ and data/ are written; if empty, previews go to data/runs/preview and recordings to the current folder", "");
        var json = Values.Json();
        var command = new CliCommand(
            "reproduce",
            "Runs the experiments of the paper and writes their figures, tables and claims.",
            [
                "selm reproduce",
                "selm reproduce --list",
                "selm reproduce table1 figure3 --seeds 10",
                "selm reproduce --scale smoke --out /tmp/selm",
                "selm reproduce --seeds 10 --headline-seeds 40 --record",
                "selm reproduce --redraw",
                "selm reproduce --scale gpu --device cuda",
                "selm reproduce figure3 figure5-grid --engine slurm",
                "selm reproduce figure4 --scale gpu --budget smoke --out /tmp/selm",
            ],
            """
            Writes a preview to data/runs/preview, which git ignores: figures/*.svg, and in results/ NAME.json (claims, tables,
            figures and where they came from), a CSV per table, claims.{json,csv,md} and report.html; every figure says that it is a
            preview. The recording that comes with the kit (figures/, data/results, README's numbers) is overwritten only with
            --record. Ends with the claims and their verdicts. Exact worlds come first, then all runs of the lab language side by
            side, each in a process of its own. Finished parts lie in data/runs/reproduce: the same command goes on after an
            interruption, a second start only reads them, and --record reads what previews have finished. More seeds extend
            fewer. With fewer than ten seeds every lab verdict is a preview. --engine slurm submits what is missing of the lab's runs as a
            job array, whose partition and account come from SBATCH_PARTITION and SBATCH_ACCOUNT; selm sweep status
            data/runs/reproduce/sweep shows it, and once it has ended the same command makes the figures.
            """)
        {
            names, list, scale, budget, seeds, headline, first, jobs, device, engine, record, redraw, output, json,
        };
        command.SetAction(parsed =>
        {
            var (size, root, chosen) = (parsed.GetValue(scale)!, parsed.GetValue(output)!, parsed.GetValue(names)!);
            var study = StudyAt(size, parsed.GetValue(budget)!, parsed.GetValue(seeds), parsed.GetValue(headline), (ulong)parsed.GetValue(first));
            var settings = new ReproductionSettings(root, size, WorldsAt(size, parsed.GetValue(seeds)), study, parsed.GetValue(jobs), parsed.GetValue(device)!, parsed.GetValue(record));
            Experiment[] experiments = chosen.Length == 0 ? [.. Experiment.DefaultAt(size)] : [.. Experiment.All.Intersect(chosen.Select(Experiment.Named))];
            if (parsed.GetValue(list))
            {
                List(settings);
            }
            else if (parsed.GetValue(redraw))
            {
                RequireNothingToRun(chosen, settings.Record);
                Print(Redrawing.Of(root, ClaimRules.Read()), parsed.GetValue(json), Where("Redrawn", ResultFolders.Below(root)));
            }
            else if (SweepCommand.IsSlurm(parsed.GetValue(engine)!) && Submitted(settings, experiments) is { } submitted)
            {
                return submitted;
            }
            else
            {
                RequireRecordable(settings, experiments);
                Print(Run(settings, experiments, parsed.GetValue(json)), parsed.GetValue(json), settings.Record
                    ? Where("Recorded", settings.Folders)
                    : $"{Where("A preview", settings.Folders)}\nThe recording stays as it is: figures/, data/results and README's numbers are written only with --record.");
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    // Exit code of submitting the lab's cells that are not finished; null where all are. A task takes the cells of a seed, which share most.
    private static int? Submitted(ReproductionSettings settings, Experiment[] experiments)
    {
        RequireRecordable(settings, experiments);
        var cells = new Reproduction(settings, ClaimRules.Read(), new Progress<StepProgress>(), default).CellsOf(experiments);
        if (cells.Count == 0)
        {
            return null;
        }
        var sweep = SweepFolder.Write(
            Path.Combine(settings.RunFolder, "sweep"),
            [.. cells.Select(cell => new SweepCell($"{cell.Name.Replace(", ", "-", StringComparison.Ordinal).Replace(' ', '-')}-{cell.Hash[..8]}", new Dictionary<string, string> { ["seed"] = $"{cell.Seed}" }) { Lab = cell })],
            entries => new SweepRecord("reproduce", true, entries, Path.GetFullPath(settings.RunFolder), Path.GetFullPath(settings.Models), settings.Device, 1));
        return SweepCommand.Left(sweep).Count == 0 ? null : SweepCommand.Submit(
            sweep, new SlurmRequest { Gpus = settings.Device == "cpu" ? null : "1" }, null, null,
            left => [.. left.GroupBy(cell => cell.Settings["seed"]).Select(group => group.ToArray())]);
    }

    private static void RequireNothingToRun(string[] chosen, bool record)
    {
        if (record || chosen.Length > 0)
        {
            throw new InputException($"--redraw runs nothing and draws the whole recording again; leave out {(record ? "--record" : string.Join(' ', chosen))}.");
        }
    }

    // What lies in data/results is of one scale and has verdicts.
    private static void RequireRecordable(ReproductionSettings settings, Experiment[] experiments)
    {
        var (study, lab) = (settings.Study, Array.Exists(experiments, experiment => experiment.Cells is not null));
        if (settings.Record && (settings.Scale != "lab" || study.Budget != LabBudget.Lab || study.FirstSeed != LabStudy.FirstRecorded))
        {
            throw new InputException($"--record writes the recording, which is of scale lab with its full budget and seeds from {LabStudy.FirstRecorded}; leave --record out for a preview.");
        }
        if (settings.Record && lab && Math.Min(study.Seeds, study.HeadlineSeeds) < ClaimRule.FewestSeeds)
        {
            throw new InputException($"--record needs at least {ClaimRule.FewestSeeds} seeds, since fewer judge nothing; give --seeds {ClaimRule.FewestSeeds} or more, or leave --record out for a preview.");
        }
    }

    private static string Where(string what, ResultFolders folders) =>
        $"{what}: figures are in {folders.Figures}; tables, claims.md and report.html in {folders.Results}.";

    private static IReadOnlyList<ClaimRow> Run(ReproductionSettings settings, Experiment[] experiments, bool json)
    {
        DeviceName.Parse(settings.Device);
        var rules = ClaimRules.Read();
        var (rows, cells) = ProgressView.Run(progress =>
        {
            var reproduction = new Reproduction(settings, rules, progress, Interrupt.Token);
            var records = reproduction.Run(experiments);
            return (settings.Record ? Redrawing.Of(settings.Root, rules) : Redrawing.Write(settings.Folders, rules, records), reproduction.Cells);
        });
        if (!json && cells.Count > 0)
        {
            PrintCosts(cells);
        }
        return rows;
    }

    private static LabStudy StudyAt(string scale, string budget, int seeds, int headline, ulong first)
    {
        var size = (scale, budget) switch
        {
            (_, not ("full" or "smoke")) => throw new InputException($"--budget must be full or smoke but is '{budget}'; selm reproduce --help shows examples."),
            ("smoke", _) or ("lab", "smoke") => LabBudget.Smoke,
            ("lab", _) => LabBudget.Lab,
            ("gpu", "smoke") => LabBudget.GpuSmoke,
            ("gpu", _) => LabBudget.Gpu,
            _ => throw new InputException($"--scale must be smoke, lab or gpu but is '{scale}'; selm reproduce --help shows examples."),
        };
        var count = seeds > 0 ? seeds : size == LabBudget.Lab ? LabSeeds : 1;
        return new LabStudy(size, count, headline > 0 ? headline : count) { FirstSeed = first };
    }

    private static int WorldsAt(string scale, int seeds) => scale == "smoke" ? SmokeWorlds : seeds is > 0 and < ClaimRule.FewestSeeds ? LabWorlds : Math.Max(seeds, LabWorlds);

    private static void List(ReproductionSettings settings)
    {
        var reproduction = new Reproduction(settings, ClaimRules.Read(), new Progress<StepProgress>(), default);
        TextTable.Print(Console.Out, ["experiment", "lab runs", "question"], Experiment.All.Select(experiment => new[]
        {
            experiment.Name, reproduction.CellsOf([experiment]).Count.ToString(CultureInfo.InvariantCulture), experiment.Question,
        }));
        var cells = reproduction.CellsOf([.. Experiment.All.Where(experiment => experiment.ByDefault)]);
        var minutes = ((cells.Count * SecondsPerCell) + (cells.DistinctBy(cell => cell.Seed).Count() * SecondsPerSeed)) / 60;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"All but headroom share {cells.Count} lab runs: about {minutes:0} minutes of one core at lab scale, and two more for the exact worlds."));
    }

    // What a run costs, by method: linear in seeds.
    private static void PrintCosts(IReadOnlyList<LabCellResult> cells) => TextTable.Print(Console.Out, ["lab runs of", "runs", "failed", "seconds each"], cells
        .DistinctBy(cell => cell.Spec.Hash).GroupBy(cell => cell.Spec.Method).Select(group => new[]
        {
            group.Key.ToString().ToLowerInvariant(), group.Count().ToString(CultureInfo.InvariantCulture), group.Count(cell => cell.Failure is not null).ToString(CultureInfo.InvariantCulture),
            (group.Average(cell => cell.WallSeconds) ?? 0).ToString("0.0", CultureInfo.InvariantCulture),
        }).Append(["all", cells.Count.ToString(CultureInfo.InvariantCulture), cells.Count(cell => cell.Failure is not null).ToString(CultureInfo.InvariantCulture),
            $"{(cells.Sum(cell => cell.WallSeconds) ?? 0) / 60:0.0} min in all"]));

    private static void Print(IReadOnlyList<ClaimRow> rows, bool json, string closing)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { Claims = rows }, JsonFormat.Line));
            return;
        }
        var run = rows.Where(row => row.Verdict != "not run").ToArray();
        TextTable.Print(Console.Out, ["claim", "scale", "measured", "95 % interval", "detectable", "verdict"], run.Select(row => new[]
        {
            row.Id, row.Scale, ClaimsTable.Measured(row), ClaimsTable.Interval(row),
            row.Detectable is { } detectable ? detectable.ToString("0.000", CultureInfo.InvariantCulture) : "", row.Verdict,
        }));
        foreach (var group in rows.Where(row => row.Verdict == "not run").GroupBy(row => (row.Scale, row.Note)))
        {
            Console.WriteLine($"Not run at scale {group.Key.Scale}: {group.Count()} claims ({group.Key.Note}).");
        }
        Console.WriteLine("Measured: positive in the direction of the claim, or the largest residual of an equation.");
        Console.WriteLine(closing);
    }
}
