using System.IO.Enumeration;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Jupyter;

/// <summary>The cells of this session, for front ends that let a user go back to them.</summary>
internal sealed class KernelHistory
{
    private const int Session = 1, Everything = int.MaxValue;

    private readonly List<(int Line, string Code, string? Output)> entries = [];

    public void Add(int line, string code, string? output) => entries.Add((line, code, output));

    public JsonObject Reply(Request request)
    {
        var withOutput = request.Flag("output", false);
        return new()
        {
            ["status"] = "ok",
            ["history"] = new JsonArray([.. Chosen(request).Select(entry => new JsonArray(
                Session,
                entry.Line,
                withOutput ? new JsonArray(entry.Code, entry.Output) : JsonValue.Create(entry.Code)))]),
        };
    }

    private IEnumerable<(int Line, string Code, string? Output)> Chosen(Request request)
    {
        var last = request.Number("n", Everything);
        switch (request.Text("hist_access_type"))
        {
            case "range":
                var session = request.Number("session", 0);
                var (start, stop) = (request.Number("start", 0), request.Number("stop", Everything));
                return session is 0 or Session ? entries.Where(entry => entry.Line >= start && entry.Line < stop) : [];
            case "search":
                var pattern = request.Text("pattern") is { Length: > 0 } text ? text : "*";
                var found = entries.Where(entry => FileSystemName.MatchesSimpleExpression(pattern, entry.Code, ignoreCase: false));
                return (request.Flag("unique", false) ? found.Reverse().DistinctBy(entry => entry.Code).Reverse() : found).TakeLast(last);
            default:
                return entries.TakeLast(last);
        }
    }
}
