using Selm.HuggingFace.Models;

namespace Selm.Research.Training;

/// <summary>log pi(y|x) of the responses of some rows, those without a token included: the sum over no tokens is 0 and asks no model.</summary>
internal static class SequenceSums
{
    /// <summary>The sums without a graph.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Prompts, each with the responses that share it.</param>
    /// <returns>One per response, row by row.</returns>
    internal static double[] Of(Llama model, IReadOnlyList<SharedRow> rows)
    {
        SharedRow[] scored = [.. rows.Where(HasTokens)];
        if (scored.Length == rows.Count)
        {
            return rows.Count == 0 ? [] : TokenLogps.Of(model, rows).Sums;
        }
        var sums = new Queue<double>(scored.Length == 0 ? [] : TokenLogps.Of(model, scored).Sums);
        return [.. rows.SelectMany(row => row.Responses.Select(_ => HasTokens(row) ? sums.Dequeue() : 0))];
    }

    private static bool HasTokens(SharedRow row) => row.Responses.Any(response => response.Length > 0);
}
