using System.CommandLine;
using Selm.Research.Models;
using Selm.Research.Sampling;

namespace Selm.Cli.Commands;

/// <summary><c>selm logprobs</c>: log pi(y|x) of given responses under a checkpoint.</summary>
internal static class LogprobsCommand
{
    public static Command Create()
    {
        var model = Values.Text("--model", "DIR", "A Hugging Face checkpoint of a Llama, Mistral or Phi-3");
        var input = Values.Text("--input", "F.jsonl", "Rows of prompts and responses");
        var output = Values.Text("--output", "G.jsonl", "The same rows with logprob and token_logprobs");
        var batchSize = Values.Whole("--batch-size", "N", "Rows computed together", 8, 1);
        var command = new CliCommand(
            "logprobs",
            "Computes the log-probabilities of responses under a model: the sum over their tokens and each token's own.",
            ["selm logprobs --model models/base --input pairs.jsonl --output logps.jsonl"],
            """
            Input rows:  {"prompt", "response"} as text, {"messages"} whose last turn is the response, or {"input_ids", "response_start"}
            Output rows: the same plus {"logprob", "token_logprobs"}, natural logs, eos included
            Text is encoded with the tokenizer's bos, a response by itself; eos is appended where it is absent.
            """)
        {
            model, input, output, batchSize,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(output);
            using var folder = ModelFolder.Load(parsed.GetRequiredValue(model));
            var rows = ProgressView.Run(progress => LogprobsFile.Run(folder, parsed.GetRequiredValue(input), path, parsed.GetValue(batchSize), progress));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
