using System.CommandLine;
using Selm.HuggingFace.Models;
using Selm.Research.Sampling;

namespace Selm.Cli.Commands;

/// <summary><c>selm generate</c>: responses of a model to prompts.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var model = Values.Text("--model", "DIR", "A Hugging Face checkpoint: Llama, Mistral, Phi-3, Qwen2 or Qwen3; or a LoRA adapter, which names its base model");
        var adapter = Values.OptionalText("--adapter", "DIR", "A LoRA adapter of that model in PEFT's format");
        var input = Values.Text("--input", "F.jsonl", "Rows of prompts");
        var output = Values.Text("--output", "G.jsonl", "The same rows with responses");
        var length = Values.Whole("--max-new-tokens", "N", "Longest response in tokens", 256, least: 1);
        var temperature = Values.Number("--temperature", "T", "Divides the scores; 0 takes the most likely token", 0);
        var topK = Values.Whole("--top-k", "K", "Keeps the K most likely tokens; 0 keeps all", 0);
        var topP = Values.Number("--top-p", "P", "Keeps the most likely tokens that hold this probability together; 1 keeps all", 1);
        var minP = Values.Number("--min-p", "P", "Drops tokens below this share of the most likely one's probability; 0 keeps all", 0);
        var penalty = Values.Number("--repetition-penalty", "R", "Shrinks the scores of tokens already seen; 1 leaves them", 1);
        var seed = Values.Whole("--seed", "S", "Names the random numbers; the draws of a row depend on it and the row only", 0);
        var batch = Values.Whole("--batch-size", "B", "Rows decoded together, in the order of the file", 8, least: 1);
        var device = Devices.Option();
        var precision = Devices.PrecisionOption();
        var command = new CliCommand(
            "generate",
            "Generates responses to prompts, greedy unless a temperature is given.",
            [
                "selm generate --model demo/model --input prompts.jsonl --output answers.jsonl --max-new-tokens 64",
                "selm generate --model demo/model --input prompts.jsonl --output answers.jsonl --temperature 0.7 --top-p 0.9 --seed 1",
            ],
            """
            Input rows:  {"input_ids": [..]}, {"prompt": ".."} or {"messages": [..]}
            Output rows: the same plus {"output_ids": [..], "response": "..", "logprob": sum}; output_ids are without the prompt and with eos
                         where it was reached; logprob is of the raw model distribution (no temperature, no filter)
            """)
        {
            model, adapter, input, output, length, temperature, topK, topP, minP, penalty, seed, batch, device, precision,
        };
        command.SetAction(parsed =>
        {
            var options = new SamplingOptions(
                parsed.GetValue(temperature), parsed.GetValue(topK), parsed.GetValue(topP), parsed.GetValue(minP),
                parsed.GetValue(penalty), parsed.GetValue(length), (ulong)parsed.GetValue(seed));
            options.Validate();
            var path = parsed.GetRequiredValue(output);
            using var opened = ModelFolder.Load(
                parsed.GetRequiredValue(model), Devices.Precision(parsed.GetRequiredValue(precision)), DeviceName.Parse(parsed.GetRequiredValue(device)),
                adapter: parsed.GetValue(adapter));
            var rows = ProgressView.Run(progress => GenerateFile.Run(
                opened, parsed.GetRequiredValue(input), path, options, parsed.GetValue(batch), progress, Interrupt.Token));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
