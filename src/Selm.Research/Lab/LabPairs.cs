using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Ranking;

namespace Selm.Research.Lab;

/// <summary>A pair of the lab's preference data.</summary>
/// <param name="Prompt">x.</param>
/// <param name="Chosen">y_w.</param>
/// <param name="Rejected">y_l.</param>
public sealed record LabPair(LabPrompt Prompt, LabResponse Chosen, LabResponse Rejected)
{
    /// <summary>The pair in UltraFeedback's shape, with the true rewards as its scores.</summary>
    /// <param name="language">The language.</param>
    /// <param name="id">Its prompt_id, or null.</param>
    public PreferenceRecord ToRecord(LabLanguage language, string? id = null)
    {
        var record = PreferenceRecord.FromTexts(Prompt.Text(language), Chosen.Text(language), Rejected.Text(language));
        return record with
        {
            PromptId = id,
            Messages = record.Chosen,
            ScoreChosen = Rounded(LabReward.Of(language, Prompt, Chosen)),
            ScoreRejected = Rounded(LabReward.Of(language, Prompt, Rejected)),
        };
    }

    // Rewards are sums of hundredths; what float64 adds to them is noise.
    private static double Rounded(double reward) => Math.Round(reward, 2);
}

/// <summary>The offline preference data of the lab, D = {(x, y_w, y_l)}.</summary>
public static class LabPairs
{
    /// <summary>
    /// The portion of an iteration: prompts drawn with replacement from the training split, one response of each writer,
    /// chosen the best by r* + Gumbel noise (Plackett-Luce, equation (2.1) for more than two), rejected any of the others.
    /// </summary>
    /// <param name="language">The language.</param>
    /// <param name="writers">Two or more; <see cref="LabPreset.Writers"/>.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="iteration">From 0.</param>
    /// <param name="count">Pairs.</param>
    /// <returns>The same for the same (seed, iteration); the first n do not depend on how many follow.</returns>
    public static LabPair[] Offline(LabLanguage language, IReadOnlyList<LabWriter> writers, ulong seed, int iteration, int count)
    {
        var (pairs, prompts) = (new LabPair[count], language.Split.Train);
        for (var row = 0; row < count; row++)
        {
            var random = new PhiloxStream(seed, LabStreams.Pairs(iteration), row);
            var prompt = prompts[random.NextInt(prompts.Count)];
            pairs[row] = Pair(language, writers, prompt, random, new PhiloxStream(seed, LabStreams.PairLabels(iteration), row));
        }
        return pairs;
    }

    /// <summary>One pair for each of some prompts, made as those of <see cref="Offline"/>.</summary>
    /// <param name="language">The language.</param>
    /// <param name="writers">Two or more.</param>
    /// <param name="seed">Seed of the responses and labels.</param>
    /// <param name="prompts">The prompts, such as <see cref="LabSplit.Test"/>.</param>
    public static LabPair[] HeldOut(LabLanguage language, IReadOnlyList<LabWriter> writers, ulong seed, IReadOnlyList<LabPrompt> prompts) =>
    [
        .. prompts.Select((prompt, row) => Pair(
            language, writers, prompt, new PhiloxStream(seed, LabStreams.HeldOutPairs, row), new PhiloxStream(seed, LabStreams.HeldOutLabels, row))),
    ];

    private static LabPair Pair(LabLanguage language, IReadOnlyList<LabWriter> writers, LabPrompt prompt, PhiloxStream random, PhiloxStream labels)
    {
        var responses = writers.Select(writer => writer.Write(language, prompt, random)).ToArray();
        var chosen = Selection.BestWorst([.. responses.Select(response => LabReward.Of(language, prompt, response) + labels.NextGumbel())]).Chosen;
        var rejected = (chosen + 1 + labels.NextInt(writers.Count - 1)) % writers.Count;
        return new LabPair(prompt, responses[chosen], responses[rejected]);
    }

    /// <summary>The pairs of data/examples/lab-pairs.jsonl: 500 of the standard world.</summary>
    internal static IEnumerable<PreferenceRecord> Examples()
    {
        var language = LabLanguage.Standard;
        return Offline(language, LabPreset.Standard.Writers, seed: 2024, iteration: 0, count: 500)
            .Select((pair, row) => pair.ToRecord(language, FormattableString.Invariant($"lab-{row:D3}")));
    }
}
