// The file of a sweep:
//   name: alphas
//   recipe: zephyr-selm            a recipe of the kit or a file, or a list of them; or lab: {method: selm}, or a list of such cells
//   grid: {loss.alpha: [0, 0.001], seed: [1, 2, 3]}
//   cores: 2                       of one cell; with --engine local so many cells run at once as have room
//   memory: 8G
//   slurm: {partition: gpu, account: me, time: 2:00:00, gpus: 1, memory: 32G, cpus: 4, extra: [--constraint=a100]}
using System.Globalization;
using Selm.Research.Runs;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Selm.Research.Scale;

/// <summary>What Slurm is asked for, for one cell; in its own words, null where it is not asked.</summary>
public sealed record SlurmRequest
{
    /// <summary>--partition.</summary>
    public string? Partition { get; init; }

    /// <summary>--account.</summary>
    public string? Account { get; init; }

    /// <summary>--time.</summary>
    public string? Time { get; init; }

    /// <summary>--gpus.</summary>
    public string? Gpus { get; init; }

    /// <summary>--mem; null asks for the sweep's memory.</summary>
    public string? Memory { get; init; }

    /// <summary>--cpus-per-task; null asks for the sweep's cores.</summary>
    public int? Cpus { get; init; }

    /// <summary>Further options of sbatch, word for word.</summary>
    public IReadOnlyList<string> Extra { get; init; } = [];
}

/// <summary>A sweep as its file says it.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Cells">Its cells, in the order of the grid: the last key runs fastest.</param>
public sealed record SweepSpec(string Name, IReadOnlyList<SweepCell> Cells)
{
    private static readonly string[] keys = ["name", "recipe", "lab", "grid", "cores", "memory", "slurm"];

    /// <summary>Cores of one cell; null: the threads that its recipe asks for, else one.</summary>
    public int? Cores { get; init; }

    /// <summary>Memory of one cell [bytes]; null for no limit.</summary>
    public long? Memory { get; init; }

    /// <summary>What Slurm is asked for.</summary>
    public SlurmRequest Slurm { get; init; } = new();

    private sealed record Head
    {
        public string Name { get; init; } = "";

        public int? Cores { get; init; }

        public string? Memory { get; init; }
    }

    /// <summary>Reads a sweep.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is missing or no YAML; a key is unknown (the nearest is told) or goes with no other that is
    /// given; a cell has no meaning. Each with file and line.</exception>
    public static SweepSpec Read(string path)
    {
        var root = Load(path);
        var reader = new RecipeYaml(path);
        var given = root.Children.ToDictionary(pair => (pair.Key as YamlScalarNode)?.Value ?? "", pair => (At: pair.Key, pair.Value));
        foreach (var (key, (at, _)) in given)
        {
            if (!keys.Contains(key))
            {
                throw new InputException($"{path} line {at.Start.Line}: unknown key '{key}'; did you mean '{NearestName.Of(key, keys)}'?");
            }
        }
        YamlNode? Value(string key) => given.TryGetValue(key, out var pair) ? pair.Value : null;
        if (given.ContainsKey("recipe") == given.ContainsKey("lab"))
        {
            throw new InputException(given.TryGetValue("lab", out var lab)
                ? $"{path} line {lab.At.Start.Line}: recipe and lab exclude each other; give one of them."
                : $"{path} names no runs; give recipe: FILE or lab: {{method: selm}}, and a grid.");
        }
        var head = new Head();
        foreach (var (key, (at, value)) in given.Where(pair => pair.Key is "name" or "cores" or "memory"))
        {
            head = reader.With(head, key, at, value);
        }
        if (head.Name.Length == 0 || !head.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || head.Name.StartsWith('.'))
        {
            throw reader.Error("name", "must be there, and of letters, digits, '-', '_' and '.'; it names the sweep's folder and jobs");
        }
        if (head.Cores < 1)
        {
            throw reader.Error("cores", "must be at least 1");
        }
        var cells = new SweepGrid(path, head.Name, Value("grid") ?? new YamlMappingNode()).Cells(Value("recipe"), Value("lab"));
        return new SweepSpec(head.Name, cells)
        {
            Cores = head.Cores,
            Memory = head.Memory is null ? null : Bytes(head.Memory) ?? throw reader.Error("memory", $"must be a size such as 500M or 8G but is '{head.Memory}'"),
            Slurm = Value("slurm") is { } slurm ? Request(path, reader, slurm) : new(),
        };
    }

    private static YamlMappingNode Load(string path)
    {
        try
        {
            return new RecipeYaml(path).Load(File.ReadAllText(path)) as YamlMappingNode ?? throw new InputException($"{path} is no sweep; give lines such as name:, recipe: and grid:.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); give the file of a sweep.", e);
        }
    }

    private static SlurmRequest Request(string path, RecipeYaml reader, YamlNode node)
    {
        if (node is not YamlMappingNode mapping)
        {
            throw new InputException($"{path} line {node.Start.Line}: slurm must be a section such as {{partition: gpu, time: 2:00:00, gpus: 1}}.");
        }
        var request = new SlurmRequest();
        foreach (var (at, value) in mapping.Children)
        {
            request = reader.With(request, (at as YamlScalarNode)?.Value ?? "", at, value);
        }
        string?[] texts = [request.Partition, request.Account, request.Time, request.Gpus, request.Memory, .. request.Extra];
        if (Array.Find(texts, text => text?.Any(char.IsControl) == true) is { } wrong)
        {
            throw new InputException($"{path} line {node.Start.Line}: slurm: '{wrong.ReplaceLineEndings(" ")}' must be one line; correct it.");
        }
        return request.Cpus is null or >= 1 ? request : throw reader.Error("cpus", "must be at least 1");
    }

    // 512M, 8G, 8GB and 1.5T in powers of 1,024, as Slurm counts; bytes without a letter.
    private static long? Bytes(string text)
    {
        var digits = text.TrimEnd('B', 'b');
        var power = digits.Length == 0 ? 0 : "KMGT".IndexOf(char.ToUpperInvariant(digits[^1]), StringComparison.Ordinal) + 1;
        return double.TryParse(power > 0 ? digits[..^1] : digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
            ? (long)(number * Math.Pow(1024, power))
            : null;
    }
}
