using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Runs;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary><c>selm plan</c>: what a recipe will take, before anything is loaded.</summary>
internal static class PlanCommand
{
    private const string Suggested = "suggestions";

    public static Command Create()
    {
        var recipe = Values.Text("--recipe", "R.yaml|NAME", "The recipe; a NAME is one of data/recipes");
        var device = Values.OptionalText("--device", string.Join('|', PlanDevice.Names), "Where it would run (default: the recipe's device, cuda taken as h200); cpu is this machine");
        var pairs = Values.Whole("--pairs", "N", "Pairs of the data, which are not read (default: pairs_per_iteration, else the paper's 61,135)", 0);
        var prompt = Values.Whole("--prompt", "P", "Typical tokens of a prompt, for the time (default: max_prompt_length)", 0);
        var response = Values.Whole("--response", "R", "Typical tokens of a response, for the time (default: the rest of max_length)", 0);
        var bench = Values.OptionalText("--bench", "FILE", "Lines of selm bench --json measured on that device; their utilisation counts before the kit's own");
        var output = Values.OptionalText("--out", "DIR", "Draw the plan here, as SVG and HTML");
        var json = Values.Json();
        var command = new CliCommand(
            "plan",
            "Says what a recipe will take: memory, time, disk, operations and bytes of every stage, before anything is loaded.",
            [
                "selm plan --recipe zephyr-selm",
                "selm plan --recipe zephyr-selm --device rtx4090 --out data/runs/plan",
                "selm plan --recipe mine.yaml --device a100-80 --pairs 20000 --prompt 150 --response 300 --json",
            ],
            """
            Of the model only config.json and the sizes of its files are read; a base that is not on disk is planned by its published name
            (model: or the folder's name), data are not read at all. Memory counts rows at the recipe's limits, since one batch of long rows is
            enough; time counts them too unless --prompt and --response say what is usual. Time is the longer of computing and moving: operations
            over peak x utilisation, bytes over bandwidth x utilisation. Where nothing was measured on a device, it says "assumed utilisation".
            A recipe that does not fit is told the keys that would make it fit, cheapest first, each with the peak that is left. Exit code 0 either way.
            """)
        {
            recipe, device, pairs, prompt, response, bench, output, json,
        };
        command.SetAction(parsed =>
        {
            int? Given(Option<int> option) => parsed.GetValue(option) is > 0 and var value ? value : null;
            var read = KitRecipes.Read(parsed.GetRequiredValue(recipe));
            var where = PlanDevice.Of(parsed.GetValue(device) ?? PlanDevice.Default(read), read.Threads, parsed.GetValue(bench));
            var amount = PlanAmount.Of(read, Given(pairs), Given(prompt), Given(response));
            var plan = RunPlan.Of(read, where, amount);
            var advice = PlanAdvice.For(read, where, amount);
            var drawn = parsed.GetValue(output) is { } folder ? Draw(plan, folder) : [];
            if (parsed.GetValue(json))
            {
                var node = JsonSerializer.SerializeToNode(plan, JsonFormat.Line)!.AsObject();
                (node[Suggested], node["figures"]) = (JsonSerializer.SerializeToNode(advice, JsonFormat.Line), JsonSerializer.SerializeToNode(drawn, JsonFormat.Line));
                Console.WriteLine(node.ToJsonString());
            }
            else
            {
                Print(plan, advice, drawn);
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static string[] Draw(RunPlan plan, string folder)
    {
        var figure = PlanFigure.Of(plan);
        Directory.CreateDirectory(folder);
        string[] files = [Path.Combine(folder, $"{figure.Id}.svg"), Path.Combine(folder, $"{figure.Id}.html")];
        SvgWriter.Save(figure, files[0]);
        new Report(figure.Title, DateOnly.FromDateTime(DateTime.UtcNow), [new ReportSection("Memory and time") { Figures = [figure], Tables = [PlanFigure.Table(plan)] }]).Save(files[1]);
        return files;
    }

    private static void Print(RunPlan plan, IReadOnlyList<PlanSuggestion> advice, string[] drawn)
    {
        Line($"{plan.Recipe} on {plan.Device.Name}: {plan.Parameters / 1e9:0.###} billion weights ({plan.ModelSource}), {plan.TrainedParameters / 1e9:0.####} billion trained");
        Line($"{plan.Amount.Pairs} pairs ({plan.Amount.PairsSource}), {plan.Steps} optimiser steps, prompts of {plan.Amount.Prompt} and responses of {plan.Amount.Response} tokens");
        Console.WriteLine();
        TextTable.Print(Console.Out, ["stage", "TFLOP", "GB moved", "peak GB", "disk GB", "time", "utilisation"], plan.Stages.Select(stage => new[]
        {
            stage.Name, Number(stage.Flops / 1e12), Number(stage.Bytes / 1e9), Number(stage.Peak.Total / 1e9), Number(stage.DiskBytes / 1e9), Time(stage.Seconds), Shares(stage.Utilisation),
        }));
        Console.WriteLine();
        TextTable.Print(Console.Out, ["memory, GB", .. PlannedMemory.Parts, "total"], plan.Moments.Select(moment =>
            new[] { moment.Moment }.Concat(moment.Values.Append(moment.Total).Select(value => Number(value / 1e9))).ToArray()));
        Console.WriteLine();
        Line($"{(plan.Fits ? "fits" : "does not fit")}: a peak of {Number(plan.PeakBytes / 1e9)} GB in {Number(plan.Device.Memory / 1e9)} GB; {Time(plan.Seconds)} in all{(plan.HostBytes > 0 ? $", {Number(plan.HostBytes / 1e9)} GB of the host's memory" : "")}");
        foreach (var suggestion in advice)
        {
            Line($"  {string.Join(", ", suggestion.Keys)}: {Number(suggestion.PeakBytes / 1e9)} GB, {(suggestion.Fits ? "fits" : "does not fit")} ({suggestion.Costs})");
        }
        foreach (var file in drawn)
        {
            Line($"{file}");
        }
    }

    private static string Shares(Utilisation u) => string.Create(CultureInfo.InvariantCulture, $"{100 * u.Compute:0.#} % of products, {100 * u.Bandwidth:0.#} % of bandwidth, {(u.Measured ? $"measured: {u.Source}" : Utilisation.Assumed)}");

    private static string Number(double value) => value.ToString(value >= 100 ? "N0" : value >= 1 ? "N1" : "0.###", CultureInfo.InvariantCulture);

    private static string Time(double seconds) => seconds switch
    {
        >= 172_800 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 86_400:0.0} d"),
        >= 7200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.0} h"),
        >= 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
    };

    private static void Line(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
