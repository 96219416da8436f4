using Selm.Research.Algorithm1;
using Selm.Research.Lab;

namespace Selm.Research.Claims;

/// <summary>How many seeds the lab's cells get. Seeds are successive, so that more seeds extend fewer.</summary>
/// <param name="Budget">How much every cell trains.</param>
/// <param name="Seeds">Seeds of a cell.</param>
/// <param name="HeadlineSeeds">Seeds of the headline cells: alpha 0, 0.001 and 0.01 on the paper's scale, Zephyr recipe, both rankers.</param>
public sealed record LabStudy(LabBudget Budget, int Seeds, int HeadlineSeeds)
{
    /// <summary>SELM's winning weight of optimism for Zephyr, on the paper's scale as all alphas here: the headline.</summary>
    public const double Alpha = 0.001;

    /// <summary>The paper's small alpha, which is said to behave like iterative DPO.</summary>
    public const double Small = 0.0001;

    /// <summary>The paper's large alpha, which is said to be too optimistic.</summary>
    public const double Large = 0.01;

    /// <summary>First seed of the recording; development uses 1900 to 1909, the first recording of 2026-11-22 used 0 to 39.</summary>
    public const ulong FirstRecorded = 2000;

    /// <summary>First seed.</summary>
    public ulong FirstSeed { get; init; } = FirstRecorded;

    /// <summary>Iterative DPO: SELM without optimism.</summary>
    public LabCellSpec IterativeDpo => Selm(0);

    /// <summary>SELM.</summary>
    /// <param name="alpha">Weight of optimism on the paper's scale (<see cref="LabAlpha"/>).</param>
    /// <param name="ranker">Who labels.</param>
    /// <param name="recipe">Where the iterations start.</param>
    /// <exception cref="ArgumentException">The setting has no scale.</exception>
    public LabCellSpec Selm(double alpha, LabJudge ranker = LabJudge.Model, LabRecipe recipe = LabRecipe.Zephyr) =>
        FarBeyond(LabAlpha.Lab(alpha, ranker, recipe), ranker) with { Recipe = recipe };

    /// <summary>SELM with an alpha of the lab's own scale, as 0.1 and 0.3, which are far beyond the paper's grid and show the runaway.</summary>
    /// <param name="labAlpha">Weight of optimism as the loss has it.</param>
    /// <param name="ranker">Who labels.</param>
    public LabCellSpec FarBeyond(double labAlpha, LabJudge ranker = LabJudge.Model) => Cell(LoopMethod.Selm) with { Alpha = labAlpha, Ranker = ranker };

    /// <summary>A method by the Zephyr recipe, labels by the learned ranker.</summary>
    /// <param name="method">The method. XPO and VPO have alphas of their own; the explicit reward model has SELM's.</param>
    public LabCellSpec Cell(LoopMethod method) => new()
    {
        Method = method,
        Ranker = LabJudge.Model,
        Budget = Budget,
        Alpha = method switch { LoopMethod.Xpo => LabBaselines.XpoAlpha, LoopMethod.Vpo => LabBaselines.VpoAlpha, _ => LabAlpha.Lab(Alpha) },
    };

    /// <summary>The seeds that a cell gets.</summary>
    /// <param name="cell">The cell; its own seed is not looked at.</param>
    public IReadOnlyList<ulong> SeedsOf(LabCellSpec cell) =>
        [.. Enumerable.Range(0, IsHeadline(cell) ? HeadlineSeeds : Seeds).Select(seed => FirstSeed + (ulong)seed)];

    /// <summary>The cell once per seed.</summary>
    /// <param name="cell">The cell; its own seed is not looked at.</param>
    public IEnumerable<LabCellSpec> Each(LabCellSpec cell) => SeedsOf(cell).Select(seed => cell with { Seed = seed });

