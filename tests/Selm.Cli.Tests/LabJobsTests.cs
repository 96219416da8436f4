using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Lab;
using Selm.Research.Runs;

namespace Selm.Cli.Tests;

public class LabJobsTests
{
    private static readonly LabCellSpec smoke = new() { Seed = 100, Budget = LabBudget.Smoke, Iterations = 2 };

    [Fact]
    public void cells_run_in_processes_and_a_failed_one_stops_no_other()
    {
        using var folder = new TempFolder();
        var (models, cache) = (Path.Combine(folder.Root, "models"), Path.Combine(folder.Root, "cache"));
        LabCellSpec[] specs = [smoke, smoke with { LearningRate = 1e30 }, smoke with { Alpha = 0 }, smoke];
        var heard = new Reports();

        var results = LabJobs.Run(specs, jobs: 2, models, cache, heard);

        Assert.Equal(specs.Select(spec => spec.Hash), results.Select(result => result.Spec.Hash));
        Assert.Equal([null, null, null], new[] { results[0], results[2], results[3] }.Select(result => result.Failure));
        Assert.Contains("lower the learning rate", results[1].Failure, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], heard.Select(report => report.Done));
        Assert.All(heard, report => Assert.Equal(3, report.Total));
        Assert.Contains(heard, report => report.Note!.EndsWith(" failed", StringComparison.Ordinal));
        Assert.Single(Directory.GetDirectories(models)); // the second cell waited for the first one's base model

        heard.Clear();
        LabJobs.Run(specs, jobs: 2, Path.Combine(folder.Root, "no models"), cache, heard);
        Assert.Empty(heard);
    }

    [Fact]
    public void a_cell_has_the_same_numbers_whichever_came_before_it_in_its_process()
    {
        using var folder = new TempFolder();
        LabCellResult Of(string name, params LabCellSpec[] specs) => LabJobs.Run(specs, 1, Path.Combine(folder.Root, "models"), Path.Combine(folder.Root, name))[^1];

        var alone = Of("alone", smoke);
        var third = Of("third", smoke with { Alpha = 0 }, smoke with { Alpha = 0.1 }, smoke);

        Assert.Equal(JsonSerializer.Serialize(alone.Iterations, JsonFormat.Line), JsonSerializer.Serialize(third.Iterations, JsonFormat.Line));
        Assert.Equal(alone.Last!.MeanReward, third.Last!.MeanReward);
    }

    [Fact]
    public void a_process_without_a_result_marks_its_cell_and_is_tried_again()
    {
        using var folder = new TempFolder();
        var (models, cache) = (Path.Combine(folder.Root, "models"), Path.Combine(folder.Root, "cache"));
        File.WriteAllText(models, "a file where a folder should be");
        Assert.Contains(models, LabJobs.Run([smoke], 1, models, cache)[0].Failure, StringComparison.Ordinal);
        File.Delete(models);
        Assert.Null(LabJobs.Run([smoke], 1, models, cache)[0].Failure);
    }

    [Fact]
    public void a_field_that_no_cell_has_is_refused()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Root, "cell.json");
        File.WriteAllText(file, "{\n  \"alhpa\": 1\n}");
        var process = SelmProcess.Run("lab-cell", "--spec", file, "--cache", folder.Root, "--models", folder.Root);
        Assert.Equal(2, process.Code);
        Assert.StartsWith($"{file} line 2 is no spec of a lab cell", process.Error, StringComparison.Ordinal);
        Assert.Contains("alhpa", process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void the_device_reaches_the_processes()
    {
        using var folder = new TempFolder();
        var failure = LabJobs.Run([smoke], 1, folder.Root, folder.Root, device: "cuda:99")[0].Failure;
        Assert.StartsWith("The device 'cuda:99' is not there", failure, StringComparison.Ordinal);
    }

    private sealed class Reports : List<StepProgress>, IProgress<StepProgress>
    {
        public void Report(StepProgress value) => Add(value);
    }
}
