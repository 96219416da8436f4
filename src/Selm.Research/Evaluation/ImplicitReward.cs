// The reward that a policy stands for, r(x, y) = beta (log pi(y|x) - log pi_ref(y|x)) (paper, section 2; its Figure 4 compares
// two policies by it), on the answers of a preference file and on the policy's own.
using Selm.HuggingFace.Models;
using Selm.Research.Data;
using Selm.Research.Numerics;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>Implicit rewards of one prompt's answers [nats times beta].</summary>
/// <param name="Prompt">The prompt's number in the file.</param>
/// <param name="Chosen">Of y_w.</param>
/// <param name="Rejected">Of y_l.</param>
/// <param name="Own">Of the policy's greedy answer.</param>
public sealed record ImplicitRewards(int Prompt, double Chosen, double Rejected, double Own)
{
    /// <summary>The second policy's reward of the chosen answer; null where there is none.</summary>
    public double? OtherChosen { get; init; }

    /// <summary>The second policy's reward of the rejected answer; null where there is none.</summary>
    public double? OtherRejected { get; init; }

    /// <summary>The second policy's reward of the first one's own answer; null where there is none.</summary>
    public double? OtherOwn { get; init; }

    /// <summary>The ranker's score of chosen minus rejected; null where no ranker was asked.</summary>
    public double? RankerMargin { get; init; }
}

/// <summary>One bin of a calibration.</summary>
/// <param name="Predicted">Mean sigma(r(chosen) - r(rejected)).</param>
/// <param name="Observed">The ranker's mean probability sigma(margin) for chosen.</param>
/// <param name="Count">Pairs in the bin.</param>
public readonly record struct CalibrationBin(double Predicted, double Observed, int Count)
{
    /// <summary>Of <see cref="Observed"/>, over the pairs of the bin; 0 for a single one.</summary>
    public double StandardError { get; init; }
}

