using Selm.Tests;
using System.Diagnostics;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Tests.Runs;

public class RunFolderTests
{
    private static readonly Dictionary<string, string> Inputs = new() { ["model"] = "aaaa", ["data"] = "bbbb" };
    private static readonly Dictionary<string, string> Machine = new() { ["threads"] = "1", ["blas"] = "openblas" };
    private const string Recipe = """{"name":"demo","optimizer":{"learning_rate":5E-07},"beta":0.01}""";

    private static RunFolder Open(TempFolder folder, string recipe = Recipe, Dictionary<string, string>? inputs = null, Dictionary<string, string>? machine = null, bool resume = false, bool allow = false) =>
        RunFolder.Open(folder.File("run"), recipe, inputs ?? Inputs, machine ?? Machine, resume, allow);

    [Fact]
    public void a_run_continues_where_it_stopped()
    {
        using var folder = new TempFolder();
        var worked = 0;
        for (var times = 0; times < 3; times++)
        {
            using var run = Open(folder, resume: times > 0);
            Assert.Equal(times > 0, run.Resumed);
            Assert.Equal(times == 0, run.Stage("iteration-1.generate", ["y.jsonl"], () =>
            {
                worked++;
                AtomicFile.WriteText(run.PathOf("y.jsonl"), "{}");
            }));
            Assert.Equal(ContentHash.OfText("{}"), run.OutputsOf("iteration-1.generate")["y.jsonl"]);
            Assert.False(run.IsDone("iteration-1.rank"));
        }
        Assert.Equal(1, worked);
    }

    [Fact]
    public void the_day_of_a_run_is_that_of_its_start()
    {
        using var folder = new TempFolder();
        var (day, later) = (new DateOnly(2024, 2, 29), new DateOnly(2024, 3, 1));
        RunFolder OpenOn(DateOnly? started) => RunFolder.Open(folder.File("run"), Recipe, Inputs, Machine, started: started);
        Assert.Equal(DateOnly.FromDateTime(DateTime.Today), RunFolder.StartOf(folder.File("run")));
        foreach (var started in new DateOnly?[] { day, later, null })
        {
            using var run = OpenOn(started);
            Assert.Equal(day, run.Started);
        }
        Assert.Equal(day, RunFolder.StartOf(folder.File("run")));
    }

    [Fact]
    public void a_stage_that_failed_is_not_done()
    {
        using var folder = new TempFolder();
        using var run = Open(folder);
        Assert.Throws<InvalidOperationException>(() => run.Stage("s", [], () => throw new InvalidOperationException("killed")));
        Assert.Throws<InputException>(() => run.MarkDone("s", "missing.jsonl"));
        Assert.False(run.IsDone("s"));
        Assert.Throws<InputException>(() => run.OutputsOf("s"));
        Assert.Throws<ArgumentException>(() => run.IsDone("../s"));
    }

    [Fact]
    public void a_folder_that_cannot_be_is_refused_in_one_sentence()
    {
        using var folder = new TempFolder();
        var file = folder.Write("file", "x");
        foreach (var path in new[] { file, Path.Combine(file, "run"), Path.Combine(file, "a", "b"), "/proc/self/run", "/dev/null/run", "", " ", "a\0b" })
        {
            var error = Assert.Throws<InputException>(() => RunFolder.Open(path, "{}", new Dictionary<string, string>(), new Dictionary<string, string>()));
            Assert.Single(error.Message.TrimEnd('.').Split(". "));
        }
        Assert.Equal("x", File.ReadAllText(file));
    }

    [Fact]
    public void a_changed_recipe_is_refused_with_the_exact_difference()
    {
        using var folder = new TempFolder();
        Open(folder).Dispose();
        var error = Assert.Throws<InputException>(() => Open(folder, """{"name":"demo","optimizer":{"learning_rate":1E-06},"alpha":0.001}"""));
        Assert.Contains("another recipe (alpha: none -> 0.001; beta: 0.01 -> none; optimizer.learning_rate: 5E-07 -> 1E-06)", error.Message, StringComparison.Ordinal);
        Open(folder).Dispose();
    }

