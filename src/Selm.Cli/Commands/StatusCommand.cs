using System.CommandLine;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm status</c>: what a run has done, whether it runs now, and its numbers.</summary>
internal static class StatusCommand
{
    private const int Recent = 10;

    public static Command Create()
    {
        var folder = Values.Folder("DIR", "The folder of a run");
        var json = Values.Json();
        var command = new CliCommand(
            "status",
            "Shows the state of a run and the numbers of its steps. Reads only.",
            [
                "selm status runs/demo",
                "selm status runs/demo --json",
            ])
        {
            folder, json,
        };
        command.SetAction(parsed =>
        {
            var run = RunView.Read(parsed.GetRequiredValue(folder));
            if (parsed.GetValue(json))
            {
                PrintJson(run);
            }
            else
            {
                PrintText(run);
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static void PrintJson(RunView run) => Console.WriteLine(JsonSerializer.Serialize(
        new
        {
            Folder = run.Root,
            run.State,
            run.Pid,
            run.Recipe,
            Stages = run.Stages.Select(stage => new { stage.Name, stage.FinishedUtc }),
            Rows = run.Metrics.Count,
            LastMetrics = run.Metrics.Count > 0 ? run.Metrics[^1] : (JsonElement?)null,
        },
        JsonFormat.Line));

    /// <summary>The same for people: three lines and a table.</summary>
    internal static void PrintText(RunView run)
    {
        Console.WriteLine($"{run.Root}: {run.RecipeText("name")} ({run.RecipeText("method")}), "
            + run.State + (run.Pid is { } pid ? $" (pid {pid})" : ""));
        Console.WriteLine(run.Stages.Count == 0
            ? "no stage is done yet"
            : $"done: {string.Join(", ", run.Stages.Select(stage => stage.Name))}");
        if (run.Metrics.Count == 0)
        {
            Console.WriteLine("no steps yet");
            return;
        }
        var last = run.Metrics[^1];
        Console.WriteLine($"step {last.GetProperty("step")}{(last.TryGetProperty("iteration", out var iteration) ? $" (iteration {iteration})" : "")}");
        TextTable.Print(
            Console.Out,
            ["", "first", $"mean of last {Recent}", "last"],
            run.Numbers().Select(number => new[]
            {
                number.Field,
                Wording.Number(number.Values[0]),
                Wording.Number(number.Values.TakeLast(Recent).Average()),
                Wording.Number(number.Values[^1]),
            }));
    }
}
