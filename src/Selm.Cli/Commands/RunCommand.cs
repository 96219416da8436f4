using System.CommandLine;
using Selm.Research.Alignment;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm run</c>: all of Algorithm 1 by a recipe, resumable.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var recipe = Values.Text("--recipe", "R.yaml", "The recipe: base model, data, ranker and every number");
        var output = Values.Text("--out", "DIR", "The run's folder; a run that is there is continued");
        var resume = Values.Switch("--resume", "Demand that the run exists");
        var anyMachine = Values.Switch("--allow-different-machine", "Continue under other threads or libraries; the last bits may differ");
        var cache = Values.OptionalText("--cache", "DIR", "Keep reference log-probs here, for other runs too (default: in the run)");
        var json = Values.Json();
        var command = new CliCommand(
            "run",
            "Aligns a model: sample, rank, train with optimism, move the reference, repeat (Algorithm 1).",
            [
                "selm run --recipe demo/recipe.yaml --out data/runs/demo",
                "selm run --recipe my-recipe.yaml --out data/runs/mine --resume",
            ],
            """
            The folder holds per iteration responses.jsonl, ranks.jsonl, preferences.jsonl and model/, and for the whole run
            metrics.jsonl, answers.jsonl (before and after) and model (the last policy). Kill it at any time; the same
            command goes on and ends with the same bits.
            """)
        {
            recipe, output, resume, anyMachine, cache, json,
        };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetRequiredValue(output);
            var options = new RunOptions(Recipe.Read(parsed.GetRequiredValue(recipe)), folder, parsed.GetValue(resume), parsed.GetValue(anyMachine), parsed.GetValue(cache));
            Threads.Limit(options.Recipe.Threads);
            var device = Devices.Parse(options.Recipe.Device);
            var answers = ProgressView.Run(progress => SelmRun.Run(options, name => Rankers.Open(name, device), progress, Interrupt.Token));
            AnswersView.Print(folder, answers, parsed.GetValue(json));
            return SelmCommandLine.Success;
        });
        return command;
    }
}
