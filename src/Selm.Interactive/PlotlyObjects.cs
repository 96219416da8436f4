using System.Text.Json;
using System.Text.Json.Nodes;
using DynamicObj;
using Plotly.NET;
using Plotly.NET.LayoutObjects;
using Plotly.NET.TraceObjects;

namespace Selm.Interactive;

/// <summary>Plotly's JSON as the objects of Plotly.NET, of the types that its functions look for when they change a part.</summary>
internal static class PlotlyObjects
{
    /// <summary>Gives an object every field of the JSON.</summary>
    public static T Fill<T>(T target, JsonObject source)
        where T : DynamicObj.DynamicObj
    {
        foreach (var (name, value) in source)
        {
            target.SetProperty(name, Value(name, value));
        }
        return target;
    }

    private static object? Value(string name, JsonNode? node) => (name, node) switch
    {
        (_, JsonObject one) => Fill(Empty(name), one),
        ("annotations", JsonArray list) => list.Select(item => Fill(new Annotation(), item!.AsObject())).ToArray(),
        ("shapes", JsonArray list) => list.Select(item => Fill(new Shape(), item!.AsObject())).ToArray(),
        (_, JsonArray list) => list.Select(item => Value("", item)).ToArray(),
        _ => Scalar(node?.GetValue<JsonElement>()),
    };

    private static object? Scalar(JsonElement? value) => value?.ValueKind switch
    {
        null or JsonValueKind.Null => null,
        JsonValueKind.String => value.Value.GetString(),
        JsonValueKind.Number => value.Value.TryGetInt32(out var whole) ? whole : (object)value.Value.GetDouble(),
        _ => value.Value.GetBoolean(),
    };

    private static DynamicObj.DynamicObj Empty(string name) => name switch
    {
        "title" => new Title(),
        "font" => new Font(),
        "pad" => new Padding(),
        "legend" => new Legend(),
        "margin" => new Margin(),
        "marker" => new Marker(),
        "line" => new Line(),
        "error_x" or "error_y" => new Error(),
        _ when name.StartsWith("xaxis", StringComparison.Ordinal) || name.StartsWith("yaxis", StringComparison.Ordinal) => new LinearAxis(),
        _ => new DynamicObj.DynamicObj(),
    };
}
