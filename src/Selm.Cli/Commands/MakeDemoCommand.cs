using System.CommandLine;

namespace Selm.Cli.Commands;

/// <summary><c>selm make-demo</c>: something to run the kit on where no checkpoint is at hand.</summary>
internal static class MakeDemoCommand
{
    public static Command Create()
    {
        var folder = Values.Folder("DIR", "Where to write; made if absent");
        var pairs = Values.Whole("--pairs", "N", "How many judged pairs", 100, least: 1);
        var seed = Values.Whole("--seed", "S", "Seed of the weights and the pairs", 42);
        var command = new CliCommand(
            "make-demo",
            "Writes a small random-weight Llama, a PairRM-shaped ranker, made-up judged pairs and a recipe that joins them.",
            [
                "selm make-demo demo",
                "selm make-demo demo --pairs 20 --seed 7",
            ],
            """
            DIR/model        Llama in Hugging Face format with a tokenizer and a chat template
            DIR/ranker       PairRM in Hugging Face format
            DIR/pairs.jsonl  prompts with a chosen and a rejected answer, in UltraFeedback's shape
            DIR/recipe.yaml  two SELM iterations over them, for selm run; its paths begin with DIR as it was given
            """)
        {
            folder, pairs, seed,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(folder);
            DemoFolder.Write(path, parsed.GetValue(pairs), (ulong)parsed.GetValue(seed));
            Console.WriteLine($"{path}: model, ranker, pairs.jsonl, recipe.yaml; now run: selm run --recipe {Path.Combine(path, "recipe.yaml")} --out {Path.Combine("data", "runs", Path.GetFileName(Path.GetFullPath(path)))}");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
