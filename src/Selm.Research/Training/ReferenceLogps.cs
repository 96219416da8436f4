// The reference log-prob cache: what every DPO-like trainer computes again in each epoch and each run is kept on disk,
// keyed by content (model hash, tokenizer hash, token ids), so a second run over the same data and reference computes
// nothing. The last bits of a log-prob depend on the rows that it was computed with. A number that is kept is therefore
// computed with nothing but its own example, which is all that its key says: it is the same number wherever else the
// example stands, whoever filled the cache and wherever an earlier run was killed. In bfloat16 a lone example's log-prob is off
// from a batch's by some thousandths of a nat, so that a first loss would not be log 2: there a batch is what is computed
// together, and all of it is part of the key.
using System.Globalization;
using Selm.HuggingFace.Files;
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Objectives;
using Selm.Research.Runs;
using TorchSharp;

namespace Selm.Research.Training;

/// <summary>Log-probs of responses under the frozen reference model.</summary>
/// <param name="store">Where numbers are kept, or null to keep none.</param>
/// <param name="modelHash">Content hash of the reference model and of whatever else its numbers depend on, such as precision and machine.</param>
/// <param name="tokenizerHash">Content hash of the tokenizer.</param>
public sealed class ReferenceLogps(NumberStore? store, string modelHash, string tokenizerHash)
{
    private int passes;

    /// <summary>Batches that had to be computed because a number was missing.</summary>
    public int BatchesComputed { get; private set; }

    /// <summary>Fills in log pi_ref of every response that the loss uses.</summary>
    /// <param name="reference">The reference model.</param>
    /// <param name="examples">The examples.</param>
    /// <param name="batchSize">Examples per batch. With a store and in float32 they are computed one by one all the same; else a whole
    /// batch is one pass, which is faster and decides the last bits.</param>
    /// <param name="progress">Is told about finished examples.</param>
    /// <param name="needs">What the loss uses (<see cref="IPreferenceLoss.Needs"/>); the rest is not computed and stays NaN.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public TrainingExample[] Fill(
        Llama reference, IReadOnlyList<TrainingExample> examples, int batchSize = 8, IProgress<StepProgress>? progress = null,
        LossInputs needs = LossInputs.Reference, CancellationToken cancellation = default)
    {
        if ((needs & LossInputs.Reference) == 0)
        {
            return [.. examples];
        }
        var filled = new TrainingExample[examples.Count];
        for (var at = 0; at < examples.Count; at += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var before = passes;
            var unknown = examples.Skip(at).Take(batchSize).Select(example => Slots(example, needs).Select(slot => example.Responses[slot]).ToArray()).ToArray();
            var logps = store is null ? Together(reference, unknown) : [.. unknown.Chunk(reference.Dtype == torch.ScalarType.Float32 ? 1 : batchSize).SelectMany(rows => Kept(reference, rows, store))];
            BatchesComputed += passes > before ? 1 : 0;
            for (var i = 0; i < logps.Length; i++)
            {
                filled[at + i] = Known(examples[at + i], Slots(examples[at + i], needs), logps[i]);
            }
            progress?.Report(new StepProgress("reference log-probs", Math.Min(at + batchSize, examples.Count), examples.Count));
        }
        store?.Flush();
        return filled;
    }

    // What has to come from the model: every sequence that is used, but a y whose log-prob its sampling has told.
    private static int[] Slots(TrainingExample example, LossInputs needs) =>
    [
        .. Enumerable.Range(0, example.Sequences).Where(slot =>
            (slot != example.SampleSlot || double.IsNaN(example.RefSample))
            && (needs.HasFlag(LossInputs.RefSample) && slot == example.SampleSlot || needs.HasFlag(LossInputs.ReferencePair) && slot < 2)),
    ];

    private static TrainingExample Known(TrainingExample example, int[] slots, double[] logps)
    {
        double Of(int slot) => Array.IndexOf(slots, slot) is var k && k >= 0 ? logps[k]
            : slot >= 0 && slot == example.SampleSlot ? example.RefSample
            : double.NaN;
        return example with { RefChosen = Of(0), RefRejected = Of(1), RefSample = Of(example.SampleSlot) };
    }

    private double[][] Together(Llama reference, TokenRow[][] batch)
    {
        passes++;
        return Split(batch, TokenLogps.Of(reference, [.. batch.Where(rows => rows.Length > 0).SelectMany(rows => TrainingExample.Share(rows))]).Sums);
    }

    // The examples are computed together where a number of theirs is missing.
    private double[][] Kept(Llama reference, TokenRow[][] examples, NumberStore kept)
    {
        var keys = Keys(examples);
        double[] logps = [.. keys.Select(key => kept.TryGet(key, out var logp) ? logp : double.NaN)];
        if (!logps.Any(double.IsNaN))
        {
            return Split(examples, logps);
        }
        var computed = Together(reference, examples);
        foreach (var (key, logp) in keys.Zip(computed.SelectMany(rows => rows)))
        {
            kept.Put(key, logp);
        }
        return computed;
    }

    private static double[][] Split(TokenRow[][] examples, IEnumerable<double> logps)
    {
        var next = new Queue<double>(logps);
        return [.. examples.Select(rows => rows.Select(_ => next.Dequeue()).ToArray())];
    }

    // One key per number: all rows that are computed together are part of it. So is the start of each response: the same ids
    // with another start are another number.
    private string[] Keys(TokenRow[][] examples)
    {
        TokenRow[] rows = [.. examples.SelectMany(example => example)];
        var content = ContentHash.OfIds([.. rows.SelectMany(row => (int[])[row.InputIds.Length, row.ResponseStart, .. row.InputIds])]);
        return [.. rows.Select((_, k) => ContentHash.Combine(modelHash, tokenizerHash, content, k.ToString(CultureInfo.InvariantCulture)))];
    }
}
