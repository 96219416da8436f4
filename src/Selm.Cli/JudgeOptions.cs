using System.CommandLine;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Evaluation;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>Who judges: an endpoint, a ranker on this machine, or the lab's oracle.</summary>
internal sealed class JudgeOptions(bool required = true)
{
    private const string KeyVariable = "OPENAI_API_KEY";

    private readonly Option<string> judge = Values.Text("--judge", "URL|pairrm:DIR|rm:DIR|oracle:lab", "An OpenAI-compatible endpoint such as http://localhost:8000/v1, or a ranker", required ? null : "");
    private readonly Option<string> model = Values.Text("--judge-model", "NAME", "The model's name at the endpoint", "");
    private readonly Option<string?> prompt = Values.OptionalText("--judge-prompt", "P.txt", "The question, with {instruction}, {output_1}, {output_2}; answered m or M");
    private readonly Option<string?> cache = Values.OptionalText("--judge-cache", "C.jsonl", "What was judged already; otherwise judge-cache.jsonl in --out, or beside the file that is written");
    private readonly Option<int> parallel = Values.Whole("--parallel", "N", "Questions to the endpoint at once", 4, least: 1);
    private readonly Option<int> attempts = Values.Whole("--attempts", "N", "How often a question is sent before the endpoint counts as down; 1, 2, 4, .. seconds lie between", 6, least: 1);
    private readonly Option<string> device = Devices.Option();

    public void AddTo(Command command, bool ofPairs = true)
    {
        foreach (var option in new Option[] { judge, model, cache, parallel, attempts })
        {
            command.Add(option);
        }
        if (ofPairs)
        {
            command.Add(prompt);
            command.Add(device);
        }
    }

    /// <summary>Opens a judge of pairs.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="shared">Where results go.</param>
    /// <param name="written">The file that is written, beside which verdicts are kept where nothing else is said; null for none.</param>
    public OpenedJudge Open(ParseResult parsed, EvaluationOptions shared, string? written = null)
    {
        if (IsEndpoint(parsed))
        {
            var endpoint = Endpoint(parsed, shared, written);
            return new(PairJudge.Of(endpoint, parsed.GetValue(prompt) is { } file ? EvaluationOptions.ReadText(file) : PairJudge.DefaultPrompt, shared.Seed(parsed)), [endpoint], parsed.GetValue(parallel));
        }
        var name = parsed.GetRequiredValue(judge);
        var ranker = Rankers.Open(name, DeviceName.Parse(parsed.GetRequiredValue(device)));
        var own = PairJudge.Of(name, ranker);
        // An oracle is quicker than its file; a model is named by its weights and by the kit that computes it.
        if (ranker is not IDisposable || CachePath(parsed, shared, written) is not { } path)
        {
            return new(own, [ranker as IDisposable], 1);
        }
        var memory = new JudgeCache(path);
        return new(own.Remembering(memory, Identity.OfRanker(name, parsed.GetRequiredValue(device))), [ranker as IDisposable, memory], 1);
    }

    /// <summary>The endpoint; grading needs one.</summary>
    /// <exception cref="InputException">The judge is a ranker, or the model's name is missing.</exception>
    public ChatEndpoint Endpoint(ParseResult parsed, EvaluationOptions shared, string? written = null)
    {
        if (!IsEndpoint(parsed))
        {
            throw new InputException(parsed.GetRequiredValue(judge).Length == 0
                ? "Grading needs --judge, the address of an OpenAI-compatible endpoint."
                : $"'{parsed.GetRequiredValue(judge)}' cannot grade, it only prefers; give the address of an OpenAI-compatible endpoint.");
        }
        var name = parsed.GetRequiredValue(model) is { Length: > 0 } given ? given : throw new InputException("An endpoint needs --judge-model, the model's name there.");
        return new(parsed.GetRequiredValue(judge), name, Environment.GetEnvironmentVariable(KeyVariable), CachePath(parsed, shared, written), parsed.GetValue(attempts));
    }

    /// <summary>Judges with progress; where judging ends early, what the judge has to note is said before the error.</summary>
    public static async Task<T> RunAsync<T>(Func<IProgress<StepProgress>, Task<T>> work, Func<IReadOnlyList<string>> notes)
    {
        try
        {
            return await ProgressView.RunAsync(work);
        }
        catch
        {
            Say(notes());
            throw;
        }
    }

    /// <summary>Prints notes of a judge.</summary>
    public static void Say(IReadOnlyList<string> notes)
    {
        foreach (var note in notes)
        {
            Console.Error.WriteLine(note);
        }
    }

    public int Parallel(ParseResult parsed) => parsed.GetValue(parallel);

    /// <summary>The ranker that judges, or null where an endpoint does.</summary>
    public string? Ranker(ParseResult parsed) => IsEndpoint(parsed) ? null : parsed.GetRequiredValue(judge);

    private string? CachePath(ParseResult parsed, EvaluationOptions shared, string? written) => parsed.GetValue(cache)
        ?? (shared.Folder(parsed) is { } folder ? Path.Combine(folder, "judge-cache.jsonl") : written is null ? null : Path.ChangeExtension(written, ".judge-cache.jsonl"));

    private bool IsEndpoint(ParseResult parsed) => parsed.GetRequiredValue(judge).StartsWith("http", StringComparison.Ordinal);
}

/// <summary>A judge with what it holds open.</summary>
internal sealed record OpenedJudge(PairJudge Judge, IReadOnlyList<IDisposable?> Owned, int Parallel) : IDisposable
{
    /// <summary>What whoever reads its verdicts must know.</summary>
    public IReadOnlyList<string> Notes => [.. Owned.OfType<ChatEndpoint>().SelectMany(endpoint => endpoint.Notes)];

    public void Dispose()
    {
        foreach (var owned in Owned)
        {
            owned?.Dispose();
        }
    }
}
