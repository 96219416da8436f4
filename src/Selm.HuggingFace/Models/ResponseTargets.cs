using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// The response tokens of a batch: where in the hidden states each one is predicted, which id it is, and which
/// sequence it belongs to. Sequences are numbered row by row, response by response.
/// </summary>
public sealed class ResponseTargets : IDisposable
{
    private readonly int[] lengths;

    private ResponseTargets(List<long> predictors, List<long> ids, List<int> lengths, Device device)
    {
        this.lengths = [.. lengths];
        Count = ids.Count;
        Predictors = tensor(predictors.ToArray(), [Count], device: device).DetachFromDisposeScope();
        Ids = tensor(ids.ToArray(), [Count], device: device).DetachFromDisposeScope();
    }

    /// <summary>Number of response tokens in the batch.</summary>
    public int Count { get; }

    /// <summary>Which of the rows * width tokens of the plan predicts each response token, int64.</summary>
    public Tensor Predictors { get; }

    /// <summary>The tokens, int64.</summary>
    public Tensor Ids { get; }

    /// <summary>Tokens of each sequence.</summary>
    public IReadOnlyList<int> Lengths => lengths;

    /// <summary>Finds the response tokens of rows as <see cref="Llama.ScoringPlan"/> lays them out.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="plan">Their layout, without the last token of each response.</param>
    public static ResponseTargets Of(IReadOnlyList<SharedRow> rows, AttentionPlan plan)
    {
        var (predictors, ids, lengths) = (new List<long>(), new List<long>(), new List<int>());
        for (var k = 0; k < rows.Count; k++)
        {
            var promptEnd = (k * plan.Width) + rows[k].LeftPadding + rows[k].Prompt.Length;
            var start = promptEnd;
            foreach (var response in rows[k].Responses)
            {
                for (var t = 0; t < response.Length; t++)
                {
                    predictors.Add(t == 0 ? promptEnd - 1 : start + t - 1);
                    ids.Add(response[t]);
                }
                lengths.Add(response.Length);
                start += Math.Max(0, response.Length - 1);
            }
        }
        return new ResponseTargets(predictors, ids, lengths, plan.Ids.device);
    }

    /// <summary>Sums of per-token numbers over each sequence: log pi(y|x) = sum over t of log pi(y_t | x, y_&lt;t).</summary>
    /// <param name="tokens">One number per response token.</param>
    /// <returns>One sum per sequence, in float64.</returns>
    public double[] SumBySequence(ReadOnlySpan<float> tokens)
    {
        var sums = new double[lengths.Length];
        var at = 0;
        for (var k = 0; k < lengths.Length; k++)
        {
            foreach (var token in tokens.Slice(at, lengths[k]))
            {
                sums[k] += token;
            }
            at += lengths[k];
        }
        return sums;
    }

    /// <summary>Cuts per-token numbers into those of each sequence.</summary>
    /// <param name="tokens">One number per response token.</param>
    internal ReadOnlyMemory<float>[] Split(float[] tokens)
    {
        var parts = new ReadOnlyMemory<float>[lengths.Length];
        var at = 0;
        for (var k = 0; k < lengths.Length; k++)
        {
            parts[k] = tokens.AsMemory(at, lengths[k]);
            at += lengths[k];
        }
        return parts;
    }

    /// <summary>Gives every token the number of its sequence.</summary>
    /// <param name="perSequence">One number per sequence.</param>
    /// <returns>One number per response token.</returns>
    public float[] SpreadToTokens(ReadOnlySpan<double> perSequence)
    {
        var spread = new float[Count];
        var at = 0;
        for (var k = 0; k < lengths.Length; k++)
        {
            spread.AsSpan(at, lengths[k]).Fill((float)perSequence[k]);
            at += lengths[k];
        }
        return spread;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Predictors.Dispose();
        Ids.Dispose();
    }
}
