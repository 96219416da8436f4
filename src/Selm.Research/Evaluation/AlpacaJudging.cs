using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>Makes an annotation file in the public form out of two models' answers and a judge.</summary>
public static class AlpacaJudging
{
    /// <summary>Judges all answers and writes [{index, instruction, output_1, generator_1, output_2, generator_2, annotator, preference}].</summary>
    /// <param name="outputs">The model's answers.</param>
    /// <param name="baseline">The baseline's answers.</param>
    /// <param name="judge">Who prefers.</param>
    /// <param name="path">Where the annotations go.</param>
    /// <param name="parallel">How many pairs are judged at once.</param>
    /// <param name="progress">Is told about judged pairs.</param>
    /// <returns>The number of judgements, and the number of instructions without one.</returns>
    /// <exception cref="InputException">The answers belong to another evaluation set, the judge gives up, or the file cannot be written.</exception>
    public static (int Judged, int Missing) Run(
        AlpacaOutputs outputs, AlpacaOutputs baseline, PairJudge judge, string path, int parallel = 1, IProgress<StepProgress>? progress = null)
    {
        var pairs = outputs.Against(baseline);
        if (pairs.Count == 0)
        {
            throw new InputException($"{outputs.Path} answers no instruction of {baseline.Path}; use answers to one evaluation set.");
        }
        var preferences = judge.Judge(pairs, parallel, progress);
        AtomicFile.WriteJson(path, pairs.Zip(preferences, (pair, preference) => new Dictionary<string, object?>
        {
            ["index"] = pair.Index,
            ["instruction"] = pair.Instruction,
            ["output_1"] = pair.First,
            ["generator_1"] = baseline.Generator,
            ["output_2"] = pair.Second,
            ["generator_2"] = outputs.Generator,
            ["annotator"] = judge.Name,
            ["preference"] = 1 + preference,
        }).ToList());
        var judged = preferences.Count(preference => preference is not null);
        return (judged, baseline.Rows.Count - judged);
    }
}
