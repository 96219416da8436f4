using System.Text.Json;
using Selm.HuggingFace.Files;

namespace Selm.Research.Runs;

/// <summary>What a run is, as run.json keeps it; two commands mean the same run when recipe and inputs agree.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Inputs">SHA-256 of every input by name.</param>
/// <param name="Machine">Facts that can change the last bits of a result, and the kit's version.</param>
/// <param name="Commit">The commit the kit was built from, or null.</param>
/// <param name="EarlierMachines">The facts it ran under before it was continued elsewhere, oldest first.</param>
/// <param name="Started">The day on which it was started, which chat templates write that ask for the date; null in folders of earlier versions.</param>
internal sealed record RunIdentity(
    JsonElement Recipe,
    SortedDictionary<string, string> Inputs,
    SortedDictionary<string, string> Machine,
    string? Commit,
    IReadOnlyList<SortedDictionary<string, string>> EarlierMachines,
    DateOnly? Started = null)
{
    public static SortedDictionary<string, string> Sorted(IEnumerable<KeyValuePair<string, string>> facts)
    {
        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in facts)
        {
            sorted.Add(name, value);
        }
        return sorted;
    }

    public static RunIdentity Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<RunIdentity>(File.ReadAllBytes(path), JsonFormat.Indented)
                is { Recipe.ValueKind: JsonValueKind.Object, Inputs: not null, Machine: not null, EarlierMachines: not null } identity
                && !identity.Inputs.Values.Concat(identity.Machine.Values).Contains(null!)
                ? identity
                : throw new JsonException("incomplete");
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} is damaged; start the run again in a new folder.", e);
        }
    }

    // Keys of a recipe that name files, and how the names of inputs begin that hold what is in them: there the content counts.
    private static readonly (string Key, string Inputs)[] byContent = [("base", "base "), ("datasets", "dataset "), ("ranker", "ranker "), ("adapter.path", "adapter")];

    /// <summary>This run, continued by a command that means <paramref name="now"/>.</summary>
    public RunIdentity Continue(RunIdentity now, string root, bool allowDifferentMachine)
    {
        Refuse(root, "recipe", Differences(Written(), now.Written()), "give the recipe it was started with or choose another folder");
        Refuse(root, "input", Differences(Inputs, now.Inputs), "give the inputs it was started with or choose another folder");
        var machine = Differences(Machine, now.Machine);
        if (machine.Count == 0)
        {
            return this;
        }
        if (!allowDifferentMachine)
        {
            Refuse(root, "machine", machine, "results may differ in the last bits, so add --allow-different-machine if that is all right");
        }
        return this with { Machine = now.Machine, Commit = now.Commit, EarlierMachines = [.. EarlierMachines, Machine] };
    }

    private SortedDictionary<string, string> Written()
    {
        var flat = Flatten(Recipe);
        foreach (var (key, inputs) in byContent)
        {
            if (Inputs.Keys.Any(name => name.StartsWith(inputs, StringComparison.Ordinal)))
            {
                flat.Remove(key);
            }
        }
        return flat;
    }

    private static void Refuse(string root, string what, List<string> differences, string cure)
    {
        if (differences.Count > 0)
        {
            throw new InputException($"{root} was started with another {what} ({string.Join("; ", differences)}); {cure}.");
        }
    }

    /// <summary>"key: before -> now" for every key whose value differs.</summary>
    internal static List<string> Differences(SortedDictionary<string, string> before, SortedDictionary<string, string> now) =>
        [.. before.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            .Where(key => before.GetValueOrDefault(key) != now.GetValueOrDefault(key))
            .Select(key => $"{key}: {Shown(before.GetValueOrDefault(key, "none"))} -> {Shown(now.GetValueOrDefault(key, "none"))}")];

    // The first digits of a hash tell two apart.
    private static string Shown(string value) => value.Length == 64 && value.All(char.IsAsciiHexDigitLower) ? value[..12] : value;

    // {"a":{"b":1},"c":[2,3]} -> a.b = 1, c = [2,3]
    internal static SortedDictionary<string, string> Flatten(JsonElement json)
    {
        var flat = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add("", json);
        return flat;

        void Add(string prefix, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object)
            {
                flat[prefix] = JsonSerializer.Serialize(value, JsonFormat.Line); // the file is indented, the recipe at hand is not
                return;
            }
            foreach (var field in value.EnumerateObject())
            {
                Add(prefix.Length == 0 ? field.Name : $"{prefix}.{field.Name}", field.Value);
            }
        }
    }
}
