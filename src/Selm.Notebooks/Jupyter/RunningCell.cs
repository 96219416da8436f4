using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>A file that says which cell runs, so that a kernel which takes over can answer for one that its cell has ended.</summary>
internal sealed class RunningCell(string path)
{
    public void Begin(Request request, int count) => File.WriteAllText(path, new JsonObject
    {
        ["identities"] = new JsonArray([.. request.Identities.Select(one => JsonValue.Create(Convert.ToBase64String(one)))]),
        ["header"] = request.Header.DeepClone(),
        ["count"] = count,
    }.ToJsonString());

    public void End() => File.Delete(path);

    /// <returns>The request of the cell that was running, and the cell's number; null if none was.</returns>
    public (Request Request, int Count)? Read()
    {
        if (!File.Exists(path))
        {
            return null;
        }
        var cell = JsonNode.Parse(File.ReadAllText(path))!;
        List<byte[]> identities = [.. cell["identities"]!.AsArray().Select(one => Convert.FromBase64String((string)one!))];
        return (new Request(identities, cell["header"]!.AsObject(), []), (int)cell["count"]!);
    }
}
