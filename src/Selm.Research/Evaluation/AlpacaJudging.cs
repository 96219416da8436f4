using Selm.HuggingFace.Files;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>What became of judging a model's answers.</summary>
/// <param name="Judged">Instructions with a preference.</param>
/// <param name="WithoutPreference">Instructions that the judge was asked about and gave no preference for.</param>
/// <param name="Unanswered">Instructions of the evaluation set that the model has not answered.</param>
/// <param name="EmptyAnswers">Answers of the model that are empty; they lose without being judged, and draw against another empty one.</param>
public readonly record struct AlpacaJudged(int Judged, int WithoutPreference, int Unanswered, int EmptyAnswers)
{
    /// <summary>Instructions of the evaluation set without a preference.</summary>
    public int Missing => WithoutPreference + Unanswered;
}

/// <summary>Makes an annotation file in the public form out of two models' answers and a judge.</summary>
public static class AlpacaJudging
{
    /// <summary>
    /// Judges all answers and writes [{index, instruction, output_1, generator_1, output_2, generator_2, annotator, preference}].
    /// Until it is whole it is called NAME.partial.json and has preference null where nothing is judged yet.
    /// </summary>
    /// <param name="outputs">The model's answers.</param>
    /// <param name="baseline">The baseline's answers.</param>
    /// <param name="judge">Who prefers.</param>
    /// <param name="path">Where the annotations go.</param>
    /// <param name="parallel">How many pairs are judged at once.</param>
    /// <param name="progress">Is told about judged pairs.</param>
    /// <param name="cancellation">Ends at once.</param>
    /// <exception cref="InputException">The answers belong to another evaluation set, the judge gives up or prefers nothing anywhere, or the file cannot be written.</exception>
    /// <exception cref="StoppedException">Judging was interrupted.</exception>
    public static async Task<AlpacaJudged> RunAsync(
        AlpacaOutputs outputs, AlpacaOutputs baseline, PairJudge judge, string path, int parallel = 1, IProgress<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        var pairs = outputs.Against(baseline);
        if (pairs.Count == 0)
        {
            throw new InputException($"{outputs.Path} answers no instruction of {baseline.Path}; use answers to one evaluation set.");
        }
        var preferences = new double?[pairs.Count];
        await PartialFile.WriteAsync(
            path, "judgements", () => preferences.Count(preference => preference is not null), progress, saving => judge.JudgeAsync(pairs, preferences, parallel, saving, cancellation),
            place => AtomicFile.WriteJson(place, pairs.Zip(preferences, (pair, preference) => new Dictionary<string, object?>
            {
                ["index"] = pair.Index,
                ["instruction"] = pair.Instruction,
                ["output_1"] = pair.First,
                ["generator_1"] = baseline.Generator,
                ["output_2"] = pair.Second,
                ["generator_2"] = outputs.Generator,
                ["annotator"] = judge.Name,
                ["preference"] = 1 + preference,
            }).ToList())).ConfigureAwait(false);
        var judged = preferences.Count(preference => preference is not null);
        return new(judged, pairs.Count - judged, baseline.Rows.Count - pairs.Count, pairs.Count(pair => pair.Second.Length == 0));
    }
}
