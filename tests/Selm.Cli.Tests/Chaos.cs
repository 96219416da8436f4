using System.Globalization;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selm.HuggingFace.Models;
using Selm.Tests.Hostile;

namespace Selm.Cli.Tests;

/// <summary>A command that is killed again and again, and what it must leave.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Command">Its arguments, with everything that it writes in a folder.</param>
internal sealed record ChaosStage(string Name, Func<string, string[]> Command)
{
    /// <summary>Files that record times or what the command was started with, by their names: no command gives them the same bytes twice.</summary>
    public IReadOnlyList<string> Timed { get; init; } = [];

    /// <summary>Files that are compared without days, times and seconds in them.</summary>
    public IReadOnlyList<string> Dated { get; init; } = ["run.json", "README.md"];
}

/// <summary>Kills commands at random moments and looks at what they leave.</summary>
/// <param name="root">A folder of its own.</param>
internal sealed partial class Chaos(string root)
{
    // Which process holds a run; gone when it ends, and left by a killed one.
    private static readonly string[] holders = ["run.lock", "run.pid"];

    /// <summary>Kills that met a living process.</summary>
    public int Kills { get; private set; }

    /// <summary>Runs that were killed at least once and then ended with the same bytes as one that was not.</summary>
    public int Survived { get; private set; }

    /// <summary>Kills a command so often, at moments from its start to its end, each time continued by the same command.</summary>
    public void Kill(ChaosStage stage, int kills, ulong seed)
    {
        var dice = new Dice(seed);
        var whole = Fresh(stage, "whole");
        var clock = Stopwatch.StartNew();
        Finish(stage, whole);
        var (expected, length) = (Results(whole, stage), clock.Elapsed);
        for (var (left, chain) = (kills, 0); left > 0; chain++)
        {
            var parts = Fresh(stage, $"parts-{chain}");
            var killed = 0;
            while (left > 0 && KilledAfter(stage.Command(parts), length * (0.05 + 0.95 * dice.Below(1000) / 1000)))
            {
                (left, killed) = (left - 1, killed + 1);
                Sound(parts);
            }
            Finish(stage, parts);
            Same(expected, Results(parts, stage), $"{stage.Name}, killed {killed} times");
            Survived += killed > 0 ? 1 : 0;
            Directory.Delete(parts, recursive: true);
            Assert.True(chain < 4 * kills + 20, $"{stage.Name}: only {kills - left} of {kills} kills met a living process");
        }
    }

    /// <summary>Whether a command lived for so long and was killed then.</summary>
    public bool KilledAfter(string[] command, TimeSpan delay)
    {
        var running = SelmProcess.Start([], command);
        if (running.Process.WaitForExit(delay))
        {
            var ended = running.Finish();
            Assert.True(ended.Code == 0, ended.Error);
            return false;
        }
        running.Signal("KILL");
        Kills++;
        return running.Finish().Code == 137;
    }

    /// <summary>Runs a command to its end.</summary>
    public static void Finish(ChaosStage stage, string folder)
    {
        var ended = SelmProcess.Run(stage.Command(folder));
        Assert.True(ended.Code == 0, $"{stage.Name}: {ended.Error}");
    }

    private string Fresh(ChaosStage stage, string name) => Directory.CreateDirectory(Path.Combine(root, $"{stage.Name}-{name}")).FullName;

    /// <summary>The hash of every file that the command leaves, by its name.</summary>
    public static SortedDictionary<string, string> Results(string folder, ChaosStage stage)
    {
        var results = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            var name = Path.GetFileName(file);
            if (!holders.Contains(name) && !stage.Timed.Contains(name))
            {
                results[Path.GetRelativePath(folder, file)] = Convert.ToHexStringLower(SHA256.HashData(stage.Dated.Contains(name) ? Undated(file) : File.ReadAllBytes(file)));
            }
        }
        return results;
    }

    // A run and its model card say on which day the run was started (a test may run over midnight), a result when it was made.
    private static byte[] Undated(string file) => Encoding.UTF8.GetBytes(Date().Replace(File.ReadAllText(file), "then"));

    [GeneratedRegex(@"\b20\d\d-\d\d-\d\d(T[\d:.]+Z)?|(?<=""wall_seconds"": )[\d.]+")]
    private static partial Regex Date();

    /// <summary>Asserts that two folders hold the same files with the same bytes.</summary>
    public static void Same(SortedDictionary<string, string> expected, SortedDictionary<string, string> found, string what)
    {
        var differences = expected.Keys.Union(found.Keys).Where(name => expected.GetValueOrDefault(name) != found.GetValueOrDefault(name)).ToArray();
        Assert.True(differences.Length == 0, string.Create(CultureInfo.InvariantCulture, $"{what}: {differences.Length} of {expected.Count} files differ: {string.Join(", ", differences)}"));
    }

    /// <summary>Asserts that no file under its final name is half-written.</summary>
    public static void Sound(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        {
            switch (Path.GetExtension(file))
            {
                case ".json":
                    using (JsonDocument.Parse(File.ReadAllBytes(file)))
                    {
                    }
                    break;
                case ".safetensors":
                    SafetensorsFile.Open(file).Dispose();
                    break;
                case ".jsonl":
                    // Of a log that grows line by line the last may be torn; whoever reads it drops it.
                    var lines = File.ReadAllText(file).Split('\n');
                    Assert.All(lines[..^1], line => JsonElement.Parse(line));
                    Assert.True(lines[^1].Length == 0 || Path.GetFileName(file) is "metrics.jsonl" or "judge-cache.jsonl", $"{file} ends in half a line");
                    break;
                default:
                    break;
            }
        }
    }
}
