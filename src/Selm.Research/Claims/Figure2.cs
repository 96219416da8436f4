using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// Figure 2 in the lab: every policy against every other. The judge is the true reward, so a win rate and the one the other way
/// round add up to 1, which they do not in every cell of the printed figure. Derived in lesson 11.
/// </summary>
public static class Figure2
{
    /// <summary>The name of the experiment.</summary>
    public const string Name = "figure2";

    private static readonly int[] fromLast = [3, 2, 1];

    /// <summary>The cells that the figure is measured from, without seeds.</summary>
    /// <param name="study">How many seeds, and how much is trained.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [study.IterativeDpo, study.Selm(LabStudy.Alpha)];

    /// <summary>The tables, figures and claims.</summary>
    /// <param name="records">Every cell of <see cref="Cells"/>.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <param name="paper">The paper's numbers, which stand in a figure of their own.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules, PaperTables paper)
    {
        var rows = Rows(records.Study);
        var matrix = rows.Select(row => rows.Select(against => LabMeasures.Share(row.Against(against, records))).ToArray()).ToArray();
        var seeds = records.Pairs(rows[0].Cell, rows[3].Cell).Count;
        return new(
            Name, [Table(records, rows, matrix, seeds)],
            [Draw(rows, matrix, seeds, Prompts(records))],
            [.. Claims(records, rules)]);
    }

    // The order of the paper's figure; the model both start from is one more row.
    private static LabRow[] Rows(LabStudy study)
    {
        var (dpo, selm) = (study.IterativeDpo, study.Selm(LabStudy.Alpha));
        return
        [
            .. fromLast.Select(k => new LabRow($"SELM {k}", selm, k)), .. fromLast.Select(k => new LabRow($"DPO {k}", dpo, k)),
            new("first DPO", selm, 0), new("base", selm, -1),
        ];
    }

    private static int Prompts(LabRecords records) => LabSizes.Of(records.Study.Budget).Language.Split.Test.Count;

    private static ResultTable Table(LabRecords records, LabRow[] rows, MeanInterval[][] matrix, int seeds) => new(
        Name, "Exact win rate of row against column",
        [new("policy"), .. rows.Select(row => new Column(row.Name, Format: "0.000"))],
        [.. rows.Zip(matrix, (row, rates) => (IReadOnlyList<Cell>)[row.Name, .. rates.Select(rate => rate.ToShareCell())])])
    {
        Notes =
        [
            $"Mean of sigma(r*(row) - r*(column)) over {Prompts(records)} test prompts and {seeds} seeds, with 95 % intervals over both; policies of one seed meet. SELM with alpha = 0.001 and iterative DPO after iterations 1 to 3, both after DPO on the first portion (first DPO) of the same base model.",
            LabAlpha.Note([LabStudy.Alpha], "model"),
            .. LabRow.Failures(records, [rows[0] with { Name = "SELM 0.001" }, rows[3] with { Name = "iterative DPO" }]),
        ],
    };

    private static Figure Draw(LabRow[] rows, MeanInterval[][] matrix, int seeds, int prompts)
    {
        string[] names = [.. rows.Select(row => row.Name)];
        HeatCell[] framed =
        [
            .. from row in Enumerable.Range(0, rows.Length)
               from column in Enumerable.Range(0, rows.Length)
               where matrix[row][column].Low > 0.5 || matrix[row][column].High < 0.5
               select new HeatCell(row, column),
        ];
        return new("figure2", "Figure 2 in the lab: every policy against every other",
        [
            new(new("against") { Categories = names }, new("policy") { Categories = names },
            [
                new HeatMapTrace("exact win rate of row against column, white at 0.5", Origin.Measured, [.. matrix.Select(rates => rates.Select(rate => rate.Mean).ToArray())])
                {
                    Midpoint = 0.5,
                    CellFormat = "0.000",
                    Framed = framed,
                },
            ]) { Height = 200 },
        ])
        {
            Caption = $"Means over {seeds} seeds and {prompts} prompts; {(framed.Length > 0 ? "framed where the 95 % interval over both does not reach 0.5" : "every 95 % interval over both reaches 0.5")}. The judge is the true reward: a cell and its mirror image add up to 1.",
        };
    }

    private static IEnumerable<ClaimRow> Claims(LabRecords records, ClaimRules rules)
    {
        LabRow dpo = new("iterative DPO", records.Study.IterativeDpo), selm = new("SELM 0.001", records.Study.Selm(LabStudy.Alpha));
        yield return rules["figure2-selm-over-dpo"].Ordered([.. Enumerable.Range(1, 3).Select(k => PerSeed(Beyond(selm, k, dpo, k)))], Note(selm, dpo));
        yield return rules["figure2-twice-the-data"].Paired(Beyond(selm, 1, dpo, 2), Note(selm, dpo));
        yield return rules["figure2-each-iteration"].Ordered([.. Enumerable.Range(1, 3).Select(k => PerSeed(Beyond(selm, k, selm, k - 1)))], Note(selm));

        double[,] Beyond(LabRow one, int iteration, LabRow other, int its)
        {
            var rates = (one with { Iteration = iteration }).Against(other with { Iteration = its }, records);
            for (var s = 0; s < rates.GetLength(0); s++)
            {
                for (var p = 0; p < rates.GetLength(1); p++)
                {
                    rates[s, p] -= 0.5;
                }
            }
            return rates;
        }
        double[] PerSeed(double[,] rates) =>
            [.. Enumerable.Range(0, rates.GetLength(0)).Select(s => Enumerable.Range(0, rates.GetLength(1)).Average(p => rates[s, p]))];
        string Note(params LabRow[] mine) => string.Join(' ', LabRow.Failures(records, mine));
    }
}