    private bool IsHeadline(LabCellSpec cell) => cell.Recipe == LabRecipe.Zephyr
        && new[] { 0, Alpha, Large }.Any(alpha => cell with { Seed = 0 } == Selm(alpha, cell.Ranker) with { Seed = 0 });
}

/// <summary>The finished cells of a study.</summary>
/// <param name="study">Which seeds there are.</param>
/// <param name="finished">The results, in any order.</param>
public sealed class LabRecords(LabStudy study, IEnumerable<LabCellResult> finished)
{
    private readonly Dictionary<string, LabCellResult> byHash = finished.DistinctBy(result => result.Spec.Hash).ToDictionary(result => result.Spec.Hash, StringComparer.Ordinal);

    /// <summary>Which seeds there are.</summary>
    public LabStudy Study { get; } = study;

    /// <summary>All finished cells.</summary>
    public IReadOnlyCollection<LabCellResult> All => byHash.Values;

    /// <summary>A cell's results without those that failed, by seed.</summary>
    /// <param name="cell">The cell; its own seed is not looked at.</param>
    /// <exception cref="InputException">A seed of it was not run.</exception>
    public IReadOnlyList<LabCellResult> Of(LabCellSpec cell) => [.. Run(cell).Where(result => result.Failure is null)];

    /// <summary>How many seeds of a cell failed.</summary>
    /// <param name="cell">The cell; its own seed is not looked at.</param>
    public int Failed(LabCellSpec cell) => Run(cell).Count(result => result.Failure is not null);

    /// <summary>One number per seed.</summary>
    /// <param name="cell">The cell; its own seed is not looked at.</param>
    /// <param name="measure">From a result to its number.</param>
    public double[] Each(LabCellSpec cell, Func<LabCellResult, double> measure) => [.. Of(cell).Select(measure)];

    /// <summary>Paired differences, one per seed that both cells finished.</summary>
    /// <param name="one">A cell.</param>
    /// <param name="other">The cell that is subtracted.</param>
    /// <param name="measure">From a result to its number.</param>
    public double[] Differences(LabCellSpec one, LabCellSpec other, Func<LabCellResult, double> measure) =>
        [.. Pairs(one, other).Select(pair => measure(pair.One) - measure(pair.Other))];

    /// <summary>Paired differences, [seeds that both cells finished, prompts].</summary>
    /// <param name="one">A cell.</param>
    /// <param name="other">The cell that is subtracted.</param>
    /// <param name="measure">From a result to a number per prompt.</param>
    public double[,] DifferencesByPrompt(LabCellSpec one, LabCellSpec other, Func<LabCellResult, IReadOnlyList<double>> measure) =>
        Matrix([.. Pairs(one, other).Select(pair => measure(pair.One).Zip(measure(pair.Other), (a, b) => a - b).ToArray())]);

    /// <summary>The results of two cells for the seeds that both finished.</summary>
    /// <param name="one">A cell.</param>
    /// <param name="other">Another.</param>
    public IReadOnlyList<(LabCellResult One, LabCellResult Other)> Pairs(LabCellSpec one, LabCellSpec other) =>
    [
        .. from mine in Of(one)
           join its in Of(other) on mine.Spec.Seed equals its.Spec.Seed
           orderby mine.Spec.Seed
           select (mine, its),
    ];

    /// <summary>Rows of equal length as a matrix.</summary>
    internal static double[,] Matrix(IReadOnlyList<double[]> rows)
    {
        var matrix = new double[rows.Count, rows.Count == 0 ? 0 : rows[0].Length];
        foreach (var (r, row) in rows.Index())
        {
            foreach (var (c, value) in row.Index())
            {
                matrix[r, c] = value;
            }
        }
        return matrix;
    }

    private IEnumerable<LabCellResult> Run(LabCellSpec cell) => Study.Each(cell).Select(spec => byHash.TryGetValue(spec.Hash, out var result)
        ? result
        : throw new InputException($"The lab cell {spec.Resolved().Name} was not run; run its experiment with selm reproduce."));
}
