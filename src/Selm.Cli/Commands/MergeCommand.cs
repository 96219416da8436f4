using System.CommandLine;
using Selm.HuggingFace.Models;

namespace Selm.Cli.Commands;

/// <summary><c>selm merge</c>: a LoRA adapter becomes part of whole weights.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        var model = Values.Text("--model", "DIR", "The base model: a Hugging Face checkpoint");
        var adapter = Values.Text("--adapter", "DIR", "A LoRA adapter of that model in PEFT's format");
        var output = Values.Text("--out", "DIR", "Where to write the whole model; made if absent");
        var command = new CliCommand(
            "merge",
            "Merges a LoRA adapter into its base model: W + scaling * B A, in the base model's element type.",
            [
                "selm merge --model models/zephyr-sft --adapter data/runs/mine/model --out models/mine",
            ],
            """
            The result is a whole checkpoint with Hugging Face's names, config.json and the tokenizer's files; it needs neither of the two folders.
            """)
        {
            model, adapter, output,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(output);
            LoraFiles.Merge(parsed.GetRequiredValue(model), parsed.GetRequiredValue(adapter), path);
            Console.Error.WriteLine($"{path}: {parsed.GetRequiredValue(model)} with {parsed.GetRequiredValue(adapter)} merged");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
