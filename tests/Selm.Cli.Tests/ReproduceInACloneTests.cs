using System.Diagnostics;
using System.Text.Json;
using Selm.Tests;

namespace Selm.Cli.Tests;

/// <summary>README's commands one after the other in a clone: what git tracks is the recording, and only --record changes it.</summary>
public class ReproduceInACloneTests
{
    private const string BothCommands = "SELM_BOTH_COMMANDS";

    [SkippableFact]
    public void a_preview_changes_nothing_that_git_tracks_and_redraw_writes_the_recording_again()
    {
        using var clone = new TempFolder();
        Clone(clone.Root);
        var results = Bytes(clone.File("data", "results"));
        var readme = File.ReadAllText(clone.File("README.md"));

        var run = SelmProcess.StartIn(clone.Root, "reproduce", "tables-audit", "theorem31", "figure1", "figure5-v3", "--scale", "smoke").Finish();

        Assert.Equal((0, ""), (run.Code, Git(clone.Root, "status", "--porcelain")));
        Assert.Equal(results, Bytes(clone.File("data", "results")));
        Assert.EndsWith(
            $"A preview: figures are in {Path.Combine("data", "runs", "preview", "figures")}; tables, claims.md and report.html in {Path.Combine("data", "runs", "preview", "results")}.\n"
            + "The recording stays as it is: figures/, data/results and README's numbers are written only with --record.\n",
            run.Out, StringComparison.Ordinal);
        Complete(clone.File("data", "runs", "preview"), "tables-audit", "theorem31", "figure1", "figure5-v3");

        SelmProcess.StartIn(clone.Root, "reproduce", "--record").Finish()
            .Refused("--record needs at least 10 seeds, since fewer judge nothing; give --seeds 10 or more, or leave --record out for a preview.");
        Assert.Equal("", Git(clone.Root, "status", "--porcelain"));

        Assert.Equal(0, SelmProcess.StartIn(clone.Root, "reproduce", "--redraw").Finish().Code);
        Assert.Equal(readme, File.ReadAllText(clone.File("README.md")));
        Assert.Equal("", Git(clone.Root, "status", "--porcelain", "data/results/*.json", "data/results/claims.*"));
    }

    /// <summary>The real thing: a quarter of an hour on two cores, so only where the variable is set.</summary>
    [SkippableFact]
    [Trait("Duration", "long")]
    public void both_commands_of_README_run_one_after_the_other()
    {
        Skip.If(Environment.GetEnvironmentVariable(BothCommands) is null, $"{BothCommands} is not set (see environment.md)");
        using var clone = new TempFolder();
        Clone(clone.Root);
        foreach (var command in new[] { "reproduce", "test" })
        {
            var start = new ProcessStartInfo(clone.File("selm"), [command]) { WorkingDirectory = clone.Root };
            start.Environment.Remove(BothCommands); // or the tests of the clone would clone again
            start.Environment["SELM_FIXTURES"] = Golden.Outside() ?? "";
            using var process = Process.Start(start)!;
            Assert.True(process.WaitForExit(TimeSpan.FromHours(2)), $"./selm {command} takes over two hours");
            Assert.Equal((command, 0, ""), (command, process.ExitCode, Git(clone.Root, "status", "--porcelain")));
        }
    }

    // The working tree as a user would clone it: what git tracks, as it is now.
    private static void Clone(string folder)
    {
        Skip.IfNot(Path.Exists(Path.Combine(Golden.Root, ".git")), "this is no git checkout");
        foreach (var name in Git(Golden.Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            var (from, to) = (Path.Combine(Golden.Root, name), Path.Combine(folder, name));
            if (File.Exists(from))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Copy(from, to);
            }
        }
        Git(folder, "init", "-q");
        Git(folder, "add", "--all");
        Git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "x");
    }

    // Every figure and table of every record is there, marked, and claims and report name the experiments and nothing else.
    private static void Complete(string preview, params string[] experiments)
    {
        var (figures, results) = (Path.Combine(preview, "figures"), Path.Combine(preview, "results"));
        var records = experiments.Select(name => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(results, $"{name}.json"))).RootElement).ToArray();
        string[] Ids(string of) => [.. records.SelectMany(record => record.GetProperty(of).EnumerateArray()).Select(one => one.GetProperty("id").GetString()!).Order(StringComparer.Ordinal)];
        Assert.Equal(Ids("figures"), Directory.GetFiles(figures).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal));
        Assert.All(Directory.GetFiles(figures), file => Assert.Contains(">Preview", File.ReadAllText(file), StringComparison.Ordinal));
        Assert.All(Ids("tables"), id => Assert.True(File.Exists(Path.Combine(results, $"{id}.csv")), id));
        var judged = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(results, "claims.json"))).RootElement.GetProperty("claims").EnumerateArray()
            .Where(claim => claim.GetProperty("verdict").GetString() != "not run").Select(claim => claim.GetProperty("id").GetString()!);
        Assert.Equal(Ids("claims"), judged.Order(StringComparer.Ordinal));
        Assert.Contains("<h1>Preview, not the recorded run.", File.ReadAllText(Path.Combine(results, "report.html")), StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Bytes(string folder) =>
        Directory.GetFiles(folder).ToDictionary(file => Path.GetFileName(file), file => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));

    private static string Git(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true })!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return output;
    }
}
