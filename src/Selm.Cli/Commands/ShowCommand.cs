using System.CommandLine;
using System.Text.Json;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm show</c>: texts of a run, the newest preferences with their scores.</summary>
internal static class ShowCommand
{
    private const int TextWidth = 400;

    public static Command Create()
    {
        var folder = Values.Folder("DIR", "The folder of a run");
        var count = Values.Whole("--n", "N", "How many pairs", 5, least: 1);
        var command = new CliCommand(
            "show",
            "Shows the state of a run and the last pairs it ranked. Reads only.",
            [
                "selm show runs/demo",
                "selm show runs/demo --n 20",
            ])
        {
            folder, count,
        };
        command.SetAction(parsed =>
        {
            var run = RunView.Read(parsed.GetRequiredValue(folder));
            StatusCommand.PrintText(run);
            Console.WriteLine();
            if (run.NewestPreferences() is not { } path)
            {
                Console.WriteLine("no preferences yet");
                return SelmCommandLine.Success;
            }
            Console.WriteLine($"last pairs of {path}:");
            foreach (var row in Jsonl.Read(path).TakeLast(parsed.GetValue(count)))
            {
                Print(row);
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static void Print(JsonRow row)
    {
        Console.WriteLine();
        Line("prompt", Words(row, "prompt"), null);
        Line("chosen", Words(row, "chosen"), Score(row, "chosen"));
        Line("rejected", Words(row, "rejected"), Score(row, "rejected"));
        if (row.Has("reference_response"))
        {
            var role = row.TextOrNull("reference_role");
            Line("y", Words(row, "reference_response"), string.Join(", ", new[] { Score(row, "reference"), role }.Where(part => part is not null)));
        }
    }

    private static void Line(string name, string text, string? note) =>
        Console.WriteLine($"  {name,-9} {Wording.OneLine(text, TextWidth)}{(string.IsNullOrEmpty(note) ? "" : $"  [{note}]")}");

    // A text, or a chat whose last turn is the answer.
    private static string Words(JsonRow row, string name)
    {
        var value = row.Field(name);
        return value.ValueKind switch
        {
            JsonValueKind.String => row.Text(name),
            JsonValueKind.Array when value.GetArrayLength() > 0
                && value[value.GetArrayLength() - 1] is { ValueKind: JsonValueKind.Object } turn
                && turn.TryGetProperty("content", out var content) => content.ToString(),
            _ => value.ToString(),
        };
    }

    private static string? Score(JsonRow row, string role)
    {
        if (!row.Has("scores") || !row.Field("scores").TryGetProperty(role, out var score) || score.ValueKind != JsonValueKind.Number)
        {
            return null;
        }
        var rank = row.Has("ranks") && row.Field("ranks").TryGetProperty(role, out var place) ? $", rank {place}" : "";
        return $"score {Wording.Number(score.GetDouble())}{rank}";
    }
}
