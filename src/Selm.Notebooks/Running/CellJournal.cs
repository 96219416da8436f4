using System.Text.Json;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Running;

/// <summary>
/// What a run leaves for the process that started it, should the runtime end it without a word: the cell it is in, and what
/// the cells before it have put out. One line of JSON for each.
/// </summary>
internal sealed class CellJournal(string path) : IDisposable
{
    private readonly StreamWriter file = new(path) { AutoFlush = true };

    /// <summary>Before a cell runs.</summary>
    public void Begin(int cell) => file.WriteLine(new JsonObject { ["cell"] = cell }.ToJsonString());

    /// <summary>After it has run.</summary>
    public void End(int cell, JsonArray outputs) => file.WriteLine(new JsonObject { ["cell"] = cell, ["outputs"] = outputs }.ToJsonString());

    /// <returns>The cell that was running, 0 for none, and the outputs of those before it by number.</returns>
    public static (int Cell, IReadOnlyDictionary<int, JsonArray> Outputs) Read(string path)
    {
        var outputs = new Dictionary<int, JsonArray>();
        var running = 0;
        foreach (var line in File.ReadLines(path))
        {
            if (Entry(line) is not (var cell, var said))
            {
                break; // the runtime ended while it was written
            }
            running = cell;
            if (said is not null)
            {
                outputs[cell] = said;
            }
        }
        return (running, outputs);
    }

    private static (int Cell, JsonArray? Outputs)? Entry(string line)
    {
        try
        {
            return JsonNode.Parse(line) is JsonObject entry && entry["cell"] is JsonValue number && number.TryGetValue<int>(out var cell)
                ? (cell, (entry["outputs"] as JsonArray)?.DeepClone().AsArray())
                : null;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return null;
        }
    }

    public void Dispose() => file.Dispose();
}
