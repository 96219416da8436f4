using System.Diagnostics;
using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Cli.Tests;

/// <summary>Runs that meet a full disk, a read-only one, another process, or find themselves moved: the last good state stays, one sentence says why, and the same command goes on.</summary>
public sealed class TroubleTests(DemoFixture demo) : IClassFixture<DemoFixture>, IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    private ChaosStage Whole => new("run", at => Run(Recipe(""), Path.Combine(at, "run")));

    [Fact]
    public void a_second_process_in_a_run_is_told_who_holds_it_and_since_when()
    {
        var (out1, command) = (folder.File("run"), Run(Recipe(""), folder.File("run")));
        var first = SelmProcess.Start([], command);
        var pid = first.Process.Id;
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(out1, "run.json")), 60_000));

        var second = SelmProcess.Run(command);
        first.Signal("KILL");
        first.Finish();

        Assert.Equal((2, ""), (second.Code, second.Out));
        Assert.Matches(
            $@"^\S+/run is being written by another process \(pid {pid} since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\); wait for it to end or choose another folder\.\n$", second.Error);
    }

    [SkippableTheory]
    [InlineData(0.3)]
    [InlineData(0.7)]
    public void a_full_disk_leaves_the_last_good_state_and_more_room_gives_the_same_bytes(double share)
    {
        using var disk = SmallDisk.Mount(folder.File("disk"));
        Skip.If(disk is null, "no file system can be mounted here");
        var expected = Expected(Whole, out var bytes);
        disk.Remount($"size={(long)(share * bytes)}");

        var stopped = SelmProcess.Run(Whole.Command(disk.Root));

        Assert.Equal((2, ""), (stopped.Code, stopped.Out));
        Assert.Matches(@"(^|\n)/\S+ cannot be written: the disk is full; free some space or choose another disk, nothing was changed\.\n$", stopped.Error);
        Chaos.Sound(disk.Root);
        disk.Remount("size=64m");
        Chaos.Finish(Whole, disk.Root);
        Chaos.Same(expected, Chaos.Results(disk.Root, Whole), $"a disk that was full at {share} of the run");
    }

    [SkippableFact]
    public void a_read_only_disk_is_one_sentence_and_changes_nothing()
    {
        using var disk = SmallDisk.Mount(folder.File("disk"));
        Skip.If(disk is null, "no file system can be mounted here");
        var expected = Expected(Whole, out _);
        new Chaos(folder.Root).KilledAfter(Whole.Command(disk.Root), TimeSpan.FromSeconds(1.5));
        disk.Remount("ro");

        var run = SelmProcess.Run(Whole.Command(disk.Root));
        var merge = SelmProcess.Run("generate", "--model", demo.Model, "--input", folder.Write("in.jsonl", """{"prompt":"Hi"}"""), "--output", Path.Combine(disk.Root, "out.jsonl"));

        foreach (var refused in new[] { run, merge })
        {
            Assert.Equal((2, ""), (refused.Code, refused.Out));
            Assert.Matches(@"^/\S+ cannot be written: the file system is read-only; choose a folder you may write to\.\n$", refused.Error);
        }
        disk.Remount("rw");
        Chaos.Finish(Whole, disk.Root);
        Chaos.Same(expected, Chaos.Results(disk.Root, Whole), "a disk that was read-only for a while");
    }

    [Theory]
    [InlineData("")]
    [InlineData("adapter: {rank: 4}\n")]
    public void a_run_that_was_moved_goes_on_in_its_new_place(string more)
    {
        var stage = new ChaosStage(more.Length == 0 ? "run" : "adapted run", at => Run(Recipe(more), Path.Combine(at, "run")));
        var expected = Expected(stage, out _);
        var running = SelmProcess.Start([], stage.Command(folder.File("here")));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(folder.File("here", "run", "stages", "iteration-0.train.json")), 60_000));
        running.Signal("KILL");
        running.Finish();
        Directory.CreateDirectory(folder.File("there", "deeper"));
        Directory.Move(folder.File("here", "run"), folder.File("there", "deeper", "run"));

        Chaos.Finish(stage, folder.File("there", "deeper"));

        Chaos.Same(expected, Chaos.Results(folder.File("there", "deeper"), stage), "a run that was moved");
        Directory.Move(folder.File("there"), folder.File("elsewhere"));
        var generate = SelmProcess.Run(
            "generate", "--model", folder.File("elsewhere", "deeper", "run", "model"), "--input", folder.Write("in.jsonl", """{"prompt":"Hi"}"""), "--output", folder.File("out.jsonl"), "--max-new-tokens", "2");
        Assert.True(generate.Code == 0, generate.Error);
    }

    [SkippableFact]
    public void eight_runs_at_once_on_one_cache_write_the_same_bytes()
    {
        Skip.If(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("SELM_CHAOS")), "only with SELM_CHAOS; StoreProcessesTests has the cache alone");
        var (cache, alone) = (folder.File("cache"), folder.File("alone"));
        var expected = Expected(Whole, out _);
        var runs = Enumerable.Range(0, 8).Select(k => SelmProcess.Start([], [.. Whole.Command(folder.File($"run-{k}")), "--cache", cache])).ToArray();
        Assert.All(runs, run => Assert.Equal(0, run.Finish(10).Code));

        for (var k = 0; k < runs.Length; k++)
        {
            Chaos.Same(WithoutCache(expected), Chaos.Results(folder.File($"run-{k}"), Whole), $"run {k} of eight at once");
        }
        Assert.Equal(0, SelmProcess.Run([.. Whole.Command(alone), "--cache", folder.File("own")]).Code);
        foreach (var name in Directory.GetFiles(folder.File("own")).Select(Path.GetFileName))
        {
            // Answers are rows of JSON that runs append in their own order, log-probs a store of numbers.
            string[] Rows(string of) => [.. File.ReadLines(Path.Combine(folder.File(of), name!)).Order(StringComparer.Ordinal)];
            if (name!.EndsWith(".jsonl", StringComparison.Ordinal))
            {
                Assert.Equal(Rows("own"), Rows("cache"));
                continue;
            }
            var file = Path.Combine(folder.File("own"), name);
            using var own = new NumberStore(file);
            using var shared = new NumberStore(Path.Combine(cache, Path.GetFileName(file)));
            Assert.Equal(own.Count, shared.Count);
        }
    }

    private static SortedDictionary<string, string> WithoutCache(SortedDictionary<string, string> results)
    {
        foreach (var name in results.Keys.Where(name => name.Contains("/cache/", StringComparison.Ordinal)).ToArray())
        {
            results.Remove(name);
        }
        return results;
    }

    private SortedDictionary<string, string> Expected(ChaosStage stage, out long bytes)
    {
        var whole = folder.File($"whole-{stage.Name}");
        Chaos.Finish(stage, whole);
        bytes = Directory.EnumerateFiles(whole, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        return Chaos.Results(whole, stage);
    }

    private static string[] Run(string recipe, string run) => ["run", "--recipe", recipe, "--out", run];

    private string Recipe(string more) => folder.Write($"recipe-{more.Length}.yaml", File.ReadAllText(Path.Combine(demo.Root, "recipe.yaml")).Replace("adapter: null\n", "", StringComparison.Ordinal) + more);

    /// <summary>A small file system in memory, where this user may mount one.</summary>
    private sealed class SmallDisk : IDisposable
    {
        public required string Root { get; init; }

        public static SmallDisk? Mount(string folder)
        {
            Directory.CreateDirectory(folder);
            return OperatingSystem.IsLinux() && Says("mount", "-t", "tmpfs", "-o", "size=64m", "none", folder) ? new SmallDisk { Root = folder } : null;
        }

        public void Remount(string how) => Assert.True(Says("mount", "-o", $"remount,{how}", Root), how);

        public void Dispose() => Says("umount", "-l", Root);

        private static bool Says(string program, params string[] arguments)
        {
            try
            {
                var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
                using var process = Process.Start(start)!;
                process.StandardError.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
