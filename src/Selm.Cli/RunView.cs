using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Cli;

/// <summary>A run folder as someone looking at it sees it: read without its lock, so also while it runs.</summary>
internal sealed class RunView
{
    // After it a run has nothing left to do.
    private const string LastStage = "answers";

    private RunView(string root, JsonElement identity)
    {
        Root = root;
        Recipe = identity.GetProperty("recipe");
        Pid = LivePid(Path.Combine(root, "run.pid"));
        Stages = ReadStages(Path.Combine(root, "stages"));
        var metrics = Path.Combine(root, "metrics.jsonl");
        Metrics = File.Exists(metrics) ? MetricsLog.Read(metrics) : [];
    }

    public string Root { get; }

    /// <summary>The recipe it was started with.</summary>
    public JsonElement Recipe { get; }

    /// <summary>The process that writes there now, or null.</summary>
    public int? Pid { get; }

    /// <summary>Finished stages in the order in which they finished.</summary>
    public IReadOnlyList<(string Name, DateTime FinishedUtc)> Stages { get; }

    /// <summary>Rows of metrics.jsonl; a last line that is being written is left out.</summary>
    public IReadOnlyList<JsonElement> Metrics { get; }

    /// <exception cref="InputException">There is no run in that folder, or its run.json is damaged.</exception>
    public static RunView Read(string folder)
    {
        var file = Path.Combine(folder, "run.json");
        try
        {
            return new RunView(folder, JsonElement.Parse(File.ReadAllBytes(file)));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{folder} holds no run (there is no run.json); give the folder that selm run or selm train wrote to.", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InputException($"{file} is damaged; start the run again in a new folder.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{file} cannot be read ({e.Message.TrimEnd('.')}); give the folder of a run.", e);
        }
    }

    /// <summary>A recipe's field as text, or null where it is missing.</summary>
    public string? RecipeText(string name) => Recipe.TryGetProperty(name, out var value) ? value.ToString() : null;

    /// <summary>"running", "finished" (its last stage is) or "stopped".</summary>
    public string State => Pid is not null ? "running" : Stages.Any(stage => stage.Name == LastStage) ? "finished" : "stopped";

    /// <summary>The numbers of the metrics in the order in which they first appear, those of evaluations apart: every value, oldest first.</summary>
    public IReadOnlyList<(string Field, IReadOnlyList<double> Values)> Numbers()
    {
        var fields = new Dictionary<string, List<double>>();
        foreach (var row in Metrics)
        {
            var prefix = row.TryGetProperty("phase", out var phase) && phase.ValueEquals("eval") ? "eval " : "";
            foreach (var field in row.EnumerateObject().Where(field => field.Name is not ("step" or "iteration") && field.Value.ValueKind == JsonValueKind.Number))
            {
                Add(prefix + field.Name, field.Value.GetDouble());
            }
            if (row.TryGetProperty("chosen_reward", out var chosen) && row.TryGetProperty("rejected_reward", out var rejected))
            {
                Add(prefix + "margin", chosen.GetDouble() - rejected.GetDouble());
            }
        }
        return [.. fields.Select(field => (field.Key, (IReadOnlyList<double>)field.Value))];

        void Add(string name, double value)
        {
            if (!fields.TryGetValue(name, out var values))
            {
                fields[name] = values = [];
            }
            values.Add(value);
        }
    }

    /// <summary>The newest preference file of the run (rows with "prompt" and "chosen"), or null before there is one.</summary>
    public string? NewestPreferences() => Directory.EnumerateFiles(Root, "*.jsonl", SearchOption.AllDirectories)
        .Where(path => Path.GetFileName(path) != "metrics.jsonl")
        .OrderByDescending(File.GetLastWriteTimeUtc)
        .FirstOrDefault(path => Jsonl.Read(path).Take(1).Any(row => row.Has("prompt") && row.Has("chosen")));

    private static int? LivePid(string path)
    {
        return File.Exists(path) && int.TryParse(File.ReadAllText(path).Split(' ')[0], out var pid) && LiveProcess.Is(pid) ? pid : null;
    }

    private static List<(string, DateTime)> ReadStages(string folder) => Directory.Exists(folder)
        ? [.. Directory.EnumerateFiles(folder, "*.json")
            .Select(path => (Path.GetFileNameWithoutExtension(path), File.GetLastWriteTimeUtc(path)))
            .OrderBy(stage => stage.Item2)]
        : [];
}
