using System.CommandLine;
using Selm.Research;
using Selm.Research.Evaluation;
using Selm.Research.Ranking;

namespace Selm.Cli;

/// <summary>Who judges: an endpoint, a ranker on this machine, or the lab's oracle.</summary>
internal sealed class JudgeOptions(bool required = true)
{
    private const string KeyVariable = "OPENAI_API_KEY";

    private readonly Option<string> judge = Values.Text("--judge", "URL|pairrm:DIR|rm:DIR|oracle:lab", "An OpenAI-compatible endpoint such as http://localhost:8000/v1, or a ranker", required ? null : "");
    private readonly Option<string> model = Values.Text("--judge-model", "NAME", "The model's name at the endpoint", "");
    private readonly Option<string?> prompt = Values.OptionalText("--judge-prompt", "P.txt", "The question, with {instruction}, {output_1}, {output_2}; answered m or M");
    private readonly Option<string?> cache = Values.OptionalText("--judge-cache", "C.jsonl", "Answers already paid for; otherwise judge-cache.jsonl in --out");
    private readonly Option<int> parallel = Values.Whole("--parallel", "N", "Questions to the endpoint at once", 4, least: 1);
    private readonly Option<string> device = Devices.Option();

    public void AddTo(Command command, bool ofPairs = true)
    {
        foreach (var option in new Option[] { judge, model, cache, parallel })
        {
            command.Add(option);
        }
        if (ofPairs)
        {
            command.Add(prompt);
            command.Add(device);
        }
    }

    public OpenedJudge Open(ParseResult parsed, EvaluationOptions shared)
    {
        if (IsEndpoint(parsed))
        {
            var endpoint = Endpoint(parsed, shared);
            return new(PairJudge.Of(endpoint, parsed.GetValue(prompt) is { } file ? EvaluationOptions.ReadText(file) : PairJudge.DefaultPrompt, shared.Seed(parsed), Interrupt.Token), endpoint, parsed.GetValue(parallel));
        }
        var name = parsed.GetRequiredValue(judge);
        var ranker = Rankers.Open(name, Devices.Parse(parsed.GetRequiredValue(device)));
        return new(PairJudge.Of(name, ranker), ranker as IDisposable, 1);
    }

    /// <summary>The endpoint; grading needs one.</summary>
    /// <exception cref="InputException">The judge is a ranker, or the model's name is missing.</exception>
    public ChatEndpoint Endpoint(ParseResult parsed, EvaluationOptions shared)
    {
        if (!IsEndpoint(parsed))
        {
            throw new InputException($"'{parsed.GetRequiredValue(judge)}' cannot grade, it only prefers; give the address of an OpenAI-compatible endpoint.");
        }
        var name = parsed.GetRequiredValue(model) is { Length: > 0 } given ? given : throw new InputException("An endpoint needs --judge-model, the model's name there.");
        var kept = parsed.GetValue(cache) ?? (shared.Folder(parsed) is { } folder ? Path.Combine(folder, "judge-cache.jsonl") : null);
        return new(parsed.GetRequiredValue(judge), name, Environment.GetEnvironmentVariable(KeyVariable), kept);
    }

    public int Parallel(ParseResult parsed) => parsed.GetValue(parallel);

    private bool IsEndpoint(ParseResult parsed) => parsed.GetRequiredValue(judge).StartsWith("http", StringComparison.Ordinal);
}

/// <summary>A judge with what it holds open.</summary>
internal sealed record OpenedJudge(PairJudge Judge, IDisposable? Owned, int Parallel) : IDisposable
{
    public void Dispose() => Owned?.Dispose();
}
