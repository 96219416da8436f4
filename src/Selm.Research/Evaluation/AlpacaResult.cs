using System.Globalization;
using Selm.Research.Runs;

namespace Selm.Research.Evaluation;

/// <summary>AlpacaEval's result in the form that all benchmarks share.</summary>
public static class AlpacaResult
{
    /// <summary>Puts the numbers, the settings and the preferences of each instruction together.</summary>
    /// <param name="found">The numbers.</param>
    /// <param name="annotations">Where they come from.</param>
    /// <param name="provenance">Of this computation.</param>
    /// <param name="lookup">How difficulties were looked up.</param>
    public static EvaluationResult Of(AlpacaEvalResult found, AlpacaAnnotations annotations, Provenance provenance, DifficultyLookup lookup)
    {
        Measure Rate(string name, double value, double error) =>
            new(name, value, found.NTotal) { StandardError = error, Low = value - (1.96 * error), High = value + (1.96 * error) };
        return new(
            "alpaca-eval", found.Model ?? Path.GetFileNameWithoutExtension(annotations.Path),
            [
                Rate("length_controlled_winrate", found.LengthControlledWinrate, found.LcStandardError),
                Rate("win_rate", found.WinRate, found.StandardError),
                new("discrete_win_rate", found.DiscreteWinRate, found.NTotal),
                new("avg_length", found.AvgLength, annotations.Rows.Count),
            ],
            provenance)
        {
            Missing = found.NMissing,
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
