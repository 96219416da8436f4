using System.CommandLine;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm run</c>: all of Algorithm 1 by a recipe, resumable.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var recipe = Values.Text("--recipe", "R.yaml|NAME", "The recipe: base model, data, ranker and every number; a NAME is one of data/recipes");
        var folder = new RunFolderOptions(byName: true);
        var command = new CliCommand(
            "run",
            "Aligns a model: sample, rank, train with optimism, move the reference, repeat (Algorithm 1).",
            [
                "selm run --recipe lab-quick",
                "selm run --recipe demo/recipe.yaml --out data/runs/demo",
                "selm run --recipe my-recipe.yaml --out data/runs/mine --resume",
            ],
            """
            lab-quick needs no files: it trains the lab's small model first, then aligns it and shows five answers before
            and after with their true rewards, in under two minutes on two idle cores. The folder of a run holds per
            iteration responses.jsonl, ranks.jsonl, preferences.jsonl and model/, and for the whole run metrics.jsonl,
            answers.jsonl (before and after) and model (the last policy). Kill it at any time; the same command goes on
            and ends with the same bits, with or without --cache and whatever that holds. Before the start it says for
            each iteration how many steps of how many pairs it will be and at which learning rates.
            """)
        {
            recipe,
        };
        folder.AddTo(command);
        command.SetAction(parsed => folder.Run(parsed, KitRecipes.Read(parsed.GetRequiredValue(recipe))));
        return command;
    }
}
