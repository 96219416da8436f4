using System.CommandLine;
using Selm.Research.Models;
using Selm.Research.Sampling;

namespace Selm.Cli.Commands;

/// <summary><c>selm generate</c>: responses of a checkpoint, greedy or drawn, with their log-probabilities.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var otherwise = new SamplingOptions();
        var model = Values.Text("--model", "DIR", "A Hugging Face checkpoint of a Llama, Mistral or Phi-3");
        var input = Values.Text("--input", "F.jsonl", "Rows of prompts");
        var output = Values.Text("--output", "G.jsonl", "The same rows with output_ids, response and logprob");
        var length = Values.Whole("--max-new-tokens", "N", "The longest response", otherwise.MaxNewTokens, 1);
        var temperature = Values.Number("--temperature", "T", "Divides the scores; 0 takes the best token", otherwise.Temperature);
        var topK = Values.Whole("--top-k", "K", "Draws among the K best tokens; 0 for all", otherwise.TopK);
        var topP = Values.Number("--top-p", "P", "Draws among the best tokens that hold this much probability", otherwise.TopP);
        var minP = Values.Number("--min-p", "P", "Leaves out tokens below this share of the best one's probability", otherwise.MinP);
        var penalty = Values.Number("--repetition-penalty", "R", "Shrinks the scores of tokens that stand in prompt or response; 1 for none", otherwise.RepetitionPenalty);
        var seed = Values.Whole("--seed", "S", "The same seed draws the same responses, whatever the batch size", (int)otherwise.Seed);
        var batchSize = Values.Whole("--batch-size", "N", "Rows decoded together", 8, 1);
        var command = new CliCommand(
            "generate",
            "Writes a response to each prompt, greedily unless a temperature is given.",
            [
                "selm generate --model models/base --input prompts.jsonl --output answers.jsonl",
                "selm generate --model models/base --input prompts.jsonl --output answers.jsonl --temperature 0.7 --top-p 0.95 --max-new-tokens 512 --seed 1",
            ],
            """
            Input rows:  {"prompt"} as text, {"messages"} that end in the user's turn, or {"input_ids"}
            Output rows: the same plus {"output_ids", "response", "logprob"}; the ids leave out the prompt and include eos if it
                         was reached, logprob is the model's own, without temperature and filters
            """)
        {
            model, input, output, length, temperature, topK, topP, minP, penalty, seed, batchSize,
        };
        command.SetAction(parsed =>
        {
            var options = new SamplingOptions(
                parsed.GetValue(temperature), parsed.GetValue(topK), parsed.GetValue(topP), parsed.GetValue(minP), parsed.GetValue(penalty), parsed.GetValue(length), (ulong)parsed.GetValue(seed));
            options.Validate();
            var path = parsed.GetRequiredValue(output);
            using var folder = ModelFolder.Load(parsed.GetRequiredValue(model));
            var rows = ProgressView.Run(progress =>
                GenerateFile.Run(folder, parsed.GetRequiredValue(input), path, options, parsed.GetValue(batchSize), progress, Interrupt.Token));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
