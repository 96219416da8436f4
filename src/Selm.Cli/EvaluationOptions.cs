using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>What the benchmarks of <c>selm evaluate</c> share: where results go, and how a model is opened.</summary>
internal sealed class EvaluationOptions
{
    private readonly Option<string?> folder = Values.OptionalText("--out", "DIR", "Keeps JSON, CSV, items and answers there");
    private readonly Option<bool> json = Values.Json();
    private readonly Option<int> seed = Values.Whole("--seed", "S", "Names the random numbers", 0);
    private readonly Stopwatch clock = Stopwatch.StartNew();

    public static Option<string> Model() => Values.Text("--model", "DIR", "A Hugging Face checkpoint with its tokenizer");

    public static Option<int> BatchSize() => Values.Whole("--batch-size", "B", "Prompts decoded together", 8, least: 1);

    public static Option<int> Limit() => Values.Whole("--limit", "N", "Only the first N items; 0 takes all", 0);

    public void AddTo(Command command)
    {
        command.Add(folder);
        command.Add(json);
        command.Add(seed);
    }

    public string? Folder(ParseResult parsed) => parsed.GetValue(folder);

    public ulong Seed(ParseResult parsed) => (ulong)parsed.GetValue(seed);

    /// <summary>The name of a model: that of its folder, or of the folder above where it is called model, as runs call theirs.</summary>
    public static string NameOf(string model)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(model));
        return Path.GetFileName(folder) is var name && name != "model" ? name : Path.GetFileName(Path.GetDirectoryName(folder)) is { Length: > 0 } above ? above : name;
    }

    /// <summary>The name under which a result is kept: the model's, with a number where --out has a result of another model under it.</summary>
    public string NameFor(ParseResult parsed, string benchmark, ModelFolder model, ModelFolder? other = null)
    {
        var name = NameOf(model.Path);
        return Folder(parsed) is not { } place ? name
            : Enumerable.Range(1, int.MaxValue).Select(k => k == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}-{k}")).First(free => !IsOfOthers(EvaluationResult.PathIn(place, benchmark, free), model, other));
    }

    /// <summary>The second policy of a comparison, as a setting.</summary>
    public static string OtherWeights(ModelFolder? other) => other is null ? "" : ContentHash.Combine([.. Identity.Parts(other).SelectMany(part => new[] { part.Key, part.Value })])[..16];

    // Machine and version say nothing about whose result it is: the parts alone do.
    private static bool IsOf(IReadOnlyDictionary<string, string> inputs, SortedDictionary<string, string> parts) =>
        inputs.Where(input => input.Key.StartsWith("model ", StringComparison.Ordinal)).ToHashSet()
            .SetEquals(parts.Select(part => KeyValuePair.Create($"model {part.Key}", part.Value)));

    // A file that cannot be read is left alone too.
    private static bool IsOfOthers(string path, ModelFolder model, ModelFolder? other)
    {
        if (!File.Exists(path))
        {
            return false;
        }
        try
        {
            return EvaluationResult.Read(path) is not { } kept
                || !IsOf(kept.Provenance.Inputs, Identity.Parts(model)) || kept.Settings.GetValueOrDefault("other_weights", "") != OtherWeights(other);
        }
        catch (InputException)
        {
            return true;
        }
    }

    /// <exception cref="InputException">The file cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.NotRead(path, e, "give a text file");
        }
    }

    /// <summary>The first rows, or all.</summary>
    public static IReadOnlyList<T> First<T>(IReadOnlyList<T> items, int limit) => limit == 0 ? items : [.. items.Take(limit)];

    /// <summary>When, where, from which files, model and ranker.</summary>
    public Provenance Provenance(ParseResult parsed, IEnumerable<string> inputs, ModelFolder? model = null, string? ranker = null)
    {
        var hashes = new Dictionary<string, string>();
        foreach (var path in inputs.Distinct())
        {
            var name = Path.GetFileName(path);
            hashes[name.Length == 0 || hashes.ContainsKey(name) ? path : name] = ContentHash.OfFile(path);
        }
        if (model is not null)
        {
            var parts = Identity.Parts(model);
            hashes["model"] = Identity.Of(model, parts);
            foreach (var (part, hash) in parts)
            {
                hashes[$"model {part}"] = hash;
            }
        }
        foreach (var (part, hash) in ranker is null ? [] : Identity.RankerParts(ranker))
        {
            hashes[$"ranker {part}"] = hash;
        }
        return Research.Runs.Provenance.Now(Seed(parsed), clock.Elapsed, hashes, model is null ? null : TorchSharp.torch.__version__);
    }

    /// <summary>Prints a result, and keeps it where a folder was given.</summary>
    /// <exception cref="InputException">No item has a score: an average over nothing is no result.</exception>
    public int Show(ParseResult parsed, EvaluationResult result)
    {
        if (result.Measures.Count == 0 || result.Measures[0] is { N: 0 })
        {
            throw new InputException($"Nothing was measured: none of {result.Missing} items of {result.Benchmark} for {result.Model} has a score; look at the answers and judgements, and run it again.");
        }
        if (!parsed.GetValue(json))
        {
            TextTable.Print(Console.Out, [$"{result.Benchmark} {result.Model}", "value", "std. error", "95 % interval", "n"], result.Measures.Select(measure => new[]
            {
                measure.Name, Wording.Number(measure.Value), measure.StandardError is { } error ? Wording.Number(error) : "",
                measure.Low is { } low && measure.High is { } high ? $"[{Wording.Number(low)}, {Wording.Number(high)}]" : "",
                measure.N.ToString(CultureInfo.InvariantCulture),
            }));
        }
        foreach (var note in result.Partial ? result.Notes.Append($"Partial: {result.Missing} items have no score.") : result.Notes)
        {
            Console.Error.WriteLine(note);
        }
        if (Folder(parsed) is { } place)
        {
            Console.Error.WriteLine(result.Save(place));
        }
        if (parsed.GetValue(json))
        {
            Console.WriteLine(JsonSerializer.Serialize(result.Flat(), JsonFormat.Line));
        }
        return SelmCommandLine.Success;
    }

    /// <summary>Whether one JSON object is printed instead of a table.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(json);
}
