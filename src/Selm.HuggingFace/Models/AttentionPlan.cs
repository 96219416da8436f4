using System.Runtime.InteropServices;
using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// One row of a batch: a prompt and any number of responses that share it. Every response continues the prompt and
/// sees nothing of the others, so the prompt's keys and values are computed once.
/// </summary>
/// <param name="Prompt">Token ids before the responses.</param>
/// <param name="Responses">Token ids of each response; may be empty (a plain row).</param>
/// <param name="LeftPadding">Padding tokens before the prompt.</param>
/// <param name="FirstPosition">Position of the prompt's first token.</param>
public sealed record SharedRow(int[] Prompt, IReadOnlyList<int[]> Responses, int LeftPadding = 0, int FirstPosition = 0)
{
    /// <summary>Tokens of the row, padding on the left included.</summary>
    public int Width => LeftPadding + Prompt.Length + Responses.Sum(r => r.Length);
}

/// <summary>
/// A batch of rows as the model reads it: ids, positions, and per token the two ranges of keys that its query sees
/// (the shared prompt, and its own response up to itself).
/// </summary>
public sealed class AttentionPlan : IDisposable
{
    private Tensor? mask;

    private AttentionPlan(int rows, int width, long[] ids, long[] positions, int[] ranges, Device device)
    {
        (Rows, Width) = (rows, width);
        Ids = tensor(ids, [rows, width], device: device).DetachFromDisposeScope();
        Positions = tensor(positions, [rows, width], device: device).DetachFromDisposeScope();
        Ranges = tensor(ranges, [rows, width, 4], device: device).DetachFromDisposeScope();
        LastPosition = (int)positions.Max();
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Tokens per row, padding included.</summary>
    public int Width { get; }

    /// <summary>The largest position in the batch.</summary>
    public int LastPosition { get; }

    /// <summary>Token ids, [rows, width], int64.</summary>
    public Tensor Ids { get; }

    /// <summary>Positions, [rows, width], int64; responses that share a prompt start at the same position.</summary>
    public Tensor Positions { get; }

    /// <summary>Key ranges [a0, a1) and [b0, b1) of each query, [rows, width, 4], int32.</summary>
    public Tensor Ranges { get; }

    /// <summary>The same as a mask, [rows, 1, width, width], true where a query sees a key; made on first use.</summary>
    public Tensor Mask => mask ??= MakeMask().DetachFromDisposeScope();

    /// <summary>Lays rows out on a device, padded on the right to the longest.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="window">A token sees this many tokens, itself included; 0 means all before it.</param>
    /// <param name="padId">Id that fills the padding.</param>
    /// <param name="device">Where the tensors live.</param>
    /// <exception cref="ArgumentException">A row has no tokens.</exception>
    public static AttentionPlan Of(IReadOnlyList<SharedRow> rows, int window, int padId, Device device)
    {
        var width = rows.Max(r => r.Width);
        var (ids, positions, ranges) = (new long[rows.Count * width], new long[rows.Count * width], new int[rows.Count * width * 4]);
        Array.Fill(ids, padId);
        for (var k = 0; k < rows.Count; k++)
        {
            if (rows[k].Prompt.Length == 0)
            {
                throw new ArgumentException($"row {k} has an empty prompt; a model needs at least one token before the first it predicts", nameof(rows));
            }
            var slice = k * width;
            Fill(rows[k], window, ids.AsSpan(slice, width), positions.AsSpan(slice, width), MemoryMarshal.Cast<int, KeyRanges>(ranges.AsSpan(slice * 4, width * 4)));
        }
        return new AttentionPlan(rows.Count, width, ids, positions, ranges, device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ids.Dispose();
        Positions.Dispose();
        Ranges.Dispose();
        mask?.Dispose();
    }

    private static void Fill(SharedRow row, int window, Span<long> ids, Span<long> positions, Span<KeyRanges> ranges)
    {
        var (start, prompt) = (row.LeftPadding, row.Prompt);
        var end = start + prompt.Length;
        for (var i = start; i < end; i++)
        {
            ids[i] = prompt[i - start];
            positions[i] = row.FirstPosition + i - start;
            ranges[i] = new KeyRanges(0, 0, window > 0 ? Math.Max(start, i + 1 - window) : start, i + 1);
        }
        var at = end;
        foreach (var response in row.Responses)
        {
            var first = at;
            foreach (var id in response)
            {
                var distance = at - first; // tokens of the response before this one
                ids[at] = id;
                positions[at] = row.FirstPosition + prompt.Length + distance;
                // Distances are between positions: the prompt is as far away as if this response stood alone.
                var promptStart = window > 0 ? Math.Max(start, end + distance + 1 - window) : start;
                ranges[at] = promptStart < end
                    ? new KeyRanges(promptStart, end, window > 0 ? Math.Max(first, at + 1 - window) : first, at + 1)
                    : new KeyRanges(0, 0, Math.Max(first, at + 1 - window), at + 1);
                at++;
            }
        }
    }

    private Tensor MakeMask()
    {
        using var scope = NewDisposeScope();
        var key = Numbers.Range(0, Width, ScalarType.Int32, Ranges.device);
        var bounds = Ranges.unsqueeze(2); // [rows, width, 1, 4]
        Tensor Bound(int k) => bounds.select(3, k);
        var seen = (key.ge(Bound(0)) & key.lt(Bound(1))) | (key.ge(Bound(2)) & key.lt(Bound(3)));
        // A padding query sees the first key only, so that no softmax runs over nothing; nobody reads its result.
        var nothing = seen.any(-1, keepdim: true).logical_not() & key.EqualTo(0);
        return (seen | nothing).unsqueeze(1).MoveToOuterDisposeScope();
    }

    private readonly record struct KeyRanges(int A0, int A1, int B0, int B1);
}
