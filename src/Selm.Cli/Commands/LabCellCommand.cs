using System.CommandLine;
using System.Text.Json;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm lab-cell</c>: one cell of the lab in a process of its own; what <see cref="LabJobs"/> starts. Not in the help.</summary>
internal static class LabCellCommand
{
    public const string Name = "lab-cell";

    public static Command Create()
    {
        var spec = Values.Text("--spec", "FILE", "The cell as JSON");
        var cache = Values.Text("--cache", "DIR", "Results and what cells share", Path.Combine("data", "runs", "lab"));
        var models = Values.Text("--models", "DIR", "Base models and rankers", Path.Combine("data", "models", "lab"));
        var device = Devices.Option();
        var command = new CliCommand(
            Name,
            "Runs one cell of the lab on one thread or a GPU, or reads it where it is finished.",
            [
                "selm lab-cell --spec cell.json --cache data/runs/lab",
            ],
            """
            FILE holds fields such as {"seed": 100, "ranker": "oracle", "method": "selm", "alpha": 0.001}; what it leaves out has
            the lab's defaults. Prints one JSON object: the file of the result, its seconds, and why the cell failed or null.
            """)
        {
            spec, cache, models, device,
        };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            Libtorch.Threads = 1;
            var cell = LabCellSpec.Read(parsed.GetRequiredValue(spec));
            var folder = parsed.GetRequiredValue(cache);
            var result = ProgressView.Run(progress => LabCells.Run(cell, parsed.GetRequiredValue(models), folder, progress, DeviceName.Parse(parsed.GetRequiredValue(device)), Interrupt.Token));
            Console.WriteLine(JsonSerializer.Serialize(
                new { Cell = cell.Name, File = LabCells.PathOf(cell, folder), MeanReward = result.Last?.MeanReward, result.WallSeconds, result.Failure }, JsonFormat.Line));
            return SelmCommandLine.Success;
        });
        return command;
    }
}
