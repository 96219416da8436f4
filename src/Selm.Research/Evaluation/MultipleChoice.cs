// Options by their log-probability. What is notable: a question is one row with all its options behind it, so its keys and
// values are computed once however many options there are; with ten solved examples in front that is nearly all the work.
using Selm.HuggingFace.Models;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>What a model said to one question.</summary>
/// <param name="Id">The item.</param>
/// <param name="Logps">log pi(option | context) of each option, sums over its tokens [nats].</param>
/// <param name="Picked">The option with the largest sum.</param>
/// <param name="PickedNormalised">The option with the largest sum per character.</param>
/// <param name="Correct">1 where the right option has a larger sum than each of its rivals, else 0 (accuracy; mc1).</param>
/// <param name="CorrectNormalised">The same per character (length-normalised accuracy).</param>
/// <param name="TrueMass">The share of probability on true options among all (mc2).</param>
public sealed record ChoiceScore(string Id, double[] Logps, int Picked, int PickedNormalised, double Correct, double CorrectNormalised, double TrueMass);

/// <summary>Multiple choice by option log-likelihood, as the academic suite of the paper's Table 2 is scored.</summary>
public static class MultipleChoice
{
    /// <summary>Most tokens of a batch.</summary>
    private const int BatchTokens = 4096;

    /// <summary>Scores items under a model.</summary>
    /// <param name="model">A model with a tokenizer.</param>
    /// <param name="items">The questions.</param>
    /// <param name="shots">What stands before each question.</param>
    /// <param name="progress">Is told about finished items.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>In the order of the items.</returns>
    /// <exception cref="InputException">There are too few examples, or the folder has no tokenizer, or an option does not fit the model's context.</exception>
    public static IReadOnlyList<ChoiceScore> Score(
        ModelFolder model, IReadOnlyList<ChoiceItem> items, FewShot shots, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var rows = items.Select((item, i) => Row(model, item, shots.Before(i))).ToArray();
        return [.. items.Zip(Logps(model.Model, rows, progress, cancellation), Judge)];
    }

    /// <summary>log pi of every option of every row, batch by batch in order of length.</summary>
    internal static double[][] Logps(Llama model, SharedRow[] rows, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var logps = new double[rows.Length][];
        var done = 0;
        foreach (var batch in ByLength(rows))
        {
            cancellation.ThrowIfCancellationRequested();
            var sums = TokenLogps.Of(model, [.. batch.Select(i => rows[i])]).Sums;
            var at = 0;
            foreach (var i in batch)
            {
                logps[i] = sums[at..(at += rows[i].Responses.Count)];
            }
            done += batch.Count;
            progress?.Report(new StepProgress("options", done, rows.Length));
        }
        return logps;
    }

    /// <summary>The numbers of a task, its headline in the paper's Table 2 first.</summary>
    /// <param name="task">The benchmark.</param>
    /// <param name="scores">One per item.</param>
    public static IReadOnlyList<Measure> Measures(ChoiceTask task, IReadOnlyCollection<ChoiceScore> scores) => task == ChoiceTask.TruthfulQa
        ? [Measure.Percent("mc2", [.. scores.Select(score => score.TrueMass)]), Measure.Percent("mc1", [.. scores.Select(score => score.Correct)])]
        : [Measure.Percent("accuracy_norm", [.. scores.Select(score => score.CorrectNormalised)]), Measure.Percent("accuracy", [.. scores.Select(score => score.Correct)])];

    /// <summary>Scores one item from its options' log-probs.</summary>
    /// <param name="item">The question.</param>
    /// <param name="logps">One sum per option [nats].</param>
    public static ChoiceScore Judge(ChoiceItem item, double[] logps)
    {
        double[] perCharacter = [.. logps.Zip(item.Options, (logp, option) => logp / option.EnumerateRunes().Count())];
        double[] shared = [.. item.Sharing.Select(k => logps[k])], truths = [.. item.Sharing.Where(k => item.IsTrue[k]).Select(k => logps[k])];
        return new(
            item.Id, logps, Array.IndexOf(logps, logps.Max()), Array.IndexOf(perCharacter, perCharacter.Max()),
            IsBest(item, logps), IsBest(item, perCharacter), Math.Exp(LogMath.LogSumExp(truths) - LogMath.LogSumExp(shared)));
    }

    private static double IsBest(ChoiceItem item, double[] scores) =>
        item.Rivals.Any(rival => scores[rival] >= scores[item.Label]) ? 0 : 1;

    /// <summary>One row per item: what the encodings of all its options share, and the rest of each.</summary>
    internal static SharedRow Row(ModelFolder model, ChoiceItem item, string before)
    {
        var context = before + item.Context;
        var prompt = model.PromptIds(context);
        var wholes = item.Options.Select(option => model.PromptIds($"{context} {option}")).ToArray();
        var shared = Math.Max(1, Math.Min(prompt.Length, wholes.Min(whole => whole.AsSpan().CommonPrefixLength(prompt))));
        int[][] options = [.. wholes.Select(whole => whole[shared..])];
        if (options.Any(option => option.Length == 0))
        {
            throw new InputException($"Item {item.Id}: an option has no tokens of its own; correct the item.");
        }
        var room = model.Model.Config.MaxPositionEmbeddings - options.Max(option => option.Length);
        return room >= 1
            ? new SharedRow(prompt[Math.Max(0, shared - room)..shared], options)
            : throw new InputException($"Item {item.Id}: an option fills the model's context of {model.Model.Config.MaxPositionEmbeddings} tokens; leave the item out.");
    }

    // Rows of similar width together, the widest first, so that too large a batch fails at once.
    private static IEnumerable<List<int>> ByLength(SharedRow[] rows)
    {
        var batch = new List<int>();
        var width = 0;
        foreach (var i in Enumerable.Range(0, rows.Length).OrderByDescending(i => rows[i].Width))
        {
            if (batch.Count > 0 && width + rows[i].Width > BatchTokens)
            {
                yield return batch;
                (batch, width) = ([], 0);
            }
            batch.Add(i);
            width += rows[i].Width;
        }
        if (batch.Count > 0)
        {
            yield return batch;
        }
    }
}
