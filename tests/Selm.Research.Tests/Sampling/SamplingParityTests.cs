using System.Text.Json;
using Selm.Research.Sampling;
using Selm.Tests;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Sampling;

/// <summary>The filters give the scores, probabilities and counts of Hugging Face's and vLLM's own code.</summary>
public class SamplingParityTests
{
    private static readonly JsonElement HuggingFace = Golden.Json("sampling", "hf_logits_processors.json");
    private static readonly JsonElement Vllm = Golden.Json("sampling", "vllm_sampler.json");

    [Fact]
    public void every_single_processor_of_hugging_face_is_matched()
    {
        var rows = Rows(HuggingFace.GetProperty("input_ids"));
        var count = 0;
        foreach (var expected in HuggingFace.GetProperty("single").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var logits = Logits(HuggingFace, expected);
            Compare(expected, Single(logits, expected, rows));
            count++;
        }
        Assert.Equal(140, count);
    }

    [Fact]
    public void every_chain_of_hugging_face_is_matched()
    {
        var rows = Rows(HuggingFace.GetProperty("input_ids"));
        using var history = new TokenHistory(rows, 23, CPU);
        var count = 0;
        foreach (var expected in HuggingFace.GetProperty("chains").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            Compare(expected, LogitsFilter.Apply(Logits(HuggingFace, expected), Options(expected), history));
            count++;
        }
        Assert.Equal(20, count);
    }

    [Fact]
    public void every_case_of_vllm_is_matched()
    {
        using var history = VllmHistory();
        var count = 0;
        foreach (var expected in Vllm.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var scores = LogitsFilter.ApplyVllm(
                Logits(Vllm, expected), Options(expected), history,
                expected.GetProperty("presence_penalty").GetDouble(), expected.GetProperty("frequency_penalty").GetDouble());
            Compare(expected, scores);
            count++;
        }
        Assert.Equal(25, count);
    }

    [Fact]
    public void both_orders_agree_without_presence_and_frequency_penalty()
    {
        using var history = VllmHistory();
        foreach (var expected in Vllm.GetProperty("cases").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            var logits = Logits(Vllm, expected);
            var plain = LogitsFilter.Apply(logits, Options(expected), history).softmax(-1);
            var vllm = LogitsFilter.ApplyVllm(logits, Options(expected), history, 0, 0).softmax(-1);
            Assert.Equal(plain.data<float>().ToArray(), vllm.data<float>().ToArray());
        }
    }

    private static TokenHistory VllmHistory()
    {
        using var scope = NewDisposeScope();
        var history = new TokenHistory(Rows(Vllm.GetProperty("prompt_tokens")), 23, CPU);
        var answers = Rows(Vllm.GetProperty("output_tokens"));
        for (var step = 0; step < answers[0].Length; step++)
        {
            history.Append(tensor(answers.Select(row => row[step]).ToArray()));
        }
        return history;
    }

    private static Tensor Single(Tensor logits, JsonElement expected, long[][] rows)
    {
        var given = expected.GetProperty("arguments");
        double Number(string name) => given.GetProperty(name).GetDouble();
        int Whole(string name, int otherwise = 0) => given.TryGetProperty(name, out var value) ? value.GetInt32() : otherwise;
        using var history = new TokenHistory(rows, 23, CPU);
        return expected.GetProperty("class").GetString() switch
        {
            "TemperatureLogitsWarper" => LogitsFilter.Temperature(logits, Number("temperature")),
            "TopKLogitsWarper" => LogitsFilter.TopK(logits, Whole("top_k")),
            "TopPLogitsWarper" => LogitsFilter.TopP(logits, Number("top_p"), Whole("min_tokens_to_keep", 1)),
            "MinPLogitsWarper" => LogitsFilter.MinP(logits, Number("min_p")),
            "TypicalLogitsWarper" => LogitsFilter.Typical(logits, Number("mass")),
            "EpsilonLogitsWarper" => LogitsFilter.Epsilon(logits, Number("epsilon")),
            "EtaLogitsWarper" => LogitsFilter.Eta(logits, Number("epsilon")),
            "RepetitionPenaltyLogitsProcessor" => LogitsFilter.Repetition(logits, history, Number("penalty")),
            "NoRepeatNGramLogitsProcessor" => LogitsFilter.NoRepeatNGram(logits, rows, Whole("ngram_size")),
            "MinLengthLogitsProcessor" => LogitsFilter.MinLength(logits, rows[0].Length, Whole("min_length"), Whole("eos_token_id")),
            var other => throw new InvalidDataException($"no filter for {other}"),
        };
    }

    private static SamplingOptions Options(JsonElement expected) => new(
        expected.GetProperty("temperature").GetDouble(),
        expected.GetProperty("top_k").GetInt32(),
        expected.GetProperty("top_p").GetDouble(),
        expected.TryGetProperty("min_p", out var minP) ? minP.GetDouble() : 0,
        expected.GetProperty("repetition_penalty").GetDouble());

    private static Tensor Logits(JsonElement file, JsonElement expected) =>
        tensor(Numbers(file.GetProperty("logits").GetProperty(expected.GetProperty("logits").GetString()!)), [3, 23]);

    // Inside a tie the order is arbitrary, so tied rows are compared as sorted values.
    private static void Compare(JsonElement expected, Tensor scores)
    {
        var name = $"{expected.GetProperty("logits")} {(expected.TryGetProperty("class", out var kind) ? kind : "chain")} {(expected.TryGetProperty("arguments", out var given) ? given : "")}";
        var sorted = expected.GetProperty("logits").GetString() == "ties";
        var kept = scores.isfinite().sum(-1).data<long>().ToArray();
        Assert.Equal(expected.GetProperty("kept").EnumerateArray().Select(k => k.GetInt64()), kept);
        Near(name + " scores", Numbers(expected.GetProperty("scores")), scores, sorted);
        Near(name + " probs", Numbers(expected.GetProperty("probs")), scores.softmax(-1), sorted);
    }

    private static void Near(string name, float[] expected, Tensor actual, bool sorted)
    {
        var wanted = expected.Chunk(23).Select(row => sorted ? [.. row.Order()] : row).ToArray();
        var given = actual.data<float>().ToArray().Chunk(23).Select(row => sorted ? [.. row.Order()] : row).ToArray();
        for (var row = 0; row < wanted.Length; row++)
        {
            for (var k = 0; k < 23; k++)
            {
                var (a, b) = (wanted[row][k], given[row][k]);
                Assert.True(a.Equals(b) || Math.Abs(a - b) <= 1e-6 * Math.Max(1, Math.Abs(a)), $"{name}: row {row} token {k}: {b}, not {a}");
            }
        }
    }

    private static float[] Numbers(JsonElement table) =>
        [.. table.EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(x => (float)Golden.Number(x))];

    private static long[][] Rows(JsonElement table) =>
        [.. table.EnumerateArray().Select(row => row.EnumerateArray().Select(x => x.GetInt64()).ToArray())];
}
