// The benchmark's arithmetic from files to numbers. The one subtle point is which instruction a row belongs to when some
// annotations are missing: the published program looks the difficulty up by the row's place in the shortened table.
using System.Text.Json.Serialization;
using Selm.Research.Numerics;

namespace Selm.Research.Evaluation;

/// <summary>How a row finds its instruction's difficulty where annotations are missing.</summary>
public enum DifficultyLookup
{
    /// <summary>By the instruction that was answered.</summary>
    ByInstruction,

    /// <summary>By the row's place in the file, as the published numbers have it: behind a gap every difficulty is a neighbour's.</summary>
    ByRowPosition,
}

/// <summary>One model's result on AlpacaEval 2.0; win rates and their errors in points from 0 to 100.</summary>
/// <param name="Model">The model's name, or null where the file gives none.</param>
/// <param name="WinRate">100 times the mean preference.</param>
/// <param name="StandardError">Of the win rate.</param>
/// <param name="LengthControlledWinrate">What the judge would have said had no answer been longer than the other.</param>
/// <param name="LcStandardError">Of the length-controlled win rate: the spread of the predictions over sqrt(n), as published; the uncertainty of the fit is not in it.</param>
/// <param name="Coefficients">Of tanh(standardised length gap), instruction difficulty and the model, in this order.</param>
/// <param name="C">The weight of the data against the L1 penalty; 0 where nothing was fitted because the model is the baseline itself.</param>
/// <param name="NWins">Judgements above a draw.</param>
/// <param name="NWinsBase">Judgements below a draw.</param>
/// <param name="NDraws">Draws.</param>
/// <param name="NTotal">All judgements.</param>
/// <param name="DiscreteWinRate">The win rate with each judgement counted as a win, a draw or a loss.</param>
/// <param name="AvgLength">Mean length of the model's answers, in characters.</param>
/// <param name="NMissing">Instructions of the evaluation set without a judgement; above 0 the result is partial.</param>
public sealed record AlpacaEvalResult(
    string? Model,
    double WinRate,
    double StandardError,
    double LengthControlledWinrate,
    double LcStandardError,
    IReadOnlyList<double> Coefficients,
    [property: JsonPropertyName("C")] double C,
    int NWins,
    int NWinsBase,
    int NDraws,
    int NTotal,
    double DiscreteWinRate,
    double AvgLength,
    int NMissing);

/// <summary>AlpacaEval 2.0 from a judge's annotations: raw and length-controlled win rate. Derived in lesson 10.</summary>
public static class AlpacaEval
{
    /// <summary>Reads the three files and computes the result.</summary>
    /// <param name="annotationsPath">A public annotation list or a compact file (<see cref="AlpacaAnnotations.Read"/>).</param>
    /// <param name="difficultyPath">The instructions' difficulties, CSV.</param>
    /// <param name="gamedPath">The gamed calibration rows, CSV.</param>
    /// <param name="lookup">Matters only where annotations are missing.</param>
    /// <exception cref="InputException">A file is missing, broken, or belongs to another baseline or evaluation set.</exception>
    public static AlpacaEvalResult Run(
        string annotationsPath, string difficultyPath, string gamedPath, DifficultyLookup lookup = DifficultyLookup.ByInstruction) =>
        Run(AlpacaAnnotations.Read(annotationsPath), AlpacaTables.Read(difficultyPath, gamedPath), lookup);

