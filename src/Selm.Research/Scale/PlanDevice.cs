// Devices that a plan knows, and how much of their peaks the kit's stages reach: measured where data/scale/utilisation.json or
// a file of selm bench --json says so, otherwise assumed, and then the plan says "assumed utilisation".
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Scale;

/// <summary>What a stage reaches of a device's peaks.</summary>
public sealed record Utilisation
{
    /// <summary>The device's name.</summary>
    public string Device { get; init; } = "";

    /// <summary>sampling, ranking, reference or training.</summary>
    public string Stage { get; init; } = "";

    /// <summary>Share of the peak of products, from 0 to 1.</summary>
    public double Compute { get; init; }

    /// <summary>Share of the peak of the memory's bandwidth, from 0 to 1.</summary>
    public double Bandwidth { get; init; }

    /// <summary>The fastest float32 product of one core where it was measured with this row [GFLOP/s], of which <see cref="Compute"/> is a share; 0: the data sheet's peak.</summary>
    public double GflopPerS { get; init; }

    /// <summary>Whether the numbers were measured.</summary>
    public bool Measured { get; init; }

    /// <summary>How they were measured, or "assumed utilisation".</summary>
    public string Source { get; init; } = Assumed;

    /// <summary>The words of a plan for what nobody measured.</summary>
    public const string Assumed = "assumed utilisation";
}

/// <summary>A device by its data sheet.</summary>
/// <param name="Name">Its name in <c>--device</c>.</param>
/// <param name="Memory">Its memory [bytes].</param>
/// <param name="Bandwidth">Bytes per second of its memory.</param>
/// <param name="Flops32">Products in float32 per second.</param>
/// <param name="Flops16">Products in bfloat16 per second.</param>
/// <param name="Link">Bytes per second between the host's memory and the device's.</param>
/// <param name="Constant">What a process takes of it before it has a model [bytes].</param>
public sealed record PlanDevice(string Name, double Memory, double Bandwidth, double Flops32, double Flops16, double Link, double Constant)
{
    private const string File = "data/scale/utilisation.json";

    // Data sheets (memory as sold; dense products, no sparsity); a CUDA context with its
    // libraries takes about 0.6 GB and the link reaches 0.8 of its sheet (both assumed).
    private static readonly PlanDevice[] sheets =
    [
        new("h200", 141e9, 4.8e12, 67e12, 989e12, 50e9, 0.6e9),
        new("a100-80", 80e9, 2.04e12, 19.5e12, 312e12, 25e9, 0.6e9),
        new("rtx4090", 24e9, 1.008e12, 82.6e12, 165e12, 25e9, 0.6e9),
    ];

    // Of eager operators on a GPU without fused attention; nobody has measured the kit there.
    private static readonly Utilisation[] assumed =
    [
        new() { Stage = "sampling", Compute = 0.3, Bandwidth = 0.3 },
        new() { Stage = "ranking", Compute = 0.3, Bandwidth = 0.5 },
        new() { Stage = "reference", Compute = 0.35, Bandwidth = 0.5 },
        new() { Stage = "training", Compute = 0.35, Bandwidth = 0.5 },
    ];

    private IReadOnlyList<Utilisation> Rows { get; init; } = [];

    /// <summary>The names that a plan knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. sheets.Select(sheet => sheet.Name), "cpu"];

    /// <summary>Whether products in float32 are the kit's own kernels.</summary>
    internal bool IsCpu => Name == "cpu";

    /// <summary>A device by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>; cpu is this machine.</param>
    /// <param name="threads">Threads on the CPU; 0 is one per core.</param>
    /// <param name="bench">A file of lines that <c>selm bench --json</c> printed on this device; they overrule the kit's own. Or null.</param>
    /// <exception cref="InputException">The name is unknown, or the file is no result of a bench.</exception>
    public static PlanDevice Of(string name, int threads = 0, string? bench = null)
    {
        var device = Sheet(name, threads);
        IEnumerable<Utilisation> known = JsonSerializer.Deserialize<Utilisation[]>(System.IO.File.ReadAllBytes(KitFolder.Find(File)), JsonFormat.Line)!.Where(row => row.Device == name);
        return device with { Rows = [.. bench is null ? [] : OfBench(bench, device), .. known.Select(row => row with { Measured = true })] };
    }

