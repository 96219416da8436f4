using System.CommandLine;
using Selm.HuggingFace.Models;
using Selm.Research.Sampling;

namespace Selm.Cli.Commands;

/// <summary><c>selm logprobs</c>: log-probabilities of given responses.</summary>
internal static class LogprobsCommand
{
    public static Command Create()
    {
        var model = Values.Text("--model", "DIR", "A Hugging Face checkpoint: Llama, Mistral, Phi-3, Qwen2 or Qwen3; or a LoRA adapter, which names its base model");
        var adapter = Values.OptionalText("--adapter", "DIR", "A LoRA adapter of that model in PEFT's format");
        var input = Values.Text("--input", "F.jsonl", "Rows of a prompt and a response");
        var output = Values.Text("--output", "G.jsonl", "The same rows with log-probabilities");
        var batch = Values.Whole("--batch-size", "B", "Rows computed together, in the order of the file", 8, least: 1);
        var device = Devices.Option();
        var precision = Devices.PrecisionOption();
        var command = new CliCommand(
            "logprobs",
            "Computes log pi(y|x) of responses under a model.",
            [
                "selm logprobs --model demo/model --input rows.jsonl --output logps.jsonl",
                "selm logprobs --model models/zephyr --input rows.jsonl --output logps.jsonl --device cuda --precision bf16",
            ],
            """
            Input rows:  {"input_ids": [..], "response_start": n}, {"prompt": "..", "response": ".."} or {"messages": [..]} whose last turn is the response
            Output rows: the same plus {"logprob": sum, "token_logprobs": [..]}, natural logs, eos included, no temperature, no filter
            Prompt and response are encoded together, with the tokenizer's bos, and cut where the prompt ends; eos is appended if absent. messages use
            the chat template, and the answer ends as the template ends it.
            """)
        {
            model, adapter, input, output, batch, device, precision,
        };
        command.SetAction(parsed =>
        {
            var path = parsed.GetRequiredValue(output);
            using var opened = ModelFolder.Load(
                parsed.GetRequiredValue(model), Devices.Precision(parsed.GetRequiredValue(precision)), DeviceName.Parse(parsed.GetRequiredValue(device)),
                adapter: parsed.GetValue(adapter));
            var rows = ProgressView.Run(progress => LogprobsFile.Run(
                opened, parsed.GetRequiredValue(input), path, parsed.GetValue(batch), progress, Interrupt.Token));
            Console.Error.WriteLine($"{path}: {rows} rows");
            return SelmCommandLine.Success;
        });
        return command;
    }
}
