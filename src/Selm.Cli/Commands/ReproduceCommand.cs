using System.CommandLine;
using System.Text.Json;
using Selm.Research;
using Selm.Research.Alignment;
using Selm.Research.Experiments;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm reproduce</c>: the experiments by name; without names the main job and all of them.</summary>
internal static class ReproduceCommand
{
    private const ulong Seed = 42;
    private const int Pairs = 100;

    public static Command Create()
    {
        var names = new Argument<string[]>("EXPERIMENT") { Description = "Experiments to run (--list shows them); none for the main job and all of them", Arity = ArgumentArity.ZeroOrMore };
        var list = Values.Switch("--list", "Show the experiments and stop");
        var scale = Values.Text("--scale", "smoke|lab", "How much is run: 20 worlds for a first look, or 400", "lab");
        var seeds = Values.Whole("--seeds", "N", "Worlds per experiment, one seed each; 0 takes the scale's number", 0);
        var jobs = Values.Whole("--jobs", "N", "Threads for the worlds; results do not depend on it", Environment.ProcessorCount, least: 1);
        var output = Values.Text("--out", "DIR", "Folder below which figures/ and data/ are written; the current one if empty", "");
        var json = Values.Json();
        var command = new CliCommand(
            "reproduce",
            "Runs experiments and writes their figures, tables and claims; without names first the main job, two SELM iterations on 100 made-up pairs.",
            [
                "selm reproduce",
                "selm reproduce --list",
                "selm reproduce exploration map --seeds 1000 --out /tmp/selm",
                "selm reproduce --scale smoke --out /tmp/selm",
            ],
            """
            Writes figures/*.svg, data/results/NAME.json (claims, tables and where they came from) and a CSV per table; ends with the
            claims and their verdicts. World number k is the one of seed k, so more seeds extend fewer. The main job writes
            data/models/demo and data/runs/demo; a run that is there is continued, delete data/runs/demo to start again.
            """)
        {
            names, list, scale, seeds, jobs, output, json,
        };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(list))
            {
                TextTable.Print(Console.Out, ["experiment", "question"], Experiment.All.Select(experiment => new[] { experiment.Name, experiment.Question }));
                return SelmCommandLine.Success;
            }
            var chosen = parsed.GetValue(names)!;
            Experiment[] experiments = chosen.Length == 0 ? [.. Experiment.All] : [.. chosen.Distinct().Select(Experiment.Named)];
            var (size, root) = (parsed.GetValue(scale)!, parsed.GetValue(output)!);
            var worlds = WorldsAt(size, parsed.GetValue(seeds));
            var rules = ClaimRules.Read();
            var claims = ProgressView.Run(progress => experiments
                .SelectMany(experiment => experiment.Record(rules, root, size, worlds, parsed.GetValue(jobs), progress).Claims).ToArray());
            Print(claims, root, parsed.GetValue(json));
            if (chosen.Length == 0)
            {
                MainJob(root, parsed.GetValue(json));
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static int WorldsAt(string scale, int seeds) => scale switch
    {
        _ when scale is not ("lab" or "smoke") => throw new InputException($"--scale must be smoke or lab but is '{scale}'; selm reproduce --help shows examples."),
        _ when seeds > 0 => seeds,
        "smoke" => Experiment.SmokeWorlds,
        _ => Experiment.LabWorlds,
    };

    private static void Print(ClaimRow[] claims, string root, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { Claims = claims }, JsonFormat.Line));
            return;
        }
        TextTable.Print(Console.Out, ["claim", "scale", "measured", "95 % interval", "detectable", "verdict"], claims.Select(claim => new[]
        {
            claim.Id, claim.Scale,
            claim.Measured is { } value ? claim.Scale == "exact" ? $"{value:0.0e+00}" : $"{value:+0.000;-0.000;0.000}" : "",
            claim.Low is { } low && claim.High is { } high ? $"[{low:+0.000;-0.000;0.000}, {high:+0.000;-0.000;0.000}]" : "",
            claim.Detectable is { } detectable ? $"{detectable:0.000}" : "",
            claim.Verdict,
        }));
        Console.WriteLine("Measured: positive in the direction of the claim, or the largest residual of an equation. What each claim says is in data/results.");
        Console.WriteLine($"Figures are in {Path.Combine(root, "figures")}, results in {Path.Combine(root, "data", "results")}.");
    }

    private static void MainJob(string root, bool json)
    {
        var (demo, folder) = (Path.Combine(root, "data", "models", "demo"), Path.Combine(root, "data", "runs", "demo"));
        DemoFolder.Write(demo, Pairs, Seed);
        var options = new RunOptions(Recipe.Read(Path.Combine(demo, "recipe.yaml")), folder);
        Threads.Limit(options.Recipe.Threads);
        var device = Devices.Parse(options.Recipe.Device);
        var answers = ProgressView.Run(progress => SelmRun.Run(options, name => Rankers.Open(name, device), progress, Interrupt.Token));
        AnswersView.Print(folder, answers, truth: null, json);
    }
}
