using System.CommandLine;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm run</c>: all of Algorithm 1 by a recipe, resumable.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var recipe = Values.Text("--recipe", "R.yaml", "The recipe: base model, data, ranker and every number");
        var folder = new RunFolderOptions();
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
            recipe,
        };
        folder.AddTo(command);
        command.SetAction(parsed => folder.Run(parsed, Recipe.Read(parsed.GetRequiredValue(recipe))));
        return command;
    }
}
