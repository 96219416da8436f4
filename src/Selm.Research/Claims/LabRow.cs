using Selm.Research.Lab;

namespace Selm.Research.Claims;

/// <summary>A policy of the lab's tables: a cell after an iteration, once per seed that the cell finished.</summary>
/// <param name="Name">The name of its row.</param>
/// <param name="Cell">The cell, without a seed.</param>
/// <param name="Iteration">From 0; null: the last; -1: the model it starts from.</param>
internal sealed record LabRow(string Name, LabCellSpec Cell, int? Iteration = null)
{
    /// <summary>The policy itself.</summary>
    public LabCellEvaluation Of(LabCellResult result) => result.After(Iteration);

    /// <summary>One number per seed.</summary>
    public double[] Each(LabRecords records, Func<LabCellEvaluation, double> measure) => records.Each(Cell, result => measure(Of(result)));

    /// <summary>[seeds, prompts].</summary>
    public double[,] EachPrompt(LabRecords records, Func<LabCellEvaluation, double[]> measure) =>
        LabRecords.Matrix([.. records.Of(Cell).Select(result => measure(Of(result)))]);

    /// <summary>This policy minus another of the same seed, one number per seed that both finished.</summary>
    public double[] Minus(LabRow other, LabRecords records, Func<LabCellEvaluation, double> measure) =>
        [.. records.Pairs(Cell, other.Cell).Select(pair => measure(Of(pair.One)) - measure(other.Of(pair.Other)))];

    /// <summary>Exact win rates minus another policy's of the same seed, [seeds that both finished, prompts].</summary>
    public double[,] MinusByPrompt(LabRow other, LabRecords records) =>
        LabRecords.Matrix([.. records.Pairs(Cell, other.Cell).Select(pair =>
            LabMeasures.ExactWinRates(Of(pair.One)).Zip(LabMeasures.ExactWinRates(other.Of(pair.Other)), (a, b) => a - b).ToArray())]);

    /// <summary>Exact win rates head to head with another policy of the same seed, [seeds that both finished, prompts].</summary>
    public double[,] Against(LabRow other, LabRecords records) =>
        LabRecords.Matrix([.. records.Pairs(Cell, other.Cell).Select(pair => LabMeasures.PairwiseWinRates(Of(pair.One), other.Of(pair.Other)))]);

    /// <summary>One sentence per cell some of whose seeds ran away: they are in no number.</summary>
    public static IReadOnlyList<string> Failures(LabRecords records, IEnumerable<LabRow> rows) =>
    [
        .. from row in rows.GroupBy(row => row.Cell).Select(ofCell => ofCell.MaxBy(row => row.Iteration ?? int.MaxValue)!)
           let failed = records.Failed(row.Cell)
           where failed > 0
           select $"{row.Name}: {failed} of {records.Study.SeedsOf(row.Cell).Count} seeds ran away and {(failed == 1 ? "is" : "are")} left out.",
    ];
}
