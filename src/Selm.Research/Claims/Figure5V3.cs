using Selm.Research.Figures;
using Selm.Research.Lab;
using Selm.Research.Numerics;

namespace Selm.Research.Claims;

/// <summary>
/// The later edition's additional Figure 5 in the lab language: implicit rewards of SELM minus those of DPO on held-out pairs,
/// iteration by iteration, both against the first policy. Derived in lesson 14.
/// </summary>
public static class Figure5V3
{
    /// <summary>The name that <c>selm reproduce</c> knows.</summary>
    public const string Name = "figure5-v3";

    /// <summary>The alpha of the sorted figure and of the claims, SELM's headline on the paper's scale; the large 0.01 stands beside it in the table.</summary>
    public const double Alpha = LabStudy.Alpha;

    private static readonly double[] alphas = [Alpha, LabStudy.Large];
    private static readonly int[] online = [1, 2, 3];

    /// <summary>The cells, without seeds.</summary>
    /// <param name="study">Their budget.</param>
    public static IReadOnlyList<LabCellSpec> Cells(LabStudy study) => [study.IterativeDpo, .. alphas.Select(alpha => study.Selm(alpha))];

    /// <summary>Tables, figures and claims.</summary>
    /// <param name="records">The finished cells.</param>
    /// <param name="rules">What judges the claims.</param>
    /// <exception cref="InputException">A cell was not run.</exception>
    public static ExperimentResult Of(LabRecords records, ClaimRules rules)
    {
        Gap[] gaps = [.. alphas.Select(alpha => new Gap(records, alpha))];
        var lost = string.Join(' ', RanAway(records));
        return new ExperimentResult(
            Name,
            [Table(records, gaps)],
            gaps[0].Seeds == 0 ? [] : [Sorted(gaps[0]), Means([.. gaps.Where(gap => gap.Seeds > 0)])],
            [
                rules["figure5-v3-most-prompts"].Paired(gaps[0].Map(1, 1, (gap, _) => (gap > 0 ? 1 : 0) - 0.5), $"alpha {Shown.Plain(Alpha)}. {lost}".Trim()),
                rules["figure5-v3-transition"].Paired(gaps[0].Map(1, 3, (first, last) => Math.Abs(first) - Math.Abs(last)), $"alpha {Shown.Plain(Alpha)}. {lost}".Trim()),
            ]);
    }

    /// <summary>r_SELM - r_DPO of chosen plus rejected responses, prompt by prompt, for the seeds that both finished.</summary>
    private sealed class Gap(LabRecords records, double alpha)
    {
        private readonly (LabCellResult One, LabCellResult Other)[] pairs = [.. records.Pairs(records.Study.Selm(alpha), records.Study.IterativeDpo)];

        public string Name { get; } = $"SELM {Shown.Plain(alpha)}";

        public int Seeds => pairs.Length;

        /// <summary>[seed][prompt].</summary>
        public double[][] After(int iteration) => [.. pairs.Select(pair =>
        {
            var gap = LabMeasures.ImplicitDifferences(pair.One.After(iteration), pair.Other.After(iteration));
            return gap.Chosen.Zip(gap.Rejected, (chosen, rejected) => chosen + rejected).ToArray();
        })];

        /// <summary>[seeds, prompts] of a function of the gaps after two iterations.</summary>
        public double[,] Map(int one, int other, Func<double, double, double> function) =>
            LabRecords.Matrix([.. After(one).Zip(After(other), (mine, its) => mine.Zip(its, function).ToArray())]);

        public MeanInterval Share(int iteration, Predicate<double> holds) => LabMeasures.Share(Map(iteration, iteration, (gap, _) => holds(gap) ? 1 : 0));

        public MeanInterval Mean(int iteration, Func<double, double> function) => LabMeasures.Mean(Map(iteration, iteration, (gap, _) => function(gap)));
    }

