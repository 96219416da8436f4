using System.CommandLine;
using System.Text.Json;
using Selm.HuggingFace.Files;
using Selm.Research.Evaluation;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm evaluate alpaca-eval</c>: raw and length-controlled win rate from a judge's annotations.</summary>
internal static class EvaluateAlpacaCommand
{
    public static Command Create()
    {
        var annotations = Values.Text("--annotations", "F.json|F.jsonl", "A public annotation list, or the compact {model, rows}");
        var difficulty = Values.Text("--difficulty", "D.csv", "The instructions' difficulties");
        var gamed = Values.Text("--gamed", "G.csv", "The gamed calibration rows");
        var asPublished = Values.Switch("--as-published", "Where annotations are missing, look difficulties up by row position, as the published numbers have it");
        var shared = new EvaluationOptions();
        var command = new CliCommand(
            "alpaca-eval",
            "AlpacaEval 2.0: win rate and length-controlled win rate of a model against the baseline.",
            [
                "selm evaluate alpaca-eval --annotations annotations.json --difficulty difficulty.csv --gamed gamed.csv",
                "selm evaluate alpaca-eval --annotations annotations.json --difficulty difficulty.csv --gamed gamed.csv --json",
            ],
            """
            --json prints {win_rate, standard_error, length_controlled_winrate, lc_standard_error, coefficients, C, ..} as the last line; coefficients
            are those of tanh(standardised length gap), instruction difficulty and the model. The standard error of the length-controlled win rate is the
            published one, which takes the fit for certain; its interval resamples the instructions and refits.
            Where annotations are missing, a difficulty is looked up by the instruction that was answered; --as-published takes the row's place in
            the shortened file, as the published program does. Annotations come from selm evaluate judge or from the public leaderboard.
            """)
        {
            annotations, difficulty, gamed, asPublished,
        };
        shared.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] files = [parsed.GetRequiredValue(annotations), parsed.GetRequiredValue(difficulty), parsed.GetRequiredValue(gamed)];
            var lookup = parsed.GetValue(asPublished) ? DifficultyLookup.ByRowPosition : DifficultyLookup.ByInstruction;
            var read = AlpacaAnnotations.Read(files[0]);
            var tables = AlpacaTables.Read(files[1], files[2]);
            var found = AlpacaEval.Run(read, tables, lookup);
            EvaluationResult Result() => AlpacaResult.Of(found, read, AlpacaEval.Interval(read, tables, found, lookup, shared.Seed(parsed)), shared.Provenance(parsed, files), lookup);
            if (!shared.Json(parsed))
            {
                return shared.Show(parsed, Result());
            }
            if (shared.Folder(parsed) is { } folder)
            {
                Console.Error.WriteLine(Result().Save(folder));
            }
            if (found.NMissing > 0)
            {
                Console.Error.WriteLine($"Partial: {found.NMissing} items have no score.");
            }
            Console.WriteLine(JsonSerializer.Serialize(found, JsonFormat.Line));
            return SelmCommandLine.Success;
        });
        return command;
    }
}
