// How a policy's greedy answers spread over a ranker's scores (the paper's Figure 3, right). What is notable: prompts stream
// through in batches and scores go to a file, so that memory does not grow with the number of prompts; bins are counted in a
// second pass over that file, when the ends of the scale are known.
using Selm.HuggingFace.Models;
using Selm.Research.Ranking;
using Selm.Research.Runs;
using Selm.Research.Sampling;

namespace Selm.Research.Evaluation;

/// <summary>The share of answers with a score in [Low, High).</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end; the last bin holds it.</param>
/// <param name="Fraction">Of all answers, 0 to 1.</param>
public readonly record struct RewardBin(double Low, double High, double Fraction);

/// <summary>Scores of greedy answers.</summary>
/// <param name="Count">Answers.</param>
/// <param name="Mean">Mean score.</param>
/// <param name="StandardError">Of the mean.</param>
/// <param name="Bins">Equal in width, from the lowest to the highest score.</param>
public sealed record RewardDistribution(int Count, double Mean, double StandardError, IReadOnlyList<RewardBin> Bins)
{
    /// <summary>Generates greedy answers to a file of prompts and scores them, batch by batch.</summary>
    /// <param name="model">The policy.</param>
    /// <param name="input">JSONL rows {"prompt"} or {"messages"}; the ranker sees the prompt, or all turns.</param>
    /// <param name="output">The same rows with "response", "score" and, where compared, "baseline_score".</param>
    /// <param name="ranker">Who scores.</param>
    /// <param name="against">The field of the answer that each is ranked beside; its score is subtracted. Null scores answers alone.</param>
    /// <param name="bins">How many bins.</param>
    /// <param name="maxNewTokens">The longest answer [tokens].</param>
    /// <param name="batchSize">Prompts at once.</param>
    /// <param name="progress">Is told about scored answers.</param>
    /// <param name="cancellation">Stops between tokens.</param>
    /// <exception cref="InputException">A file cannot be read or written, or a row is broken.</exception>
    public static RewardDistribution Run(
        ModelFolder model, string input, string output, IRanker ranker, string? against = null, int bins = 20, int maxNewTokens = 256, int batchSize = 8,
        IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var options = new SamplingOptions(MaxNewTokens: maxNewTokens);
        using (var writer = new JsonlWriter(output))
        {
            var done = 0;
            foreach (var batch in Jsonl.Read(input).Select(row => row.Repeatable()).Chunk(batchSize))
            {
                var generations = ResponseGenerator.Generate(model.Model, [.. batch.Select(row => TextRows.Prompt(row, model))], options, batchSize, model.EndIds, cancellation: cancellation);
                string[] answers = [.. generations.Select(generation => model.Text(generation.OutputIds))];
                var ranked = ranker.Rank([.. batch.Zip(answers, (row, answer) => Asked(row, against is null ? [answer] : [answer, row.Text(against)]))]);
                foreach (var (row, (answer, rank)) in batch.Zip(answers.Zip(ranked)))
                {
                    writer.Write(row.Plus(against is null
                        ? (object)new { Response = answer, Score = rank.Scores[0] }
                        : new { Response = answer, Score = rank.Scores[0] - rank.Scores[1], BaselineScore = rank.Scores[1] }));
                }
                done += batch.Length;
                progress?.Report(new StepProgress("rewards", done, 0));
            }
            if (done == 0)
            {
                throw new InputException($"{input} has no rows; put one {{\"prompt\": ..}} on each line.");
            }
            writer.Commit();
        }
        return Of(() => Jsonl.Read(output).Select(row => row.Number("score")), bins);
    }

    /// <summary>The distribution of scores that can be read twice; nothing but counts is kept.</summary>
    /// <param name="scores">Starts the reading; at least one finite score.</param>
    /// <param name="bins">How many bins.</param>
    public static RewardDistribution Of(Func<IEnumerable<double>> scores, int bins)
    {
        var (count, mean, squares, low, high) = (0, 0.0, 0.0, double.PositiveInfinity, double.NegativeInfinity);
        foreach (var score in scores())
        {
            count++;
            var change = score - mean;
            mean += change / count;
            squares += change * (score - mean);
            (low, high) = (Math.Min(low, score), Math.Max(high, score));
        }
        var width = high > low ? (high - low) / bins : 1;
        var counts = new int[high > low ? bins : 1];
        foreach (var score in scores())
        {
            counts[Math.Min(counts.Length - 1, (int)((score - low) / width))]++;
        }
        return new(count, mean, count < 2 ? 0 : Math.Sqrt(squares / (count - 1) / count),
            [.. counts.Select((n, k) => new RewardBin(low + (k * width), k == counts.Length - 1 && high > low ? high : low + ((k + 1) * width), (double)n / count))]);
    }

    private static RankRequest Asked(JsonRow row, string[] candidates) =>
        row.Has("messages") ? RankRequest.Of(Data.PreferenceFile.Chat(row, "messages"), candidates) : new(row.Text("prompt"), candidates);
}