    /// <summary>Computes the result of annotations that are already read, e.g. of many models with the same tables.</summary>
    /// <param name="annotations">One model's.</param>
    /// <param name="tables">Those of the evaluation set and the baseline.</param>
    /// <param name="lookup">Matters only where annotations are missing.</param>
    /// <exception cref="InputException">The annotations belong to another baseline or evaluation set, or are too few.</exception>
    public static AlpacaEvalResult Run(AlpacaAnnotations annotations, AlpacaTables tables, DifficultyLookup lookup = DifficultyLookup.ByInstruction)
    {
        var rows = Pairs(annotations, tables, lookup);
        var judged = rows.Where(row => row.Preference is not null).Select(row => row.Preference!.Value).ToList();
        if (judged.Count < LengthControlledWinRate.Folds)
        {
            throw new InputException($"{annotations.Path} holds {judged.Count} judgements, too few for a win rate; judge at least {LengthControlledWinRate.Folds} instructions.");
        }
        var raw = LengthControlledWinRate.Raw(rows);
        var fit = annotations.Model is { } model && model == BaselineName(annotations, tables)
            ? new(new(50, 0), default, 0, [])
            : Fit(annotations.Path, rows, tables);
        var (wins, losses) = (judged.Count(p => p > 0.5), judged.Count(p => p < 0.5));
        var draws = judged.Count - wins - losses;
        return new(
            annotations.Model, raw.Percent, raw.StandardError, fit.Controlled.Percent, fit.Controlled.StandardError,
            [fit.Coefficients.Length, fit.Coefficients.Difficulty, fit.Coefficients.Model], fit.C,
            wins, losses, draws, judged.Count, 100 * (wins + (draws / 2.0)) / judged.Count,
            rows.Average(row => row.ModelLength), tables.Difficulty.Count - judged.Count);
    }

    /// <summary>The 95 % interval of the length-controlled win rate, fit included; about a second for 805 instructions.</summary>
    /// <param name="annotations">One model's.</param>
    /// <param name="tables">Those of the evaluation set and the baseline.</param>
    /// <param name="found">What <see cref="Run(AlpacaAnnotations, AlpacaTables, DifficultyLookup)"/> made of them.</param>
    /// <param name="lookup">As there.</param>
    /// <param name="seed">Of the resampling.</param>
    public static MeanInterval Interval(
        AlpacaAnnotations annotations, AlpacaTables tables, AlpacaEvalResult found, DifficultyLookup lookup = DifficultyLookup.ByInstruction, ulong seed = 0) => found.C == 0
        ? new(found.LengthControlledWinrate, found.LengthControlledWinrate, found.LengthControlledWinrate)
        : LengthControlledWinRate.Interval(Pairs(annotations, tables, lookup), tables.Calibration, new(new(found.LengthControlledWinrate, found.LcStandardError), default, found.C, []), seed);

    /// <summary>The rows as the GLM sees them.</summary>
    /// <param name="annotations">One model's.</param>
    /// <param name="tables">Those of the evaluation set and the baseline.</param>
    /// <param name="lookup">Matters only where annotations are missing.</param>
    /// <exception cref="InputException">The annotations belong to another baseline or evaluation set.</exception>
    public static IReadOnlyList<JudgedPair> Pairs(AlpacaAnnotations annotations, AlpacaTables tables, DifficultyLookup lookup)
    {
        if (annotations.Baseline is { } baseline && tables.GamedModels.Any(name => !name.StartsWith(baseline, StringComparison.Ordinal)))
        {
            throw new InputException(
                $"{annotations.Path} holds annotations against the baseline {baseline}, but the calibration rows are of {string.Join(" and ", tables.GamedModels)}; use annotations and calibration rows of one baseline.");
        }
        if (annotations.Rows.Count > tables.Difficulty.Count)
        {
            throw new InputException($"{annotations.Path} holds {annotations.Rows.Count} annotations but the evaluation set has {tables.Difficulty.Count} instructions; keep one annotation of each.");
        }
        var instructions = AlpacaAlignment.Instructions(annotations, tables, lookup);
        return [.. annotations.Rows.Zip(instructions, (row, instruction) =>
            new JudgedPair(row.BaselineLength, row.ModelLength, tables.Difficulty[instruction], row.Preference))];
    }

    private static LengthControlledFit Fit(string path, IReadOnlyList<JudgedPair> rows, AlpacaTables tables)
    {
        try
        {
            return LengthControlledWinRate.Fit(rows, tables.Calibration);
        }
        catch (InputException e)
        {
            throw new InputException($"{path}: {e.Message}", e);
        }
    }

    // A compact file does not name the baseline; the gamed copies are named after it.
    private static string? BaselineName(AlpacaAnnotations annotations, AlpacaTables tables)
    {
        if (annotations.Baseline is not null || tables.GamedModels.Count < 2)
        {
            return annotations.Baseline;
        }
        var common = tables.GamedModels.Aggregate((a, b) => a[..a.Zip(b).TakeWhile(pair => pair.First == pair.Second).Count()]);
        return common.TrimEnd('_', '-');
    }
}
