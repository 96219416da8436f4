using System.Text.Json;
using Microsoft.Data.Analysis;
using Selm.Research.Runs;

namespace Selm.Interactive;

/// <content>The metrics of a run.</content>
public static partial class Frames
{
    /// <summary>
    /// metrics.jsonl of a run as a frame: one row per step or evaluation, one column per field in the order in which they first appear,
    /// the fields of an object as "name.field"; null where a row lacks one. A last line that is still being written is left out.
    /// </summary>
    /// <param name="runFolder">The folder that selm run or selm train wrote to.</param>
    /// <exception cref="InputException">There are no metrics, or a line is broken.</exception>
    public static DataFrame ReadMetrics(string runFolder)
    {
        var columns = new Dictionary<string, List<object?>>();
        var rows = 0;
        foreach (var row in MetricsLog.Read(Path.Combine(runFolder, "metrics.jsonl")))
        {
            rows++;
            foreach (var (name, value) in Fields("", row))
            {
                var column = columns.TryGetValue(name, out var known) ? known : columns[name] = [];
                column.AddRange(Enumerable.Repeat<object?>(null, rows - 1 - column.Count));
                column.Add(value);
            }
        }
        foreach (var column in columns.Values)
        {
            column.AddRange(Enumerable.Repeat<object?>(null, rows - column.Count));
        }
        return Of(columns.Select(column => (column.Key, (IReadOnlyList<object?>)column.Value)));
    }

    private static IEnumerable<(string Name, object? Value)> Fields(string prefix, JsonElement row) => row.EnumerateObject().SelectMany(field =>
        field.Value.ValueKind == JsonValueKind.Object ? Fields($"{prefix}{field.Name}.", field.Value) : [($"{prefix}{field.Name}", Scalar(field.Value))]);

    private static object? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Number => value.GetDouble(),
        JsonValueKind.True or JsonValueKind.False => value.GetBoolean(),
        JsonValueKind.String => value.GetString() switch
        {
            "NaN" => double.NaN, // JSON has no word for these: JsonFormat
            "Infinity" => double.PositiveInfinity,
            "-Infinity" => double.NegativeInfinity,
            var text => text,
        },
        _ => value.GetRawText(),
    };
}
