using Selm.Research.Data;
using Selm.Research.Training;

namespace Selm.Research.Algorithm1;

/// <summary>A row of responses.jsonl: what the iteration's starting policy answered.</summary>
/// <param name="Prompt">The prompt as text.</param>
/// <param name="Response">y as text.</param>
/// <param name="OutputIds">y as tokens, eos included where it was reached.</param>
/// <param name="Logprob">log pi_t(y|x), the sum over tokens [nats].</param>
public sealed record ResponseRow(string Prompt, string Response, int[] OutputIds, double Logprob);

/// <summary>A row of ranks.jsonl: candidates in the order in which they were ranked; in SELM y, y_w, y_l.</summary>
/// <param name="Scores">Higher is better.</param>
/// <param name="Ranks">1 is best; ties share the lower rank.</param>
public sealed record RankRow(double[] Scores, int[] Ranks);

/// <summary>summary.json of an iteration: where y landed, and how far the sampling forward was from the training forward.</summary>
/// <param name="Iteration">From 0.</param>
/// <param name="Pairs">Preference pairs that are trained on or held out.</param>
/// <param name="Dropped">Prompts that gave no pair, because all their candidates tied.</param>
/// <param name="YBest">Share of prompts whose y ranked best; null where no y was ranked with the data's pair.</param>
/// <param name="YWorst">Share of prompts whose y ranked worst; null as above.</param>
/// <param name="YSameSequence">Share of pairs whose y is the very token sequence of the chosen or rejected response, and costs nothing; null without y.</param>
/// <param name="SamplingDifference">Largest |log pi(y) when sampled - log pi(y) when scored anew| [nats]; null where the first was used as it is.</param>
public sealed record IterationSummary(int Iteration, int Pairs, int Dropped, double? YBest, double? YWorst, double? YSameSequence, double? SamplingDifference)
{
    internal static IterationSummary Of(LoopRound round, IReadOnlyList<TrainingExample> examples)
    {
        var asked = round.Kept.Any(k => k.Pair.Sample is { Source: >= 0 });
        // A y that was cut to fit is another sequence, and one whose log-prob was taken over has no second number.
        double[] differences =
        [
            .. round.Kept.Zip(examples, round.Examples)
                .Where(t => t.First.Pair.Sample is { Source: >= 0 } y && double.IsNaN(t.Third.RefSample) && t.Second.Tokens.Reference?.Response.Length == y.Ids.Length)
                .Select(t => Math.Abs(t.Second.RefSample - t.First.Pair.SampleLogp)).Where(double.IsFinite),
        ];
        return new(
            round.Iteration, examples.Count, round.Dropped, Finite(round.YBest), Finite(round.YWorst),
            asked ? examples.Count(e => e.SampleSlot is 0 or 1) / (double)examples.Count : null, differences.Length > 0 ? differences.Max() : null);
    }

    private static double? Finite(double share) => double.IsFinite(share) ? share : null;
}
