// Batched generation. What is notable: rows are padded on the left so that all grow at one index; the key-value cache
// is allocated once; a row that has ended stays in the batch as padding, so no row's numbers depend on when others end.
using Selm.HuggingFace.Models;
using Selm.Research.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

/// <summary>One generated response.</summary>
/// <param name="OutputIds">Its tokens without the prompt; the end token is included where it was reached.</param>
/// <param name="TokenLogps">log pi(y_t | x, y_&lt;t) of each token under the raw model distribution: no temperature, no filter.</param>
public sealed record Generation(int[] OutputIds, float[] TokenLogps)
{
    /// <summary>log pi(y|x), the sum over tokens.</summary>
    public double Logp { get; } = TokenLogps.Sum(t => (double)t);
}

/// <summary>Samples responses y ~ pi(.|x), or the greedy one, with their log-probabilities (Algorithm 1, line 2).</summary>
public static class ResponseGenerator
{
    /// <summary>Generates one response per prompt.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="prompts">Token ids of each prompt.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="batchSize">Rows decoded together; random draws do not depend on it.</param>
    /// <param name="endIds">Ids that end a response; null takes those of the model's config.</param>
    /// <param name="firstRow">Number of the first prompt in the whole input: draws are keyed by (seed, row).</param>
    /// <param name="progress">Is told about finished rows.</param>
    /// <param name="stop">Makes for each row what is asked with each of its tokens in turn: whether the row ends there. Null ends rows at <paramref name="endIds"/> and at the longest answer alone.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <returns>One response per prompt, in order.</returns>
    /// <exception cref="InputException">A prompt is empty or fills the model's context.</exception>
    public static Generation[] Generate(
        Llama model, IReadOnlyList<int[]> prompts, SamplingOptions options, int batchSize = 8, IReadOnlyList<int>? endIds = null,
        long firstRow = 0, IProgress<StepProgress>? progress = null, Func<Func<int, bool>>? stop = null,
        CancellationToken cancellation = default)
    {
        using var packed = prompts.Count == 0 ? null : PackedLlama.Of(model);
        return Generate(model, packed, prompts, options, batchSize, endIds, firstRow, progress, stop, cancellation);
    }

    // The same with the model's matrices packed already, for calls one after the other; null where libtorch multiplies.
    internal static Generation[] Generate(
        Llama model, PackedLlama? packed, IReadOnlyList<int[]> prompts, SamplingOptions options, int batchSize = 8, IReadOnlyList<int>? endIds = null,
        long firstRow = 0, IProgress<StepProgress>? progress = null, Func<Func<int, bool>>? stop = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        for (var k = 0; k < prompts.Count; k++)
        {
            if (prompts[k].Length == 0)
            {
                throw new InputException($"Prompt {firstRow + k + 1} is empty; give at least one token, such as the tokenizer's bos.");
            }
            if (prompts[k].Length >= model.Config.MaxPositionEmbeddings)
            {
                throw new InputException($"Prompt {firstRow + k + 1} has {prompts[k].Length} tokens, but the model's context has {model.Config.MaxPositionEmbeddings}; shorten it.");
            }
        }
        var ends = new HashSet<int>(endIds ?? model.Config.EosTokenIds);
        var draw = new TokenDraw(options.Seed);
        var results = new Generation[prompts.Count];
        for (var at = 0; at < prompts.Count; at += batchSize)
        {
            var batch = prompts.Skip(at).Take(batchSize).ToArray();
            var rows = Enumerable.Range(0, batch.Length).Select(k => firstRow + at + k).ToArray();
            new Batch(model, packed, batch, options, ends, stop, draw, rows).Run(cancellation).CopyTo(results, at);
            progress?.Report(new StepProgress("generate", Math.Min(at + batchSize, prompts.Count), prompts.Count));
        }
        return results;
    }

    private sealed class Batch(Llama model, PackedLlama? packed, int[][] prompts, SamplingOptions options, HashSet<int> ends, Func<Func<int, bool>>? stop, TokenDraw draw, long[] rows)
    {
        private readonly int width = prompts.Max(p => p.Length);
        private readonly Func<int, bool>?[] stops = [.. prompts.Select(_ => stop?.Invoke())];
        private readonly int[] budget = [.. prompts.Select(p => Math.Min(options.MaxNewTokens, model.Config.MaxPositionEmbeddings - p.Length))];
        private readonly List<int>[] tokens = [.. prompts.Select(_ => new List<int>())];
        private readonly List<float>[] logps = [.. prompts.Select(_ => new List<float>())];
        private readonly bool[] done = new bool[prompts.Length];

        internal Generation[] Run(CancellationToken cancellation)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            using var cache = new KvCache(model, [.. prompts.Select(p => width - p.Length)], width + budget.Max(), packed);
            using var history = options.RepetitionPenalty == 1 ? null
                : new TokenHistory([.. prompts.Select(p => p.Select(id => (long)id).ToArray())], model.Config.VocabSize, model.Device);
            var (ids, positions) = Prompts();
            var last = width - 1;
            for (var step = 0; ; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var logits = model.Logits(model.Step(ids, positions, last, cache), cache).to_type(ScalarType.Float32);
                var next = Choose(logits, history);
                var logp = Fast.ChosenLogps(logits, next);
                if (Record(next.cpu().data<long>().ToArray(), logp.cpu().data<float>().ToArray()))
                {
                    break;
                }
                history?.Append(next);
                ids = Replace(ids, next.unsqueeze(1));
                last = width + step;
                positions = Replace(positions, tensor(prompts.Select(p => (long)p.Length + step).ToArray(), [prompts.Length, 1], device: model.Device));
            }
            return [.. tokens.Zip(logps, (t, l) => new Generation([.. t], [.. l]))];
        }

        private (Tensor Ids, Tensor Positions) Prompts()
        {
            var (ids, positions) = (new long[prompts.Length * width], new long[prompts.Length * width]);
            Array.Fill(ids, model.PadId);
            for (var k = 0; k < prompts.Length; k++)
            {
                var start = (k * width) + width - prompts[k].Length;
                for (var t = 0; t < prompts[k].Length; t++)
                {
                    (ids[start + t], positions[start + t]) = (prompts[k][t], t);
                }
            }
            return (tensor(ids, [prompts.Length, width], device: model.Device), tensor(positions, [prompts.Length, width], device: model.Device));
        }

        private Tensor Choose(Tensor logits, TokenHistory? history)
        {
            var scores = options.IsGreedy && history is null ? logits : LogitsFilter.Apply(logits, options, history);
            return options.IsGreedy ? TokenDraw.Greedy(scores) : draw.Next(scores, rows);
        }

        // Returns whether every row has ended.
        private bool Record(long[] next, float[] logp)
        {
            for (var k = 0; k < next.Length; k++)
            {
                if (done[k])
                {
                    continue;
                }
                tokens[k].Add((int)next[k]);
                logps[k].Add(logp[k]);
                done[k] = ends.Contains((int)next[k]) || tokens[k].Count >= budget[k] || stops[k]?.Invoke((int)next[k]) == true;
            }
            return Array.TrueForAll(done, d => d);
        }

        private static Tensor Replace(Tensor old, Tensor with)
        {
            old.Dispose();
            return with.MoveToOuterDisposeScope();
        }
    }
}
