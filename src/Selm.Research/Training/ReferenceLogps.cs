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
            var unknown = batch.Select(example => Unknown(example).ToArray()).ToArray();
            var logps = Cached(unknown) ?? Compute(reference, unknown);
            for (var i = 0; i < batch.Length; i++)
            {
                filled[at + i] = Known(batch[i], row => logps[row]);
            }
            progress?.Report(new StepProgress("reference log-probs", Math.Min(at + batchSize, examples.Count), examples.Count));
        }
        store?.Flush();
        return filled;
    }

    // What has to come from the model: every sequence but a y whose log-prob its sampling has told.
    private static IEnumerable<TokenRow> Unknown(TrainingExample example) => double.IsNaN(example.RefReference)
        ? example.Responses
        : example.Responses.Where((_, k) => k != example.ReferenceSlot);

    private static TrainingExample Known(TrainingExample example, Func<TokenRow, double> logp)
    {
        var told = !double.IsNaN(example.RefReference);
        double Of(int slot) => told && slot == example.ReferenceSlot ? example.RefReference : logp(example.Responses[slot]);
        return example with { RefChosen = Of(0), RefRejected = Of(1), RefReference = example.ReferenceSlot < 0 ? double.NaN : Of(example.ReferenceSlot) };
    }

    private Dictionary<TokenRow, double>? Cached(TokenRow[][] batch)
    {
        if (store is null)
        {
            return null;
        }
        var found = NewMap();
        foreach (var row in batch.SelectMany(rows => rows))
        {
            if (!store.TryGet(Key(row), out var logp))
            {
                return null;
            }
            found[row] = logp;
        }
        return found;
    }

    private Dictionary<TokenRow, double> Compute(Llama reference, TokenRow[][] batch)
    {
        BatchesComputed++;
        var found = NewMap();
        var rows = batch.Where(r => r.Length > 0).ToArray();
        if (rows.Length == 0)
        {
            return found;
        }
        var (sums, _) = TokenLogps.Of(reference, [.. rows.SelectMany(r => TrainingExample.Share(r))]);
        foreach (var (row, logp) in rows.SelectMany(r => r).Zip(sums))
        {
            store?.Put(Key(row), logp);
            found[row] = logp;
        }
        return found;
    }

    // Rows are records that hold an array: compared as objects, which is what they are here.
    private static Dictionary<TokenRow, double> NewMap() => new(ReferenceEqualityComparer.Instance);

    // The start of the response is part of the content: the same ids with another start are another number.
    private string Key(TokenRow row) => ContentHash.Combine(modelHash, tokenizerHash, ContentHash.OfIds([row.ResponseStart, .. row.InputIds]));
}
