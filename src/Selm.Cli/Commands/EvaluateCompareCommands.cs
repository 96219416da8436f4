using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Evaluation;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate compare|win-rate|report</c>: results side by side.</summary>
internal static class EvaluateCompareCommands
{
    private const int Resamples = 500;

    public static Command Compare()
    {
        var first = new Argument<string>("FIRST") { Description = "Items of one result: .items.jsonl, or a public annotation list" };
        var others = new Argument<string[]>("OTHERS") { Description = "Items of the results to compare it with", Arity = ArgumentArity.OneOrMore };
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "compare",
            "Says what the difference between two results is worth: interval, sign test, detectable difference, verdict.",
            [
                "selm evaluate compare selm.items.jsonl dpo.items.jsonl",
                "selm evaluate compare selm/annotations.json dpo-1.json dpo-2.json dpo-3.json --json",
            ],
            """
            Items are paired by id. The interval and p are Student's t over prompts, the runs of each averaged; p and the sign tests of several comparisons
            are corrected by Holm's method; the detectable difference is what so many prompts find in 80 of 100 cases at the 5 % level.
            """)
        {
            first, others,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] files = [parsed.GetRequiredValue(first), .. parsed.GetRequiredValue(others)];
            var items = files.Select(file => (Name: NameOf(file, files), Items: PairedComparison.ReadItems(file, out var baseline), Baseline: baseline)).ToList();
            if (items.FirstOrDefault(other => other.Baseline is not null && items[0].Baseline is { } one && other.Baseline != one) is { Baseline: { } stranger } different)
            {
                throw new InputException($"{items[0].Name} is judged against {items[0].Baseline} and {different.Name} against {stranger}; compare annotations against one baseline.");
            }
            var found = PairedComparison.Of((items[0].Name, items[0].Items), [.. items[1..].Select(item => (item.Name, item.Items))]);
            if (shared.Folder(parsed) is { } folder)
            {
                foreach (var comparison in found)
                {
                    Console.Error.WriteLine(Result(comparison, shared.Provenance(parsed, files)).Save(folder));
                }
            }
            foreach (var comparison in found)
            {
                Console.WriteLine(shared.Json(parsed) ? JsonSerializer.Serialize(comparison, JsonFormat.Line) : comparison.Verdict);
                if (comparison.LeftOut > 0)
                {
                    Console.Error.WriteLine($"{comparison.LeftOut} items are not scored in both results and are left out.");
                }
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command WinRate()
    {
        var outputs = new Option<string[]>("--outputs") { Description = "Answers of each model: public lists, JSONL, or F.jsonl#NAME", HelpName = "O.json", Required = true, AllowMultipleArgumentsPerToken = true, Arity = ArgumentArity.OneOrMore };
        var judge = new JudgeOptions();
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "win-rate",
            "Pairwise win rates of any set of models, raw and length-controlled (the paper's Figure 2).",
            ["selm evaluate win-rate --outputs dpo.json selm.json sft.json --judge pairrm:demo/ranker --out data/runs/evaluation"],
            """
            Every pair is judged and fitted in both directions; the largest deviation from antisymmetry is reported. Models are compared on the prompts
            that all of them answered. With --out verdicts are kept, so that nothing is judged twice, and the matrix for the report.
            """)
        {
            outputs,
        };
        judge.AddTo(command);
        shared.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var files = parsed.GetRequiredValue(outputs);
            using var opened = judge.Open(parsed, shared);
            var matrix = await JudgeOptions.RunAsync(
                progress => WinRateMatrix.OfAsync([.. files.Select(AlpacaOutputs.Read)], opened.Judge, opened.Parallel, progress, Resamples, Interrupt.Token), () => opened.Notes);
            JudgeOptions.Say(opened.Notes);
            if (matrix.Missing > 0)
            {
                await Console.Error.WriteLineAsync($"Partial: {matrix.Missing} comparisons have no preference.");
            }
            if (!shared.Json(parsed))
            {
                Print("length-controlled", matrix.Models, (i, j) => matrix.ControlledIntervals[i][j]);
                Print("raw", matrix.Models, matrix.RawInterval);
            }
            var provenance = shared.Provenance(parsed, files.Select(file => File.Exists(file) ? file : file[..file.LastIndexOf('#')]), ranker: judge.Ranker(parsed));
            var result = new EvaluationResult("win-rate", string.Join("+", matrix.Models), Measures(matrix), provenance)
            {
                Missing = matrix.Missing,
                Notes = opened.Notes,
                Settings = new Dictionary<string, string> { ["judge"] = opened.Judge.Name },
            };
            if (shared.Folder(parsed) is { } folder)
            {
                var saved = result.Save(folder);
                AtomicFile.WriteJson(EvaluationPage.MatrixPath(saved), matrix);
                Console.Error.WriteLine(saved);
            }
            if (shared.Json(parsed))
            {
                Console.WriteLine(JsonSerializer.Serialize(matrix, JsonFormat.Line));
            }
            else
            {
                Console.Error.WriteLine($"Largest deviation from antisymmetry: {Wording.Number(matrix.ControlledAsymmetry)} points length-controlled, {Wording.Number(matrix.RawAsymmetry)} raw.");
            }
            return SelmCommandLine.Success;
        });
        return command;
    }

    public static Command Report()
    {
        var folder = Values.Folder("DIR", "A folder with results of selm evaluate");
        var output = Values.OptionalText("--output", "F.html", "Where the page goes; otherwise DIR/report.html");
        var command = new CliCommand(
            "report",
            "Makes one HTML page with tables and figures of all results in a folder.",
            ["selm evaluate report data/runs/evaluation"],
            """
            The page needs nothing else: figures are inline, there is no script and no network. They are drawn from what --out kept: headline numbers with
            intervals, win rates of every pair of models, sorted differences and calibration of implicit rewards, distributions of scores.
            """)
        {
            folder, output,
        };
        command.SetAction(parsed =>
        {
            var place = parsed.GetRequiredValue(folder);
            var path = parsed.GetValue(output) ?? Path.Combine(place, "report.html");
            EvaluationPage.Of(place, DateOnly.FromDateTime(DateTime.UtcNow)).Save(path);
            Console.Error.WriteLine(path);
            return SelmCommandLine.Success;
        });
        return command;
    }

    // The file's name without its endings; the whole path where two files have the same name.
    private static string NameOf(string file, string[] all)
    {
        string Short(string path) => Path.GetFileName(path) is var name && name.EndsWith(".items.jsonl", StringComparison.Ordinal) ? name[..^".items.jsonl".Length] : Path.GetFileNameWithoutExtension(path);
        return all.Count(other => Short(other) == Short(file)) > 1 ? file : Short(file);
    }

    private static EvaluationResult Result(PairedComparison comparison, Provenance provenance) => new(
        "compare", $"{comparison.First} minus {comparison.Second}",
        [
            new("difference", comparison.Difference.Mean, comparison.Prompts) { Low = comparison.Difference.Low, High = comparison.Difference.High },
            new("p", comparison.AdjustedP, comparison.Prompts),
            new("sign_test_p", comparison.AdjustedSignP, comparison.Sign.Wins + comparison.Sign.Losses),
            new("detectable_difference", comparison.Detectable, comparison.Prompts),
        ],
        provenance)
    {
        Missing = comparison.LeftOut,
        Notes = [comparison.Verdict],
    };

    private static Measure[] Measures(WinRateMatrix matrix) =>
    [
        .. from i in Enumerable.Range(0, matrix.Models.Count)
           from j in Enumerable.Range(0, matrix.Models.Count)
           where i != j
           from measure in new Measure[]
           {
               new($"{matrix.Models[i]} against {matrix.Models[j]}", matrix.Controlled[i][j], matrix.Prompts[i][j]) { Low = matrix.ControlledIntervals[i][j].Low, High = matrix.ControlledIntervals[i][j].High },
               new($"{matrix.Models[i]} against {matrix.Models[j]}, raw", matrix.Raw[i][j], matrix.Prompts[i][j])
               {
                   StandardError = matrix.StandardErrors[i][j],
                   Low = Math.Max(0, matrix.RawInterval(i, j).Low),
                   High = Math.Min(100, matrix.RawInterval(i, j).High),
               },
           }
           select measure,
        new("asymmetry", matrix.ControlledAsymmetry, matrix.Prompts[0][1]),
        new("asymmetry_raw", matrix.RawAsymmetry, matrix.Prompts[0][1]),
    ];

    private static void Print(string title, IReadOnlyList<string> models, Func<int, int, MeanInterval> rate)
    {
        string Cell(MeanInterval rate) => string.Create(CultureInfo.InvariantCulture, $"{rate.Mean:0.0} [{rate.Low:0.0}, {rate.High:0.0}]");
        TextTable.Print(Console.Out, [title, .. models], models.Select((model, i) => (string[])[model, .. models.Select((_, j) => i == j ? "" : Cell(rate(i, j)))]));
        Console.WriteLine();
    }
}