    [Fact]
    public void a_changed_input_is_refused_even_when_the_machine_may_differ()
    {
        using var folder = new TempFolder();
        Open(folder).Dispose();
        var error = Assert.Throws<InputException>(() => Open(folder, inputs: new() { ["model"] = "aaaa", ["data"] = "cccc" }, allow: true));
        Assert.Contains("another input (data: bbbb -> cccc)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void another_machine_is_refused_unless_allowed_and_then_recorded()
    {
        using var folder = new TempFolder();
        Open(folder).Dispose();
        var other = new Dictionary<string, string> { ["threads"] = "2", ["blas"] = "openblas" };
        var error = Assert.Throws<InputException>(() => Open(folder, machine: other));
        Assert.Contains("threads: 1 -> 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("--allow-different-machine", error.Message, StringComparison.Ordinal);
        Open(folder, machine: other, allow: true).Dispose();
        Assert.Contains("\"earlier_machines\": [\n    {\n      \"blas\": \"openblas\",\n      \"kit\": \"0.1.0\",\n      \"threads\": \"1\"", File.ReadAllText(folder.File("run", "run.json")), StringComparison.Ordinal);
        Open(folder, machine: other).Dispose();
    }

    [Fact]
    public void resume_demands_a_run_and_a_foreign_folder_is_left_alone()
    {
        using var folder = new TempFolder();
        Assert.Contains("no run to resume", Assert.Throws<InputException>(() => Open(folder, resume: true)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.Names());
        Directory.CreateDirectory(folder.File("run"));
        File.WriteAllText(folder.File("run", "thesis.tex"), "");
        Assert.Contains("it holds thesis.tex", Assert.Throws<InputException>(() => Open(folder)).Message, StringComparison.Ordinal);
        Assert.Equal(["thesis.tex"], Directory.GetFiles(folder.File("run")).Select(Path.GetFileName));
    }

    [Fact]
    public void a_changed_or_missing_output_is_told()
    {
        using var folder = new TempFolder();
        using (var run = Open(folder))
        {
            run.Stage("s", ["a.txt", "b.txt"], () =>
            {
                AtomicFile.WriteText(run.PathOf("a.txt"), "a");
                AtomicFile.WriteText(run.PathOf("b.txt"), "b");
            });
        }
        File.WriteAllText(folder.File("run", "b.txt"), "other");
        using (var run = Open(folder))
        {
            Assert.Contains("b.txt was changed since stage 's' finished", Assert.Throws<InputException>(() => run.IsDone("s")).Message, StringComparison.Ordinal);
        }
        File.Delete(folder.File("run", "a.txt"));
        using (var run = Open(folder))
        {
            Assert.Contains("a.txt is gone", Assert.Throws<InputException>(() => run.IsDone("s")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void two_processes_never_write_one_run_and_a_dead_ones_lock_is_taken_over()
    {
        using var folder = new TempFolder();
        using (Open(folder))
        {
            var error = Assert.Throws<InputException>(() => Open(folder));
            Assert.Matches($@"another process \(pid {Environment.ProcessId} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\); wait", error.Message);
        }
        File.WriteAllText(folder.File("run", "run.pid"), "999999\n");
        Open(folder).Dispose();
    }

    [SkippableFact]
    public void the_lock_of_a_killed_process_is_free()
    {
        Skip.IfNot(File.Exists("/usr/bin/flock"), "no flock program");
        using var folder = new TempFolder();
        Open(folder).Dispose();
        using var holder = Process.Start("/usr/bin/flock", [folder.File("run", "run.lock"), "sleep", "60"])!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => Refused(folder), TimeSpan.FromSeconds(10)), "the lock of a live process must be refused");
        }
        finally
        {
            holder.Kill(entireProcessTree: true);
            holder.WaitForExit();
        }
        Assert.True(SpinWait.SpinUntil(() => !Refused(folder), TimeSpan.FromSeconds(10)), "the lock of a dead process must be taken over");
    }

    [Fact]
    public void opening_cleans_up_what_a_killed_writer_left()
    {
        using var folder = new TempFolder();
        Open(folder).Dispose();
        File.WriteAllText(folder.File("run", "w.safetensors.tmp-12-0123456789abcdef012-3"), "half");
        Open(folder).Dispose();
        Assert.Equal(["run.json", "run.lock"], Directory.GetFiles(folder.File("run")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void metrics_are_cut_back_to_the_last_checkpoint_and_a_torn_line_is_dropped()
    {
        using var folder = new TempFolder();
        var path = folder.File("run", "metrics.jsonl");
        using (var run = Open(folder))
        {
            for (var step = 1; step <= 4; step++)
            {
                run.Metrics.Append(step, new { Loss = 0.5 / step, Stage = "train" });
            }
        }
        File.AppendAllText(path, "{\"step\":5,\"lo");
        using (var run = Open(folder))
        {
            Assert.Equal([1, 2, 3, 4], Jsonl.Read(path).Select(row => row.WholeNumber("step")));
            run.Metrics.TruncateAfter(2);
            run.Metrics.Append(3, new Dictionary<string, double> { ["loss"] = double.NaN });
        }
        Assert.Equal("{\"step\":1,\"loss\":0.5,\"stage\":\"train\"}\n{\"step\":2,\"loss\":0.25,\"stage\":\"train\"}\n{\"step\":3,\"loss\":\"NaN\"}\n", File.ReadAllText(path));
    }

    [Fact]
    public void a_damaged_run_file_is_one_sentence()
    {
        using var folder = new TempFolder();
        Open(folder).Dispose();
        File.WriteAllText(folder.File("run", "run.json"), "{\"recipe\":");
        Assert.Contains("run.json is damaged", Assert.Throws<InputException>(() => Open(folder)).Message, StringComparison.Ordinal);
    }

    private static bool Refused(TempFolder folder)
    {
        try
        {
            Open(folder).Dispose();
            return false;
        }
        catch (InputException)
        {
            return true;
        }
    }
}