    private static IReadOnlyList<string> RanAway(LabRecords records) =>
        LabCharts.RanAway(records, new[] { 0, Alpha, LabStudy.Large }.Select(alpha => ($"alpha {Shown.Plain(alpha)}", records.Study.Selm(alpha))));

    private static ResultTable Table(LabRecords records, Gap[] gaps) => new(
        Name, "Implicit rewards, SELM minus DPO, chosen plus rejected of held-out pairs",
        [
            new("method"), new("iteration", Format: "0"), new("mean", Format: "+0.0000;-0.0000"), new("mean absolute", Format: "0.0000"),
            new("of iteration 1's", Format: "0.00"), new("share above 0", Format: "0.000"), new("seeds", Format: "0"),
        ],
        [.. gaps.SelectMany(gap => online.Select(iteration => (IReadOnlyList<Cell>)
            [
                Cell.Text(gap.Name), iteration, gap.Mean(iteration, value => value).ToCell(), gap.Mean(iteration, Math.Abs).ToCell(),
                gap.Mean(iteration, Math.Abs).Mean / gap.Mean(1, Math.Abs).Mean, gap.Share(iteration, value => value > 0).ToShareCell(), gap.Seeds,
            ]))])
    {
        Notes =
        [
            "The text of the later edition was not at hand when this was written: the figure follows a summary of it (implicit rewards above DPO's for most prompts, the gap shrinking over iterations).",
            "Implicit rewards are against the cell's first policy, so that iterations compare; intervals are over seeds, the prompts averaged inside each. The last iteration trains with a fifth of the learning rate.",
            LabAlpha.Note(alphas, "model"),
            .. RanAway(records),
        ],
    };

    private static Figure Sorted(Gap gap) => new(
        Name, $"Figure 5 of the later edition: {gap.Name} minus DPO, prompts sorted",
        [
            new Panel(new Axis("prompts, sorted", "%"), new Axis("r_SELM - r_DPO"), [.. online.Select(iteration => Ranked($"iteration {iteration}", gap.After(iteration)))])
            {
                Height = 190,
                Annotations = [new Rule(0)],
            },
        ])
    {
        Caption = $"Sum over the chosen and the rejected response of a held-out pair. Sorted within every seed, then averaged over {gap.Seeds} seeds, with 95 % intervals.",
    };

    /// <summary>Differences sorted ascending within every seed, then averaged by rank: the paper's own plot.</summary>
    /// <param name="name">The name of the line.</param>
    /// <param name="gaps">[seed][prompt].</param>
    internal static LineTrace Ranked(string name, double[][] gaps)
    {
        double[][] sorted = [.. gaps.Select(seed => seed.Order().ToArray())];
        var prompts = sorted[0].Length;
        return LabCharts.Line(
            name, [.. Enumerable.Range(0, prompts).Select(rank => 100 * (rank + 0.5) / prompts)],
            [.. Enumerable.Range(0, prompts).Select(rank => LabMeasures.Mean(sorted.Select(seed => seed[rank])))]) with { Markers = false };
    }

    private static Figure Means(Gap[] gaps) => new(
        "figure5-v3-means", "How the gap to DPO goes on",
        [
            Lines(gaps, "mean r_SELM - r_DPO", value => value) with { Annotations = [new Rule(0)] },
            Lines(gaps, "mean |r_SELM - r_DPO|", Math.Abs),
        ])
    {
        Columns = 2,
        Caption = "Chosen plus rejected responses of held-out pairs, means over seeds and prompts with 95 % intervals. A gap that shrinks would be the transition from exploration to exploitation.",
    };

    private static Panel Lines(Gap[] gaps, string axis, Func<double, double> function) => new(
        new Axis("iteration"), new Axis(axis),
        [.. gaps.Select(gap => LabCharts.Line(gap.Name, [.. online.Select(k => (double)k)], [.. online.Select(k => gap.Mean(k, function))]))]) { Height = 140 };
}
