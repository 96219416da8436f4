using System.Globalization;
using Selm.Research.Numerics;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>AlpacaEval's result in the form that all benchmarks share.</summary>
public static class AlpacaResult
{
    /// <summary>Puts the numbers, the settings and the preferences of each instruction together.</summary>
    /// <param name="found">The numbers.</param>
    /// <param name="annotations">Where they come from.</param>
    /// <param name="controlled">The interval of the length-controlled win rate, fit included (<see cref="AlpacaEval.Interval"/>).</param>
    /// <param name="provenance">Of this computation.</param>
    /// <param name="lookup">How difficulties were looked up.</param>
    public static EvaluationResult Of(AlpacaEvalResult found, AlpacaAnnotations annotations, MeanInterval controlled, Provenance provenance, DifficultyLookup lookup)
    {
        double[] judged = [.. annotations.Rows.Where(row => row.Preference is not null).Select(row => row.Preference!.Value)];
        return new(
            "alpaca-eval", found.Model ?? Path.GetFileNameWithoutExtension(annotations.Path),
            [
                new("length_controlled_winrate", found.LengthControlledWinrate, found.NTotal) { StandardError = found.LcStandardError, Low = controlled.Low, High = controlled.High },
                Measure.Percent("win_rate", judged),
                Measure.Percent("discrete_win_rate", [.. judged.Select(p => p > 0.5 ? 1 : p < 0.5 ? 0 : 0.5)]),
                Measure.Mean("avg_length", [.. annotations.Rows.Select(row => (double)row.ModelLength)]),
            ],
            provenance)
        {
            Missing = found.NMissing,
            Notes =
            [
                .. annotations.Rows.Count(row => row.ModelLength == 0) is > 0 and var empty ? [$"{empty} of {annotations.Rows.Count} answers of the model are empty."] : Array.Empty<string>(),
                "The standard error of the length-controlled win rate is the published one, without the uncertainty of the fit; its interval resamples instructions and refits.",
            ],
            Settings = new Dictionary<string, string>
            {
                ["C"] = found.C.ToString("R", CultureInfo.InvariantCulture),
                ["coefficients"] = string.Join(' ', found.Coefficients.Select(coefficient => coefficient.ToString("R", CultureInfo.InvariantCulture))),
                ["lookup"] = lookup == DifficultyLookup.ByInstruction ? "by instruction" : "by row position",
            },
            Items = [.. annotations.Rows.Select((row, i) => new ScoredItem($"{row.Instruction ?? i}", 100 * row.Preference))],
        };
    }
}
