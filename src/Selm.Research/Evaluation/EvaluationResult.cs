// What every benchmark hands over, and the three files that keep it: all numbers with their provenance as JSON, the same
// numbers as CSV for spreadsheets, and one line per item, so that two results can be compared item by item later.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CsvHelper;
using Selm.HuggingFace.Files;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>One number of a benchmark.</summary>
/// <param name="Name">What was measured, in snake case.</param>
/// <param name="Value">The number; NaN where there was nothing to measure.</param>
/// <param name="N">The items behind it.</param>
public sealed record Measure(string Name, double Value, int N)
{
    /// <summary>The standard error over items (over runs where there are several), in the unit of the value; null where it has no meaning.</summary>
    public double? StandardError { get; init; }

    /// <summary>The lower end of the 95 % interval, or null.</summary>
    public double? Low { get; init; }

    /// <summary>The upper end of the 95 % interval, or null.</summary>
    public double? High { get; init; }

    /// <summary>The mean of scores from 0 to 1, in points from 0 to 100, with its standard error and 95 % interval, cut off at 0 and 100.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="scores">One per item, from 0 to 1.</param>
    public static Measure Percent(string name, IReadOnlyCollection<double> scores) =>
        Mean(name, [.. scores.Select(score => 100 * score)]) is var measure && measure.StandardError is null
            ? measure
            : measure with { Low = Math.Max(0, measure.Low!.Value), High = Math.Min(100, measure.High!.Value) };

    /// <summary>A share of items, from 0 to 1, with Wilson's 95 % interval, which has a width also where the share is 0.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="share">From 0 to 1.</param>
    /// <param name="n">The items, at least 1.</param>
    public static Measure Share(string name, double share, int n)
    {
        const double z = 1.96;
        var scale = 1 + (z * z / n);
        var (centre, half) = ((share + (z * z / (2 * n))) / scale, z / scale * Math.Sqrt((share * (1 - share) / n) + (z * z / (4.0 * n * n))));
        return new(name, share, n) { Low = Math.Max(0, centre - half), High = Math.Min(1, centre + half) };
    }

    /// <summary>The mean of scores with its standard error and 95 % interval, both by <see cref="PairedEstimate"/> over the items.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="scores">One per item.</param>
    public static Measure Mean(string name, IReadOnlyCollection<double> scores)
    {
        if (scores.Count < 2)
        {
            return new(name, scores.Count == 0 ? double.NaN : scores.First(), scores.Count);
        }
        return Mean(name, PairedEstimate.Of([.. scores]));
    }

    /// <summary>A mean that is known with its error.</summary>
    /// <param name="name">What was measured.</param>
    /// <param name="found">The mean over at least two items.</param>
    public static Measure Mean(string name, PairedEstimate found)
    {
        var ends = found.Interval();
        return new(name, found.Mean, found.N) { StandardError = found.Error, Low = ends.Low, High = ends.High };
    }
}

/// <summary>The score of one item of a benchmark, for comparisons item by item.</summary>
/// <param name="Id">The item's name within the benchmark.</param>
/// <param name="Score">Higher is better; null where it has none (no judgement, no score in it).</param>
/// <param name="Run">The run, where answers are drawn more than once.</param>
public readonly record struct ScoredItem(string Id, double? Score, int Run = 0);

/// <summary>The result of one benchmark for one model.</summary>
/// <param name="Benchmark">The benchmark's name on the command line.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Measures">Its numbers, the headline first.</param>
/// <param name="Provenance">When, where, by what and from which inputs.</param>
public sealed record EvaluationResult(string Benchmark, string Model, IReadOnlyList<Measure> Measures, Provenance Provenance)
{
    private const int LongestName = 120;

    /// <summary>What else decides the numbers: shots, sampling, judge.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Items without a score; above 0 the result is partial.</summary>
    public int Missing { get; init; }

    /// <summary>Sentences a reader must know to weigh the numbers.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Whether items lack a score.</summary>
    public bool Partial => Missing > 0;

    /// <summary>The items' scores; kept in a file of their own.</summary>
    [JsonIgnore]
    public IReadOnlyList<ScoredItem> Items { get; init; } = [];

    /// <summary>The numbers alone, as one flat object: a field per measure, its standard error beside it.</summary>
    public Dictionary<string, object> Flat()
    {
        var flat = new Dictionary<string, object> { ["benchmark"] = Benchmark, ["model"] = Model };
        foreach (var measure in Measures)
        {
            flat[measure.Name] = measure.Value;
            if (measure.StandardError is { } error)
            {
                flat[$"{measure.Name}_standard_error"] = error;
            }
        }
        flat["n"] = Measures.Count == 0 ? 0 : Measures[0].N;
        flat["n_missing"] = Missing;
        flat["partial"] = Partial;
        return flat;
    }

    /// <summary>Writes FOLDER/BENCHMARK-MODEL.json, .csv and, where there are items, .items.jsonl; each whole or not at all.</summary>
    /// <returns>The path of the JSON file.</returns>
    /// <exception cref="InputException">The folder is not writable.</exception>
    public string Save(string folder)
    {
        var path = PathIn(folder, Benchmark, Model);
        AtomicFile.WriteJson(path, this);
        AtomicFile.Write(Path.ChangeExtension(path, ".csv"), WriteCsv);
        if (Items.Count > 0)
        {
            Jsonl.Write(Path.ChangeExtension(path, ".items.jsonl"), Items);
        }
        return path;
    }

    /// <summary>Where <see cref="Save"/> puts the result of a benchmark for a model.</summary>
    public static string PathIn(string folder, string benchmark, string model) => Path.Combine(folder, $"{FileName(benchmark)}-{FileName(model)}.json");

    /// <summary>Reads what <see cref="Save"/> wrote, without the items; null where the file is JSON of another kind.</summary>
    /// <exception cref="InputException">The file cannot be read or is broken.</exception>
    public static EvaluationResult? Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("benchmark", out _) && json.RootElement.TryGetProperty("measures", out _)
                ? json.RootElement.Deserialize<EvaluationResult>(JsonFormat.Line)
                : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException($"{path} is not a readable result of selm evaluate ({e.Message.TrimEnd('.')}); delete it or run the benchmark again.", e);
        }
    }

    /// <summary>A name as part of a file name: what is no letter, digit, dot, hyphen or underscore becomes a hyphen; a long name ends in its hash.</summary>
    internal static string FileName(string name) => new([.. (name.Length <= LongestName ? name : $"{name[..(LongestName - 9)]}-{ContentHash.OfText(name)[..8]}")
        .Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '-')]);

    private void WriteCsv(Stream stream)
    {
        using var csv = CsvWriter.Create(stream, new CsvWriterOptions { NewLine = "\n" }, leaveOpen: true);
        foreach (var name in new[] { "benchmark", "model", "measure", "value", "standard_error", "low", "high", "n", "n_missing", "seed", "commit", "utc" })
        {
            csv.WriteField(name);
        }
        csv.EndRecord();
        foreach (var measure in Measures)
        {
            foreach (var cell in new[]
            {
                Benchmark, Model, measure.Name, Text(measure.Value), Text(measure.StandardError), Text(measure.Low), Text(measure.High), Text(measure.N), Text(Missing),
                Provenance.Seed.ToString(CultureInfo.InvariantCulture), Provenance.Commit ?? "", Provenance.Utc.ToString("O", CultureInfo.InvariantCulture),
            })
            {
                csv.WriteField(cell);
            }
            csv.EndRecord();
        }
    }

    private static string Text(double? number) => number?.ToString("R", CultureInfo.InvariantCulture) ?? "";
}
