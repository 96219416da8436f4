using System.Text.Json;

namespace Selm.Cli.Tests;

/// <summary>Sweeps on this machine, as a user starts, breaks and continues them.</summary>
public class SweepTests(DemoFixture demo) : IClassFixture<DemoFixture>
{
    private const string LabGrid = """
        name: tiny
        lab: {budget: smoke, iterations: 2}
        grid: {alpha: [0, 0.1], seed: [100, 101]}
        """;

    [Fact]
    public void a_grid_of_lab_cells_runs_from_end_to_end_and_is_collected_over_its_seeds()
    {
        using var folder = new TempFolder();
        folder.Write("tiny.yaml", LabGrid);
        var sweep = folder.File("data", "runs", "tiny");

        var run = SelmProcess.StartIn(folder.Root, "sweep", "tiny.yaml", "--jobs", "2").Finish();

        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("cells 4/4", run.Error, StringComparison.Ordinal);
        Assert.StartsWith("4 cells: 4 finished; ", run.Out, StringComparison.Ordinal);
        Assert.All(Directory.GetDirectories(Path.Combine(sweep, "cells")), cell => Assert.Matches(@"/alpha-0(\.1)?_seed-10[01]-[0-9a-f]{8}$", cell));
        Assert.Equal(2, Directory.GetDirectories(folder.File("data", "models", "lab"), "*-sft-10?-*").Count(name => !name.EndsWith(".lock", StringComparison.Ordinal))); // a base model per seed, each once
        Assert.Equal(4, Status(sweep).Count(cell => cell.Status == "finished"));

        var collect = SelmProcess.Run("sweep", "collect", sweep, "--json");
        Assert.Equal((0, ""), (collect.Code, collect.Error));
        var means = JsonDocument.Parse(collect.Out).RootElement.GetProperty("means");
        Assert.Equal(["alpha", "seeds", "exact win rate"], means.GetProperty("columns").EnumerateArray().Take(3).Select(column => column.GetProperty("name").GetString()!));
        Assert.Equal(5, File.ReadAllLines(Path.Combine(sweep, "cells.csv")).Length);
        var lines = File.ReadAllLines(Path.Combine(sweep, "means.csv"));
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("0.1,2,", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("<svg ", File.ReadAllText(Path.Combine(sweep, "figure.svg")), StringComparison.Ordinal);

        // A third alpha is new; the others are only read.
        folder.Write("tiny.yaml", LabGrid.Replace("[0, 0.1]", "[0, 0.1, 0.2]", StringComparison.Ordinal));
        var more = SelmProcess.StartIn(folder.Root, "sweep", "tiny.yaml").Finish();
        Assert.True(more.Code == 0, more.Error);
        Assert.Contains("cells 2/2", more.Error, StringComparison.Ordinal);
        Assert.StartsWith("6 cells: 6 finished; ", more.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void cells_of_recipes_make_what_they_share_once()
    {
        using var folder = new TempFolder();
        folder.Write("r.yaml", Recipe("first_iteration_is_dpo: false"));
        folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ngrid: {loss.alpha: [0.001, 0.1], method: [selm]}\ncores: 1\n");
        var sweep = folder.File("out");

        var run = SelmProcess.Run("sweep", folder.File("s.yaml"), "--out", sweep, "--jobs", "2");

        Assert.True(run.Code == 0, run.Error);
        Assert.Single(Directory.GetFiles(Path.Combine(sweep, "cache"), "answers-*.jsonl"));
        Assert.Equal(Answers("0.001"), Answers("0.1"));
        Assert.NotEqual(File.ReadAllText(Of(sweep, "0.001", "metrics.jsonl")), File.ReadAllText(Of(sweep, "0.1", "metrics.jsonl")));

        // A run by itself, with nothing shared, ends with the same bytes.
        var alone = SelmProcess.Run("run", "--recipe", Path.Combine(Directory.GetDirectories(Path.Combine(sweep, "cells"), "alpha-0.1_*").Single(), "recipe.yaml"), "--out", folder.File("alone"));
        Assert.Equal(0, alone.Code);
        foreach (var name in new[] { "iteration-0/responses.jsonl", "metrics.jsonl", "answers.jsonl", "model/model.safetensors" })
        {
            Assert.Equal(File.ReadAllBytes(folder.File("alone", name)), File.ReadAllBytes(Of(sweep, "0.1", name)));
        }

        string Answers(string alpha) => File.ReadAllText(Of(sweep, alpha, "iteration-0/responses.jsonl"));
    }

    [Fact]
    public void a_cell_that_fails_is_named_with_its_last_line_and_only_it_runs_again()
    {
        using var folder = new TempFolder();
        var missing = folder.File("later");
        folder.Write("r.yaml", Recipe());
        folder.Write("s.yaml", $"name: s\nrecipe: r.yaml\ngrid: {{base: [{demo.Model}, {missing}]}}\n");
        var sweep = folder.File("out");

        var broken = SelmProcess.Run("sweep", folder.File("s.yaml"), "--out", sweep);

        Assert.Equal(1, broken.Code);
        Assert.Contains($" failed: {missing}", broken.Error, StringComparison.Ordinal);
        Assert.StartsWith("2 cells: 1 finished, 1 failed; ", broken.Out, StringComparison.Ordinal);
        var failed = Status(sweep).Single(cell => cell.Status == "failed");
        Assert.Contains(missing, failed.Why, StringComparison.Ordinal);
        Assert.Contains(missing, SelmProcess.Run("sweep", "logs", sweep, failed.Name).Out, StringComparison.Ordinal);

        foreach (var file in Directory.GetFiles(demo.Model))
        {
            Directory.CreateDirectory(missing);
            File.Copy(file, Path.Combine(missing, Path.GetFileName(file)));
        }
        var again = SelmProcess.Run("sweep", folder.File("s.yaml"), "--out", sweep);
        Assert.True(again.Code == 0, again.Error);
        Assert.Contains("cells 1/1", again.Error, StringComparison.Ordinal);
        Assert.StartsWith("2 cells: 2 finished; ", again.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("KILL", 137)]
    [InlineData("INT", 130)]
    public void a_sweep_that_was_ended_in_the_middle_goes_on_and_ends_with_the_same_bytes(string signal, int code)
    {
        using var folder = new TempFolder();
        var (whole, parts) = (folder.File("whole"), folder.File("parts"));
        folder.Write("r.yaml", Recipe());
        folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ngrid: {loss.alpha: [0.001, 0.1]}\n");
        Assert.Equal(0, SelmProcess.Run("sweep", folder.File("s.yaml"), "--out", whole).Code);

        var running = SelmProcess.Start([], "sweep", folder.File("s.yaml"), "--out", parts);
        Assert.True(SpinWait.SpinUntil(() => Directory.Exists(parts) && Directory.GetFiles(parts, "metrics.jsonl", SearchOption.AllDirectories).Length > 0, 60_000));
        running.Signal(signal);
        Assert.Equal(code, running.Finish().Code);
        var before = Status(parts);
        Assert.Contains(before, cell => cell.Status != "finished");
        Assert.Equal(0, SelmProcess.Run("sweep", folder.File("s.yaml"), "--out", parts).Code);

        foreach (var alpha in new[] { "0.001", "0.1" })
        {
            foreach (var name in new[] { "metrics.jsonl", "answers.jsonl", "model/model.safetensors" })
            {
                Assert.Equal(File.ReadAllBytes(Of(whole, alpha, name)), File.ReadAllBytes(Of(parts, alpha, name)));
            }
        }
    }

    [Fact]
    public void a_cell_of_the_same_name_with_other_numbers_is_refused_with_the_difference()
    {
        using var folder = new TempFolder();
        folder.Write("tiny.yaml", "name: tiny\nlab: {budget: smoke, iterations: 1}\ngrid: {alpha: [0.1], seed: [100]}\n");
        var sweep = folder.File("out");
        Assert.Equal(0, SelmProcess.StartIn(folder.Root, "sweep", "tiny.yaml", "--out", sweep).Finish().Code);
        folder.Write("tiny.yaml", "name: tiny\nlab: {budget: smoke, iterations: 1, beta: 0.5}\ngrid: {alpha: [0.1, 0.2], seed: [100]}\n");

        SelmProcess.StartIn(folder.Root, "sweep", "tiny.yaml", "--out", sweep).Finish().Refused(
            $"The cell alpha-0.1_seed-100 of {sweep} was made with other numbers (beta: 0.3 -> 0.5); give it those again, or choose another folder with --out.");
        Assert.Single(Directory.GetDirectories(Path.Combine(sweep, "cells")));
    }

    [Fact]
    public void cells_that_need_more_cores_or_memory_than_there_are_are_refused_and_make_no_folder()
    {
        using var folder = new TempFolder();
        folder.Write("r.yaml", Recipe());

        SelmProcess.Run("sweep", folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ncores: 1\ngrid: {threads: [1, 4]}\n"), "--out", folder.File("out")).Refused(
            "The sweep s gives a cell 1 cores, but a recipe of it asks for 4 threads; raise cores or lower threads.");
        var large = SelmProcess.Run("sweep", folder.Write("s.yaml", "name: s\nlab: {}\nmemory: 1000T\n"), "--out", folder.File("out"));
        Assert.Equal((2, ""), (large.Code, large.Out));
        Assert.Matches(@"^The sweep s gives a cell 1099511\.6 GB of memory, but this machine has [\d.]+ GB; lower memory, or take --engine slurm\.\n$", large.Error);
        Assert.Equal(["r.yaml", "s.yaml"], folder.Names());
    }

    [Fact]
    public void keys_that_contradict_each_other_name_the_cell()
    {
        using var folder = new TempFolder();
        folder.Write("r.yaml", Recipe());
        var spec = folder.Write("s.yaml", "name: s\nrecipe: r.yaml\ngrid:\n  method: [selm, iterative-dpo]\n  loss.alpha: [0.1]\n");

        var run = SelmProcess.Run("sweep", spec, "--out", folder.File("out"));

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.StartsWith($"{spec} (cell method-iterative-dpo_alpha-0.1): ", run.Error, StringComparison.Ordinal);
        Assert.Contains("method iterative-dpo", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void what_is_no_sweep_and_a_cell_that_is_not_there_are_one_sentence()
    {
        using var folder = new TempFolder();
        SelmProcess.Run("sweep", "status", folder.Root).Refused($"{folder.Root} holds no sweep (there is no sweep.json); give the folder that selm sweep wrote to.");
        folder.Write("tiny.yaml", "name: tiny\nlab: {budget: smoke}\ngrid: {alpha: [0.1]}\n");
        SelmProcess.Run("sweep", folder.File("tiny.yaml"), "--out", folder.Root).Refused(
            $"{folder.Root} is no folder of a sweep and is not empty (it holds tiny.yaml); choose a new or empty folder with --out.");
        SelmProcess.Run("sweep", folder.File("tiny.yaml"), "--engine", "slrum").Refused("--engine must be local or slurm but is 'slrum'; selm sweep --help shows examples.");
    }

    private string Recipe(string more = "") => string.Join('\n', File.ReadLines(Path.Combine(demo.Root, "recipe.yaml")).Where(line => more.Length == 0 || !line.StartsWith(more[..more.IndexOf(':', StringComparison.Ordinal)], StringComparison.Ordinal)).Append(more)) + "\n";

    private static string Of(string sweep, string alpha, string name) =>
        Path.Combine(Directory.GetDirectories(Path.Combine(sweep, "cells")).Single(cell => Path.GetFileName(cell).StartsWith($"alpha-{alpha}-", StringComparison.Ordinal) || Path.GetFileName(cell).StartsWith($"alpha-{alpha}_", StringComparison.Ordinal)), "run", name);

    internal static (string Name, string Status, string? Why)[] Status(string sweep)
    {
        var status = SelmProcess.Run("sweep", "status", sweep, "--json");
        Assert.True(status.Code == 0, status.Error);
        return [.. JsonDocument.Parse(status.Out).RootElement.GetProperty("cells").EnumerateArray().Select(cell => (cell.GetProperty("name").GetString()!, cell.GetProperty("status").GetString()!, cell.GetProperty("why").GetString()))];
    }
}
