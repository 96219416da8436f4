using System.Globalization;
using Xunit;
using Xunit.Abstractions;

namespace Selm.Tests.Hostile;

/// <summary>The tests of a table of readers.</summary>
internal static class HostileTest
{
    // A few hundred in every run; SELM_HOSTILE=1000 reads that many of each.
    private const int Usual = 200;
    private const int MostTold = 12;

    /// <summary>Reads mutated files and holds the rules.</summary>
    public static void Mutated(HostileReader reader, ITestOutputHelper output)
    {
        var count = Environment.GetEnvironmentVariable("SELM_HOSTILE") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : Usual;
        using var run = new HostileRun(reader);
        var (refused, worst, memory, faults) = (0, 0.0, 0L, new Dictionary<string, string>());
        for (var k = 0; k < count && faults.Count < MostTold; k++)
        {
            var (bytes, outcome) = run.Mutated(k);
            refused += outcome.Refused ? 1 : 0;
            (worst, memory) = (Math.Max(worst, outcome.Seconds), Math.Max(memory, outcome.Bytes));
            if (outcome.Fault is { } fault && !faults.Keys.Any(known => known[..Math.Min(known.Length, 60)] == fault[..Math.Min(fault.Length, 60)]))
            {
                faults[fault] = $"input {k}, kept as {run.Keep(bytes)}";
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{reader.Name} | {count} | {refused} | {faults.Count} | {worst:0.00} s | {memory >> 20} MB"));
        Assert.True(faults.Count == 0, string.Join("\n", faults.Select(fault => $"{reader.Name} {fault.Key}\n   ({fault.Value})")));
    }

    /// <summary>Reads the sound files, which no rule may refuse.</summary>
    public static void Sound(HostileReader reader)
    {
        using var run = new HostileRun(reader);
        Assert.All(run.Sound(), outcome => Assert.Equal((null, false), (outcome.Fault, outcome.Refused)));
    }

    /// <summary>Reads what was found once: the files of tests/hostile in the reader's folder.</summary>
    /// <returns>How many there are.</returns>
    public static int Found(HostileReader reader, string folder)
    {
        var files = Directory.Exists(Path.Combine(folder, reader.Name)) ? Directory.GetFiles(Path.Combine(folder, reader.Name)) : [];
        using var run = new HostileRun(reader);
        foreach (var file in files.Order(StringComparer.Ordinal))
        {
            var fault = run.Written(File.ReadAllBytes(file)).Fault;
            Assert.True(fault is null, $"{reader.Name}, {Path.GetFileName(file)}: {fault}");
        }
        return files.Length;
    }
}
