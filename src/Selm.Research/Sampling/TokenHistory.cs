using Selm.HuggingFace.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Selm.Research.Sampling;

/// <summary>Which tokens each row of a batch has had: what the penalties look at.</summary>
/// <remarks>Two tensors of [batch, vocab] on the model's device. Padding is no token and is never counted, so a row's penalties do not depend on the batch it sits in.</remarks>
public sealed class TokenHistory : IDisposable
{
    private readonly Tensor inPrompt; // [batch, vocab] bool

    /// <summary>Starts with the prompts; the answers are empty.</summary>
    /// <param name="prompts">Token ids, one array per row, without padding.</param>
    /// <param name="vocabulary">The number of scores per row.</param>
    /// <param name="device">Where the model's logits are.</param>
    /// <exception cref="ArgumentOutOfRangeException">A token is outside the vocabulary.</exception>
    public TokenHistory(IReadOnlyList<long[]> prompts, int vocabulary, Device device)
    {
        var marks = new bool[prompts.Count * (long)vocabulary];
        for (var row = 0; row < prompts.Count; row++)
        {
            foreach (var token in prompts[row])
            {
                ArgumentOutOfRangeException.ThrowIfNegative(token, nameof(prompts));
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, vocabulary, nameof(prompts));
                marks[((long)row * vocabulary) + token] = true;
            }
        }
        inPrompt = tensor(marks, [prompts.Count, vocabulary], device: device).DetachFromDisposeScope();
        AnswerCounts = zeros(prompts.Count, vocabulary, float32, device).DetachFromDisposeScope();
    }

    /// <summary>How often each token stands in the row's answer, [batch, vocab], float32.</summary>
    public Tensor AnswerCounts { get; }

    /// <summary>Counts one more token of each answer.</summary>
    /// <param name="tokens">Token ids, [batch], int64, on the device of the history.</param>
    public void Append(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var column = tokens.unsqueeze(-1);
        AnswerCounts.scatter_add_(-1, column, ones_like(column, float32));
    }

    /// <summary>Which tokens stand in the row's prompt or answer, [batch, vocab], bool; the caller's scope owns it.</summary>
    public Tensor Seen()
    {
        using var answered = AnswerCounts.Above(0);
        return inPrompt.logical_or(answered);
    }

    /// <summary>Frees both tensors.</summary>
    public void Dispose()
    {
        inPrompt.Dispose();
        AnswerCounts.Dispose();
    }
}
