using System.Diagnostics;
using System.Globalization;

namespace Selm.Tests.Hostile;

/// <summary>A reader of the kit under hostile input. A new one is one line in a table.</summary>
/// <param name="Name">Its name, and that of its folder in tests/hostile.</param>
/// <param name="File">The name under which its file lies; may hold a folder.</param>
/// <param name="Corpus">Sound files; those that need others beside them come with a folder, which is copied.</param>
/// <param name="Read">Reads the file at a path with all that follows from it.</param>
internal sealed record HostileReader(string Name, string File, Func<IReadOnlyList<Sound>> Corpus, Action<string> Read)
{
    /// <summary>Whether an exception is one that the reader documents.</summary>
    public required Func<Exception, bool> IsRefusal { get; init; }

    /// <summary>What every sentence must name.</summary>
    public string Place { get; init; } = Path.GetFileName(File);
}

/// <summary>A sound file.</summary>
/// <param name="Bytes">Its content; null takes what the folder holds under the reader's name.</param>
/// <param name="Folder">What lies beside it, or null.</param>
internal sealed record Sound(byte[]? Bytes, string? Folder = null);

/// <summary>What came of one input.</summary>
/// <param name="Fault">What rule it broke, or null.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Bytes">How much more memory the process held at its worst than before.</param>
/// <param name="Refused">Whether the reader refused it.</param>
internal sealed record Outcome(string? Fault, double Seconds, long Bytes, bool Refused);

/// <summary>The rules: no crash, no more than five seconds, memory within twice the file and 200 MB, one sentence that names the place.</summary>
internal sealed class HostileRun : IDisposable
{
    private const double LongestSeconds = 5, Hopeless = 30;
    private const int LongestSentence = 2000;
    private readonly string root = Directory.CreateTempSubdirectory("selm-hostile-").FullName;
    private readonly HostileReader reader;
    private readonly IReadOnlyList<Sound> corpus;
    private readonly byte[][] contents;

    public HostileRun(HostileReader reader)
    {
        this.reader = reader;
        corpus = reader.Corpus();
        contents = [.. corpus.Select(sound => sound.Bytes ?? System.IO.File.ReadAllBytes(Path.Combine(sound.Folder!, reader.File)))];
        for (var i = 0; i < corpus.Count; i++)
        {
            Copy(corpus[i].Folder, Folder(i));
        }
    }

    /// <summary>Reads every sound file as it is.</summary>
    public IEnumerable<Outcome> Sound() => contents.Select((bytes, i) => Try(i, bytes));

    /// <summary>Reads the k-th mutated file.</summary>
    public (byte[] Bytes, Outcome Outcome) Mutated(int k)
    {
        var pick = (int)(Dice.Seed(reader.Name, k) % (ulong)corpus.Count);
        var bytes = Mutation.Of(contents, pick, Dice.Seed(reader.Name, k));
        return (bytes, Try(pick, bytes));
    }

    /// <summary>Reads a file that was written by hand, in place of the first sound one.</summary>
    public Outcome Written(byte[] bytes) => Try(0, bytes);

    public void Dispose() => Directory.Delete(root, recursive: true);

    private Outcome Try(int pick, byte[] bytes)
    {
        var outcome = Once(pick, bytes);
        // Another test's rubbish may have been counted, or the machine may have stood still: what stays is the reader's.
        for (var again = 0; again < 2 && outcome.Fault?.StartsWith("takes", StringComparison.Ordinal) == true; again++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            outcome = Once(pick, bytes);
        }
        return outcome;
    }

    // Besides what a reader holds: what the collector of a process with thousands of tests behind it has not looked at yet.
    private const long Garbage = 64 << 20;

    private Outcome Once(int pick, byte[] bytes)
    {
        var path = Path.Combine(Folder(pick), reader.File);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, bytes);
        Exception? error = null;
        var before = PeakMemory.Reset();
        var (clock, busy) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        // The smallest stack that a thread of the kit has: what is nested too deeply must be refused on it.
        var thread = new Thread(() =>
        {
            try
            {
                reader.Read(path);
            }
            catch (Exception e)
            {
                error = e;
            }
        }, 1 << 20)
        { IsBackground = true };
        thread.Start();
        while (!thread.Join(TimeSpan.FromSeconds(1)))
        {
            // By the processor's time, because the machine may be busy with others; what waits for ever uses none.
            if ((Environment.CpuUsage.TotalTime - busy).TotalSeconds > Hopeless || clock.Elapsed > TimeSpan.FromMinutes(10))
            {
                throw new TimeoutException($"{reader.Name} does not come to an end on {Keep(bytes)}");
            }
        }
        var seconds = clock.Elapsed.TotalSeconds;
        var held = PeakMemory.Now() - before;
        var worked = Math.Min(seconds, (Environment.CpuUsage.TotalTime - busy).TotalSeconds);
        var fault = error is null || reader.IsRefusal(error) ? error is null ? null : Wrong(error.Message) : $"throws {error.GetType().Name}: {error.Message} {Frames(error)}";
        fault ??= worked > LongestSeconds ? string.Create(CultureInfo.InvariantCulture, $"takes {worked:0.0} s") : null;
        fault ??= held > 2L * bytes.Length + (200 << 20) + Garbage ? $"takes {held >> 20} MB for a file of {bytes.Length >> 10} KB" : null;
        return new(fault, worked, Math.Max(0, held), error is not null);
    }

    /// <summary>Keeps an input for a look at it.</summary>
    public string Keep(byte[] bytes)
    {
        var path = Path.Combine(Path.GetTempPath(), $"selm-hostile-{reader.Name.Replace(' ', '-')}-{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))[..12]}");
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    private string? Wrong(string sentence) =>
        sentence.Length > LongestSentence ? $"says a sentence of {sentence.Length} characters: {sentence[..200]}"
        : sentence.Any(char.IsControl) ? $"says control characters: {sentence.ReplaceLineEndings("\\n")}"
        : !sentence.EndsWith('.') && !sentence.EndsWith('?') ? $"says no sentence: {sentence}"
        : !sentence.Contains(reader.Place, StringComparison.Ordinal) ? $"does not say where ({reader.Place}): {sentence}"
        : null;

    private static string Frames(Exception error) => string.Join(" ", (error.StackTrace ?? "").Split('\n').Take(6).Select(line => line.Trim()));

    private string Folder(int i) => Path.Combine(root, i.ToString(CultureInfo.InvariantCulture));

    private static void Copy(string? from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in from is null ? [] : Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var place = Path.Combine(to, Path.GetRelativePath(from!, file));
            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            System.IO.File.Copy(file, place);
        }
    }
}

/// <summary>The most memory that this process has held, where Linux tells it.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status", Switch = "/proc/self/clear_refs";

    /// <summary>Begins to count anew.</summary>
    /// <returns>What is held now [bytes].</returns>
    public static long Reset()
    {
        if (!System.IO.File.Exists(Switch))
        {
            return 0;
        }
        System.IO.File.WriteAllText(Switch, "5");
        return Of("VmRSS:");
    }

    /// <summary>The most since then [bytes].</summary>
    public static long Now() => System.IO.File.Exists(Switch) ? Of("VmHWM:") : 0;

    private static long Of(string entry)
    {
        var line = System.IO.File.ReadLines(Status).First(one => one.StartsWith(entry, StringComparison.Ordinal));
        return 1024 * long.Parse(line[entry.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
