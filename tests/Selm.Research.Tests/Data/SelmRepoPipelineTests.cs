using System.Text.Json;
using Selm.HuggingFace.Chat;
using Selm.HuggingFace.Tokenizers;
using Selm.Research.Data;
using Selm.Tests;

namespace Selm.Research.Tests.Data;

/// <summary>Parity with rows that the authors' own code made (tests/golden/selm-data-pipeline).</summary>
public class SelmRepoPipelineTests
{
    private static readonly JsonElement File = Golden.Json("selm-data-pipeline", "rows.json");

    public static TheoryData<string, int> Settings()
    {
        var data = new TheoryData<string, int>();
        foreach (var tokenizer in File.GetProperty("by_tokenizer").EnumerateObject())
        {
            for (var i = 0; i < tokenizer.Value.GetProperty("settings").GetArrayLength(); i++)
            {
                data.Add(tokenizer.Name, i);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void texts_rows_and_batches_equal_the_authors(string name, int setting)
    {
        var (encoding, padId) = EncodingOf(File.GetProperty("by_tokenizer").GetProperty(name));
        var golden = File.GetProperty("by_tokenizer").GetProperty(name).GetProperty("settings")[setting];
        var limits = new LengthLimits(
            golden.GetProperty("max_length").GetInt32(),
            golden.GetProperty("max_prompt_length").GetInt32(),
            golden.GetProperty("truncation_mode").GetString() == "keep_end");
        var triples = new List<TokenTriple>();
        foreach (var (example, row) in File.GetProperty("examples").EnumerateArray().Zip(golden.GetProperty("rows").EnumerateArray()))
        {
            var record = Record(example);
            var texts = SelmRepoPipeline.Texts(record, encoding);
            var want = row.GetProperty("texts");
            Assert.Equal(
                [Text(want, "prompt"), Text(want, "chosen"), Text(want, "rejected"), Text(want, "reference_response")],
                new[] { texts.Prompt, texts.Chosen, texts.Rejected, texts.Reference! });
            triples.Add(SelmRepoPipeline.Rows(record, encoding, limits));
            CheckRow(row.GetProperty("row"), triples[^1]);
        }
        Assert.Equal(8, triples.Count);
        CheckBatch(golden.GetProperty("batch_of_first_three"), [.. triples.Take(3)], padId);
    }

    [Fact]
    public void without_y_the_pair_is_treated_the_same()
    {
        var (encoding, padId) = EncodingOf(File.GetProperty("by_tokenizer").EnumerateObject().First().Value);
        var record = Record(File.GetProperty("examples")[0]);
        var with = SelmRepoPipeline.Rows(record, encoding, new(70, 30));
        var without = SelmRepoPipeline.Rows(record with { ReferenceResponse = null }, encoding, new(70, 30));
        Assert.Null(without.Reference);
        Assert.Equal(with.Chosen.InputIds, without.Chosen.InputIds);
        Assert.Null(SelmRepoPipeline.Collate([without], padId).References);
    }

    private static void CheckRow(JsonElement want, TokenTriple have)
    {
        Assert.Equal(Ids(want, "prompt_input_ids"), have.PromptIds);
        foreach (var (role, row) in new[] { ("chosen", have.Chosen), ("rejected", have.Rejected), ("reference", have.Reference!) })
        {
            Assert.Equal(Ids(want, role + "_input_ids"), row.InputIds);
            Assert.Equal(Ids(want, role + "_labels"), row.Labels());
            Assert.Equal(Ids(want, role + "_attention_mask"), Enumerable.Repeat(1, row.Length));
        }
    }

    private static void CheckBatch(JsonElement want, TokenTriple[] triples, int padId)
    {
        var (pairs, references) = SelmRepoPipeline.Collate(triples, padId);
        CheckPadded(want.GetProperty("concatenated"), "concatenated", pairs);
        CheckPadded(want.GetProperty("concatenated"), "reference", references!);
        CheckPadded(want.GetProperty("collated"), "chosen", TokenBatch.Collate([.. triples.Select(t => t.Chosen)], padId));
        CheckPadded(want.GetProperty("collated"), "rejected", TokenBatch.Collate([.. triples.Select(t => t.Rejected)], padId));
        CheckPadded(want.GetProperty("collated"), "reference", TokenBatch.Collate([.. triples.Select(t => t.Reference!)], padId));
    }

    private static void CheckPadded(JsonElement want, string role, TokenBatch have)
    {
        Assert.Equal(Flat(want, role + "_input_ids"), have.InputIds);
        Assert.Equal(Flat(want, role + "_attention_mask"), have.AttentionMask);
        Assert.Equal(Flat(want, role + "_labels"), have.Labels);
        Assert.Equal(want.GetProperty(role + "_input_ids")[0].GetArrayLength(), have.Width);
    }

    private static PreferenceRecord Record(JsonElement example)
    {
        ChatMessage[] Chat(string name) => [.. example.GetProperty(name).EnumerateArray().Select(turn => new ChatMessage(Text(turn, "role"), Text(turn, "content")))];
        var chosen = Chat("chosen");
        return new()
        {
            Prompt = chosen.First(turn => turn.Role == "user").Content,
            Chosen = chosen,
            Rejected = Chat("rejected"),
            ReferenceResponse = Text(example, "reference_response"),
        };
    }

    private static (TextEncoding Encoding, int PadId) EncodingOf(JsonElement golden)
    {
        var tokenizer = Tokenizer.Load(Golden.Path(golden.GetProperty("tokenizer_path").GetString()!.Split('/')));
        var names = golden.GetProperty("tokenizer");
        var template = ChatTemplate.Named("zephyr", Text(names, "bos"), Text(names, "eos"));
        int Id(string role) => tokenizer.IdOf(Text(names, role)) ?? throw new InvalidDataException($"no {role} in the vocabulary");
        return (new(text => tokenizer.Encode(text), Id("bos"), Id("eos"), template.Render), Id("pad"));
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static int[] Flat(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(id => id.GetInt32())];
}