    /// <summary>The same by its data sheet alone: all utilisation assumed.</summary>
    internal static PlanDevice Sheet(string name, int threads = 0) => name == "cpu" ? Cpu(threads > 0 ? threads : Environment.ProcessorCount)
        : Array.Find(sheets, sheet => sheet.Name == name)
            ?? throw new InputException($"There is no device '{name}'; did you mean '{NearestName.Of(name, Names)}'? selm plan knows {string.Join(", ", Names)}.");

    /// <summary>The device that a recipe's own <c>device:</c> names: cpu, or the h200 for cuda.</summary>
    /// <param name="recipe">The recipe.</param>
    public static string Default(Recipe recipe) => recipe.Device == "cpu" ? "cpu" : sheets[0].Name;

    /// <summary>What a stage reaches; assumed where nothing was measured.</summary>
    /// <param name="stage">Its name; evaluation is counted as reference.</param>
    internal Utilisation Reached(string stage)
    {
        var key = stage == "evaluation" ? "reference" : stage;
        return Rows.FirstOrDefault(row => row.Stage == key) ?? assumed.First(row => row.Stage == key) with { Device = Name };
    }

    /// <summary>Seconds of some work by the roofline: the longer of computing and moving.</summary>
    /// <param name="work">The work.</param>
    /// <param name="stage">Whose utilisation counts.</param>
    /// <param name="half">Whether products are in bfloat16.</param>
    internal double Seconds(Floor work, string stage, bool half)
    {
        var reached = Reached(stage);
        var peak = half && !IsCpu ? Flops16 : reached.GflopPerS > 0 ? 1e9 * reached.GflopPerS * Parallel : Flops32;
        return Math.Max(work.Flops / (peak * reached.Compute), work.Bytes / (Bandwidth * reached.Bandwidth));
    }

    /// <summary>The physical memory of this machine, or the container's limit [bytes].</summary>
    internal static double PhysicalMemory => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private int Parallel { get; init; } = 1;

    // Peaks of one core are those of the recording in the data file; cores share the memory.
    private static PlanDevice Cpu(int threads) => new("cpu", PhysicalMemory, 20e9, threads * 100e9, threads * 100e9, 20e9, 0.25e9) { Parallel = threads };

    // One line per mode that was measured.
    private static IEnumerable<Utilisation> OfBench(string path, PlanDevice device)
    {
        foreach (var (line, k) in InputLines(path).Select((line, k) => (line, k)))
        {
            JsonElement row;
            try
            {
                row = JsonDocument.Parse(line).RootElement;
                _ = row.GetProperty("share_of_ceiling").GetDouble();
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                throw new InputException($"{path} line {k + 1} is no result of selm bench train, generate or logprobs; write it with selm bench MODE --json.", e);
            }
            var stage = row.GetProperty("mode").GetString() switch { "train" => "training", "generate" => "sampling", _ => "reference" };
            yield return new Utilisation
            {
                Device = device.Name,
                Stage = stage,
                Compute = row.GetProperty("share_of_ceiling").GetDouble(),
                // Only decoding is bound by memory; elsewhere the share says how little there was to move.
                Bandwidth = stage == "sampling" ? Math.Min(1, row.GetProperty("share_of_bandwidth").GetDouble()) : assumed.First(other => other.Stage == stage).Bandwidth,
                GflopPerS = device.IsCpu ? row.GetProperty("ceiling_gflop_per_s").GetDouble() / row.GetProperty("shape").GetProperty("threads").GetInt32() : 0,
                Measured = true,
                Source = path,
            };
        }
    }

    private static string[] InputLines(string path)
    {
        try
        {
            return [.. System.IO.File.ReadLines(path).Where(line => line.Trim().Length > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give a file of lines that selm bench --json printed");
        }
    }
}
