using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Sampling;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Sampling;

public class LogprobsFileTests
{
    public static TheoryData<string> Names() => [.. LlamaParityTests.Models().Select(row => (string)row[0]).Distinct()];

    [Theory]
    [MemberData(nameof(Names))]
    public void rows_of_token_ids_get_trls_log_probs(string name)
    {
        using var golden = new GoldenModel(name, fused: true);
        var (rows, expected, lengths) = golden.Responses();
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", string.Join('\n', rows.Select((row, k) =>
            JsonSerializer.Serialize(new { id = k, input_ids = row.Prompt.Concat(row.Responses[0]), response_start = row.Prompt.Length }))));
        using var model = ModelFolder.Load(golden.Folder);
        foreach (var batchSize in new[] { 8, 3, 1 })
        {
            Assert.Equal(rows.Length, LogprobsFile.Run(model, input, folder.File("out.jsonl"), batchSize));
            var found = TinyCheckpoint.Rows(folder.File("out.jsonl"));
            for (var k = 0; k < rows.Length; k++)
            {
                Assert.Equal(["id", "input_ids", "response_start", "logprob", "token_logprobs"], found[k].EnumerateObject().Select(field => field.Name));
                Assert.Equal(k, found[k].GetProperty("id").GetInt32());
                Assert.Equal(expected[k], found[k].GetProperty("logprob").GetDouble(), 1e-4 * Math.Abs(expected[k]));
                var tokens = GoldenModel.Doubles(found[k].GetProperty("token_logprobs"));
                Assert.Equal(lengths[k], tokens.Length);
                Assert.Equal(found[k].GetProperty("logprob").GetDouble(), tokens.Sum(), 1e-5);
            }
        }
    }

    [Fact]
    public void text_and_messages_give_the_log_probs_of_their_ids()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl",
            """
            {"prompt": "Hello world", "response": "The quick brown fox."}
            {"prompt": "Hello world", "response": "The quick brown fox.</s>"}
            {"messages": [{"role": "user", "content": "Hello world"}, {"role": "assistant", "content": "a"}], "prompt": "not this"}
            """);
        LogprobsFile.Run(model, input, checkpoint.Place("out.jsonl"), batchSize: 2);

        // The ids are golden, without the mark of a text's start; the marker of the chat template belongs to the prompt, eos to the response.
        int[] hello = [504, 547, 282, 289, 473], fox = [550, 517, 505, 326, 512, 518, 524, 279, 506, 281, 508, 504, 525, 507, 535, 528];
        var chat = model.PromptIds([new ChatMessage("user", "Hello world")]);
        var (sums, tokens) = TokenLogps.Of(model.Model, [new SharedRow([1, .. hello], [[.. fox, 2]]), new SharedRow(chat, [[509, 2]])]);

        var rows = TinyCheckpoint.Rows(checkpoint.Place("out.jsonl"));
        Assert.Equal(sums[0], rows[0].GetProperty("logprob").GetDouble(), 1e-4);
        Assert.Equal(rows[0].GetProperty("logprob").GetDouble(), rows[1].GetProperty("logprob").GetDouble(), 1e-9);
        Assert.Equal(sums[1], rows[2].GetProperty("logprob").GetDouble(), 1e-4);
        Assert.All(tokens.Zip(GoldenModel.Doubles(rows[0].GetProperty("token_logprobs")).Concat(GoldenModel.Doubles(rows[2].GetProperty("token_logprobs")))),
            pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.Equal("not this", rows[2].GetProperty("prompt").GetString());
    }

    [Theory]
    [InlineData("""{"input_ids": [1, 2""", "not valid JSON at byte 20; repair or delete that line.")]
    [InlineData("""{"id": 4}""", "it has neither \"input_ids\" with \"response_start\" nor \"messages\" nor \"prompt\" with \"response\"; add one of them.")]
    [InlineData("""{"input_ids": [1, 5]}""", "the field \"response_start\" is missing; add it.")]
    [InlineData("""{"input_ids": [1, 600], "response_start": 1}""", "element 1 of \"input_ids\" is 600, but the model's vocabulary has the ids 0 to 599; encode the text with this model's tokenizer.")]
    [InlineData("""{"input_ids": [-1, 5], "response_start": 1}""", "element 0 of \"input_ids\" is -1, but the model's vocabulary has the ids 0 to 599; encode the text with this model's tokenizer.")]
    [InlineData("""{"input_ids": [1, 5], "response_start": 0}""", "\"response_start\" is 0, but of 2 tokens the response must start after the first and before the end; correct it.")]
    [InlineData("""{"input_ids": [1, 5], "response_start": 2}""", "\"response_start\" is 2, but of 2 tokens the response must start after the first and before the end; correct it.")]
    [InlineData("""{"input_ids": [], "response_start": 0}""", "\"response_start\" is 0, but of 0 tokens the response must start after the first and before the end; correct it.")]
    [InlineData("""{"prompt": "", "response": "a"}""", "the prompt is empty; write one or delete that line.")]
    [InlineData("""{"prompt": " ", "response": "a"}""", "the prompt is empty; write one or delete that line.")]
    [InlineData("""{"prompt": "a"}""", "the field \"response\" is missing; add it.")]
    [InlineData("""{"prompt": 5, "response": "a"}""", "the field \"prompt\" must be text but is a number; correct that line.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}]}""", "\"messages\" must hold a question and end in the assistant's answer; complete it.")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "a"}]}""", "\"messages\" must hold a question and end in the assistant's answer; complete it.")]
    [InlineData("""{"prompt": "a", "response": "b", "id": 1, "id": 2}""", "it has a field twice or half of a surrogate pair in a text; repair that line.")]
    [InlineData("""{"prompt": "a", "response": "b", "note": "\ud800"}""", "it has a field twice or half of a surrogate pair in a text; repair that line.")]
    public void a_broken_row_is_refused_with_its_line_and_nothing_is_written(string row, string sentence)
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl", $$"""{"input_ids": [1, 5, 6], "response_start": 1}{{'\n'}}{{row}}{{'\n'}}""");
        var error = Assert.Throws<InputException>(() => LogprobsFile.Run(model, input, checkpoint.Place("out.jsonl")));
        Assert.Equal($"{input} line 2: {sentence}", error.Message);
        Assert.False(File.Exists(checkpoint.Place("out.jsonl")));
    }

    [Fact]
    public void a_response_beyond_the_context_is_refused_and_one_that_just_fits_is_not()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        string Row(int tokens) => JsonSerializer.Serialize(new { input_ids = Enumerable.Repeat(5, tokens), response_start = 3 });
        Assert.Equal(1, LogprobsFile.Run(model, checkpoint.Write("in.jsonl", Row(64)), checkpoint.Place("out.jsonl")));
        var input = checkpoint.Write("in.jsonl", Row(65));
        var error = Assert.Throws<InputException>(() => LogprobsFile.Run(model, input, checkpoint.Place("out2.jsonl")));
        Assert.Equal($"{input} line 1: prompt and response have 3 + 62 tokens, but the model's context has 64; shorten one.", error.Message);
    }

    [Fact]
    public void what_a_folder_lacks_is_said_with_the_line_that_needs_it()
    {
        using var silent = new TinyCheckpoint(template: null);
        using var model = ModelFolder.Load(silent.Root);
        var input = silent.Write("in.jsonl", """{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}""");
        var error = Assert.Throws<InputException>(() => LogprobsFile.Run(model, input, silent.Place("out.jsonl")));
        Assert.StartsWith($"{input} line 1: {silent.Root} has no chat template", error.Message, StringComparison.Ordinal);

        using var mute = ModelFolder.Load(Golden.Path("hf-models", "llama-gqa-untied"));
        input = silent.Write("in.jsonl", """{"prompt": "a", "response": "b"}""");
        error = Assert.Throws<InputException>(() => LogprobsFile.Run(mute, input, silent.Place("out.jsonl")));
        Assert.StartsWith($"{input} line 1: {mute.Path} has no tokenizer", error.Message, StringComparison.Ordinal);

        input = silent.Write("empty.jsonl", "\n");
        Assert.StartsWith($"{input} has no rows", Assert.Throws<InputException>(() => LogprobsFile.Run(model, input, silent.Place("out.jsonl"))).Message, StringComparison.Ordinal);
    }
}
