using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.Research.Scale;

namespace Selm.Cli.Tests;

/// <summary>Sweeps as job arrays of a real Slurm.</summary>
public class SlurmTests(SlurmFixture slurm, DemoFixture demo) : IClassFixture<SlurmFixture>, IClassFixture<DemoFixture>
{
    [SkippableFact]
    public void an_array_finishes_and_only_a_cell_that_failed_is_submitted_again()
    {
        Need();
        using var folder = new TempFolder();
        var (sweep, missing) = (folder.File("out"), folder.File("later"));
        folder.Write("r.yaml", Recipe(epochs: 1));
        folder.Write("s.yaml", $"name: s\nrecipe: r.yaml\ngrid: {{base: [{demo.Model}, {missing}]}}\n");

        var submitted = Selm("sweep", folder.File("s.yaml"), "--engine", "slurm", "--out", sweep);

        Assert.Equal((0, ""), (submitted.Code, submitted.Error));
        Assert.Matches(@"^Submitted 2 cells as job array \d+ \(2 tasks\); ", submitted.Out);
        var cells = Until(sweep, cells => cells.All(cell => cell.Status is SweepStatus.Finished or SweepStatus.Failed));
        var failed = cells.Single(cell => cell.Status == SweepStatus.Failed);
        Assert.Contains(missing, failed.Why, StringComparison.Ordinal);
        UntilGone();

        demo.CopyModel(folder);
        Directory.Move(folder.File("model"), missing);
        Assert.Matches(@"^Submitted 1 cell as job array \d+ \(1 task\); ", Selm("sweep", folder.File("s.yaml"), "--engine", "slurm", "--out", sweep).Out);
        Until(sweep, cells => cells.All(cell => cell.Status == SweepStatus.Finished));
        UntilGone();
        Assert.Equal("2 cells: 2 finished.\n", Selm("sweep", folder.File("s.yaml"), "--engine", "slurm", "--out", sweep).Out);
    }

