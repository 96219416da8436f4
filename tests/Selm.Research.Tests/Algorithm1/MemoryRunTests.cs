using Selm.Research.Algorithm1;
using Selm.Research.Runs;
using Selm.Research.Training;

namespace Selm.Research.Tests.Algorithm1;

/// <summary>Algorithm 1 with the keys that save memory.</summary>
public sealed class MemoryRunTests : IDisposable
{
    private static readonly string[] results =
        ["metrics.jsonl", "answers.jsonl", "iteration-0/preferences.jsonl", "iteration-0/model/model.safetensors", "iteration-1/preferences.jsonl", "iteration-1/model/model.safetensors"];

    private readonly TinyRun tiny = new();
    private readonly Recipe recipe;

    public MemoryRunTests() => recipe = tiny.Recipe with
    {
        Precision = Precision.Bf16, ActivationCheckpointing = true, MaxGradNorm = 0,
        Optimizer = new() { LearningRate = 1e-3, MasterWeights = false, Moments = Precision.Bf16, MomentsOn = MomentsPlace.Host, UpdateInBackward = true },
    };

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void a_run_with_all_of_them_that_is_stopped_anywhere_ends_with_the_same_bytes()
    {
        var reports = 0;
        SelmRun.Run(new(recipe, tiny.File("whole")), _ => TinyRun.Oracle(), new Reporter(() => reports++));
        for (var stop = 3; stop < reports; stop += 4)
        {
            var (broken, seen) = (tiny.File($"broken-{stop}"), 0);
            Assert.Throws<OperationCanceledException>(() => SelmRun.Run(new(recipe, broken), _ => TinyRun.Oracle(), new Reporter(() =>
            {
                if (++seen == stop)
                {
                    throw new OperationCanceledException();
                }
            })));
            SelmRun.Run(new(recipe, broken, Resume: true), _ => TinyRun.Oracle());
            Assert.All(results, name => Assert.True(
                File.ReadAllBytes(Path.Combine(tiny.File("whole"), name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(broken, name))), $"{name} differs after a stop at report {stop}"));
        }
    }

    [Fact]
    public void they_belong_to_the_run()
    {
        using (SelmRun.Open(new(recipe, tiny.File("run")), _ => TinyRun.Oracle()))
        {
        }
        (Recipe Other, string Difference)[] others =
        [
            (recipe with { Optimizer = recipe.Optimizer with { MasterWeights = true } }, "optimizer.master_weights: false -> true"),
            (recipe with { Optimizer = recipe.Optimizer with { Moments = Precision.Fp32 } }, "optimizer.moments: \"bf16\" -> \"fp32\""),
            (recipe with { Optimizer = recipe.Optimizer with { MomentsOn = MomentsPlace.Device } }, "optimizer.moments_on: \"host\" -> \"device\""),
            (recipe with { Optimizer = recipe.Optimizer with { UpdateInBackward = false } }, "optimizer.update_in_backward: true -> false"),
        ];
        Assert.All(others, other => Assert.Contains(
            other.Difference, Assert.Throws<InputException>(() => SelmRun.Open(new(other.Other, tiny.File("run"), Resume: true), _ => TinyRun.Oracle())).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void a_run_whose_loss_is_no_number_names_lines_of_its_own_files()
    {
        var run = tiny.File("run");
        var message = Assert.Throws<DivergenceException>(() => SelmRun.Run(
            new(tiny.Recipe with { Optimizer = new() { LearningRate = 1e30 }, Schedule = new() { WarmupRatio = 0 } }, run), _ => TinyRun.Oracle())).Message;
        var place = message.Split(" for ")[1].Split([",", " and ", ";"], StringSplitOptions.None)[0]; // iteration-0/preferences.jsonl line 7
        var (file, line) = (place.Split(" line ")[0], int.Parse(place.Split(" line ")[1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(line, 1, File.ReadLines(Path.Combine(run, file)).Count());
        var step = int.Parse(message.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) - 1;
        Assert.True(step >= 1);
        Assert.EndsWith($"the checkpoint after step {step} is kept in {Path.Combine(run, "iteration-0", "checkpoints")}.", message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(run, "iteration-0", "checkpoints", $"step-{step}.safetensors")));
    }

    private sealed class Reporter(Action report) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => report();
    }
}
