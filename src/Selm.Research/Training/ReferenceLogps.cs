// The reference log-prob cache: what every DPO-like trainer computes again in each epoch and each run is kept on disk,
// keyed by content (model hash, tokenizer hash, token ids), so a second run over the same data and reference computes
// nothing. Batches are formed over all examples, cached or not, and a batch with a missing number is computed whole:
// so the numbers do not depend on where an earlier run was killed.
using Selm.Research.Data;
using Selm.Research.Models;
using Selm.Research.Runs;

namespace Selm.Research.Training;

/// <summary>Log-probs of responses under the frozen reference model.</summary>
/// <param name="store">Where numbers are kept, or null to keep none.</param>
/// <param name="modelHash">Content hash of the reference model.</param>
/// <param name="tokenizerHash">Content hash of the tokenizer.</param>
public sealed class ReferenceLogps(NumberStore? store, string modelHash, string tokenizerHash)
{
    /// <summary>Batches that had to be computed because a number was missing.</summary>
    public int BatchesComputed { get; private set; }

    /// <summary>Fills in log pi_ref of every response.</summary>
    /// <param name="reference">The reference model.</param>
    /// <param name="examples">The examples.</param>
    /// <param name="batchSize">Examples per batch.</param>
    /// <param name="progress">Is told about finished examples.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public TrainingExample[] Fill(
        Llama reference, IReadOnlyList<TrainingExample> examples, int batchSize = 8, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var filled = new TrainingExample[examples.Count];
        for (var at = 0; at < examples.Count; at += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = examples.Skip(at).Take(batchSize).ToArray();
            var logps = Cached(batch) ?? Compute(reference, batch);
            var k = 0;
            for (var i = 0; i < batch.Length; i++)
            {
                filled[at + i] = batch[i] with
                {
                    RefChosen = logps[k],
                    RefRejected = logps[k + 1],
                    RefReference = batch[i].ReferenceSlot switch { < 0 => double.NaN, var slot => logps[k + slot] },
                };
                k += batch[i].Sequences;
            }
            progress?.Report(new StepProgress("reference log-probs", Math.Min(at + batchSize, examples.Count), examples.Count));
        }
        store?.Flush();
        return filled;
    }

    /// <summary>Puts numbers in that are known already: y's log-prob under the policy that generated it.</summary>
    /// <param name="row">Prompt and response.</param>
    /// <param name="logp">log pi_ref(response | prompt).</param>
    public void Put(TokenRow row, double logp) => store?.Put(Key(row), logp);

    private double[]? Cached(TrainingExample[] batch)
    {
        if (store is null)
        {
            return null;
        }
        var found = new List<double>();
        foreach (var row in batch.SelectMany(Sequences))
        {
            if (!store.TryGet(Key(row), out var logp))
            {
                return null;
            }
            found.Add(logp);
        }
        return [.. found];
    }

    private double[] Compute(Llama reference, TrainingExample[] batch)
    {
        BatchesComputed++;
        var (sums, _) = TokenLogps.Of(reference, [.. batch.SelectMany(example => example.Rows())]);
        foreach (var (row, logp) in batch.SelectMany(Sequences).Zip(sums))
        {
            store?.Put(Key(row), logp);
        }
        return sums;
    }

    private static IEnumerable<TokenRow> Sequences(TrainingExample example) => example.ReferenceSlot == 2
        ? [example.Tokens.Chosen, example.Tokens.Rejected, example.Tokens.Reference!]
        : [example.Tokens.Chosen, example.Tokens.Rejected];

    // The start of the response is part of the content: the same ids with another start are another number.
    private string Key(TokenRow row) => ContentHash.Combine(modelHash, tokenizerHash, ContentHash.OfIds([row.ResponseStart, .. row.InputIds]));
}