    [SkippableFact]
    public void a_node_that_dies_in_the_middle_costs_only_what_came_after_the_last_checkpoint()
    {
        Need();
        using var folder = new TempFolder();
        var (whole, sweep) = (folder.File("whole"), folder.File("out"));
        folder.Write("r.yaml", Recipe(epochs: 12));
        var spec = folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ngrid: {loss.alpha: [0.001]}\n");
        Assert.Equal(0, Selm("sweep", spec, "--engine", "slurm", "--out", sweep).Code);
        var run = Path.Combine(Directory.GetDirectories(Path.Combine(sweep, "cells")).Single(), "run");
        Assert.True(Soon(() => File.Exists(Path.Combine(run, "iteration-1", "checkpoints", "checkpoint.json"))), Log(sweep));

        slurm.KillNode(int.Parse(Until(sweep, cells => cells[0].Status == SweepStatus.Running)[0].Where!.Split(' ')[2], CultureInfo.InvariantCulture));
        var first = File.GetLastWriteTimeUtc(Path.Combine(run, "stages", "iteration-1.preferences.json"));
        Assert.False(File.Exists(Path.Combine(run, "stages", "answers.json")));
        slurm.StartNode();
        Until(sweep, cells => cells[0].Status == SweepStatus.Finished);

        Assert.Equal(first, File.GetLastWriteTimeUtc(Path.Combine(run, "stages", "iteration-1.preferences.json")));
        Assert.Equal(2, File.ReadLines(Path.Combine(run, "..", "log.txt")).Count(line => line.Contains(" job ", StringComparison.Ordinal)));
        Assert.Equal(0, Selm("sweep", spec, "--out", whole).Code);
        var alone = Path.Combine(Directory.GetDirectories(Path.Combine(whole, "cells")).Single(), "run");
        foreach (var name in new[] { "metrics.jsonl", "answers.jsonl", "model/model.safetensors" })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, name)), File.ReadAllBytes(Path.Combine(run, name)));
        }
        UntilGone();
    }

    [SkippableFact]
    public void what_runs_stops_after_a_step_when_it_is_cancelled_and_what_waits_leaves_the_queue()
    {
        Need();
        using var folder = new TempFolder();
        var sweep = folder.File("out");
        folder.Write("r.yaml", Recipe(epochs: 1000));
        var spec = folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ngrid: {loss.alpha: [0.001, 0.1]}\nslurm: {time: 0:30:00, memory: 500M}\n");
        Assert.Equal(0, Selm("sweep", spec, "--engine", "slurm", "--jobs", "1", "--out", sweep).Code);
        Assert.True(Soon(() => Directory.GetFiles(sweep, "checkpoint.json", SearchOption.AllDirectories).Length > 0), Log(sweep));
        Assert.Equal(["running", "queued"], Status(sweep));
        Assert.StartsWith("All 2 cells that are left are in Slurm's queue already; ", Selm("sweep", spec, "--engine", "slurm", "--jobs", "1", "--out", sweep).Out, StringComparison.Ordinal);

        Assert.Equal("Cancelled 2 cells in Slurm's queue; what was running keeps its checkpoints.\n", Selm("sweep", "cancel", sweep).Out);

        UntilGone();
        Assert.Equal(["stopped", "waiting"], Status(sweep));
        Assert.Contains("Stopping after this step", Selm("sweep", "logs", sweep, "alpha-0.001").Out, StringComparison.Ordinal);
        Assert.Equal("Nothing of this sweep runs or waits.\n", Selm("sweep", "cancel", sweep).Out);
    }

    [SkippableFact]
    public void what_slurm_refuses_is_told_in_its_own_words()
    {
        Need();
        using var folder = new TempFolder();
        var spec = folder.Write("s.yaml", "name: s\nlab: {budget: smoke}\ngrid: {alpha: [0.1]}\nslurm: {partition: nowhere}\n");

        Selm("sweep", spec, "--engine", "slurm", "--out", folder.File("out")).Refused(
            "Slurm refused the job array: invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified. Nothing was submitted; correct slurm: of the sweep's file.");
        Assert.Equal(["waiting"], Status(folder.File("out")));
    }

    [SkippableFact]
    public void the_cells_of_an_experiment_run_on_a_cluster_and_selm_reproduce_finds_them()
    {
        Need();
        using var folder = new TempFolder();
        string[] reproduce = ["reproduce", "figure5-v3", "--scale", "smoke", "--out", folder.Root];

        var submitted = Selm([.. reproduce, "--engine", "slurm"]);

        Assert.Equal((0, ""), (submitted.Code, submitted.Error));
        Assert.Matches(@"^Submitted \d+ cells as job array \d+ \(1 task\); ", submitted.Out);
        var sweep = folder.File("data", "runs", "reproduce", "sweep");
        Until(sweep, cells => cells.All(cell => cell.Status == SweepStatus.Finished));
        var finished = Selm([.. reproduce, "--engine", "slurm"]);
        Assert.Equal(0, finished.Code);
        Assert.DoesNotContain("lab cells", finished.Error, StringComparison.Ordinal); // all were read
        Assert.True(File.Exists(folder.File("data", "results", "figure5-v3.json")));
    }

    private void Need() => Skip.If(slurm.Missing is not null, $"There is no Slurm here ({slurm.Missing} is missing).");

    private SelmProcess Selm(params string[] arguments) => SelmProcess.RunWith(slurm.Environment, arguments);

    private string Recipe(int epochs) => string.Join('\n', File.ReadLines(Path.Combine(demo.Root, "recipe.yaml"))
        .Where(line => !line.StartsWith("epochs:", StringComparison.Ordinal) && !line.StartsWith("checkpoint_every:", StringComparison.Ordinal))
        .Append($"epochs: {epochs}").Append("checkpoint_every: 1")) + "\n";

    // With what Slurm's queue says.
    private string[] Status(string sweep)
    {
        var status = Selm("sweep", "status", sweep, "--json");
        Assert.True(status.Code == 0, status.Error);
        return [.. JsonDocument.Parse(status.Out).RootElement.GetProperty("cells").EnumerateArray().Select(cell => cell.GetProperty("status").GetString()!)];
    }

    // Files say it without a process per look.
    private static SweepState[] Until(string sweep, Func<SweepState[], bool> holds)
    {
        var (folder, states) = (SweepFolder.Read(sweep), Array.Empty<SweepState>());
        Assert.True(Soon(() => holds(states = [.. folder.Record.Cells.Select(folder.StateOf)])), $"{string.Join('\n', states.Select(state => state.ToString()))}\n{Log(sweep)}");
        return states;
    }

    private void UntilGone() => Assert.True(Soon(() => slurm.Run("squeue", "--noheader").Length == 0));

    private static bool Soon(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromMinutes(3); Thread.Sleep(200))
        {
            if (holds())
            {
                return true;
            }
        }
        return false;
    }

    private static string Log(string sweep) => string.Join('\n', Directory.GetFiles(sweep, "*", SearchOption.AllDirectories).Where(file => file.EndsWith(".out", StringComparison.Ordinal) || file.EndsWith("log.txt", StringComparison.Ordinal)).Select(File.ReadAllText));
}
