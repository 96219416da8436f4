using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Figures;
using Selm.Research.Scale;

namespace Selm.Cli.Commands;

/// <summary>What looks at a sweep's folder: <c>selm sweep status</c>, <c>collect</c>, <c>logs</c> and <c>cancel</c>.</summary>
internal static class SweepViews
{
    private const int LogLines = 40;

    public static Command Status()
    {
        var folder = Values.Folder("DIR", "The folder of a sweep");
        var json = Values.Json();
        var command = new CliCommand("status", "Shows how far every cell is. Reads only.", ["selm sweep status data/runs/alphas"]) { folder, json };
        command.SetAction(parsed =>
        {
            var sweep = SweepFolder.Read(parsed.GetRequiredValue(folder));
            var cells = States(sweep);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new { sweep.Record.Name, Cells = cells.Select(one => new { one.Cell.Name, one.Cell.Folder, one.Cell.Settings, one.State.Status, one.State.Why, one.State.Seconds, one.State.Where }) }, JsonFormat.Line));
                return SelmCommandLine.Success;
            }
            TextTable.Print(Console.Out, ["cell", "state", "seconds", "where or why"], cells.Select(one => new[]
            {
                one.Cell.Name, one.State.Status.ToString().ToLowerInvariant(), one.State.Seconds?.ToString("0.0", CultureInfo.InvariantCulture) ?? "", Wording.OneLine(one.State.Why ?? one.State.Where ?? "", 110),
            }));
            Console.WriteLine($"{SweepCommand.Counts(cells.Select(one => one.State.Status))}.");
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command Collect()
    {
        var folder = Values.Folder("DIR", "The folder of a sweep");
        var json = Values.Json();
        var command = new CliCommand(
            "collect",
            "Makes a table of the finished cells with their means over seeds, and a figure.",
            ["selm sweep collect data/runs/alphas"],
            """
            Writes cells.csv and cells.json (a row per cell) and, where the grid has seeds, means.csv and means.json: means over seeds with
            95 % intervals, and differences from the first row over the seeds that both have. figure.svg shows the first measure.
            """)
        {
            folder, json,
        };
        command.SetAction(parsed =>
        {
            var tables = SweepTables.Of(SweepFolder.Read(parsed.GetRequiredValue(folder)));
            var written = tables.Save();
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(new { tables.Cells, tables.Means }, JsonFormat.Line));
                return SelmCommandLine.Success;
            }
            Console.Write(TableWriter.PlainText(tables.Means ?? tables.Cells));
            Console.WriteLine($"Written: {string.Join(", ", written)}.");
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command Logs()
    {
        var folder = Values.Folder("DIR", "The folder of a sweep");
        var cell = new Argument<string>("CELL") { Description = "The name of a cell, as selm sweep status shows it" };
        var all = Values.Switch("--all", $"The whole log, not its last {LogLines} lines");
        var command = new CliCommand("logs", "Shows what a cell printed, and what its Slurm tasks said past that.", ["selm sweep logs data/runs/alphas alpha-0.001_seed-1"]) { folder, cell, all };
        command.SetAction(parsed =>
        {
            var sweep = SweepFolder.Read(parsed.GetRequiredValue(folder));
            var entry = sweep.Find(parsed.GetRequiredValue(cell));
            string[] files = [.. new[] { sweep.LogOf(entry) }.Where(File.Exists), .. new SweepSlurm(sweep).OutputsOf(entry)];
            foreach (var file in files)
            {
                Console.WriteLine($"== {file}");
                foreach (var line in parsed.GetValue(all) ? File.ReadLines(file) : File.ReadLines(file).TakeLast(LogLines))
                {
                    Console.WriteLine(line);
                }
            }
            if (files.Length == 0)
            {
                Console.WriteLine($"{entry.Name} has printed nothing yet.");
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command Cancel()
    {
        var folder = Values.Folder("DIR", "The folder of a sweep");
        var command = new CliCommand("cancel", "Stops what runs of a sweep and takes the rest out of Slurm's queue; the same sweep can go on later.", ["selm sweep cancel data/runs/alphas"]) { folder };
        command.SetAction(parsed =>
        {
            var sweep = SweepFolder.Read(parsed.GetRequiredValue(folder));
            var queued = new SweepSlurm(sweep).Cancel();
            if (SweepLocal.Pid(sweep) is { } pid)
            {
                CellProcess.RequestEnd(pid);
                Console.WriteLine($"Asked process {pid} to stop.");
            }
            else if (queued == 0)
            {
                Console.WriteLine("Nothing of this sweep runs or waits.");
            }
            if (queued > 0)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Cancelled {queued} cell{(queued == 1 ? "" : "s")} in Slurm's queue; what was running keeps its checkpoints."));
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    // What files say, and what Slurm knows of cells that are not finished.
    private static List<(SweepCellEntry Cell, SweepState State)> States(SweepFolder sweep)
    {
        var slurm = new SweepSlurm(sweep);
        var queue = slurm.Queue();
        var ends = slurm.Ends();
        return [.. sweep.Record.Cells.Select(cell =>
        {
            var state = sweep.StateOf(cell);
            return (cell, state.Status is SweepStatus.Finished or SweepStatus.Running || state.Final ? state
                : queue.TryGetValue(cell.Folder, out var word) ? new SweepState(word is "PENDING" or "CONFIGURING" or "REQUEUED" ? SweepStatus.Queued : SweepStatus.Running)
                : state.Status == SweepStatus.Stopped && ends.TryGetValue(cell.Folder, out var end) ? state with { Why = $"Slurm ended it: {end}" }
                : state);
        })];
    }
}
