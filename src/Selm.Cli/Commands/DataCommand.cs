using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;

namespace Selm.Cli.Commands;

/// <summary><c>selm data</c>: looks at data files; <c>inspect</c> says what is in one.</summary>
internal static class DataCommand
{
    private const string Bars = " ▁▂▃▄▅▆▇█";

    public static Command Create() => new CliCommand(
        "data",
        "Looks at files of preference pairs before anything is trained on them.",
        [
            "selm data inspect demo/pairs.jsonl",
            "selm data inspect train_prefs.parquet --model demo/model",
        ])
    {
        Inspect(),
    };

    private static CliCommand Inspect()
    {
        var file = new Argument<string>("FILE") { Description = "JSONL, a JSON list, gzip of either, Parquet or CSV" };
        var model = Values.OptionalText("--model", "DIR", "A folder with a tokenizer: lengths in its tokens too");
        var json = Values.Json();
        var command = new CliCommand(
            "inspect",
            "Says what is in a file of preference pairs: its shape, its lengths, and what training would refuse. Reads only.",
            [
                "selm data inspect demo/pairs.jsonl",
                "selm data inspect train_prefs.parquet --model demo/model",
                "selm data inspect pairs.jsonl --json",
            ])
        {
            file, model, json,
        };
        command.SetAction(parsed =>
        {
            var encoding = parsed.GetValue(model) is { } folder ? ModelFolder.LoadEncoding(folder) : null;
            var found = DataInspection.Of(parsed.GetRequiredValue(file), encoding);
            if (parsed.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(found, JsonFormat.Indented));
            }
            else
            {
                Print(found);
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    private static void Print(DataInspection found)
    {
        Console.WriteLine($"{found.File}: {found.Format}, {found.Rows} rows, {found.Pairs} pairs");
        Console.WriteLine($"columns   {string.Join(", ", found.Columns)}");
        Console.WriteLine($"shape     {(found.Shapes.Count == 0 ? "none recognised" : string.Join("; ", found.Shapes.OrderByDescending(shape => shape.Value).Select(shape => $"{shape.Key} ({shape.Value})")))}");
        Print("characters", found.Characters);
        Print("tokens", found.Tokens);
        Console.WriteLine($"pairs     {found.EqualPairs} with equal answers, {found.EmptyAnswers} with an empty answer; {found.Ties} ties are left out");
        Console.WriteLine(found.Problems.Count == 0 ? "refused   nothing" : $"refused   {found.Problems.Sum(problem => problem.Rows)} rows; training stops at the first");
        foreach (var problem in found.Problems)
        {
            Console.WriteLine($"  {problem.Rows} x {Wording.OneLine(problem.What, 200)} ({string.Join(", ", problem.Places)}{(problem.Rows > problem.Places.Count ? ", .." : "")})");
        }
    }

    private static void Print(string unit, PairLengths? lengths)
    {
        if (lengths is null)
        {
            return;
        }
        Console.WriteLine($"{unit,-10}{"least",6} {"median",7} {"95 %",7} {"most",7}  from 0 to the most");
        foreach (var (name, one) in new[] { ("prompt", lengths.Prompt), ("chosen", lengths.Chosen), ("rejected", lengths.Rejected) })
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-8}{one.Least,6} {one.Median,7} {one.Upper,7} {one.Most,7}  {Histogram(one.Histogram)}"));
        }
    }

    private static string Histogram(IReadOnlyList<int> counts) =>
        string.Concat(counts.Select(count => Bars[(int)Math.Ceiling(count * (Bars.Length - 1.0) / Math.Max(counts.Max(), 1))]));
}
