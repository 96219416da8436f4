using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Sampling;
using Selm.Research.Tests.Models;
using Selm.Tests;

namespace Selm.Research.Tests.Sampling;

public class GenerateFileTests
{
    private static readonly SamplingOptions Sampled = new(Temperature: 1, MaxNewTokens: 12, Seed: 3);

    [Fact]
    public void rows_of_token_ids_get_the_greedy_sequences_of_hugging_face_without_a_tokenizer()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var entry = golden.Case("greedy_left_padded_batch");
        var keep = GoldenModel.Matrix(entry.GetProperty("attention_mask"));
        var prompts = GoldenModel.Matrix(entry.GetProperty("prompt_ids")).Zip(keep, (row, mask) => row[Array.IndexOf(mask, 1)..]).ToArray();
        var expected = GoldenModel.Matrix(entry.GetProperty("sequences")).Select(row => row[^20..]).ToArray();
        using var folder = new TempFolder();
        var input = folder.Write("in.jsonl", string.Join('\n', prompts.Select(ids => JsonSerializer.Serialize(new { input_ids = ids }))));
        using var model = ModelFolder.Load(Golden.Path("hf-models", "llama-gqa-untied"));

        Assert.Equal(3, GenerateFile.Run(model, input, folder.File("out.jsonl"), new SamplingOptions(MaxNewTokens: 20), batchSize: 2));

        var rows = TinyCheckpoint.Rows(folder.File("out.jsonl"));
        Assert.Equal(expected, rows.Select(row => Ids(row)));
        Assert.All(rows, row => Assert.Equal(JsonValueKind.Null, row.GetProperty("response").ValueKind));
    }

    [Fact]
    public void text_and_messages_get_a_response_whose_log_prob_is_that_of_its_ids()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl",
            """
            {"prompt": "Hello world", "id": "a"}
            {"messages": [{"role": "user", "content": "Hello world"}], "prompt": "not this"}
            """);
        foreach (var batchSize in new[] { 1, 8 })
        {
            GenerateFile.Run(model, input, checkpoint.Place("out.jsonl"), Sampled, batchSize);
            var rows = TinyCheckpoint.Rows(checkpoint.Place("out.jsonl"));
            Assert.Equal(["prompt", "id", "output_ids", "response", "logprob"], rows[0].EnumerateObject().Select(field => field.Name));

            int[][] prompts = [[1, 504, 547, 282, 289, 473], model.PromptIds([new ChatMessage("user", "Hello world")])];
            var expected = ResponseGenerator.Generate(model.Model, prompts, Sampled);
            for (var k = 0; k < rows.Length; k++)
            {
                Assert.Equal(expected[k].OutputIds, Ids(rows[k]));
                Assert.Equal(model.Tokenizer.Decode(Ids(rows[k])), rows[k].GetProperty("response").GetString());
                var (sums, _) = TokenLogps.Of(model.Model, [new SharedRow(prompts[k], [Ids(rows[k])])]);
                Assert.Equal(sums[0], rows[k].GetProperty("logprob").GetDouble(), 1e-3);
            }
        }
    }

    [Fact]
    public void the_end_token_is_part_of_the_output_and_not_of_the_text()
    {
        using var checkpoint = new TinyCheckpoint();
        using var free = ModelFolder.Load(checkpoint.Root);
        var first = ResponseGenerator.Generate(free.Model, [[1, 504]], new SamplingOptions(MaxNewTokens: 6), endIds: [])[0].OutputIds;
        // Whatever comes third now ends a response.
        checkpoint.Write("generation_config.json", $$"""{"eos_token_id": {{first[2]}}}""");
        using var model = ModelFolder.Load(checkpoint.Root);
        GenerateFile.Run(model, checkpoint.Write("in.jsonl", """{"input_ids": [1, 504]}"""), checkpoint.Place("out.jsonl"), new SamplingOptions(MaxNewTokens: 6));
        var row = TinyCheckpoint.Rows(checkpoint.Place("out.jsonl"))[0];
        Assert.Equal(first[..(Array.IndexOf(first, first[2]) + 1)], Ids(row));
    }

    [Theory]
    [InlineData("""{"id": 4}""", "it has neither \"input_ids\" nor \"messages\" nor \"prompt\"; add one of them.")]
    [InlineData("""{"input_ids": []}""", "the prompt is empty; write one or delete that line.")]
    [InlineData("""{"prompt": ""}""", "the prompt is empty; write one or delete that line.")]
    [InlineData("""{"input_ids": [700]}""", "element 0 of \"input_ids\" is 700, but the model's vocabulary has the ids 0 to 599; encode the text with this model's tokenizer.")]
    [InlineData("""{"messages": []}""", "\"messages\" is empty; write a user's turn.")]
    [InlineData("""{"messages": ["a"]}""", "message 0 of \"messages\" is not an object with \"role\" and \"content\"; correct it.")]
    [InlineData("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}""", "\"messages\" ends in the assistant's turn, which is what is to be generated; leave that turn out.")]
    public void a_broken_row_is_refused_with_its_line_and_nothing_is_written(string row, string sentence)
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl", $$"""{"input_ids": [1, 5, 6]}{{'\n'}}{{row}}""");
        var error = Assert.Throws<InputException>(() => GenerateFile.Run(model, input, checkpoint.Place("out.jsonl"), Sampled));
        Assert.Equal($"{input} line 2: {sentence}", error.Message);
        Assert.False(File.Exists(checkpoint.Place("out.jsonl")));
    }

    [Fact]
    public void a_prompt_that_leaves_no_room_and_an_option_out_of_range_are_refused()
    {
        using var checkpoint = new TinyCheckpoint();
        using var model = ModelFolder.Load(checkpoint.Root);
        var input = checkpoint.Write("in.jsonl", JsonSerializer.Serialize(new { input_ids = Enumerable.Repeat(5, 64) }));
        var error = Assert.Throws<InputException>(() => GenerateFile.Run(model, input, checkpoint.Place("out.jsonl"), Sampled));
        Assert.Equal($"{input} line 1: the prompt has 64 tokens, but the model's context of 64 must also hold a response; shorten it.", error.Message);
        error = Assert.Throws<InputException>(() => GenerateFile.Run(model, input, checkpoint.Place("out.jsonl"), Sampled with { TopP = 0 }));
        Assert.Contains("top-p", error.Message, StringComparison.Ordinal);
    }

    private static int[] Ids(JsonElement row) => [.. row.GetProperty("output_ids").EnumerateArray().Select(id => id.GetInt32())];
}
