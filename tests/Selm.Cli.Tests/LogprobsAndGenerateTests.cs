using System.Text.Json;
using Selm.Tests;

namespace Selm.Cli.Tests;

public class LogprobsAndGenerateTests
{
    private static readonly string model = Golden.Path("hf-models", "llama-gqa-untied");

    [Fact]
    public void log_probs_of_the_golden_responses_come_out_in_order()
    {
        using var folder = new TempFolder();
        var entry = Golden.Json("hf-models", "llama-gqa-untied", "expected.json").GetProperty("response_logprobs");
        var rows = entry.GetProperty("input_ids").EnumerateArray().Zip(
            entry.GetProperty("prompt_lengths").EnumerateArray().Zip(entry.GetProperty("total_lengths").EnumerateArray()),
            (ids, lengths) => $$"""{"input_ids": [{{string.Join(", ", ids.EnumerateArray().Take(lengths.Second.GetInt32()))}}], "response_start": {{lengths.First}}}""");
        var output = folder.File("out.jsonl");

        var run = SelmProcess.Run("logprobs", "--model", model, "--input", folder.Write("in.jsonl", string.Join('\n', rows)), "--output", output, "--batch-size", "3");

        Assert.Equal((0, ""), (run.Code, run.Out));
        Assert.EndsWith($"{output}: 4 rows\n", run.Error, StringComparison.Ordinal);
        var found = File.ReadLines(output).Select(line => JsonElement.Parse(line).GetProperty("logprob").GetDouble());
        Assert.All(entry.GetProperty("sum_logps").EnumerateArray().Zip(found), pair => Assert.Equal(pair.First.GetDouble(), pair.Second, 1e-2));
    }

    [Fact]
    public void the_same_seed_draws_the_same_responses_and_another_seed_others()
    {
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", "{\"input_ids\": [5, 9, 31]}\n{\"input_ids\": [8]}\n");

        string Drawn(string temperature, params string[] more)
        {
            var output = folder.File("out.jsonl");
            var run = SelmProcess.Run(["generate", "--model", model, "--input", input, "--output", output, "--max-new-tokens", "8", "--temperature", temperature, .. more]);
            Assert.Equal(0, run.Code);
            return File.ReadAllText(output);
        }

        string Ids(string rows) => string.Join('\n', rows.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(row => JsonElement.Parse(row).GetProperty("output_ids").GetRawText()));

        Assert.Equal(Drawn("1", "--seed", "4"), Drawn("1", "--seed", "4"));
        Assert.Equal(Ids(Drawn("1", "--seed", "4")), Ids(Drawn("1", "--seed", "4", "--batch-size", "1")));
        Assert.NotEqual(Ids(Drawn("1", "--seed", "4")), Ids(Drawn("1", "--seed", "5")));
        Assert.Equal(Ids(Drawn("0")), Ids(Drawn("1", "--top-k", "1")));
    }

    [Fact]
    public void mistakes_are_answered_in_one_sentence_and_leave_no_file()
    {
        using var folder = new TempFolder();
        var (input, output) = (folder.Write("in.jsonl", "{\"prompt\": \"Hello\"}\n"), folder.File("out.jsonl"));

        SelmProcess.Run("generate", "--model", model, "--input", input, "--output", output)
            .Refused($"{input} line 1: {model} has no tokenizer: copy tokenizer.json, or tokenizer.model or spm.model, of the checkpoint into it.");
        SelmProcess.Run("generate", "--model", model, "--input", input, "--output", output, "--top-p", "1.5")
            .Refused("Sampling option top-p is 1.5; give a number above 0 and at most 1, 1 for all tokens.");
        SelmProcess.Run("logprobs", "--model", folder.File("nowhere"), "--input", input, "--output", output)
            .Refused($"{folder.File("nowhere", "config.json")} does not exist; give the folder of a Hugging Face checkpoint, which holds config.json.");
        SelmProcess.Run("logprobs", "--model", model, "--input", input)
            .Refused("selm logprobs needs --output; selm logprobs --help shows examples.");
        Assert.Equal(["in.jsonl"], folder.Names());
    }
}
