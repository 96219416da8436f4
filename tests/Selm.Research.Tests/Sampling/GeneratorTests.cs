using Selm.Tests;
using System.Text.Json;
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using Selm.Research.Sampling;
using Selm.Research.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Tests.Sampling;

public class GeneratorTests
{
    private static readonly SamplingOptions Sampled = new(Temperature: 1.3, TopP: 0.95, MaxNewTokens: 16, Seed: 11);

    // Rows of different lengths, so that batches are padded on the left.
    private static readonly int[][] Prompts =
        [[5, 9, 31, 7, 60, 22, 41, 3, 18], [8], [90, 4, 17], [33, 33, 2, 61, 12, 50], [71, 6], [14, 15, 92, 65, 35, 89, 79]];

    public static TheoryData<string, bool> Models() => LlamaParityTests.Models();

    [Theory]
    [MemberData(nameof(Models))]
    public void greedy_sequences_equal_hugging_faces_alone_padded_and_with_an_end_token(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        foreach (var entry in new[] { "greedy_single", "greedy_left_padded_batch", "greedy_eos" })
        {
            var (prompts, expected, limit, eos) = Greedy(golden.Case(entry));
            var actual = ResponseGenerator.Generate(golden.Model, prompts, new SamplingOptions(MaxNewTokens: limit), endIds: eos is { } id ? [id] : []);
            for (var k = 0; k < prompts.Length; k++)
            {
                var end = eos is { } stop ? Array.IndexOf(expected[k], stop) : -1;
                Assert.Equal(end < 0 ? expected[k] : expected[k][..(end + 1)], actual[k].OutputIds);
                Assert.Equal(actual[k].OutputIds.Length, actual[k].TokenLogps.Length);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void logits_of_each_cached_step_equal_hugging_faces(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        foreach (var entry in new[] { "greedy_single", "greedy_left_padded_batch" })
        {
            var (prompts, expected, limit, _) = Greedy(golden.Case(entry));
            using var scope = NewDisposeScope();
            golden.Close($"{entry}.step_logits", StepLogits(golden.Model, prompts, expected, limit), 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void cached_decoding_equals_reading_everything_again_at_each_step(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        var options = new SamplingOptions(MaxNewTokens: 12);
        var cached = ResponseGenerator.Generate(golden.Model, Prompts, options, endIds: []);
        for (var k = 0; k < Prompts.Length; k++)
        {
            var (ids, logps) = Uncached(golden.Model, Prompts[k], options.MaxNewTokens);
            Assert.Equal(ids, cached[k].OutputIds);
            Assert.All(logps.Zip(cached[k].TokenLogps), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void a_row_that_is_stopped_is_the_beginning_of_the_unstopped_one_and_its_neighbours_do_not_notice(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        foreach (var options in new[] { new SamplingOptions(MaxNewTokens: 12), Sampled })
        {
            var whole = ResponseGenerator.Generate(golden.Model, Prompts, options, endIds: []);
            var stopped = ResponseGenerator.Generate(golden.Model, Prompts, options, endIds: [], stop: () =>
            {
                var seen = 0;
                return id => ++seen >= 3 && id % 3 == 0;
            });
            for (var k = 0; k < Prompts.Length; k++)
            {
                var end = Array.FindIndex(whole[k].OutputIds, 2, id => id % 3 == 0) is >= 0 and var place ? place + 1 : whole[k].OutputIds.Length;
                Assert.Equal(whole[k].OutputIds[..end], stopped[k].OutputIds);
                Assert.Equal(whole[k].TokenLogps[..end], stopped[k].TokenLogps);
            }
            Assert.Contains(stopped, generation => generation.OutputIds.Length < options.MaxNewTokens);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void a_sliding_window_slides_in_the_cache_by_either_convention(bool fused)
    {
        foreach (var convention in new[] { WindowConvention.Exclusive, WindowConvention.Inclusive })
        {
            using var golden = new GoldenModel("mistral-sliding", fused, convention);
            // The first row is longer than the window already when it is read.
            int[][] prompts = [[.. Enumerable.Range(5, golden.Model.Window + 9)], [7, 8]];
            var limit = 3 * golden.Model.Window;
            var cached = ResponseGenerator.Generate(golden.Model, prompts, new SamplingOptions(MaxNewTokens: limit), endIds: []);
            for (var k = 0; k < prompts.Length; k++)
            {
                var (ids, logps) = Uncached(golden.Model, prompts[k], limit);
                Assert.Equal(ids, cached[k].OutputIds);
                Assert.All(logps.Zip(cached[k].TokenLogps), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void log_probs_that_come_with_a_generation_equal_those_of_the_training_forward(string name, bool fused)
    {
        using var golden = new GoldenModel(name, fused);
        // The filters and the temperature shape the draws, not the numbers.
        var generations = ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { RepetitionPenalty = 1.2 });
        var rows = Prompts.Zip(generations, (prompt, generation) => new SharedRow(prompt, [generation.OutputIds])).ToArray();
        var (sums, tokens) = TokenLogps.Of(golden.Model, rows);
        Assert.All(tokens.Zip(generations.SelectMany(g => g.TokenLogps)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.All(sums.Zip(generations), pair => Assert.Equal(pair.First, pair.Second.Logp, 1e-3));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void draws_depend_on_seed_and_row_and_not_on_the_batch(bool fused)
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused);
        var together = Ids(ResponseGenerator.Generate(golden.Model, Prompts, Sampled, batchSize: 8));
        foreach (var batchSize in new[] { 1, 2, 4 })
        {
            Assert.Equal(together, Ids(ResponseGenerator.Generate(golden.Model, Prompts, Sampled, batchSize)));
        }
        // The fourth row alone, and between others.
        Assert.Equal(together[3], Ids(ResponseGenerator.Generate(golden.Model, [Prompts[3]], Sampled, firstRow: 3))[0]);
        Assert.Equal(together[3], Ids(ResponseGenerator.Generate(golden.Model, [[1, 2, 3], [4], [5], Prompts[3]], Sampled))[3]);
        Assert.NotEqual(together[3], Ids(ResponseGenerator.Generate(golden.Model, [Prompts[3]], Sampled, firstRow: 4))[0]);
        Assert.NotEqual(together, Ids(ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { Seed = 12 })));
    }

    [Fact]
    public void temperature_zero_is_deterministic_whatever_the_seed()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var first = Ids(ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { Temperature = 0 }));
        Assert.Equal(first, Ids(ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { Temperature = 0, Seed = 99 }, batchSize: 3)));
    }

    [Fact]
    public void a_response_ends_at_its_limit_at_an_end_token_or_with_the_context()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var context = golden.Model.Config.MaxPositionEmbeddings;
        Assert.All(ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { MaxNewTokens = 3 }, endIds: []), g => Assert.Equal(3, g.OutputIds.Length));

        int[] full = [.. Enumerable.Range(0, context - 2).Select(k => 3 + (k % 90))];
        var nearTheEnd = ResponseGenerator.Generate(golden.Model, [full, Prompts[0]], Sampled, endIds: []);
        Assert.Equal([2, 16], nearTheEnd.Select(g => g.OutputIds.Length));

        var free = ResponseGenerator.Generate(golden.Model, Prompts, Sampled, endIds: []);
        var end = free[0].OutputIds[4];
        var stopped = ResponseGenerator.Generate(golden.Model, Prompts, Sampled, endIds: [end]);
        foreach (var (with, without) in stopped.Zip(free))
        {
            var at = Array.IndexOf(without.OutputIds, end);
            Assert.Equal(at < 0 ? without.OutputIds : without.OutputIds[..(at + 1)], with.OutputIds);
        }
    }

    [Fact]
    public void prompts_without_tokens_or_without_room_are_refused_in_one_sentence()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var context = golden.Model.Config.MaxPositionEmbeddings;
        var error = Assert.Throws<InputException>(() => ResponseGenerator.Generate(golden.Model, [[5], new int[context]], Sampled));
        Assert.Equal($"Prompt 2 has {context} tokens, but the model's context has {context}; shorten it.", error.Message);
        error = Assert.Throws<InputException>(() => ResponseGenerator.Generate(golden.Model, [[5], []], Sampled, firstRow: 8));
        Assert.StartsWith("Prompt 10 is empty", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void progress_counts_rows_and_cancellation_stops()
    {
        using var golden = new GoldenModel("llama-gqa-untied", fused: true);
        var seen = new List<long>();
        ResponseGenerator.Generate(golden.Model, Prompts, Sampled with { MaxNewTokens = 2 }, batchSize: 4, progress: new Collector(seen));
        Assert.Equal([4, 6], seen);
        Assert.Throws<OperationCanceledException>(() => ResponseGenerator.Generate(golden.Model, Prompts, Sampled, cancellation: new CancellationToken(canceled: true)));
    }

    private sealed class Collector(List<long> seen) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => seen.Add(value.Done);
    }

    private static int[][] Ids(Generation[] generations) => [.. generations.Select(g => g.OutputIds)];

    // Prompts without their padding, and what follows them.
    private static (int[][] Prompts, int[][] Outputs, int Limit, int? Eos) Greedy(JsonElement entry)
    {
        var prompts = GoldenModel.Matrix(entry.GetProperty("prompt_ids"));
        var width = prompts[0].Length;
        var outputs = GoldenModel.Matrix(entry.GetProperty("sequences")).Select(sequence => sequence[width..]).ToArray();
        if (entry.TryGetProperty("attention_mask", out var mask))
        {
            prompts = [.. prompts.Zip(GoldenModel.Matrix(mask), (row, keep) => row[Array.IndexOf(keep, 1)..])];
        }
        return (prompts, outputs, entry.GetProperty("max_new_tokens").GetInt32(), entry.TryGetProperty("eos_token_id", out var eos) ? eos.GetInt32() : null);
    }

    // [rows, steps, vocabulary]: the given outputs are read one by one against the cache.
    private static Tensor StepLogits(Llama model, int[][] prompts, int[][] outputs, int steps)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (rows, width) = (prompts.Length, prompts.Max(p => p.Length));
        using var cache = new KvCache(model, [.. prompts.Select(p => width - p.Length)], width + steps);
        var ids = tensor(prompts.SelectMany(p => Enumerable.Repeat(0L, width - p.Length).Concat(p.Select(id => (long)id))).ToArray(), [rows, width]);
        var positions = tensor(prompts.SelectMany(p => Enumerable.Range(0, width).Select(t => (long)Math.Max(0, t - width + p.Length))).ToArray(), [rows, width]);
        var logits = new List<Tensor>();
        for (var step = 0; step < steps; step++)
        {
            logits.Add(model.Logits(model.Step(ids, positions, width + step - 1, cache)));
            ids = tensor(outputs.Select(o => (long)o[step]).ToArray(), [rows, 1]);
            positions = tensor(prompts.Select(p => (long)p.Length + step).ToArray(), [rows, 1]);
        }
        return stack(logits, 1).MoveToOuterDisposeScope();
    }

    private static (int[] Ids, float[] Logps) Uncached(Llama model, int[] prompt, int limit)
    {
        var (ids, logps) = (new List<int>(), new List<float>());
        for (var step = 0; step < limit; step++)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            using var plan = model.Plan([new SharedRow([.. prompt, .. ids], [])]);
            var scores = model.Logits(model.Hidden(plan).select(0, plan.Width - 1)).log_softmax(-1);
            ids.Add((int)scores.argmax(-1).item<long>());
            logps.Add(scores.max().item<float>());
        }
        return ([.. ids], [.. logps]);
    }
}

[Collection(LiveTensors.Name)]
public class GeneratorLeakTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void generation_leaves_no_tensor_behind(bool fused)
    {
        using var golden = new GoldenModel("mistral-sliding", fused);
        int[][] prompts = [[5, 9, 31], [8], [90, 4, 17, 33, 60]];
        var before = LiveTensors.Count();
        foreach (var options in new[] { new SamplingOptions(MaxNewTokens: 9), new(Temperature: 1, TopK: 20, TopP: 0.9, MinP: 0.01, RepetitionPenalty: 1.1, MaxNewTokens: 9) })
        {
            ResponseGenerator.Generate(golden.Model, prompts, options, batchSize: 2);
            Assert.Equal(before, Tensor.TotalCount);
        }
        Assert.Throws<OperationCanceledException>(() => ResponseGenerator.Generate(golden.Model, prompts, new SamplingOptions(), cancellation: new CancellationToken(canceled: true)));
        Assert.Equal(before, Tensor.TotalCount);
    }
}
