using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Selm.Research;
using Selm.Research.Evaluation;
using Selm.Research.Models;
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

    /// <summary>The name of a model: that of its folder.</summary>
    public static string NameOf(string model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)));

    /// <exception cref="InputException">The file cannot be read.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path} cannot be read ({e.Message.TrimEnd('.')}); give a text file.", e);
        }
    }

    /// <summary>The first rows, or all.</summary>
    public static IReadOnlyList<T> First<T>(IReadOnlyList<T> items, int limit) => limit == 0 ? items : [.. items.Take(limit)];

    /// <summary>When, where, from which files and weights.</summary>
    public Provenance Provenance(ParseResult parsed, IEnumerable<string> inputs, ModelFolder? model = null)
    {
        var hashes = inputs.Distinct().ToDictionary(path => Path.GetFileName(path) is { Length: > 0 } name ? name : path, ContentHash.OfFile);
        if (model is not null)
        {
            hashes["model"] = model.WeightHash;
        }
        return Research.Runs.Provenance.Now(Seed(parsed), clock.Elapsed, hashes, model is null ? null : TorchSharp.torch.__version__);
    }

    /// <summary>Prints a result, and keeps it where a folder was given.</summary>
    public int Show(ParseResult parsed, EvaluationResult result)
    {
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
