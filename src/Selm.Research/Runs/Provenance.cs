using System.Reflection;
using System.Runtime.InteropServices;

namespace Selm.Research.Runs;

/// <summary>Where a result came from: enough to run it again and to judge whether a difference is the machine's.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Commit">The commit the kit was built from, or null where unknown.</param>
/// <param name="Kit">The kit's version.</param>
/// <param name="DotNet">The .NET runtime.</param>
/// <param name="Libtorch">The libtorch version as the caller read it, or null where none was used.</param>
/// <param name="Os">The operating system and its version.</param>
/// <param name="Cpu">The processor model.</param>
/// <param name="Cores">Logical processors this process may use.</param>
/// <param name="WallSeconds">How long the work took [s].</param>
/// <param name="Inputs">SHA-256 of every input, by name.</param>
/// <param name="Utc">When it was recorded.</param>
public sealed record Provenance(
    ulong Seed,
    string? Commit,
    string Kit,
    string DotNet,
    string? Libtorch,
    string Os,
    string Cpu,
    int Cores,
    double WallSeconds,
    IReadOnlyDictionary<string, string> Inputs,
    DateTime Utc)
{
    /// <summary>The kit's version, without the commit.</summary>
    public static string KitVersion { get; } = InformationalVersion().Split('+')[0];

    /// <summary>
    /// The commit the kit was built from: the one the compiler stamped into the assembly, else the one checked out
    /// around it, else null.
    /// </summary>
    public static string? BuiltFrom { get; } =
        InformationalVersion().Split('+') is [_, { Length: > 0 } commit] ? commit : CheckedOut(AppContext.BaseDirectory);

    /// <summary>Records this process and this moment.</summary>
    public static Provenance Now(ulong seed, TimeSpan wallTime, IReadOnlyDictionary<string, string> inputs, string? libtorch = null) => new(
        seed, BuiltFrom, KitVersion, RuntimeInformation.FrameworkDescription, libtorch, RuntimeInformation.OSDescription,
        CpuModel(), Environment.ProcessorCount, wallTime.TotalSeconds, inputs, DateTime.UtcNow);

    /// <summary>The processor model from /proc/cpuinfo, else the architecture.</summary>
    public static string CpuModel()
    {
        const string file = "/proc/cpuinfo";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    /// <summary>
    /// The commit checked out in the repository that holds a folder, read from its .git without starting a process;
    /// null where there is none.
    /// </summary>
    public static string? CheckedOut(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            var git = Path.Combine(at.FullName, ".git");
            if (Directory.Exists(git))
            {
                return ReadHead(git, git);
            }
            if (File.Exists(git) && File.ReadAllText(git).Trim() is var link && link.StartsWith("gitdir: ", StringComparison.Ordinal))
            {
                // A linked worktree keeps HEAD of its own and shares the branches.
                var own = Path.Combine(at.FullName, link["gitdir: ".Length..]);
                var common = Path.Combine(own, "commondir");
                return ReadHead(own, File.Exists(common) ? Path.Combine(own, File.ReadAllText(common).Trim()) : own);
            }
        }
        return null;
    }

    private static string? ReadHead(string git, string common)
    {
        if (!File.Exists(Path.Combine(git, "HEAD")))
        {
            return null;
        }
        var head = File.ReadAllText(Path.Combine(git, "HEAD")).Trim();
        if (!head.StartsWith("ref: ", StringComparison.Ordinal))
        {
            return head;
        }
        var name = head["ref: ".Length..];
        if (File.Exists(Path.Combine(common, name)))
        {
            return File.ReadAllText(Path.Combine(common, name)).Trim();
        }
        var packed = Path.Combine(common, "packed-refs");
        return File.Exists(packed)
            ? File.ReadLines(packed).Select(line => line.Split(' ')).FirstOrDefault(parts => parts.Length == 2 && parts[1] == name)?[0]
            : null;
    }

    private static string InformationalVersion() =>
        typeof(Provenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}
