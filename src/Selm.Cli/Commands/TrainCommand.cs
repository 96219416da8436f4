using System.CommandLine;
using Selm.Research.Algorithm1;
using Selm.Research.Runs;

namespace Selm.Cli.Commands;

/// <summary><c>selm train</c>: one training on given pairs, resumable.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var model = Values.Text("--model", "DIR", "Hugging Face folder of the starting point, which is also the reference");
        var data = Values.Text("--data", "F.jsonl", "Preference pairs (JSONL, JSON, gzip, Parquet, CSV); a loss that reads y takes it from reference_response");
        var recipe = Values.Text("--recipe", "R.yaml|NAME", "Loss, learning rate, batch size and the like");
        var folder = new RunFolderOptions();
        var command = new CliCommand(
            "train",
            "Trains a model on preference pairs with any loss of the kit; nothing is sampled or ranked.",
            [
                "selm train --model demo/model --data data/runs/demo/iteration-0/preferences.jsonl --recipe data/recipes/demo.yaml --out data/runs/again",
                "selm train --model demo/model --data demo/pairs.jsonl --recipe my-dpo.yaml --out data/runs/dpo --resume",
            ],
            """
            The trained weights are DIR/model, in Hugging Face's format; metrics.jsonl has a row per step. Of the recipe,
            base, datasets, ranker, method, iterations and portions are not used. Before the training it says how many steps of
            how many pairs it will be and at which learning rates; one in which no weight would move is an error.
            """)
        {
            model, data, recipe,
        };
        folder.AddTo(command);
        command.SetAction(parsed => folder.Run(
            parsed, SelmRun.OneTraining(KitRecipes.Read(parsed.GetRequiredValue(recipe)), parsed.GetRequiredValue(model), parsed.GetRequiredValue(data))));
        return command;
    }
}