/// <summary>Implicit rewards of policies.</summary>
public static class ImplicitReward
{
    /// <summary>Computes the rewards of every pair of a preference file.</summary>
    /// <param name="policy">pi.</param>
    /// <param name="reference">pi_ref, with the same tokenizer.</param>
    /// <param name="other">A second policy, or null.</param>
    /// <param name="records">Pairs.</param>
    /// <param name="beta">beta, above 0.</param>
    /// <param name="ranker">Scores chosen and rejected for the calibration, or null.</param>
    /// <param name="maxNewTokens">The longest own answer [tokens].</param>
    /// <param name="folder">Where own answers are kept, or null.</param>
    /// <param name="batchSize">Pairs at once.</param>
    /// <param name="progress">Is told about finished pairs.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="InputException">The models have different tokenizers, or a pair does not fit their context.</exception>
    public static IReadOnlyList<ImplicitRewards> Of(
        ModelFolder policy, ModelFolder reference, ModelFolder? other, IReadOnlyList<PreferenceRecord> records, double beta, IRanker? ranker = null,
        int maxNewTokens = 256, string? folder = null, int batchSize = 8, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(beta);
        foreach (var model in new[] { reference, other }.OfType<ModelFolder>().Where(model => model.TokenizerHash != policy.TokenizerHash))
        {
            throw new InputException($"{model.Path} has another tokenizer than {policy.Path}, so their log-probs are not about the same tokens; use models of one family.");
        }
        SharedRow[] pairs = [.. records.Select(record => Pair(policy, record))];
        int[][] prompts = [.. pairs.Select(pair => pair.Prompt)];
        DemandRoom(pairs, records, policy); // an own answer ends with the context at the latest
        var own = GeneratedAnswers.Of(policy, prompts, new SamplingOptions(MaxNewTokens: maxNewTokens), folder, batchSize, progress, cancellation: cancellation);
        SharedRow[] rows = [.. pairs.Select((row, i) => new SharedRow(row.Prompt, [.. row.Responses, own[i].Ids]))];
        var result = new List<ImplicitRewards>(rows.Length);
        foreach (var batch in rows.Index().Chunk(batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            SharedRow[] part = [.. batch.Select(row => row.Item)];
            var baseline = TokenLogps.Of(reference.Model, part).Sums;
            double[] Rewards(ModelFolder model) => [.. TokenLogps.Of(model.Model, part).Sums.Zip(baseline, (a, b) => beta * (a - b))];
            var (first, second) = (Rewards(policy), other is null ? null : Rewards(other));
            foreach (var (k, (i, _)) in batch.Index())
            {
                result.Add(new(i, first[3 * k], first[(3 * k) + 1], first[(3 * k) + 2])
                {
                    OtherChosen = second?[3 * k],
                    OtherRejected = second?[(3 * k) + 1],
                    OtherOwn = second?[(3 * k) + 2],
                    RankerMargin = ranker is null ? null : Margin(ranker, records[i]),
                });
            }
            progress?.Report(new StepProgress("implicit rewards", result.Count, rows.Length));
        }
        return result;
    }

    /// <summary>Reads what <c>selm evaluate implicit-reward --out</c> kept.</summary>
    /// <exception cref="InputException">The file is missing, empty or broken.</exception>
    public static IReadOnlyList<ImplicitRewards> Read(string path)
    {
        ImplicitRewards[] rewards = [.. Jsonl.Read(path).Select(row => new ImplicitRewards(row.WholeNumber("prompt"), row.Number("chosen"), row.Number("rejected"), row.Number("own"))
        {
            OtherChosen = row.NumberOrNull("other_chosen"),
            OtherRejected = row.NumberOrNull("other_rejected"),
            OtherOwn = row.NumberOrNull("other_own"),
            RankerMargin = row.NumberOrNull("ranker_margin"),
        })];
        return rewards.Length > 0 ? rewards : throw new InputException($"{path} has no rows; run selm evaluate implicit-reward again.");
    }

    /// <summary>Mean rewards and margin; with a second policy the mean differences, with a ranker the agreement.</summary>
    /// <param name="rewards">One per pair.</param>
    public static IReadOnlyList<Measure> Measures(IReadOnlyCollection<ImplicitRewards> rewards)
    {
        List<Measure> measures =
        [
            Measure.Mean("margin", [.. rewards.Select(reward => reward.Chosen - reward.Rejected)]),
            Measure.Percent("accuracy", [.. rewards.Select(reward => reward.Chosen > reward.Rejected ? 1.0 : reward.Chosen == reward.Rejected ? 0.5 : 0)]),
            Measure.Mean("chosen", [.. rewards.Select(reward => reward.Chosen)]),
            Measure.Mean("rejected", [.. rewards.Select(reward => reward.Rejected)]),
            Measure.Mean("own", [.. rewards.Select(reward => reward.Own)]),
        ];
        if (rewards.All(reward => reward.OtherChosen is not null))
        {
            measures.Add(Measure.Mean("chosen_minus_other", SortedDifferences(rewards, reward => reward.Chosen, reward => reward.OtherChosen)));
            measures.Add(Measure.Mean("rejected_minus_other", SortedDifferences(rewards, reward => reward.Rejected, reward => reward.OtherRejected)));
            measures.Add(Measure.Mean("own_minus_other", SortedDifferences(rewards, reward => reward.Own, reward => reward.OtherOwn)));
        }
        if (rewards.All(reward => reward.RankerMargin is not null))
        {
            measures.Add(Measure.Percent("agreement_with_ranker", [.. rewards.Select(reward => Math.Sign(reward.Chosen - reward.Rejected) == Math.Sign(reward.RankerMargin!.Value) ? 1.0 : 0)]));
            measures.Add(new("calibration_error", CalibrationError(Calibration(rewards)), rewards.Count));
        }
        return measures;
    }

    /// <summary>The differences between two policies, rising: the curve of the paper's Figure 4.</summary>
    /// <param name="rewards">With the second policy's numbers.</param>
    /// <param name="first">The first policy's reward.</param>
    /// <param name="second">The second's.</param>
    public static double[] SortedDifferences(IReadOnlyCollection<ImplicitRewards> rewards, Func<ImplicitRewards, double> first, Func<ImplicitRewards, double?> second) =>
        [.. rewards.Select(reward => first(reward) - (second(reward) ?? throw new ArgumentException("there is no second policy", nameof(rewards)))).Order()];

    /// <summary>What the implicit reward predicts against what the ranker says, in bins of equal numbers of pairs.</summary>
    /// <param name="rewards">With the ranker's margins.</param>
    /// <param name="bins">At most so many bins.</param>
    public static IReadOnlyList<CalibrationBin> Calibration(IReadOnlyCollection<ImplicitRewards> rewards, int bins = 10)
    {
        (double Predicted, double Observed)[] pairs =
        [
            .. rewards.Select(reward => (
                LogMath.Sigmoid(reward.Chosen - reward.Rejected),
                LogMath.Sigmoid(reward.RankerMargin ?? throw new ArgumentException("no ranker was asked", nameof(rewards))))).OrderBy(pair => pair.Item1),
        ];
        return [.. pairs.Chunk(Math.Max(1, (pairs.Length + bins - 1) / bins)).Select(bin => new CalibrationBin(bin.Average(pair => pair.Predicted), bin.Average(pair => pair.Observed), bin.Length)
        {
            StandardError = Measure.Mean("", [.. bin.Select(pair => pair.Observed)]).StandardError ?? 0,
        })];
    }

    /// <summary>Mean distance between predicted and observed, weighted by the pairs of each bin.</summary>
    public static double CalibrationError(IReadOnlyList<CalibrationBin> bins) => bins.Sum(bin => bin.Count * Math.Abs(bin.Predicted - bin.Observed)) / bins.Sum(bin => bin.Count);

    // A model without a chat template reads a single question as text.
    private static SharedRow Pair(ModelFolder model, PreferenceRecord record)
    {
        string[] answers = [record.ChosenResponse, record.RejectedResponse];
        if (model.ChatTemplate is null && record.PromptMessages is [{ Role: "user" }])
        {
            return new SharedRow(model.PromptIds(record.Prompt), [.. answers.Select(answer => model.ResponseIds(record.Prompt, answer))]);
        }
        var (prompt, responses) = model.Encoding.Row(record.PromptMessages, answers, new(int.MaxValue, int.MaxValue));
        return new SharedRow(prompt, responses);
    }

    private static double Margin(IRanker ranker, PreferenceRecord record)
    {
        var scores = ranker.Rank(RankRequest.Of(record, [record.ChosenResponse, record.RejectedResponse])).Scores;
        return scores[0] - scores[1];
    }

    private static void DemandRoom(SharedRow[] rows, IReadOnlyList<PreferenceRecord> records, ModelFolder model)
    {
        var context = model.Model.Config.MaxPositionEmbeddings;
        var full = Array.FindIndex(rows, row => row.Prompt.Length + row.Responses.Max(response => response.Length) > context);
        if (full >= 0)
        {
            throw new InputException($"{records[full].Place ?? $"Pair {full + 1}"}: prompt and response have more tokens than the model's context of {context}; leave the pair out or shorten it.");
        }
    }
}
