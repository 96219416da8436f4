using System.CommandLine;
using System.Text.Json;
using Selm.HuggingFace.Engine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Lab;
using TorchSharp;

namespace Selm.Cli.Commands;

/// <summary><c>selm lab-cell</c>: one cell of the lab in a process of its own; what <see cref="LabJobs"/> starts. Not in the help.</summary>
internal static class LabCellCommand
{
    public const string Name = "lab-cell";

    /// <summary>Instead of a file: many cells come on standard input, one per line.</summary>
    public const string Many = "-";

    public static Command Create()
    {
        var spec = Values.Text("--spec", "FILE", "The cell as JSON; - reads cells from standard input, one per line");
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
            void Run(LabCellSpec cell) => RunCell(cell, parsed.GetRequiredValue(models), parsed.GetRequiredValue(cache), DeviceName.Parse(parsed.GetRequiredValue(device)));
            if (parsed.GetRequiredValue(spec) is not Many and var single)
            {
                Run(LabCellSpec.Read(single));
                return SelmCommandLine.Success;
            }
            while (Console.In.ReadLine() is { } line)
            {
                Run(LabCellSpec.Parse(line, "standard input"));
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static void RunCell(LabCellSpec cell, string models, string cache, torch.Device device)
    {
        var result = ProgressView.Run(progress => LabCells.Run(cell, models, cache, progress, device, Interrupt.Token));
        Console.WriteLine(JsonSerializer.Serialize(
            new { Cell = cell.Name, File = LabCells.PathOf(cell, cache), MeanReward = result.Last?.MeanReward, result.WallSeconds, result.Failure }, JsonFormat.Line));
    }
}
