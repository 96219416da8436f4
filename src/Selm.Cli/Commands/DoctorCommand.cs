using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm doctor</c>: what is installed, what is missing and how to get it, and one small computation as a proof.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var json = Values.Json();
        var command = new CliCommand(
            "doctor",
            "Shows what is installed and what is missing, and checks a tensor operation and its gradient.",
            [
                "selm doctor",
                "selm doctor --json",
            ])
        {
            json,
        };
        command.SetAction(parsed =>
        {
            var report = Examine();
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(report, JsonFormat.Line));
            }
            else
            {
                Print(report);
            }
            return report.Libtorch is null ? SelmCommandLine.WrongInput : report.SelfCheck.Ok ? SelmCommandLine.Success : SelmCommandLine.Failure;
        });
        return command;
    }

    private static Report Examine()
    {
        var (libtorch, missing) = LibtorchFacts.Read();
        var memory = MemoryInfo();
        return new Report(
            Provenance.KitVersion,
            Provenance.BuiltFrom,
            RuntimeInformation.FrameworkDescription,
            RuntimeInformation.OSDescription,
            Provenance.CpuModel(),
            Environment.ProcessorCount,
            memory.GetValueOrDefault("MemTotal"),
            memory.GetValueOrDefault("MemAvailable"),
            new DriveInfo(Environment.CurrentDirectory).AvailableFreeSpace,
            libtorch,
            missing,
            libtorch is null ? new SelfCheck(false, 0, "not run: there is no libtorch") : SelfCheck.Run(),
            new SortedDictionary<string, string?>
            {
                ["fixtures"] = Fixtures(),
            });
    }

    private static void Print(Report report)
    {
        Line("kit", $"selm {report.Kit}{(report.Commit is null ? "" : $" ({report.Commit[..Math.Min(12, report.Commit.Length)]})")}");
        Line(".NET", report.DotNet);
        Line("system", report.Os);
        Line("processor", $"{report.Cpu}, {report.Cores} cores");
        Line("memory", $"{Wording.Bytes(report.MemoryFreeBytes)} free of {Wording.Bytes(report.MemoryBytes)}");
        Line("disk", $"{Wording.Bytes(report.DiskFreeBytes)} free here");
        if (report.Libtorch is { } torch)
        {
            Line("libtorch", $"{torch.Version} ({torch.Provider}) in {torch.Folder ?? "an unknown place"}");
            Line("libstdc++", torch.Cure is null ? "new enough for TorchSharp" : $"older than GCC 13's: TorchSharp runs as the cured copy {torch.Cure}");
            Line("BLAS", torch.Blas ?? "inside libtorch");
            Line("kernels", torch.VectorBits > 0 ? $"the kit's, {torch.VectorBits}-bit vectors" : "libtorch's operators: this processor has no wide vectors");
            Line("memory pages", torch.HugePages ? "2 MB" : "as the system sets them; on Linux ./selm and GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ask for 2 MB, which big models like");
            Line("threads", $"{torch.Threads}");
            Line("CUDA", torch.CudaDevices > 0 ? $"{torch.CudaDevices} device(s)" : "none, the CPU is used");
        }
        else
        {
            Line("libtorch", $"MISSING. {report.LibtorchMissing}");
        }
        Line("self-check", report.SelfCheck.Ok ? $"ok in {report.SelfCheck.Milliseconds:F0} ms" : $"FAILED. {report.SelfCheck.What}");
        Tool(report, "fixtures", "optional, tests on public data are skipped: set SELM_FIXTURES to their folder");
    }

    private static void Tool(Report report, string name, string otherwise) => Line(name, report.Tools[name] ?? $"not found ({otherwise})");

    private static void Line(string name, string value) => Console.WriteLine($"{name,-13} {value}");

    private static Dictionary<string, long> MemoryInfo()
    {
        const string file = "/proc/meminfo";
        return File.Exists(file)
            ? File.ReadLines(file).Select(line => line.Split([':', ' '], StringSplitOptions.RemoveEmptyEntries))
                .ToDictionary(parts => parts[0], parts => long.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) * 1024)
            : [];
    }

    private static string? Fixtures()
    {
        var folder = Environment.GetEnvironmentVariable("SELM_FIXTURES") ?? Path.Combine("..", "shared", "fixtures");
        return Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
    }

    /// <summary>All that doctor knows; bytes are bytes, <c>tools</c> are paths or null where absent.</summary>
    private sealed record Report(
        string Kit, string? Commit, string DotNet, string Os, string Cpu, int Cores, long MemoryBytes, long MemoryFreeBytes, long DiskFreeBytes,
        LibtorchFacts? Libtorch, string? LibtorchMissing, SelfCheck SelfCheck, SortedDictionary<string, string?> Tools);
}
