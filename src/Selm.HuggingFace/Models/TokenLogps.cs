using TorchSharp;
using static TorchSharp.torch;

namespace Selm.HuggingFace.Models;

/// <summary>
/// Log-probabilities of response tokens without ever holding the logits of a whole batch: the head runs over chunks
/// of positions, response positions only, and log-sum-exp is taken in float32.
/// </summary>
public static class TokenLogps
{
    /// <summary>Log-probabilities of the responses of some rows under a model, without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <returns>One sum per sequence (row by row, response by response) and the tokens' own numbers in the same order; the sum over no tokens is 0.</returns>
    public static (double[] Sums, float[] Tokens) Of(Llama model, IReadOnlyList<SharedRow> rows)
    {
        SharedRow[] asked = [.. rows.Where(HasTokens)]; // the others ask no model
        if (asked.Length < rows.Count || rows.Count == 0)
        {
            var (some, numbers) = asked.Length == 0 ? ([], []) : Of(model, asked);
            var next = 0;
            return ([.. rows.SelectMany(row => row.Responses.Select(_ => HasTokens(row) ? some[next++] : 0))], numbers);
        }
        using var noGrad = no_grad();
        var count = rows.Sum(row => row.Responses.Count);
        var (sums, parts) = (new double[count], new ReadOnlyMemory<float>[count]);
        foreach (var group in RowGroup.Of(model, rows))
        {
            using var own = group;
            using var scope = NewDisposeScope();
            var tokens = Read(Of(model, model.Hidden(group.Plan, group.Targets.Predictors), group.Targets));
            group.Scatter<double>(group.Targets.SumBySequence(tokens), sums);
            group.Scatter<ReadOnlyMemory<float>>(group.Targets.Split(tokens), parts);
        }
        return (sums, [.. parts.SelectMany(part => part.ToArray())]);
    }

    /// <summary>log pi(y_t | x, y_&lt;t) of every response token, without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="states">Hidden states that predict them, after the final norm, [targets, hidden].</param>
    /// <param name="targets">The response tokens.</param>
    /// <returns>[targets], in their order.</returns>
    internal static Tensor Of(Llama model, Tensor states, ResponseTargets targets)
    {
        using var noGrad = no_grad();
        return Fast.TokenLogps(states, model.Head, targets.Ids);
    }

    private static bool HasTokens(SharedRow row) => row.Responses.Any(response => response.Length > 0);

    /// <summary>The numbers of a tensor of log-probs, in float32.</summary>
    internal static float[] Read(Tensor logps)
    {
        using var scope = NewDisposeScope();
        return logps.to_type(ScalarType.Float32).cpu().data<float>().ToArray();
    }
}
